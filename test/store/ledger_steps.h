/* test/store/ledger_steps.h - what becomes of tasks, malformed amounts, freezing; and one random step of the
 * play. */
#ifndef TEST_STORE_LEDGER_STEPS_H
#define TEST_STORE_LEDGER_STEPS_H

#include "test/store/ledger_play.h"

/* --- batches of tasks ------------------------------------------------------------------------- */

/* Mostly the epoch and worker that the task has. */
static inline uint32_t any_epoch(struct world *w, const struct job *j)
{
	return roll(w, 12) == 0 ? j->epoch + (uint32_t)roll(w, 3) - 1u : j->epoch;
}

static inline int any_worker(struct world *w, const struct job *j)
{
	return j->worker < 0 || roll(w, 12) == 0 ? roll(w, WORKERS) : j->worker;
}

/* Items up to one that money standing still refuses; then the whole batch is refused. */
static inline void expect(struct play_call *c, int outcome)
{
	if (c->status != 0)
		return;
	if (outcome == FROZEN)
		c->status = STATUS_FAILED_PRECONDITION;
	else
		c->outcomes[c->items] = outcome;
}

static inline void play_lease(struct play *p, struct job **jobs, size_t n)
{
	struct play_call *c = next_call(p, 0, "lease %s", jobs[0]->task);
	struct lease_item items[ITEMS_MAX];

	for (size_t i = 0; i < n; i++) {
		uint32_t epoch = any_epoch(&p->world, jobs[i]);
		int worker = roll(&p->world, WORKERS);

		items[i] = (struct lease_item){jobs[i]->task, epoch, worker_id(worker), "box"};
		c->outcomes[c->items++] = world_lease(jobs[i], epoch, worker);
	}
	store_lease(real.store, &c->req, items, n, NOW);
}

static inline void play_tick(struct play *p, struct job **jobs, size_t n)
{
	struct play_call *c = next_call(p, 0, "tick %s", jobs[0]->task);
	struct tick_item items[ITEMS_MAX];

	for (size_t i = 0; i < n; i++) {
		uint32_t epoch = any_epoch(&p->world, jobs[i]);
		int worker = any_worker(&p->world, jobs[i]);
		int64_t due = any_amount(&p->world, jobs[i]->each), taken = due < 0 ? 0 : due;

		items[i] = (struct tick_item){jobs[i]->task, epoch, worker_id(worker), due};
		if (c->status == 0)
			expect(c, world_tick(&p->world, jobs[i], epoch, worker, taken));
		c->items++;
	}
	snprintf(c->words + strlen(c->words), 60, " +%zu due %lld", n - 1, (long long)items[0].due_mcpt);
	store_tick(real.store, &c->req, items, n, NOW);
}

static inline void play_done(struct play *p, struct job **jobs, size_t n)
{
	static const int failures[] = {
	    0, 0, 0, FAILURE_USER_EXIT, FAILURE_OOM, FAILURE_BUDGET, FAILURE_INFRA};
	struct play_call *c = next_call(p, 0, "done %s", jobs[0]->task);
	struct done_item items[ITEMS_MAX];
	Pb__Done dones[ITEMS_MAX];

	for (size_t i = 0; i < n; i++) {
		uint32_t epoch = any_epoch(&p->world, jobs[i]);
		int worker = any_worker(&p->world, jobs[i]), failure = failures[roll(&p->world, 7)],
		    again = roll(&p->world, 3);
		int64_t charge = any_amount(&p->world, jobs[i]->each);

		dones[i] = (Pb__Done)PB__DONE__INIT;
		dones[i].task = jobs[i]->task;
		dones[i].epoch = epoch;
		dones[i].failure = failure;
		dones[i].exit_code = 75;
		items[i] = (struct done_item){.worker = worker_id(worker),
		                              .done = &dones[i],
		                              .charge_mcpt = charge,
		                              .wall_ms = charge / 2,
		                              .start_mcpt = 10,
		                              .rate_ncpt = 1666944,
		                              .again = (uint32_t)again};
		if (c->status == 0)
			expect(c, world_done(&p->world, jobs[i], epoch, worker, failure, charge, again));
		c->items++;
	}
	snprintf(c->words + strlen(c->words), 60, " +%zu charge %lld", n - 1,
	         (long long)items[0].charge_mcpt);
	store_done(real.store, &c->req, items, n, NOW);
}

static inline void play_requeue(struct play *p, struct job **jobs, size_t n)
{
	struct play_call *c = next_call(p, 0, "requeue %s", jobs[0]->task);
	struct requeue_item items[ITEMS_MAX];

	for (size_t i = 0; i < n; i++) {
		uint32_t epoch = any_epoch(&p->world, jobs[i]);
		bool loss = roll(&p->world, 2);

		items[i] = (struct requeue_item){jobs[i]->task, epoch, "lost", loss ? LOSS_REPORTED : LOSS_NONE,
		                                LOSSES_MAX, LOSSES_MAX};
		if (c->status == 0)
			expect(c, world_requeue(&p->world, jobs[i], epoch, loss));
		c->items++;
	}
	store_requeue(real.store, &c->req, items, n, NOW);
}

