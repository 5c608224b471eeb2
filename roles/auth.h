/* roles/auth.h - who is calling, and may they? Tokens are looked up in Redis and remembered for a moment.
 *
 * A token is "hm_" and 52 characters of base32: 256 random bits, shown once. Redis and we hold its SHA-256
 * only. What Redis said is believed for AUTH_FRESH_MS, so a token that another pool has ended stops within
 * that time; one that auth_forget() names stops at once. */
#ifndef ROLES_AUTH_H
#define ROLES_AUTH_H

#include <uthash.h>

#include "net/grpc_server.h"
#include "proto/id.h"
#include "proto/limits.h"

#define AUTH_FRESH_MS 1000
#define AUTH_USED_MS (10ll * 60 * 1000) /* how exactly we know when a token was used last */
#define AUTH_CACHE_MAX 10000
#define TOKEN_SIZE 56 /* "hm_", 52 characters, zero */

struct pool;

/* rpc->caller of every call that needed a token. */
struct caller {
	char token_sha256[SHA256_HEX_SIZE];
	char account[ID_SIZE];
	char name[ACCOUNT_NAME_MAX + 1];
	char token_id[ID_SIZE];
	int64_t created_ms, expires_ms; /* wall clock; of the account, of the token */
	unsigned scopes;
	struct rpc *rpc; /* of a call that streams (roles/revocation.h); NULL = of none */
	struct caller *prev_stream, *next_stream;
};

struct auth {
	struct auth_entry *entries; /* by token_sha256, oldest first */
};

/* grpc_server_options.on_call: admit or refuse, at once or after a look into Redis. */
int auth_on_call(struct rpc *rpc);

/* The call is over. */
void auth_gone(struct rpc *rpc);

/* What a login of this account may do: everything, but admin only for the operator's own. */
unsigned auth_login_scopes(const struct pool *pool, const char *account_name);

/* A fresh token and its SHA-256. */
void auth_make_token(char token[TOKEN_SIZE], char sha256[SHA256_HEX_SIZE]);

/* This token is no more. */
void auth_forget(struct auth *a, const char *token_sha256);
void auth_release(struct auth *a);

static inline const struct caller *caller_of(const struct rpc *rpc)
{
	return rpc->caller;
}

#endif
