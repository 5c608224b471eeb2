/* roles/revocation.h - a token that is ended ends what was begun with it, in every pool on the same Redis.
 *
 * A call is asked for its token once, at its beginning. Calls that stream may go on for months, so each is
 * listed here; twice a second we ask Redis which tokens were ended since, forget them in auth, and end their
 * streams with UNAUTHENTICATED. So do those whose token's time is over. */
#ifndef ROLES_REVOCATION_H
#define ROLES_REVOCATION_H

#include "net/grpc_server.h"
#include "net/loop.h"
#include "store/store.h"

#define REVOCATION_MS 400

struct pool;

struct revocation {
	struct pool *pool;
	struct timer timer;
	struct store_req req;
	struct caller *streams; /* callers of the calls that stream */
	int64_t place;          /* what we have heard of; -1 = not asked yet */
	bool asking, again, closed;
};

void revocation_init(struct revocation *r, struct pool *pool);
void revocation_close(struct revocation *r);

/* A token was ended here: do not wait for the timer. */
void revocation_soon(struct revocation *r);

/* This call goes on as long as its token lives. And: it is over (any call). */
void revocation_watch(struct revocation *r, struct rpc *rpc);
void revocation_gone(struct revocation *r, struct rpc *rpc);

#endif
