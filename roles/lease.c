/* roles/lease.c - see roles/lease.h. Every change of a task's state is asked of the store first; memory
 * follows its answer.
 *
 * Ways to fail: the store does not answer (the batch asks again, nothing moves meanwhile); an outcome is
 * FENCED (memory was behind: read the task again); the worker goes while its lease is being written (the
 * lease goes back at once). */
#include "roles/lease.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "exec/spec.h"
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
			metrics_observe(METRIC_QUEUE_SECONDS, 0, (double)(clock_wall_ms() - t->wait.created_ms) / 1000);
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
		lease_to(l, container_of(pairs[i].item, struct pool_task, wait), workers[pairs[i].worker].user);
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

/* --- ends ------------------------------------------------------------------------------------ */

struct done_change {
	struct batch_item item;
	char worker[ID_SIZE];
	Pb__Done *done;
	int64_t exited_ms;
	uint64_t log_size;
	struct charge charge;
	uint32_t again;
};

static void done_change_free(struct done_change *c)
{
	pb__done__free_unpacked(c->done, NULL);
	free(c);
}

static void send_dones(struct batch *b, struct batch_item *const *items, size_t n)
{
	struct done_item dones[BATCH_MAX];

	for (size_t i = 0; i < n; i++) {
		const struct done_change *c = container_of(items[i], struct done_change, item);

		dones[i] = (struct done_item){.worker = c->worker,
					      .done = c->done,
					      .exited_ms = c->exited_ms,
					      .log_size = c->log_size,
					      .charge_mcpt = c->charge.mcpt,
					      .wall_ms = c->charge.wall_ms,
					      .start_mcpt = c->charge.price.start_mcpt,
					      .rate_ncpt = c->charge.price.rate_ncpt,
					      .again = c->again};
	}
	store_done(pool_of(b)->store, &b->req, dones, n, clock_wall_ms());
}

/* 1, 2, 4 ... 32 s between the tries of a task that workers refuse, or that asks for another itself. */
static int64_t rest_ms(unsigned times)
{
	return 1000ll << (times < 5 ? times : 5);
}

/* Its exit status is one that another attempt follows. */
static void try_again(struct pool *pool, struct pool_task *t, const struct done_change *c)
{
	log_info("task is tried again task=%s epoch=%u exit=%d", t->id, t->epoch, c->done->exit_code);
	t->hold = HOLD_FREE;
	pool_task_detach(t);
	pool_task_charged(t, c->charge.mcpt);
	pool_task_requeue(pool, t, rest_ms(t->exits++));
}

static void settle_done(struct batch *b, struct batch_item *item, int outcome)
{
	struct done_change *c = container_of(item, struct done_change, item);
	struct pool *pool = pool_of(b);
	struct pool_worker *w = pool_workers_find(pool, c->worker);
	struct pool_task *t = pool_index_find(pool, c->done->task);
	bool ours = t != NULL && t->hold == HOLD_ENDING && t->epoch == c->done->epoch;

	crash_point(POOL_DONE_DONE);
	if (outcome == OUTCOME_DONE || outcome == OUTCOME_AGAIN) {
		metrics_observe(METRIC_RUN_SECONDS, 0, (double)c->charge.wall_ms / 1000);
		metrics_add(METRIC_CPT_SETTLED, 0, 0, (double)c->charge.mcpt / 1000);
	}
	if (w != NULL && (outcome == OUTCOME_DONE || outcome == OUTCOME_AGAIN))
		link_send_stored(w, c->done->task, c->done->epoch);
	else if (w != NULL)
		link_send_verdict(w, c->done->task, c->done->epoch,
				  outcome == OUTCOME_MISSING ? PB__VERDICT__WORD__SEND : PB__VERDICT__WORD__KILL);
	if (w != NULL && outcome == OUTCOME_CONFLICT)
		lease_fault(pool, w, "it has sent another end for an attempt that had ended");
	else if (w != NULL && outcome == OUTCOME_DONE)
		pool_worker_forgive(pool, w);
	if (ours && outcome == OUTCOME_AGAIN) {
		try_again(pool, t, c);
	} else if (ours && outcome == OUTCOME_MISSING) {
		t->hold = HOLD_HELD;
		if (t->worker->lost)
			lease_return(pool, t, "its worker went before its result was here", true, false);
	} else if (ours && outcome == OUTCOME_DONE) {
		t->hold = HOLD_FREE;
		log_info("task ended task=%s epoch=%u worker=%s failure=%s", t->id, t->epoch, c->worker,
			 task_failure_name((int)c->done->failure));
		if (!task_state_final(t->state))
			pool_task_become(pool, t,
			                 c->done->failure == PB__TASK_FAILURE__NO_FAILURE ? TASK_COMPLETED
			                                                                  : TASK_FAILED,
			                 PHASE_ENDED);
		pool_task_drop(pool, t);
	} else if (ours) {
		t->hold = HOLD_FREE;
		pool_task_detach(t);
		pool_refresh(pool, t);
	}
	if (outcome == OUTCOME_GONE) /* what it printed after it was removed */
		logs_delete(pool->logs, c->done->task, c->done->epoch);
	done_change_free(c);
	crash_point(POOL_DONE_ANSWERED);
	lease_kick(pool);
}

