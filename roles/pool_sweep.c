/* roles/pool_sweep.c - see roles/pool_sweep.h. One round at a time:
 *
 *   timer -> store_unsettled -> refund them one by one -> store_expired -> remove them one by one
 *         -> store_unused_blobs -> delete the files -> stale uploads
 *         -> files that Redis does not know (roles/orphans.h) -> timer
 *
 * Any step that fails ends the round; the next one finds the rest. */
#include "roles/pool_sweep.h"

#include <stdlib.h>

#include "net/clock.h"
#include "net/crash.h"
#include "net/log.h"
#include "proto/limits.h"
#include "net/memory.h"
#include "roles/pool.h"
#include "store/ledger.h"

static struct store_req *ask(struct pool_sweep *s, void (*on_done)(struct store_req *))
{
	store_req_release(&s->req);
	s->req = (struct store_req){.on_done = on_done, .user = s};
	return &s->req;
}

static void end_round(struct pool_sweep *s)
{
	store_req_release(&s->req);
	s->busy = false;
	if (!s->pool->stopping)
		timer_set(&s->timer, SWEEP_MS);
}

static void on_orphans(struct orphans *o)
{
	end_round(container_of(o, struct pool_sweep, orphans));
}

static void on_unused(struct store_req *req)
{
	struct pool_sweep *s = req->user;
	uint64_t n = req->error.status == 0 ? req->number : 0;

	crash_point(POOL_SWEEP_FORGOT);
	/* One that slept since it asked may have been replaced, and the blob have come
	 * again: then they are orphans. */
	for (uint64_t i = 0; i < n && leader_certain(&s->pool->leader); i++)
		blobs_delete(s->pool->blobs, store_blob_id(req, i));
	if (n > 0)
		log_info("blobs deleted count=%llu", (unsigned long long)n);
	if (n == SWEEP_BATCH) {
		store_unused_blobs(s->pool->store, ask(s, on_unused), clock_wall_ms() - BLOB_UNUSED_MS,
		                   SWEEP_BATCH);
		return;
	}
	blobs_sweep(s->pool->blobs, UPLOAD_IDLE_MS);
	orphans_look(&s->orphans, on_orphans);
}

static void on_removed(struct store_req *req)
{
	store_req_release(req);
	free(req);
}

/* Nobody waits for one removal: what fails is found again. */
static void remove_task(struct pool *pool, const Pb__Task *task)
{
	struct store_req *req = xcalloc(1, sizeof *req);

	req->on_done = on_removed;
	store_remove(pool->store, req, "", task->id);
	logs_delete(pool->logs, task->id, task->epoch > 0 ? task->epoch : LOSSES_MAX + 1);
}

static void on_expired(struct store_req *req)
{
	struct pool_sweep *s = req->user;

	if (req->error.status != 0) {
		end_round(s);
		return;
	}
	for (size_t i = 0; i < req->task_count; i++)
		remove_task(s->pool, req->tasks[i]);
	/* Those are gone when this one is answered. */
	if (req->task_count == SWEEP_BATCH && ++s->pages < SWEEP_PAGES) {
		store_expired(s->pool->store, ask(s, on_expired), clock_wall_ms(), SWEEP_BATCH);
		return;
	}
	store_unused_blobs(s->pool->store, ask(s, on_unused), clock_wall_ms() - BLOB_UNUSED_MS, SWEEP_BATCH);
}

static void on_refunded(struct store_req *req)
{
	store_req_release(req);
	free(req);
}

/* What the index knows is still being ended, however long that takes. */
static void refund_task(struct pool *pool, const char *task)
{
	struct store_req *req;

	if (pool_index_find(pool, task) != NULL)
		return;
	log_info("a stopped task that nobody brought to its end is refunded task=%s", task);
	req = xcalloc(1, sizeof *req);
	req->on_done = on_refunded;
	store_refund(pool->store, req, task, clock_wall_ms());
}

static void on_unsettled(struct store_req *req)
{
	struct pool_sweep *s = req->user;

	for (size_t i = 0; req->error.status == 0 && i < req->task_count; i++)
		refund_task(s->pool, req->tasks[i]->id);
	store_expired(s->pool->store, ask(s, on_expired), clock_wall_ms(), SWEEP_BATCH);
}

static void on_timer(struct timer *t)
{
	struct pool_sweep *s = container_of(t, struct pool_sweep, timer);

	s->busy = true;
	s->pages = 0;
	store_unsettled(s->pool->store, ask(s, on_unsettled), clock_wall_ms() - UNSETTLED_MS, SWEEP_BATCH);
}

void pool_sweep_init(struct pool_sweep *s, struct pool *pool)
{
	s->pool = pool;
	orphans_init(&s->orphans, pool);
	timer_init(&pool->loop, &s->timer, on_timer);
	timer_set(&s->timer, SWEEP_MS);
}

void pool_sweep_soon(struct pool_sweep *s)
{
	if (!s->busy && !s->pool->stopping)
		timer_set(&s->timer, 1000);
}

void pool_sweep_close(struct pool_sweep *s)
{
	store_req_release(&s->req);
	orphans_close(&s->orphans);
	timer_close(&s->timer, NULL);
}
