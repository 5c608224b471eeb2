#include "roles/auth.h"

#include <stdlib.h>
#include <string.h>

#include "net/clock.h"
#include "net/memory.h"
#include "net/sha256.h"
#include "roles/pool.h"
#include "roles/pool_call.h"

struct auth_entry {
	struct caller caller;
	int64_t fetched_ms;
	UT_hash_handle hh;
};

/* A call that waits for Redis to say whose token it carries. */
struct lookup {
	struct call call;
	char sha256[SHA256_HEX_SIZE];
};

void auth_make_token(char token[TOKEN_SIZE], char sha256[SHA256_HEX_SIZE])
{
	static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
	uint8_t secret[32];
	unsigned bits = 0;
	int have = 0;
	size_t n = 3, used = 0;

	random_bytes(secret, sizeof secret);
	memcpy(token, "hm_", 3);
	while (n < TOKEN_SIZE - 1) {
		if (have < 5) {
			bits = bits << 8 | (used < sizeof secret ? secret[used++] : 0);
			have += 8;
		}
		have -= 5;
		token[n++] = alphabet[bits >> have & 31];
	}
	token[n] = '\0';
	sha256_hex_of(token, n, sha256);
	wipe(secret, sizeof secret);
}

static void drop(struct auth *a, struct auth_entry *e)
{
	HASH_DEL(a->entries, e);
	free(e);
}

void auth_forget(struct auth *a, const char *token_sha256)
{
	struct auth_entry *e;

	HASH_FIND_STR(a->entries, token_sha256, e);
	if (e != NULL)
		drop(a, e);
}

void auth_release(struct auth *a)
{
	while (a->entries != NULL)
		drop(a, a->entries);
}

static const struct caller *remembered(struct auth *a, const char *sha256)
{
	struct auth_entry *e;

	HASH_FIND_STR(a->entries, sha256, e);
	if (e == NULL)
		return NULL;
	if (clock_ms() - e->fetched_ms > AUTH_FRESH_MS || clock_wall_ms() >= e->caller.expires_ms) {
		drop(a, e);
		return NULL;
	}
	return &e->caller;
}

static void remember(struct auth *a, const struct caller *c)
{
	struct auth_entry *e = xcalloc(1, sizeof *e);

	auth_forget(a, c->token_sha256);
	/* The first entries are the oldest: make room, and let go of what is stale anyway. */
	while (a->entries != NULL && (HASH_COUNT(a->entries) >= AUTH_CACHE_MAX ||
				      clock_ms() - a->entries->fetched_ms > AUTH_FRESH_MS))
		drop(a, a->entries);
	e->caller = *c;
	e->fetched_ms = clock_ms();
	HASH_ADD_STR(a->entries, caller.token_sha256, e);
}

/* The caller is known: has the token a scope that the method needs? */
static int admit(struct rpc *rpc, const struct caller *c)
{
	struct pool *pool = grpc_server_user(rpc->server);
	unsigned need = rpc->handler->method->scope;
	char text[64];

	if ((c->scopes & need) == 0) {
		error_set(&rpc->error, STATUS_PERMISSION_DENIED,
		          "this token may not do that; it would need the scope %s",
		          scopes_to_text(need, text, sizeof text));
		return error_hint(&rpc->error, "hivemind login gives a token with every scope");
	}
	if (!rpc->local && call_rate_take(&pool->call_rate, c->token_sha256, pool->options.calls_per_second,
					  clock_ms(), &rpc->error) != 0)
		return rpc->error.status;
	rpc->caller = arena_dup(&rpc->arena, c, sizeof *c);
	revocation_watch(&pool->revocation, rpc);
	return 0;
}

void auth_gone(struct rpc *rpc)
{
	revocation_gone(&((struct pool *)grpc_server_user(rpc->server))->revocation, rpc);
}

unsigned auth_login_scopes(const struct pool *pool, const char *account_name)
{
	for (int i = 0; i < pool->options.admins.n; i++)
		if (strcmp(pool->options.admins.at[i], account_name) == 0)
			return SCOPE_ANY;
	return SCOPE_ANY & ~(unsigned)SCOPE_ADMIN;
}

static int unknown(struct error *e)
{
	error_set(e, STATUS_UNAUTHENTICATED, "this token is unknown here, has ended or is too old");
	return error_hint(e, "hivemind login");
}

static void read_caller(struct caller *c, const struct lookup *l)
{
	const struct store_req *req = &l->call.req;
	unsigned most = auth_login_scopes(l->call.pool, req->account->name);

	*c = (struct caller){
	    .scopes = req->scopes & most, .expires_ms = req->expires_ms, .created_ms = req->account->created_ms};
	memcpy(c->token_sha256, l->sha256, sizeof c->token_sha256);
	text_copy(c->token_id, sizeof c->token_id, req->tokens[0]->id);
	text_copy(c->account, sizeof c->account, req->account->id);
	text_copy(c->name, sizeof c->name, req->account->name);
}

static void on_noted(struct store_req *req)
{
	store_req_release(req);
	free(req);
}

/* Nobody waits for this, and nothing is lost when it fails. */
static void note_use(struct pool *pool, const char *sha256, int64_t last_used_ms)
{
	int64_t now = clock_wall_ms();
	struct store_req *req;

	if (now - last_used_ms < AUTH_USED_MS)
		return;
	req = xcalloc(1, sizeof *req);
	req->on_done = on_noted;
	store_token_used(pool->store, req, sha256, now);
}

static void on_found(struct store_req *req)
{
	struct call *call = call_answered(req);
	struct lookup *l = (struct lookup *)call;
	struct caller c;
	struct rpc *rpc;
	int status;

	if (call == NULL)
		return;
	rpc = call->rpc;
	status = req->error.status;
	if (status == 0) {
		read_caller(&c, l);
		remember(&call->pool->auth, &c);
		note_use(call->pool, c.token_sha256, req->tokens[0]->last_used_ms);
		status = admit(rpc, &c);
	} else if (status == STATUS_NOT_FOUND) {
		status = unknown(&rpc->error);
	} else {
		rpc->error = req->error;
	}
	call_gone(rpc); /* the handler gets an rpc without a user */
	rpc_admit(rpc, status);
}

static bool token_plausible(const char *token)
{
	return token != NULL && strlen(token) == TOKEN_SIZE - 1 && memcmp(token, "hm_", 3) == 0;
}

int auth_on_call(struct rpc *rpc)
{
	struct pool *pool = grpc_server_user(rpc->server);
	unsigned need = rpc->handler->method->scope;
	char sha256[SHA256_HEX_SIZE];
	const struct caller *known;
	struct lookup *l;

	if (strncmp(rpc->handler->method->path, "/grpc.health.", 13) != 0 && pool_serves(pool, &rpc->error) != 0)
		return rpc->error.status;
	if (need == SCOPE_NONE || (need & SCOPE_LOCAL && rpc->local))
		return 0;
	if (rpc->token == NULL) {
		error_set(&rpc->error, STATUS_UNAUTHENTICATED, "this call needs a token");
		return error_hint(&rpc->error, "hivemind login");
	}
	if (!token_plausible(rpc->token))
		return unknown(&rpc->error);
	sha256_hex_of(rpc->token, strlen(rpc->token), sha256);
	known = remembered(&pool->auth, sha256);
	if (known != NULL)
		return admit(rpc, known);
	l = call_new(rpc, sizeof *l);
	memcpy(l->sha256, sha256, sizeof l->sha256);
	store_token_find(pool->store, call_ask(&l->call, on_found), sha256);
	return RPC_LATER;
}