static const struct batch_kind dones_kind = {"done", send_dones, settle_done};

static Pb__Done *copy_done(const Pb__Done *done)
{
	size_t n = pb__done__get_packed_size(done);
	uint8_t *packed = xmalloc(n + 1);
	Pb__Done *copy;

	pb__done__pack(done, packed);
	copy = pb__done__unpack(NULL, n, packed);
	free(packed);
	return copy;
}

struct return_change {
	struct batch_item item;
	struct pool_task *task; /* its hold is RETURNING: it cannot go */
	char reason[REASON_MAX];
	bool loss, rest;
	bool tell;              /* the worker waits for Stored */
	bool last;              /* not tried again */
};

static void begin_return(struct pool *pool, struct pool_task *t, const struct return_change *change);

/* The machine failed, not the task: another tries. One that never began there would fail there again at once, so it rests. */
static void lose(struct pool *pool, struct pool_task *t, const char *reason)
{
	struct return_change change = {.loss = true, .rest = t->phase < PHASE_EXECUTING, .tell = true};

	lease_fault(pool, t->worker, reason);
	text_copy(change.reason, sizeof change.reason, reason);
	begin_return(pool, t, &change);
}

/* How many attempts may follow one that ended so. */
static uint32_t may_follow(const struct pool_task *t, const Pb__Done *done)
{
	Pb__TaskSpec *spec;
	uint32_t times;

	if (!t->tries_exits || !done->has_exit_code || (int)done->failure != FAILURE_USER_EXIT)
		return 0;
	spec = pb__task_spec__unpack(NULL, t->spec_size, t->spec);
	times = retry_on_exit(spec, done->exit_code);
	pb__task_spec__free_unpacked(spec, NULL);
	return times;
}

void lease_done(struct pool *pool, struct pool_worker *w, const Pb__Done *done)
{
	struct pool_task *t = pool_index_find(pool, done->task);
	bool ours = t != NULL && t->worker == w && t->epoch == done->epoch;
	struct done_change *c;

	crash_point(POOL_DONE_HEARD);
	if (ours && t->hold != HOLD_HELD)
		return; /* a repeat of what is being stored */
	if (ours && (int)done->failure == FAILURE_INFRA && !task_state_final(t->state)) {
		lose(pool, t, done->reason);
		return;
	}
	c = xcalloc(1, sizeof *c);
	if (ours) {
		t->hold = HOLD_ENDING;
		c->charge = meter_charge(t, done);
		c->again = may_follow(t, done);
	}
	memcpy(c->worker, w->id, sizeof c->worker);
	c->done = copy_done(done);
	c->exited_ms =
	    clock_wall_ms() - (int64_t)(done->collect_us / 1000); /* the worker's clock may be another */
	c->log_size = t != NULL && t->log != NULL ? log_size(t->log) : 0;
	batch_put(&pool->lease.dones, &c->item);
}

/* --- back into the queue --------------------------------------------------------------------- */

