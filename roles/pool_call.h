/* roles/pool_call.h - the memory of one call that waits for the store or for a thread.
 *
 * A peer may go while the store still has our request, so what a handler waits with lives on the heap and
 * goes when both the peer and the last wait are over:
 *
 *     c = call_new(rpc, sizeof *c);
 *     store_task(call_store(c), call_ask(c, on_task), ...);   return RPC_LATER;
 *
 *     static void on_task(struct store_req *req)
 *     {
 *             struct call *c = call_well_answered(req);
 *             if (c == NULL) return;                          refused, or the peer has gone, and c with it
 *
 * Every row of the table of handlers has call_gone() as its on_gone. A struct that needs more begins with a
 * struct call. */
#ifndef ROLES_POOL_CALL_H
#define ROLES_POOL_CALL_H

#include "net/grpc_server.h"
#include "store/store.h"

struct pool;

struct call {
	struct pool *pool;
	struct rpc *rpc;                  /* NULL once the peer has gone */
	struct store_req req;
	int waits;                        /* things that have not called back yet */
	void (*on_gone)(struct call *c);  /* the peer has just gone; waits may be open. May be NULL */
	void (*on_free)(struct call *c);  /* just before the memory goes. May be NULL */
};

/* A zeroed struct of `size` bytes that begins with a struct call; it is rpc->user from now on. */
void *call_new(struct rpc *rpc, size_t size);

/* The call of this rpc; NULL = none was made. */
void *call_of(struct rpc *rpc);

/* A wait begins; and it is over: false = the peer has gone, and c too when this was the last wait. */
void call_wait(struct call *c);
bool call_waited(struct call *c);

/* The request, ready for a function of store.h. The results of the one before go. */
struct store_req *call_ask(struct call *c, void (*on_done)(struct store_req *));
struct store *call_store(const struct call *c);
struct call *call_answered(struct store_req *req); /* NULL = the peer has gone */
/* The same where any failure ends the call as the store said: NULL = there is nothing more to do. */
struct call *call_well_answered(struct store_req *req);

/* End the call as the store said (its status is not 0). */
void call_fail(struct call *c);
/* End the call with this error. */
void call_refuse(struct call *c, const struct error *e);

void call_gone(struct rpc *rpc);

#endif