static inline void play_end(struct play *p, struct job *j)
{
	struct world *w = &p->world;
	int who = roll(w, 8) == 0 ? roll(w, w->people_count) : j->owner, failure = FAILURE_INPUT + roll(w, 2);
	const char *account = roll(w, 4) == 0 ? "" : w->people[who].id;
	struct play_call *c = NULL;

	who = account[0] == '\0' ? -1 : who;
	switch (roll(w, 5)) {
	case 0:
		c = next_call(p, world_stop(w, j, who), "stop %s", j->task);
		store_stop(real.store, &c->req, account, j->task, "", NOW);
		break;
	case 1:
		c = next_call(p, 0, "fail %s", j->task);
		expect(c, world_fail(w, j, failure));
		c->items = 1;
		store_fail(real.store, &c->req, j->task, failure, "", NOW);
		break;
	case 2:
		c = next_call(p, 0, "refund %s", j->task);
		expect(c, world_refund(w, j));
		c->items = 1;
		store_refund(real.store, &c->req, j->task, NOW);
		break;
	default:
		c = next_call(p, world_remove(j, who), "remove %s", j->task);
		store_remove(real.store, &c->req, account, j->task);
	}
}

/* What no caller of ours sends: text that is no amount. Nothing may change. */
static inline void play_malformed(struct play *p)
{
	static const char *const bad[] = {"1e3",
	                                  "-5",
	                                  "1.5",
	                                  "",
	                                  "nan",
	                                  " 5",
	                                  "99999999999999999",
	                                  "0x10",
	                                  "inf",
	                                  "5 ",
	                                  "+5",
	                                  "1,5",
	                                  "1000000000000001"};
	struct world *w = &p->world;
	const char *text = bad[roll(w, sizeof(bad) / sizeof(bad[0]))];
	const struct person *who = &w->people[roll(w, w->people_count)];
	const struct job *j = &w->jobs[roll(w, TASKS)];
	struct play_call *c = next_call(p, STATUS_INVALID_ARGUMENT, "malformed \"%s\"", text);
	bool transfer = roll(w, 2);

	call_begin(real.store, &c->req, transfer ? SCRIPT_TRANSFER : SCRIPT_TICK);
	if (transfer) {
		call_key(&c->req, "account:%s", who->id);
		call_key(&c->req, "account-name:u0");
		call_key(&c->req, "transfer:%s:c%llu", who->id, (unsigned long long)w->serial);
		call_text(&c->req, "transfer");
		call_text(&c->req, who->id);
		call_text(&c->req, "u0");
		call_text(&c->req, text[0] == '1' && strlen(text) == 16 ? "1000000000000001" : text);
		call_text(&c->req, "call");
		call_int(&c->req, NOW);
	} else {
		call_key(&c->req, "task:%s", j->task);
		call_int(&c->req, NOW);
		call_text(&c->req, j->task);
		call_unsigned(&c->req, j->epoch);
		call_text(&c->req, worker_id(j->worker < 0 ? 0 : j->worker));
		call_text(&c->req, text);
	}
	w->serial++;
	call_send(&c->req, NULL);
}

static inline void play_freeze(struct play *p)
{
	struct play_call *c = next_call(p, 0, "freeze %d", !p->world.frozen);

	p->world.frozen = !p->world.frozen;
	if (p->world.frozen)
		store_ledger_freeze(real.store, &c->req, "the test says so");
	else
		store_ledger_unfreeze(real.store, &c->req);
}

/* --- one step --------------------------------------------------------------------------------- */

/* Mostly such as are in this state (-1 = there is none); some are not. */
static inline size_t some_jobs(struct play *p, struct job **jobs, int wanted)
{
	size_t n = 1 + (size_t)roll(&p->world, ITEMS_MAX);

	for (size_t i = 0; i < n; i++) {
		for (int tries = 0; tries < 8; tries++) {
			jobs[i] = &p->world.jobs[roll(&p->world, TASKS)];
			if ((jobs[i]->exists ? jobs[i]->state : -1) == wanted)
				break;
		}
		if (jobs[i]->task[0] == '\0')
			snprintf(jobs[i]->task, sizeof(jobs[i]->task), "zzzzzzzzzzzzzzzz.1");
	}
	return n;
}

static inline void play_task(struct play *p, int what)
{
	static const int wanted[] = {-1,           TASK_PENDING, TASK_RUNNING, TASK_RUNNING,   TASK_RUNNING,
	                             TASK_RUNNING, TASK_STOPPED, TASK_PENDING, TASK_COMPLETED, TASK_FAILED};
	struct job *jobs[ITEMS_MAX];
	size_t n = some_jobs(p, jobs, wanted[what]);

	if (what == 0 && !jobs[0]->exists)
		play_submit(p, jobs[0]);
	else if (what == 1)
		play_lease(p, jobs, n);
	else if (what == 2 || what == 3)
		play_tick(p, jobs, n);
	else if (what == 4 || (what == 6 && roll(&p->world, 2)))
		play_done(p, jobs, n);
	else if (what == 5)
		play_requeue(p, jobs, n);
	else
		play_end(p, jobs[0]);
}

static inline void play_step(struct play *p)
{
	struct world *w = &p->world;
	int what = roll(w, 100);

	if (w->frozen && roll(w, 10) == 0)
		play_freeze(p);
	else if (w->people_count < 5 || what < 2)
		play_register(p);
	else if (what < 25)
		play_move(p);
	else if (what < 27)
		play_project(p);
	else if (what < 97)
		play_task(p, roll(w, 10));
	else if (what < 99)
		play_malformed(p);
	else if (roll(w, 8) == 0)
		play_freeze(p);
}

#endif
