/* test/store/ledger_play.h - random calls, right ones and wrong ones, made to a real store and to the world at once.
 * Calls are sent by the window; the world says beforehand what each must be answered. The first difference ends
 * the play and is kept in words. */
#ifndef TEST_STORE_LEDGER_PLAY_H
#define TEST_STORE_LEDGER_PLAY_H

#include "test/store/asking.h"
#include "test/store/ledger_world.h"

#include <signal.h>

#include "store/books.h"
#include "store/call.h"

#define WINDOW 64
#define ITEMS_MAX 4

struct play_call {
	struct store_req req;
	bool done, pending;
	int status;
	size_t items;
	int outcomes[ITEMS_MAX];
	bool checks_seq;
	uint64_t seq;
	char words[160];
};

struct play {
	struct world world;
	struct play_call calls[WINDOW];
	int open, window;
	struct books *books; /* replays the journal, a third opinion */
	long ops, kills, resent;
	int kill_one_in; /* 0 = never; else Redis is killed with one call in so many under way (then window is 1) */
	char difference[400]; /* "" = none */
};

static inline void on_play(struct store_req *req)
{
	container_of(req, struct play_call, req)->done = true;
}

static inline void differ(struct play *p, const char *format, ...)
{
	va_list args;

	if (p->difference[0] != '\0')
		return;
	va_start(args, format);
	vsnprintf(p->difference, sizeof(p->difference), format, args);
	va_end(args);
}

static inline void check_call(struct play *p, struct play_call *c)
{
	if (c->req.error.status != c->status) {
		differ(p, "op %ld %s: status %d (%s), not %d", p->ops, c->words, c->req.error.status, c->req.error.text,
		       c->status);
		return;
	}
	if (c->status != 0)
		return;
	for (size_t i = 0; i < c->items; i++) {
		if (c->req.outcomes[i] != c->outcomes[i])
			differ(p, "op %ld %s: item %zu outcome %d, not %d", p->ops, c->words, i, c->req.outcomes[i],
			       c->outcomes[i]);
	}
	if (c->checks_seq && c->req.number != c->seq)
		differ(p, "op %ld %s: record %llu, not %llu", p->ops, c->words, (unsigned long long)c->req.number,
		       (unsigned long long)c->seq);
}

/* The call under way may have been sent, done, answered, or none of it. */
static inline void kill_redis(struct play *p)
{
	redisContext *c = redisConnectUnix(real.address.path);
	redisReply *reply = redisCommand(c, "INFO server");

	assert_non_null(reply);
	for (int turns = roll(&p->world, 4); turns > 0; turns--)
		uv_run(&real.loop.uv, UV_RUN_NOWAIT);
	usleep((unsigned)roll(&p->world, 2) * 1500);
	kill(atoi(strstr(reply->str, "process_id:") + strlen("process_id:")), SIGKILL);
	freeReplyObject(reply);
	redisFree(c);
	p->kills++;
}

/* The answer was lost: ask again, with the same words, until there is one. */
static inline void insist(struct play *p, struct play_call *c)
{
	bool again = c->req.error.status == STATUS_UNAVAILABLE;

	while (c->req.error.status == STATUS_UNAVAILABLE) {
		run_until(&real.loop, &real.up);
		error_clear(&c->req.error);
		c->done = false;
		p->resent++;
		call_send(&c->req, c->req.read);
		run_until(&real.loop, &c->done);
	}
	if (again && c->status == 0 && c->req.error.status == STATUS_NOT_FOUND && strncmp(c->words, "remove", 6) == 0)
		error_clear(&c->req.error); /* the first sending did it */
}

/* Wait for all calls under way and look at their answers. */
static inline void drain(struct play *p)
{
	for (int i = 0; i < p->open; i++) {
		struct play_call *c = &p->calls[i];

		if (p->kill_one_in > 0 && c->pending && roll(&p->world, p->kill_one_in) == 0)
			kill_redis(p);
		if (c->pending && !c->done)
			run_until(&real.loop, &c->done);
		if (p->kill_one_in > 0 && c->pending)
			insist(p, c);
		if (c->pending)
			check_call(p, c);
		store_req_release(&c->req);
		*c = (struct play_call){0};
	}
	p->open = 0;
}

static inline struct play_call *next_call(struct play *p, int status, const char *format, ...)
{
	struct play_call *c;
	va_list args;

	if (p->open == p->window)
		drain(p);
	c = &p->calls[p->open++];
	c->req.on_done = on_play;
	c->pending = true;
	c->status = status;
	p->ops++;
	va_start(args, format);
	vsnprintf(c->words, sizeof(c->words), format, args);
	va_end(args);
	return c;
}

/* --- what may be asked -------------------------------------------------------------------------------- */

