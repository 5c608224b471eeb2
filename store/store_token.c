/* store/store_token.c - tokens: made, found by their SHA-256, listed, ended. */
#include <stdlib.h>
#include <string.h>

#include "net/sha256.h"
#include "proto/limits.h"
#include "proto/rpc.h"
#include "store/call.h"
#include "store/record.h"

#define REVOKED_PAGE 128

/* What makes a call the same call: all but the secret and the time. */
static void digest_of(const struct token_grant *g, char digest[SHA256_HEX_SIZE], struct arena *arena)
{
	const char *text = arena_printf(arena, "%u %s", g->scopes, g->name);

	sha256_hex_of(text, strlen(text), digest);
}

void store_token_add(struct store *s, struct store_req *req, const struct token_grant *g)
{
	char digest[SHA256_HEX_SIZE];

	call_begin(s, req, SCRIPT_TOKEN_ADD);
	digest_of(g, digest, &req->arena);
	call_key(req, "token:%s", g->sha256);
	call_key(req, "account:%s", g->account);
	call_key(req, "tokens:%s", g->account);
	if (g->call_id[0] != '\0')
		call_key(req, "call:%s:%s", g->account, g->call_id);
	call_text(req, g->account);
	call_int(req, g->scopes);
	call_int(req, g->expires_ms);
	call_int(req, g->expires_ms - g->now_ms);
	call_text(req, g->id);
	call_text(req, g->name);
	call_int(req, g->now_ms);
	call_text(req, g->by);
	call_text(req, g->sha256);
	call_int(req, TOKENS_MAX);
	call_text(req, g->make_room ? "1" : "");
	call_text(req, digest);
	call_int(req, CALL_TTL_MS);
	call_send(req, read_id);
}

/* Redis holds the scopes as a bit set. */
static Pb__Token *token_of(struct store_req *req, const redisReply *fields)
{
	Pb__Token *token = record_read(&pb__token__descriptor, fields, &req->arena);
	char text[64];

	if (token == NULL)
		return NULL;
	req->scopes = (unsigned)strtoul(token->scopes, NULL, 10);
	token->scopes = arena_strdup(&req->arena, scopes_to_text(req->scopes, text, sizeof text));
	return token;
}

static void read_tokens(struct store_req *req, const redisReply *reply)
{
	req->tokens = arena_alloc(&req->arena, reply->elements * sizeof *req->tokens);
	req->count = 0;
	for (size_t i = 1; i < reply->elements; i++) {
		req->tokens[req->count] = token_of(req, reply->element[i]);
		if (req->tokens[req->count++] == NULL) {
			read_failed(req);
			return;
		}
	}
}

static void read_found(struct store_req *req, const redisReply *reply)
{
	if (reply->elements != 3) {
		read_failed(req);
		return;
	}
	read_account(req, reply);
	req->password = NULL;
	req->tokens = arena_alloc(&req->arena, sizeof *req->tokens);
	req->tokens[0] = token_of(req, reply->element[2]);
	if (req->tokens[0] == NULL)
		read_failed(req);
	else
		req->expires_ms = req->tokens[0]->expires_ms;
}

void store_token_find(struct store *s, struct store_req *req, const char *sha256)
{
	call_begin(s, req, SCRIPT_TOKEN_FIND);
	call_key(req, "token:%s", sha256);
	call_send(req, read_found);
}

void store_token_revoke(struct store *s, struct store_req *req, const char *account, const char *id,
			unsigned scopes, const char *by, bool made)
{
	store_token_revoke_once(s, req, account, id, scopes, by, made, "");
}

void store_token_revoke_once(struct store *s, struct store_req *req, const char *account, const char *id,
			     unsigned scopes, const char *by, bool made, const char *call_id)
{
	call_begin(s, req, SCRIPT_TOKEN_REVOKE);
	call_key(req, "tokens:%s", account);
	if (call_id[0] != '\0')
		call_key(req, "call:%s:%s", account, call_id);
	call_text(req, id);
	call_int(req, scopes);
	call_text(req, by);
	call_text(req, made ? "1" : "");
	call_content(req, "revoke", id);
	call_send(req, read_number);
}

void store_token_used(struct store *s, struct store_req *req, const char *sha256, int64_t now_ms)
{
	call_begin(s, req, SCRIPT_TOKEN_USED);
	call_key(req, "token:%s", sha256);
	call_int(req, now_ms);
	call_send(req, NULL);
}

void store_tokens(struct store *s, struct store_req *req, const char *account)
{
	call_begin(s, req, SCRIPT_TOKENS);
	call_key(req, "tokens:%s", account);
	call_send(req, read_tokens);
}

static void read_revoked(struct store_req *req, const redisReply *reply)
{
	if (reply->elements < 2 || reply->element[1]->str == NULL) {
		read_failed(req);
		return;
	}
	req->next = strtoull(reply->element[1]->str, NULL, 10);
	req->number = reply->elements - 2;
	req->ids = arena_alloc(&req->arena, reply->elements * sizeof *req->ids);
	for (size_t i = 0; i < req->number; i++)
		req->ids[i] = arena_strdup(&req->arena, reply->element[i + 2]->str);
}

void store_revoked(struct store *s, struct store_req *req, int64_t place)
{
	call_begin(s, req, SCRIPT_REVOKED);
	call_key(req, "revoked");
	call_key(req, "revoked:seq");
	if (place < 0)
		call_text(req, "");
	else
		call_int(req, place);
	call_int(req, REVOKED_PAGE);
	call_send(req, read_revoked);
}
