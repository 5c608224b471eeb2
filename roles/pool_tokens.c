/* roles/pool_tokens.c - Accounts: CreateToken, ListTokens, RevokeToken.
 *
 * A token gives on at most what it may do itself, and for no longer than it lives. Who may revoke what is
 * checked by the script too (token_revoke.lua); another account's tokens are not there at all. */
#include <stdio.h>
#include <string.h>

#include "net/clock.h"
#include "net/log.h"
#include "net/memory.h"
#include "roles/pool.h"
#include "roles/pool_call.h"

struct making {
	struct call call;
	char secret[TOKEN_SIZE], sha256[SHA256_HEX_SIZE];
	char id[ID_SIZE], name[NAME_MAX_LENGTH + 1];
	unsigned scopes;
	int64_t now_ms, expires_ms;
};

static void free_making(struct call *c)
{
	struct making *m = (struct making *)c;

	wipe(m->secret, sizeof m->secret);
}

static void on_made(struct store_req *req)
{
	struct making *m = (struct making *)call_answered(req);
	Pb__NewToken reply = PB__NEW_TOKEN__INIT;
	Pb__Token token = PB__TOKEN__INIT;
	char scopes[64];

	if (m == NULL)
		return;
	revocation_soon(&m->call.pool->revocation); /* a repeat has ended the first secret */
	if (req->error.status != 0) {
		call_fail(&m->call);
		return;
	}
	token.id = (char *)req->id;
	token.name = m->name;
	token.scopes = (char *)scopes_to_text(m->scopes, scopes, sizeof scopes);
	token.created_ms = m->now_ms;
	token.expires_ms = m->expires_ms;
	token.by = (char *)caller_of(m->call.rpc)->token_id;
	reply.secret = m->secret;
	reply.token = &token;
	log_info("token made token=%s account=%s scopes=\"%s\"", token.id, caller_of(m->call.rpc)->account, scopes);
	rpc_reply(m->call.rpc, &reply.base);
}

static int check(struct error *e, const Pb__CreateTokenRequest *in, const struct caller *caller)
{
	unsigned scopes = scopes_from_text(in->scopes);
	char text[64];

	if (in->call_id[0] == '\0' || strlen(in->call_id) > CALL_ID_MAX)
		return error_set(e, STATUS_INVALID_ARGUMENT, "call_id must have 1 to %d characters", CALL_ID_MAX);
	if (strlen(in->name) > NAME_MAX_LENGTH)
		return error_set(e, STATUS_INVALID_ARGUMENT, "a token's name has up to %d bytes", NAME_MAX_LENGTH);
	if (scopes == 0) {
		error_set(e, STATUS_INVALID_ARGUMENT, "\"%.80s\" are no scopes", in->scopes);
		return error_hint(e, "scopes are submit, read, worker, spend and admin, separated by commas");
	}
	if ((scopes & ~caller->scopes) == 0)
		return 0;
	error_set(e, STATUS_PERMISSION_DENIED, "the token you use cannot give what it does not have: %s",
		  scopes_to_text(scopes & ~caller->scopes, text, sizeof text));
	return error_hint(e, "hivemind login gives a token that can do all you may");
}

int pool_create_token(struct rpc *rpc, const ProtobufCMessage *message)
{
	const Pb__CreateTokenRequest *in = (const Pb__CreateTokenRequest *)message;
	const struct caller *caller = caller_of(rpc);
	int status = check(&rpc->error, in, caller);
	struct making *m;

	if (status != 0)
		return status;
	m = call_new(rpc, sizeof *m);
	m->call.on_free = free_making;
	m->scopes = scopes_from_text(in->scopes);
	m->now_ms = clock_wall_ms();
	m->expires_ms = m->now_ms + (in->ttl_s > 0 ? (int64_t)in->ttl_s * 1000 : TOKEN_TTL_MS);
	if (m->expires_ms > caller->expires_ms)
		m->expires_ms = caller->expires_ms;
	text_copy(m->name, sizeof m->name, in->name);
	random_id(m->id);
	auth_make_token(m->secret, m->sha256);
	store_token_add(call_store(&m->call), call_ask(&m->call, on_made),
			&(struct token_grant){.sha256 = m->sha256, .account = caller->account, .id = m->id, .name = m->name,
					      .by = caller->token_id, .call_id = in->call_id, .scopes = m->scopes,
					      .expires_ms = m->expires_ms, .now_ms = m->now_ms});
	return RPC_LATER;
}

static void on_list(struct store_req *req)
{
	struct call *c = call_well_answered(req);
	Pb__ListTokensReply reply = PB__LIST_TOKENS_REPLY__INIT;

	if (c == NULL)
		return;
	reply.tokens = req->tokens;
	reply.n_tokens = req->count;
	rpc_reply(c->rpc, &reply.base);
}

int pool_list_tokens(struct rpc *rpc, const ProtobufCMessage *in)
{
	struct call *c = call_new(rpc, sizeof *c);

	(void)in;
	store_tokens(call_store(c), call_ask(c, on_list), caller_of(rpc)->account);
	return RPC_LATER;
}

static void on_revoked(struct store_req *req)
{
	struct call *c = call_well_answered(req);
	Pb__RevokeTokenReply reply = PB__REVOKE_TOKEN_REPLY__INIT;

	if (c == NULL)
		return;
	log_info("tokens revoked account=%s count=%u", caller_of(c->rpc)->account, (unsigned)req->number);
	reply.ended = (uint32_t)req->number;
	revocation_soon(&c->pool->revocation);
	rpc_reply(c->rpc, &reply.base);
}

int pool_revoke_token(struct rpc *rpc, const ProtobufCMessage *message)
{
	const Pb__RevokeTokenRequest *in = (const Pb__RevokeTokenRequest *)message;
	const struct caller *caller = caller_of(rpc);
	struct call *c;

	if (strchr(in->id, '.') != NULL || strlen(in->id) > ID_LENGTH || !id_prefix_valid(in->id))
		return error_set(&rpc->error, STATUS_INVALID_ARGUMENT, "\"%.40s\" cannot be the id of a token", in->id);
	if (strlen(in->call_id) > CALL_ID_MAX)
		return error_set(&rpc->error, STATUS_INVALID_ARGUMENT, "call_id has at most %d characters", CALL_ID_MAX);
	c = call_new(rpc, sizeof *c);
	store_token_revoke_once(call_store(c), call_ask(c, on_revoked), caller->account, in->id, caller->scopes,
				caller->token_id, true, in->call_id);
	return RPC_LATER;
}
