/* roles/revocation.c - see roles/revocation.h. One round: timer (or revocation_soon) -> store_revoked -> end
 * what is named, page by page -> end what has expired -> timer. While Redis is away nothing is ended but what
 * expires; the place is kept, so the next round hears of everything. */
#include "roles/revocation.h"

#include <string.h>
#include <utlist.h>

#include "net/clock.h"
#include "net/log.h"
#include "net/memory.h"
#include "proto/status.h"
#include "roles/pool.h"

static void ask(struct revocation *r);

static void end_stream(struct caller *c, const char *why)
{
	struct rpc *rpc = c->rpc;

	log_info("stream ended with its token method=%s token=%s account=%s why=\"%s\"", rpc->handler->method->path,
		 c->token_id, c->account, why);
	error_set(&rpc->error, STATUS_UNAUTHENTICATED, "the token of this call %s", why);
	error_hint(&rpc->error, "hivemind login");
	rpc_end(rpc, STATUS_UNAUTHENTICATED);
}

static void end_revoked(struct revocation *r, const char *sha256)
{
	struct caller *c;

	auth_forget(&r->pool->auth, sha256);
	DL_FOREACH2(r->streams, c, next_stream)
		if (strcmp(c->token_sha256, sha256) == 0)
			end_stream(c, "has been revoked");
}

static void end_expired(struct revocation *r)
{
	int64_t now = clock_wall_ms();
	struct caller *c;

	DL_FOREACH2(r->streams, c, next_stream)
		if (now >= c->expires_ms)
			end_stream(c, "has expired");
}

static void on_heard(struct store_req *req)
{
	struct revocation *r = req->user;
	bool heard = req->error.status == 0 && !r->closed;
	bool more = heard && r->place >= 0 && req->number > 0;

	r->asking = false;
	for (uint64_t i = 0; heard && i < req->number; i++)
		end_revoked(r, store_blob_id(req, i));
	if (heard)
		r->place = (int64_t)req->next;
	store_req_release(req);
	if (r->closed)
		return;
	if (more || (heard && r->again))
		ask(r);
	else
		timer_set(&r->timer, REVOCATION_MS);
}

static void ask(struct revocation *r)
{
	r->asking = true;
	r->again = false;
	r->req = (struct store_req){.on_done = on_heard, .user = r};
	store_revoked(r->pool->store, &r->req, r->place);
}

static void on_timer(struct timer *t)
{
	struct revocation *r = container_of(t, struct revocation, timer);

	end_expired(r);
	ask(r);
}

void revocation_init(struct revocation *r, struct pool *pool)
{
	*r = (struct revocation){.pool = pool, .place = -1};
	timer_init(&pool->loop, &r->timer, on_timer);
	ask(r); /* what was ended before is of no interest: no stream is older than we */
}

void revocation_close(struct revocation *r)
{
	r->closed = true;
	timer_close(&r->timer, NULL);
}

void revocation_soon(struct revocation *r)
{
	if (r->asking)
		r->again = true;
	else if (!r->closed)
		timer_set(&r->timer, 0);
}

void revocation_watch(struct revocation *r, struct rpc *rpc)
{
	struct caller *c = rpc->caller;
	const struct rpc_method *m = rpc->handler->method;

	if (!m->streams_in && !m->streams_out)
		return;
	c->rpc = rpc;
	DL_APPEND2(r->streams, c, prev_stream, next_stream);
}

void revocation_gone(struct revocation *r, struct rpc *rpc)
{
	struct caller *c = rpc->caller;

	if (c == NULL || c->rpc == NULL)
		return;
	DL_DELETE2(r->streams, c, prev_stream, next_stream);
	c->rpc = NULL;
}