static void send_returns(struct batch *b, struct batch_item *const *items, size_t n)
{
	struct requeue_item returns[BATCH_MAX];

	for (size_t i = 0; i < n; i++) {
		const struct return_change *c = container_of(items[i], struct return_change, item);

		returns[i] = (struct requeue_item){
		    .task = c->task->id,
		    .epoch = c->task->epoch,
		    .reason = c->reason,
		    .loss = !c->loss ? LOSS_NONE : c->tell ? LOSS_REPORTED : LOSS_OF_WORKER,
		    .most = c->last ? 0 : c->task->infra >= 0 ? c->task->infra : LOSSES_MAX,
		    .most_one_owner = c->last ? 0 : c->task->infra >= 0 ? c->task->infra : LOSSES_ONE_OWNER_MAX};
	}
	store_requeue(pool_of(b)->store, &b->req, returns, n, clock_wall_ms());
}

static void shun(struct pool *pool, struct pool_task *t)
{
	pool_task_shun(t, t->worker);
	pool->lease.choosy_ms = clock_ms() + SCHED_PATIENCE_MS;
}

static void settle_return(struct batch *b, struct batch_item *item, int outcome)
{
	struct return_change *c = container_of(item, struct return_change, item);
	struct pool *pool = pool_of(b);
	struct pool_task *t = c->task;

	crash_point(POOL_RETURN_DONE);
	if (c->tell)
		link_send_stored(t->worker, t->id, t->epoch);
	if (c->loss || c->rest)
		shun(pool, t);
	t->hold = HOLD_FREE;
	pool_task_detach(t);
	if (task_state_final(t->state)) { /* stopped meanwhile */
		pool_task_drop(pool, t);
	} else if (outcome == OUTCOME_DONE) {
		pool_task_requeue(pool, t, c->rest ? rest_ms(t->returned++) : 0);
	} else if (outcome == OUTCOME_FAILED) {
		pool_task_become(pool, t, TASK_FAILED, PHASE_ENDED);
		pool_task_drop(pool, t);
	} else {
		pool_refresh(pool, t);
	}
	free(c);
	lease_kick(pool);
}

static const struct batch_kind returns_kind = {"requeue", send_returns, settle_return};

static void begin_return(struct pool *pool, struct pool_task *t, const struct return_change *change)
{
	struct return_change *c = xcalloc(1, sizeof *c);

	log_info("task goes back task=%s epoch=%u worker=%s reason=\"%s\"", t->id, t->epoch, t->worker->id,
	         change->reason);
	t->hold = HOLD_RETURNING;
	*c = *change;
	c->task = t;
	if (c->loss)
		metrics_add(METRIC_ATTEMPTS_LOST, c->tell ? 1 : 0, 0, 1);
	batch_put(&pool->lease.returns, &c->item);
	crash_point(POOL_RETURN_ASKED);
}

void lease_return(struct pool *pool, struct pool_task *t, const char *reason, bool loss, bool rest)
{
	struct return_change change = {.loss = loss, .rest = rest};

	if (t->hold != HOLD_HELD)
		return; /* LEASING looks at its worker when it is done; ENDING and RETURNING are on their way */
	text_copy(change.reason, sizeof change.reason, reason);
	begin_return(pool, t, &change);
}

void lease_fail(struct pool *pool, struct pool_task *t, const char *reason)
{
	struct return_change change = {.loss = true, .last = true};

	if (t->hold != HOLD_HELD)
		return;
	text_copy(change.reason, sizeof change.reason, reason);
	begin_return(pool, t, &change);
}

void lease_fault(struct pool *pool, struct pool_worker *w, const char *reason)
{
	int64_t rest = pool_worker_fault(pool, w);

	log_info("worker fault worker=%s in_a_row=%u rests_ms=%lld reason=\"%s\"", w->id, w->faults, (long long)rest, reason);
	if (rest > 0)
		link_send_rest(w, rest, w->faults, reason);
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
	batch_init(&l->dones, &pool->loop, &dones_kind, pool);
	batch_init(&l->returns, &pool->loop, &returns_kind, pool);
	timer_init(&pool->loop, &l->tick, on_tick);
	l->tick_ms = clock_ms() + LEASE_TICK_MS;
	timer_set(&l->tick, LEASE_TICK_MS);
	be_patient(l, RESTART_GRACE_MS);
}

void lease_grace(struct lease *l, int64_t ms)
{
	be_patient(l, ms);
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

static void drop_done(struct batch_item *item)
{
	done_change_free(container_of(item, struct done_change, item));
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
	batch_close(&l->dones, drop_done);
	batch_close(&l->returns, drop_plain);
	timer_close(&l->tick, NULL);
}
