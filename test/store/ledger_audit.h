/* test/store/ledger_audit.h - the play's audit: every number in Redis is the world's, and the journal makes
 * them too. */
#ifndef TEST_STORE_LEDGER_AUDIT_H
#define TEST_STORE_LEDGER_AUDIT_H

#include "test/store/ledger_steps.h"

/* A connection of its own, past the store. */
static redisContext *direct;

static inline long long number_of(const char *key, const char *field)
{
	redisReply *reply = redisCommand(direct, "HGET %s %s", key, field);
	long long n;

	assert_non_null(reply);
	n = reply->type == REDIS_REPLY_STRING ? strtoll(reply->str, NULL, 10) : 0;
	freeReplyObject(reply);
	return n;
}

static inline void same(struct play *p, const char *key, const char *field, long long should)
{
	long long is = number_of(key, field);

	if (is != should)
		differ(p, "audit after op %ld: %s %s is %lld, not %lld", p->ops, key, field, is, should);
}

/* The lines of a statement add up to the balance. */
static inline void audit_statement(struct play *p, const struct person *who)
{
	int64_t sum = 0;
	uint64_t after = 0;

	do {
		store_statement(real.store, ask_(), who->id, 200, after, 0);
		ok();
		for (size_t i = 0; i < a.req.count; i++)
			sum += a.req.lines[i].amount_mcpt;
		after = a.req.next;
	} while (after != 0);
	if (sum != who->balance)
		differ(p, "audit after op %ld: the statement of %s makes %lld, not %lld", p->ops, who->name,
		       (long long)sum, (long long)who->balance);
}

static inline void audit_people(struct play *p)
{
	struct world *w = &p->world;

	for (int i = 0; i < w->people_count; i++) {
		const struct person *who = &w->people[i];
		char key[64], name[64];

		snprintf(key, sizeof(key), "account:%s", who->id);
		same(p, key, "balance", who->balance);
		same(p, key, "grant", who->grant);
		same(p, key, "pending", who->pending);
		same(p, key, "held", who->held);
		same(p, key, "earned", who->earned);
		same(p, key, "spent", who->spent);
		snprintf(name, sizeof(name), "user:%s", who->id);
		if (books_balance(p->books, name) != who->balance ||
		    books_grant(p->books, name) != who->grant)
			differ(p, "audit after op %ld: the journal makes another balance of %s", p->ops,
			       who->name);
	}
	audit_statement(p, &w->people[roll(w, w->people_count)]);
}

static inline void audit_jobs(struct play *p, int64_t *holds)
{
	for (int i = 0; i < TASKS; i++) {
		const struct job *j = &p->world.jobs[i];
		char key[64];

		if (!j->exists)
			continue;
		snprintf(key, sizeof(key), "submission:%s", j->submission);
		same(p, key, "hold", has_money(j) ? j->each - j->paid : 0);
		*holds += has_money(j) ? j->each - j->paid : 0;
		snprintf(key, sizeof(key), "task:%s", j->task);
		same(p, key, "state", j->state);
		same(p, key, "epoch", j->epoch);
		same(p, key, "paid_mcpt", j->paid);
		same(p, key, "charged_mcpt", j->charged);
	}
}

static inline void audit_journal(struct play *p)
{
	struct error err = {0};

	do {
		store_ledger_page(real.store, ask_(), books_seq(p->books) + 1, 1000);
		ok();
		for (size_t i = 0; i < a.req.count && err.status == 0; i++)
			books_apply(p->books, a.req.records[i].text, a.req.records[i].chain, &err);
	} while (a.req.count > 0 && err.status == 0);
	if (err.status != 0)
		differ(p, "audit after op %ld: %s", p->ops, err.text);
	else if (books_seq(p->books) != p->world.seq)
		differ(p, "audit after op %ld: the journal has %llu records, not %llu", p->ops,
		       (unsigned long long)books_seq(p->books), (unsigned long long)p->world.seq);
}

static inline void audit_totals(struct play *p, int64_t holds)
{
	struct world *w = &p->world;
	int64_t users = 0, pending = 0, projects = 0;

	for (int i = 0; i < w->people_count; i++) {
		users += w->people[i].balance;
		pending += w->people[i].pending;
	}
	for (int i = 0; i < PROJECTS; i++) {
		char key[32];

		projects += w->project_balance[i];
		snprintf(key, sizeof(key), "project:project%d", i);
		same(p, key, "balance", w->project_balance[i]);
	}
	store_ledger_totals(real.store, ask_());
	run_until(&real.loop, &a.done);
	if (a.req.error.status != 0)
		differ(p, "audit after op %ld: %s", p->ops, a.req.error.text);
	else if (a.req.totals->treasury_mcpt != w->treasury || a.req.totals->users_mcpt != users ||
	         a.req.totals->pending_mcpt != pending || a.req.totals->holds_mcpt != holds ||
	         a.req.totals->projects_mcpt != projects || a.req.totals->frozen != w->frozen)
		differ(p, "audit after op %ld: the classes are not what the accounts are", p->ops);
	if (w->treasury + users + pending + holds + projects != CPT_SUPPLY)
		differ(p, "audit after op %ld: the world itself is wrong", p->ops);
}

static inline void audit(struct play *p)
{
	int64_t holds = 0;

	drain(p);
	if (p->difference[0] != '\0')
		return;
	run_until(&real.loop, &real.up);
	direct = redisConnectUnix(real.address.path);
	assert_true(direct != NULL && direct->err == 0);
	audit_journal(p);
	audit_jobs(p, &holds);
	audit_people(p);
	audit_totals(p, holds);
	redisFree(direct);
}

/* --- a whole play ----------------------------------------------------------------------------- */

static inline void join_workers(struct play *p)
{
	Pb__Host host = PB__HOST__INIT;

	while (p->world.people_count < 5)
		play_register(p);
	drain(p);
	for (int i = 0; i < STRANGE_WORKER; i++) {
		store_worker_join(real.store, ask_(), worker_id(i), p->world.people[payee_of(i)].id, "box",
		                  &host, NOW);
		ok();
	}
}

static inline void play_begin(struct play *p, uint64_t seed)
{
	*p = (struct play){.window = WINDOW, .books = books_open(true)};
	world_begin(&p->world, seed);
	join_workers(p);
}

/* Until so many calls were made or the first difference. */
static inline void play_on(struct play *p, long ops, long between_audits)
{
	long end_at = p->ops + ops, next = p->ops + between_audits;

	while (p->ops < end_at && p->difference[0] == '\0') {
		play_step(p);
		if (p->ops >= next) {
			audit(p);
			next = p->ops + between_audits;
		}
	}
	audit(p);
}

static inline void play_end_all(struct play *p)
{
	drain(p);
	books_close(p->books);
}

#endif
