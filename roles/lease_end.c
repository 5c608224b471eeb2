/* roles/lease_end.c - how an attempt ends: with a Done, or back in the queue because its worker is lost, refuses it or has
 * failed. See roles/lease.h; as in lease.c, memory follows the answer of the store. */
#include "roles/lease_end.h"

#include <stdlib.h>
#include <string.h>

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

static struct pool *pool_of(struct batch *b)
{
	return b->user;
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

void lease_drop_done(struct batch_item *item)
{
	struct done_change *c = container_of(item, struct done_change, item);

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
	lease_drop_done(item);
	crash_point(POOL_DONE_ANSWERED);
	lease_kick(pool);
}

const struct batch_kind lease_dones_kind = {"done", send_dones, settle_done};

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

const struct batch_kind lease_returns_kind = {"requeue", send_returns, settle_return};

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
