#include "roles/pool_call.h"

#include <stdlib.h>

#include "net/memory.h"
#include "roles/pool.h"

void *call_new(struct rpc *rpc, size_t size)
{
	struct call *c = xcalloc(1, size);

	c->pool = grpc_server_user(rpc->server);
	c->rpc = rpc;
	rpc->user = c;
	return c;
}

void *call_of(struct rpc *rpc)
{
	return rpc->user;
}

static void free_if_over(struct call *c)
{
	if (c->rpc != NULL || c->waits > 0)
		return;
	if (c->on_free != NULL)
		c->on_free(c);
	store_req_release(&c->req);
	free(c);
}

void call_wait(struct call *c)
{
	c->waits++;
}

bool call_waited(struct call *c)
{
	bool here = c->rpc != NULL;

	c->waits--;
	free_if_over(c); /* c may be gone from here on */
	return here;
}

struct store_req *call_ask(struct call *c, void (*on_done)(struct store_req *))
{
	store_req_release(&c->req);
	c->req = (struct store_req){.on_done = on_done, .user = c};
	call_wait(c);
	return &c->req;
}

struct store *call_store(const struct call *c)
{
	return c->pool->store;
}

struct call *call_answered(struct store_req *req)
{
	struct call *c = req->user;

	return call_waited(c) ? c : NULL;
}

void call_refuse(struct call *c, const struct error *e)
{
	c->rpc->error = *e;
	rpc_end(c->rpc, e->status);
}

void call_fail(struct call *c)
{
	call_refuse(c, &c->req.error);
}

struct call *call_well_answered(struct store_req *req)
{
	struct call *c = call_answered(req);

	if (c == NULL || req->error.status == 0)
		return c;
	call_fail(c);
	return NULL;
}

void call_gone(struct rpc *rpc)
{
	struct call *c = rpc->user;

	if (c == NULL)
		return;
	rpc->user = NULL;
	if (c->on_gone != NULL)
		c->on_gone(c);
	c->rpc = NULL;
	free_if_over(c);
}