static inline int64_t any_amount(struct world *w, int64_t has)
{
	static const int64_t odd[] = {0, -1, INT64_MIN, INT64_MAX, CPT_SUPPLY, CPT_SUPPLY + 1, 1, 9007199254740993ll};

	switch (roll(w, 10)) {
	case 0:
		return odd[roll(w, sizeof(odd) / sizeof(odd[0]))];
	case 1:
		return has;
	case 2:
		return has + 1;
	case 3:
		return 1 + (int64_t)(dice(w) % 1000000);
	default:
		return has > 0 ? 1 + (int64_t)(dice(w) % (uint64_t)(has > 20000 ? 20000 : has)) : 5;
	}
}

static inline void play_register(struct play *p)
{
	static const int64_t gifts[] = {CPT_GIFT, CPT_GIFT, 123456789012345ll, 0, CPT_SUPPLY, 7};
	struct world *w = &p->world;
	bool bound = roll(w, 2), taken = w->people_count > 0 && roll(w, 4) == 0;
	int64_t gift = gifts[roll(w, w->people_count < 5 ? 3 : 6)];
	char id[ID_SIZE], name[16];
	struct registration r = {.id = id,
				 .name = name,
				 .password = "x",
				 .now_ms = NOW,
				 .call_id = taken ? "" : id,
				 .gift_mcpt = gift,
				 .gift_tasks_only = bound};
	struct play_call *c;

	if (w->people_count == PEOPLE_MAX)
		return;
	snprintf(id, sizeof(id), "%016d", 100 + w->people_count + (taken ? 50000 : 0));
	snprintf(name, sizeof(name), "u%d", taken ? roll(w, w->people_count) : w->people_count);
	c = next_call(p, taken ? STATUS_ALREADY_EXISTS : world_register(w, id, gift, bound), "register %s %lld", name,
		      (long long)gift);
	store_register(real.store, &c->req, &r);
	if (taken || c->status != 0)
		return;
	c = next_call(p, 0, "upload");
	store_blob_add(real.store, &c->req, id, BUNDLE, 1000, NOW);
}

static inline void send_move(struct play *p, struct play_call *c, const struct memory *m)
{
	const char *from = p->world.people[m->from].id;
	char to[32];

	snprintf(to, sizeof(to), m->kind == TRANSFER ? "u%d" : "project%d", m->to);
	if (m->kind == TRANSFER)
		store_transfer(real.store, &c->req, from, to, m->amount, m->call_id, NOW);
	else if (m->kind == TIP)
		store_tip(real.store, &c->req, from, to, m->amount, m->call_id, NOW);
	else
		store_project_withdraw(real.store, &c->req, from, to, m->amount, m->call_id, NOW);
}

static inline void play_again(struct play *p)
{
	struct world *w = &p->world;
	struct memory m = w->memories[roll(w, w->memory_count)];
	bool other = roll(w, 4) == 0;
	struct play_call *c;

	m.amount += other;
	c = next_call(p, other ? STATUS_ABORTED : 0, "move again %s", m.call_id);
	c->checks_seq = !other;
	c->seq = m.seq;
	send_move(p, c, &m);
}

static inline void play_move(struct play *p)
{
	struct world *w = &p->world;
	struct memory m = {.kind = roll(w, 3), .from = roll(w, w->people_count)};
	const struct person *from = &w->people[m.from];
	bool bad_id = roll(w, 40) == 0;
	struct play_call *c;
	int status;

	if (w->memory_count > 0 && roll(w, 5) == 0) {
		play_again(p);
		return;
	}
	m.to = m.kind == TRANSFER ? roll(w, w->people_count + 1) : roll(w, PROJECTS);
	m.amount = any_amount(w, m.kind == WITHDRAW ? w->project_balance[m.to] : from->balance - from->grant);
	snprintf(m.call_id, sizeof(m.call_id), bad_id ? "c %llu" : "c%llu", (unsigned long long)w->serial++);
	status = bad_id ? STATUS_INVALID_ARGUMENT : world_move(w, m.kind, m.from, m.to, m.amount);
	c = next_call(p, status, "move kind %d %d->%d %lld", m.kind, m.from, m.to, (long long)m.amount);
	c->checks_seq = status == 0;
	c->seq = m.seq = w->seq;
	if (status == 0) {
		int at = w->memory_count < MEMORIES ? w->memory_count++ : roll(w, MEMORIES);

		w->memories[at] = m;
	}
	send_move(p, c, &m);
}

