/* roles/pool_refresh.c - ask the store for one task until it answers; the task may not be leased meanwhile,
 * because it is in no line. */
#include "roles/pool_refresh.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "net/memory.h"
#include "roles/pool.h"

#define AGAIN_MS 500

struct refresh {
	struct pool *pool;
	struct store_req req;
	struct timer again;
	char id[TASK_ID_SIZE];
};

static void on_closed(struct timer *timer)
{
	free(container_of(timer, struct refresh, again));
}

static void believe(struct refresh *r)
{
	struct pool_task *t = pool_index_find(r->pool, r->id);

	if (t == NULL || t->hold != HOLD_FREE || t->line != NULL)
		return;
	pool_task_drop(r->pool, t);
	if (r->req.error.status == 0)
		pool_index_adopt(r->pool, r->req.tasks[0]);
	lease_kick(r->pool);
}

static void on_task(struct store_req *req)
{
	struct refresh *r = req->user;

	if (req->error.status == STATUS_UNAVAILABLE && !r->pool->stopping) {
		timer_set(&r->again, AGAIN_MS);
		return;
	}
	believe(r);
	store_req_release(req);
	timer_close(&r->again, on_closed);
}

static void ask(struct refresh *r)
{
	store_req_release(&r->req);
	r->req = (struct store_req){.on_done = on_task, .user = r};
	store_task(r->pool->store, &r->req, "", r->id);
}

static void on_again(struct timer *timer)
{
	struct refresh *r = container_of(timer, struct refresh, again);

	if (!r->pool->stopping) {
		ask(r);
		return;
	}
	store_req_release(&r->req);
	timer_close(&r->again, on_closed);
}

void pool_refresh(struct pool *pool, struct pool_task *t)
{
	struct refresh *r = xcalloc(1, sizeof *r);

	assert(t->worker == NULL && t->line == NULL);
	r->pool = pool;
	memcpy(r->id, t->id, sizeof r->id);
	timer_init(&pool->loop, &r->again, on_again);
	ask(r);
}
