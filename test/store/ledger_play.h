/* test/store/ledger_play.h - random calls, right ones and wrong ones, made to a real store and to the world
 * at once. Calls are sent by the window; the world says beforehand what each must be answered. The first
 * difference ends the play and is kept in words. */
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
	int kill_one_in; /* 0 = never; else Redis is killed with one call in so many under way (then window is
	                    1) */
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
		differ(p, "op %ld %s: status %d (%s), not %d", p->ops, c->words, c->req.error.status,
		       c->req.error.text, c->status);
		return;
	}
	if (c->status != 0)
		return;
	for (size_t i = 0; i < c->items; i++) {
		if (c->req.outcomes[i] != c->outcomes[i])
			differ(p, "op %ld %s: item %zu outcome %d, not %d", p->ops, c->words, i,
			       c->req.outcomes[i], c->outcomes[i]);
	}
	if (c->checks_seq && c->req.number != c->seq)
		differ(p, "op %ld %s: record %llu, not %llu", p->ops, c->words,
		       (unsigned long long)c->req.number, (unsigned long long)c->seq);
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
	if (again && c->status == 0 && c->req.error.status == STATUS_NOT_FOUND &&
	    strncmp(c->words, "remove", 6) == 0)
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
	static const int64_t odd[] = {
	    0, -1, INT64_MIN, INT64_MAX, CPT_SUPPLY, CPT_SUPPLY + 1, 1, 9007199254740993ll};

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
	c = next_call(p, taken ? STATUS_ALREADY_EXISTS : world_register(w, id, gift, bound),
	              "register %s %lld", name, (long long)gift);
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
		store_project_create(real.store, &c->req, w->people[who].id, name, "https://example.org",
		                     NOW);
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

static inline void send_submit(struct play *p, const struct job *j, int status, int64_t hold,
                               const char *call_id)
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

#endif