static inline void play_project(struct play *p)
{
	struct world *w = &p->world;
	int n = roll(w, PROJECTS), who = roll(w, w->people_count);
	char name[32];
	struct play_call *c;

	snprintf(name, sizeof(name), "project%d", n);
	if (w->project_owner[n] == -2) {
		w->project_owner[n] = -1;
		c = next_call(p, 0, "create %s", name);
		store_project_create(real.store, &c->req, w->people[who].id, name, "https://example.org", NOW);
	} else if (roll(w, 8) == 0) {
		bool claimed = w->project_owner[n] >= 0 && w->project_owner[n] != who;

		c = next_call(p, claimed ? STATUS_ALREADY_EXISTS : 0, "token %s", name);
		store_project_token(real.store, &c->req, w->people[who].id, name, "token");
		c = next_call(p, claimed ? STATUS_ALREADY_EXISTS : 0, "claim %s", name);
		store_project_claim(real.store, &c->req, w->people[who].id, name, NOW);
		if (!claimed)
			w->project_owner[n] = who;
	}
}

static inline void send_submit(struct play *p, const struct job *j, int status, int64_t hold, const char *call_id)
{
	struct play_call *c = next_call(p, status, "submit %s hold %lld", j->submission, (long long)hold);
	Pb__TaskSpec spec = PB__TASK_SPEC__INIT;
	struct submission sub = {.account = p->world.people[j->owner].id,
				 .spec = &spec,
				 .bundle_sha256 = BUNDLE,
				 .bundle_size = 1000,
				 .now_ms = NOW,
				 .call_id = call_id,
				 .hold_mcpt = hold,
				 .start_mcpt = 10,
				 .rate_ncpt = 1666944};

	memcpy(sub.id, j->submission, sizeof(sub.id));
	spec.name = (char *)"t";
	store_submit(real.store, &c->req, &sub);
}

static inline void play_submit(struct play *p, struct job *j)
{
	struct world *w = &p->world;
	int owner = roll(w, w->people_count), status;
	int64_t hold = roll(w, 5) == 0 ? 0 : any_amount(w, w->people[owner].balance);
	char call_id[32];

	*j = (struct job){.owner = owner, .worker = -1};
	snprintf(j->submission, sizeof(j->submission), "%016llu", 1000000 + (unsigned long long)w->serial++);
	snprintf(j->task, sizeof(j->task), "%s.1", j->submission);
	snprintf(call_id, sizeof(call_id), "s%s", j->submission);
	status = world_submit(w, j, owner, hold);
	send_submit(p, j, status, hold, call_id);
	if (status == 0 && roll(w, 5) == 0)
		send_submit(p, j, 0, hold, call_id);
}

/* --- batches of tasks ------------------------------------------------------------------------------------ */

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
	static const int failures[] = {0, 0, 0, FAILURE_USER_EXIT, FAILURE_OOM, FAILURE_BUDGET, FAILURE_INFRA};
	struct play_call *c = next_call(p, 0, "done %s", jobs[0]->task);
	struct done_item items[ITEMS_MAX];
	Pb__Done dones[ITEMS_MAX];

	for (size_t i = 0; i < n; i++) {
		uint32_t epoch = any_epoch(&p->world, jobs[i]);
		int worker = any_worker(&p->world, jobs[i]), failure = failures[roll(&p->world, 7)];
		int64_t charge = any_amount(&p->world, jobs[i]->each);

		dones[i] = (Pb__Done)PB__DONE__INIT;
		dones[i].task = jobs[i]->task;
		dones[i].epoch = epoch;
		dones[i].failure = failure;
		items[i] = (struct done_item){.worker = worker_id(worker),
					      .done = &dones[i],
					      .charge_mcpt = charge,
					      .wall_ms = charge / 2,
					      .start_mcpt = 10,
					      .rate_ncpt = 1666944};
		if (c->status == 0)
			expect(c, world_done(&p->world, jobs[i], epoch, worker, failure, charge));
		c->items++;
	}
	snprintf(c->words + strlen(c->words), 60, " +%zu charge %lld", n - 1, (long long)items[0].charge_mcpt);
	store_done(real.store, &c->req, items, n, NOW);
}

static inline void play_requeue(struct play *p, struct job **jobs, size_t n)
{
	struct play_call *c = next_call(p, 0, "requeue %s", jobs[0]->task);
	struct requeue_item items[ITEMS_MAX];

	for (size_t i = 0; i < n; i++) {
		uint32_t epoch = any_epoch(&p->world, jobs[i]);
		bool loss = roll(&p->world, 2);

		items[i] = (struct requeue_item){jobs[i]->task, epoch, "lost", loss};
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
	static const char *const bad[] = {"1e3",  "-5", "1.5", "",    "nan",  " 5", "99999999999999999", "0x10",
					  "inf", "5 ", "+5",  "1,5", "1000000000000001"};
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

/* --- one step ----------------------------------------------------------------------------------------------- */

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
	static const int wanted[] = {-1, TASK_PENDING, TASK_RUNNING, TASK_RUNNING, TASK_RUNNING, TASK_RUNNING,
				     TASK_STOPPED, TASK_PENDING, TASK_COMPLETED, TASK_FAILED};
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
