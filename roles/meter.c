/* roles/meter.c - see roles/meter.h. Ticks are the whole price so far, so a repeated or a late one
 * moves nothing; while the store does not answer (or the ledger is frozen) they wait, and what is
 * due later contains them. */
#include "roles/meter.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "net/clock.h"
#include "net/crash.h"
#include "net/log.h"
#include "net/memory.h"
#include "proto/task.h"
#include "roles/pool.h"
#include "roles/pool_link.h"
#include "store/ledger.h"

/* --- the clock of an attempt ------------------------------------------------------------------ */

void meter_reset(struct pool_task *t)
{
	t->metering = (struct metering){.ran_ms = -1, .said_ms = -1, .most_ms = INT64_MAX};
}

/* The time that Redis has is the worker's; it cannot have begun before it was assigned. */
void meter_resume(struct pool_task *t, const Pb__Task *task)
{
	int64_t began = task->started_ms > task->assigned_ms ? task->started_ms : task->assigned_ms;
	int64_t runs = clock_wall_ms() - began;

	meter_reset(t);
	if (task->started_ms > 0)
		t->metering.began_ms = clock_ms() - (runs > 0 ? runs : 0);
}

static int64_t seen_ms(const struct metering *m)
{
	int64_t ms = m->ran_ms >= 0 ? m->ran_ms : clock_ms() - m->began_ms;

	if (m->began_ms == 0)
		return 0;
	return ms < m->most_ms ? ms : m->most_ms;
}

static void stand(struct metering *m)
{
	if (m->ran_ms < 0)
		m->ran_ms = seen_ms(m);
}

void meter_phase(struct pool_task *t, int phase)
{
	if (phase == PHASE_EXECUTING && t->metering.began_ms == 0)
		t->metering.began_ms = clock_ms();
	else if (phase > PHASE_EXECUTING)
		stand(&t->metering);
}

void meter_stop(struct pool_task *t)
{
	t->metering.most_ms = seen_ms(&t->metering) + 1000 * (int64_t)t->grace_s + METER_STOP_MS;
}

void meter_said(struct pool_task *t, const Pb__Usage *usage)
{
	if (usage == NULL)
		return;
	t->metering.said_ms = (int64_t)(usage->wall_us / 1000);
	t->metering.cpu_us = usage->cpu_us;
	t->metering.peak_memory = usage->peak_memory;
}

static int64_t wall_ms(const struct metering *m)
{
	int64_t seen = seen_ms(m);

	return m->said_ms >= 0 && m->said_ms < seen ? m->said_ms : seen;
}

/* --- prices ----------------------------------------------------------------------------------- */

static struct price price_here(const struct pool_task *t)
{
	return price_there(&t->price, &t->worker->asks, strcmp(t->account, t->worker->account) == 0);
}

static int64_t amount(const struct pool_task *t, const struct price *p, int64_t ms)
{
	return t->hold_mcpt > 0 ? price_amount(p, ms, t->hold_mcpt) : 0;
}

struct charge meter_charge(struct pool_task *t, const Pb__Done *done)
{
	struct charge c = {.price = price_here(t)};
	int failure = (int)done->failure;

	meter_said(t, done->usage);
	stand(&t->metering);
	c.wall_ms = wall_ms(&t->metering);
	if (failure == FAILURE_INFRA ||
	    (t->metering.began_ms == 0 && failure != FAILURE_IMAGE && failure != FAILURE_INPUT))
		return (struct charge){0}; /* it did not run, or not because of the task */
	c.mcpt = amount(t, &c.price, c.wall_ms);
	return c;
}

/* --- the end of the money ----------------------------------------------------------------------- */

void meter_tell_spent(const struct pool_task *t)
{
	char hold[CPT_TEXT_SIZE], reason[120];

	snprintf(reason, sizeof reason, "it has used up its %s CPT", cpt_grouped(hold, t->hold_mcpt));
	link_send_stop(t->worker, t, PB__TASK_FAILURE__BUDGET, reason);
}

