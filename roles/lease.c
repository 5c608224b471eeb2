/* roles/lease.c - see roles/lease.h. Every change of a task's state is asked of the store first; memory
 * follows its answer.
 *
 * Ways to fail: the store does not answer (the batch asks again, nothing moves meanwhile); an outcome is
 * FENCED (memory was behind: read the task again); the worker goes while its lease is being written (the
 * lease goes back at once). */
#include "roles/lease_end.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "net/clock.h"
#include "net/crash.h"
#include "net/log.h"
#include "net/memory.h"
#include "net/metrics.h"
#include "proto/task.h"
#include "roles/meter.h"
#include "roles/pool.h"
#include "roles/pool_link.h"
#include "roles/pool_refresh.h"
#include "roles/silence.h"

static struct pool *pool_of(struct batch *b)
{
	return b->user;
}

/* --- leases ---------------------------------------------------------------------------------- */

struct lease_change {
	struct batch_item item;
	struct pool_task *task; /* its hold is LEASING: it cannot go */
	uint32_t epoch;
};

static void send_leases(struct batch *b, struct batch_item *const *items, size_t n)
{
	struct lease_item leases[BATCH_MAX];

	for (size_t i = 0; i < n; i++) {
		const struct lease_change *c = container_of(items[i], struct lease_change, item);

		leases[i] =
		    (struct lease_item){c->task->id, c->epoch, c->task->worker->id, c->task->worker->name};
	}
	store_lease(pool_of(b)->store, &b->req, leases, n, clock_wall_ms());
}

static void settle_lease(struct batch *b, struct batch_item *item, int outcome)
{
	struct lease_change *c = container_of(item, struct lease_change, item);
	struct pool *pool = pool_of(b);
	struct pool_task *t = c->task;
	struct pool_worker *w = t->worker;

	crash_point(POOL_LEASE_DONE);
	free(c);
	t->hold = outcome == OUTCOME_DONE ? HOLD_HELD : HOLD_FREE;
	if (outcome == OUTCOME_DONE)
		t->epoch++;
	if (task_state_final(t->state)) { /* stopped meanwhile; the worker never heard of it */
		if (outcome == OUTCOME_DONE)
			lease_return(pool, t, "it was stopped before it could begin", false, false);
		else
			pool_task_drop(pool, t);
		lease_kick(pool);
	} else if (outcome != OUTCOME_DONE) {
		pool_task_detach(t);
		pool_refresh(pool, t);
	} else {
		assert(t->log == NULL); /* it would be that of another attempt */
		if (t->epoch == 1)
			metrics_observe(METRIC_QUEUE_SECONDS, 0,
			                (double)(clock_wall_ms() - t->wait.created_ms) / 1000);
		pool_task_become(pool, t, TASK_RUNNING, PHASE_ASSIGNED);
		if (w->lost)
			lease_return(pool, t, "its worker went before it could begin", false, false);
		else
			link_send_lease(w, t);
		crash_point(POOL_LEASE_SENT);
	}
}

static const struct batch_kind leases_kind = {"lease", send_leases, settle_lease};

static void lease_to(struct lease *l, struct pool_task *t, struct pool_worker *w)
{
	struct lease_change *c = xcalloc(1, sizeof *c);

	pool_task_dequeue(l->pool, t);
	pool_task_attach(t, w);
	assert(w->reserved.milli_cpus <= w->offered.milli_cpus && w->reserved.memory <= w->offered.memory);
	t->hold = HOLD_LEASING;
	c->task = t;
	c->epoch = t->epoch;
	batch_put(&l->leases, &c->item);
}

/* The scheduler's round: first come, first served among what fits. */
static void on_round(struct deferred *d)
{
	struct lease *l = container_of(d, struct lease, round);
	struct pool_index *index = &l->pool->index;
	struct sched_pair pairs[BATCH_MAX];
	struct sched_shape **shapes;
	struct sched_worker *workers;
	struct amounts *offered;
	size_t n = 0, ready, pair_count;

	if (index->lines == NULL || l->pool->stopping || !store_is_up(l->pool->store))
		return;
	ready = pool_workers_ready(l->pool, &workers, &offered);
	shapes = xcalloc(HASH_COUNT(index->lines), sizeof(struct sched_shape *));
	for (struct task_line *line = index->lines; line != NULL; line = line->hh.next)
		shapes[n++] = &line->shape;
	pair_count = sched_match(shapes, n, workers, ready, pairs, BATCH_MAX, clock_ms());
	for (size_t i = 0; i < pair_count; i++)
		lease_to(l, container_of(pairs[i].item, struct pool_task, wait),
		         workers[pairs[i].worker].user);
	free(shapes);
	free(workers);
	free(offered);
	if (pair_count == BATCH_MAX)
		lease_kick(l->pool);
}

void lease_kick(struct pool *pool)
{
	loop_defer(&pool->loop, &pool->lease.round, on_round);
}

/* --- phases ---------------------------------------------------------------------------------- */

struct phase_change {
	struct batch_item item;
	char task[TASK_ID_SIZE];
	uint32_t epoch;
	int phase;
	int64_t time_ms;
};