/* Without max_cpt the time limit comes first, and its worker keeps that one. */
static bool is_spent(const struct pool_task *t)
{
	struct price p = price_here(t);

	return t->lasts_ms < INT64_MAX && p.rate_ncpt > 0 && wall_ms(&t->metering) >= t->lasts_ms;
}

static void end_spent(struct pool_task *t)
{
	if (t->metering.spent)
		return;
	t->metering.spent = true;
	log_info("task has used up its money task=%s epoch=%u hold_mcpt=%lld", t->id, t->epoch,
		 (long long)t->hold_mcpt);
	meter_tell_spent(t);
}

/* --- ticks ---------------------------------------------------------------------------------------- */

struct tick_change {
	struct batch_item item;
	char task[TASK_ID_SIZE], worker[ID_SIZE];
	uint32_t epoch;
	int64_t due_mcpt;
};

static void send_ticks(struct batch *b, struct batch_item *const *items, size_t n)
{
	struct pool *pool = b->user;
	struct tick_item ticks[BATCH_MAX];

	for (size_t i = 0; i < n; i++) {
		const struct tick_change *c = container_of(items[i], struct tick_change, item);

		ticks[i] = (struct tick_item){c->task, c->epoch, c->worker, c->due_mcpt};
	}
	store_tick(pool->store, &b->req, ticks, n, clock_wall_ms());
}

static void settle_tick(struct batch *b, struct batch_item *item, int outcome)
{
	struct tick_change *c = container_of(item, struct tick_change, item);
	struct pool_task *t = pool_index_find(b->user, c->task);

	crash_point(POOL_TICK_DONE);
	if (outcome <= OUTCOME_SPENT && t != NULL && t->epoch == c->epoch && t->hold == HOLD_HELD)
		pool_task_changed(b->user, t);
	free(c);
}

static const struct batch_kind ticks_kind = {"tick", send_ticks, settle_tick};

static void tick(struct meter *m, const struct pool_task *t)
{
	struct price p = price_here(t);
	int64_t due = amount(t, &p, wall_ms(&t->metering));
	struct tick_change *c;

	if (due <= 0)
		return;
	c = xcalloc(1, sizeof *c);
	memcpy(c->task, t->id, sizeof c->task);
	memcpy(c->worker, t->worker->id, sizeof c->worker);
	c->epoch = t->epoch;
	c->due_mcpt = due;
	batch_put(&m->ticks, &c->item);
}

static bool runs(const struct pool_task *t)
{
	return t->hold == HOLD_HELD && t->state == TASK_RUNNING && t->metering.began_ms > 0 && t->hold_mcpt > 0;
}

static void on_look(struct timer *timer)
{
	struct meter *m = container_of(timer, struct meter, look);
	bool due = clock_ms() >= m->tick_ms && batch_idle(&m->ticks) && store_is_up(m->pool->store);
	struct pool_worker *w;
	struct pool_task *t;

	timer_set(&m->look, METER_LOOK_MS);
	if (due)
		m->tick_ms = clock_ms() + METER_TICK_MS;
	DL_FOREACH(m->pool->workers.beats, w) {
		DL_FOREACH(w->tasks, t) {
			if (runs(t) && is_spent(t))
				end_spent(t);
			if (due && runs(t))
				tick(m, t);
		}
	}
}

/* --- up and down ------------------------------------------------------------------------------------ */

void meter_init(struct meter *m, struct pool *pool)
{
	m->pool = pool;
	batch_init(&m->ticks, &pool->loop, &ticks_kind, pool);
	timer_init(&pool->loop, &m->look, on_look);
	timer_set(&m->look, METER_LOOK_MS);
}

void meter_store_up(struct meter *m)
{
	batch_retry(&m->ticks);
}

bool meter_idle(const struct meter *m)
{
	return batch_idle(&m->ticks);
}

static void drop_tick(struct batch_item *item)
{
	free(container_of(item, struct tick_change, item));
}

void meter_close(struct meter *m)
{
	batch_close(&m->ticks, drop_tick);
	timer_close(&m->look, NULL);
}