static void send_phases(struct batch *b, struct batch_item *const *items, size_t n)
{
	struct phase_item phases[BATCH_MAX];

	for (size_t i = 0; i < n; i++) {
		const struct phase_change *c = container_of(items[i], struct phase_change, item);

		phases[i] = (struct phase_item){c->task, c->epoch, c->phase, c->time_ms};
	}
	store_phase(pool_of(b)->store, &b->req, phases, n);
}

static void settle_phase(struct batch *b, struct batch_item *item, int outcome)
{
	struct phase_change *c = container_of(item, struct phase_change, item);
	struct pool_task *t = pool_index_find(pool_of(b), c->task);

	crash_point(POOL_PHASE_DONE);
	if (outcome == OUTCOME_DONE && t != NULL && t->epoch == c->epoch && t->state == TASK_RUNNING)
		pool_task_changed(pool_of(b), t);
	free(c);
}

static const struct batch_kind phases_kind = {"phase", send_phases, settle_phase};

void lease_phase(struct pool *pool, struct pool_task *t, int phase, int64_t time_ms)
{
	struct phase_change *c = xcalloc(1, sizeof *c);

	t->phase = phase;
	t->moved_ms = clock_ms();
	t->progress_done = t->progress_total = 0;
	meter_phase(t, phase);
	if (phase == PHASE_EXECUTING)
		t->returned = 0;
	memcpy(c->task, t->id, sizeof c->task);
	c->epoch = t->epoch;
	c->phase = phase;
	c->time_ms = time_ms;
	batch_put(&pool->lease.phases, &c->item);
}

/* --- workers that go ------------------------------------------------------------------------- */

/* Redis hears of it; nobody waits for the answer. */
static void on_left(struct store_req *req)
{
	store_req_release(req);
	free(req);
}

void lease_remove_worker(struct pool *pool, struct pool_worker *w, const char *reason, bool loss)
{
	struct store_req *req = xcalloc(1, sizeof *req);
	struct pool_task *t, *next;

	log_info("worker removed worker=%s tasks=%u reason=\"%s\"", w->id, w->task_count, reason);
	req->on_done = on_left;
	store_worker_leave(pool->store, req, w->id, clock_wall_ms());
	crash_point(POOL_LOSS_NOTED);
	link_drop(w, reason);
	DL_FOREACH_SAFE(w->tasks, t, next)
		lease_return(pool, t, reason, loss, false);
	pool_worker_remove(pool, w); /* w may be gone from here on */
	lease_kick(pool);
}

static void be_patient(struct lease *l, int64_t ms)
{
	if (l->patience_ms < clock_ms() + ms)
		l->patience_ms = clock_ms() + ms;
}

static void on_tick(struct timer *timer)
{
	struct lease *l = container_of(timer, struct lease, tick);
	int64_t now = clock_ms();

	metrics_observe(METRIC_LOOP_LAG, 0, now > l->tick_ms ? (double)(now - l->tick_ms) / 1000 : 0);
	if (now - l->tick_ms > LEASE_LATE_MS)
		be_patient(l, LOST_AFTER_MS); /* beats may wait in our sockets */
	if (!store_is_up(l->pool->store))
		be_patient(l, RESTART_GRACE_MS);
	if (now >= l->patience_ms && !l->pool->stopping)
		silence_look(l->pool);
	pool_catch_up(l->pool);
	if (pool_index_wake(l->pool, now) || now < l->choosy_ms + 2 * LEASE_TICK_MS)
		lease_kick(l->pool);
	l->tick_ms = now + LEASE_TICK_MS;
	timer_set(&l->tick, LEASE_TICK_MS);
}

/* --- up and down ----------------------------------------------------------------------------- */

void lease_init(struct lease *l, struct pool *pool)
{
	l->pool = pool;
	batch_init(&l->leases, &pool->loop, &leases_kind, pool);
	batch_init(&l->phases, &pool->loop, &phases_kind, pool);
	batch_init(&l->dones, &pool->loop, &lease_dones_kind, pool);
	batch_init(&l->returns, &pool->loop, &lease_returns_kind, pool);
	timer_init(&pool->loop, &l->tick, on_tick);
	l->tick_ms = clock_ms() + LEASE_TICK_MS;
	timer_set(&l->tick, LEASE_TICK_MS);
	be_patient(l, RESTART_GRACE_MS);
}

void lease_grace(struct lease *l, int64_t ms)
{
	be_patient(l, ms);
}

void lease_no_grace(struct lease *l)
{
	l->patience_ms = 0;
}

void lease_store_up(struct lease *l)
{
	batch_retry(&l->leases);
	batch_retry(&l->phases);
	batch_retry(&l->dones);
	batch_retry(&l->returns);
	lease_kick(l->pool);
}

bool lease_idle(const struct lease *l)
{
	return batch_idle(&l->leases) && batch_idle(&l->phases) && batch_idle(&l->dones) &&
	       batch_idle(&l->returns);
}

/* The first member of every other change is its item. */
static void drop_plain(struct batch_item *item)
{
	free(item);
}

void lease_close(struct lease *l)
{
	loop_undefer(&l->pool->loop, &l->round);
	batch_close(&l->leases, drop_plain);
	batch_close(&l->phases, drop_plain);
	batch_close(&l->dones, lease_drop_done);
	batch_close(&l->returns, drop_plain);
	timer_close(&l->tick, NULL);
}
