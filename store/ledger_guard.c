/* store/ledger_guard.c - see ledger_guard.h. Three things go on beside one another, each with one request:
 *
 *   check  CHECKING: the record at the mark -> told; then the watch begins, and a round
 *   watch  each WATCH_MS, when money has moved or a second is over: the totals -> the mark
 *   round  BALANCES: a page of what accounts hold, and the seq of that moment -> REPLAYING: records up to
 * just that seq -> compare -> rest PACE_MS -> the next page ... -> every class was read: nothing missing ->
 * told
 *
 * A lost connection ends check and round; the next check begins them anew. Records that were replayed stay
 * so. */
#include "store/ledger_guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/clock.h"
#include "net/log.h"
#include "net/memory.h"
#include "net/step.h"
#include "proto/status.h"
#include "store/call.h"

#define WATCH_MS 100
#define WATCH_IDLE_MS 1000
#define ROUND_EVERY_MS (10 * 60 * 1000)
#define PACE_MS 2
#define PAGE 500

enum { IDLE, BALANCES, REPLAYING, RESTING };

static const struct state states[] = {
    [IDLE] = {"IDLE", TO(BALANCES)},
    [BALANCES] = {"BALANCES", TO(REPLAYING) | TO(IDLE)},
    [REPLAYING] = {"REPLAYING", TO(RESTING) | TO(IDLE)},
    [RESTING] = {"RESTING", TO(REPLAYING) | TO(BALANCES) | TO(IDLE)},
};

struct ledger_guard {
	struct loop *loop;
	struct store *store;
	struct ledger_guard_events events;
	bool accept, checked, closing;
	struct high_water mark;
	struct store_req check, watch, balances, page, freeze;
	bool checking, watching, freezing;
	struct timer clock, pace;
	uint64_t moves_seen; /* store_money_moves() at the last watch */
	int64_t watched_ms, round_ms;
	struct step round;
	struct books *books;
	enum ledger_class class;
	bool first_page; /* of the round */
	uint64_t after, violations;
	void (*closed)(void *user);
	void *closed_user;
	int open; /* timers and the mark that are to close */
};

static void close_when_quiet(struct ledger_guard *g);

/* --- a violation ---------------------------------------------------------------------------------------- */

static void on_frozen(struct store_req *req)
{
	struct ledger_guard *g = req->user;

	g->freezing = false;
	if (req->error.status != 0)
		log_error("the ledger could not be frozen error=\"%s\"", req->error.text);
	store_req_release(req);
	close_when_quiet(g);
}

static void violation(struct ledger_guard *g, const char *what)
{
	g->violations++;
	log_error("the ledger is wrong and is frozen what=\"%s\"", what);
	if (!g->freezing && !g->closing) {
		g->freezing = true;
		g->freeze = (struct store_req){.on_done = on_frozen, .user = g};
		store_ledger_freeze(g->store, &g->freeze, what);
	}
	if (g->events.on_violation != NULL)
		g->events.on_violation(g, what, g->events.user);
}

/* --- a round ---------------------------------------------------------------------------------- */

static void on_balances(struct store_req *req);
static void on_page(struct store_req *req);

static void round_end(struct ledger_guard *g)
{
	step_to(&g->round, IDLE, "ledger round");
	store_req_release(&g->balances);
	store_req_release(&g->page);
	timer_clear(&g->pace);
	g->round_ms = clock_ms();
}

/* What the books made is of no use any more: the next round begins at the first record. */
static void books_anew(struct ledger_guard *g)
{
	books_close(g->books);
	g->books = books_open(false);
}

static void round_wrong(struct ledger_guard *g, const struct error *err)
{
	char what[sizeof(err->text)];

	text_copy(what, sizeof(what), err->text);
	round_end(g);
	books_anew(g);
	violation(g, what);
}

static void ask_balances(struct ledger_guard *g)
{
	step_to(&g->round, BALANCES, "ledger round");
	store_req_release(&g->balances);
	g->balances = (struct store_req){.on_done = on_balances, .user = g};
	store_ledger_balances(g->store, &g->balances, g->class, g->after);
}

static void replay(struct ledger_guard *g)
{
	uint64_t left = g->balances.totals->seq - books_seq(g->books);

	step_to(&g->round, REPLAYING, "ledger round");
	store_req_release(&g->page);
	g->page = (struct store_req){.on_done = on_page, .user = g};
	store_ledger_page(g->store, &g->page, books_seq(g->books) + 1, left < PAGE ? (uint32_t)left : PAGE);
}

static void round_done(struct ledger_guard *g)
{
	struct error err = {0};
	uint64_t records = books_seq(g->books), accounts = books_accounts(g->books);

	if (books_missing(g->books, &err) != 0) {
		round_wrong(g, &err);
		return;
	}
	round_end(g);
	log_info("the ledger is right records=%llu accounts=%llu", (unsigned long long)records,
	         (unsigned long long)accounts);
	if (g->events.on_audited != NULL)
		g->events.on_audited(g, records, accounts, g->events.user);
}

/* The books stand where the balances were read. */
static void compare(struct ledger_guard *g)
{
	const struct ledger_totals *t = g->balances.totals;
	struct error err = {0};

	if (g->first_page)
		books_round(g->books);
	g->first_page = false;
	for (size_t i = 0; i < g->balances.count; i++) {
		if (books_compare(g->books, g->balances.balances[i].account, g->balances.balances[i].mcpt,
		                  &err) != 0)
			break;
	}
	if (err.status == 0 && strcmp(t->chain, books_chain(g->books)) != 0)
		error_set(&err, STATUS_DATA_LOSS,
		          "the head of the ledger has another hash than its record %llu",
		          (unsigned long long)t->seq);
	if (err.status == 0 && (t->users_mcpt != books_total(g->books, BOOKS_USERS) ||
	                        t->pending_mcpt != books_total(g->books, BOOKS_PENDING) ||
	                        t->holds_mcpt != books_total(g->books, BOOKS_HOLDS) ||
	                        t->projects_mcpt != books_total(g->books, BOOKS_PROJECTS) ||
	                        t->treasury_mcpt != books_total(g->books, BOOKS_TREASURY)))
		error_set(&err, STATUS_DATA_LOSS, "the sums of the classes are not what the records make");
	if (err.status != 0) {
		round_wrong(g, &err);
		return;
	}
	g->after = g->balances.next;
	if (g->after == 0 && g->class == LEDGER_PROJECTS) {
		round_done(g);
		return;
	}
	g->class += g->after == 0;
	ask_balances(g);
}

static void on_pace(struct timer *t)
{
	struct ledger_guard *g = container_of(t, struct ledger_guard, pace);

	if (books_seq(g->books) == g->balances.totals->seq)
		compare(g);
	else
		replay(g);
}

static void rest(struct ledger_guard *g)
{
	step_to(&g->round, RESTING, "ledger round");
	timer_set(&g->pace, PACE_MS);
}

/* Redis is away, or we are closing: no verdict. */
static bool round_over(struct ledger_guard *g, const struct store_req *req)
{
	if (!g->closing && req->error.status == 0)
		return false;
	if (!g->closing)
		log_warn("a check of the ledger was not finished error=\"%s\"", req->error.text);
	round_end(g);
	close_when_quiet(g);
	return true;
}

static void on_page(struct store_req *req)
{
	struct ledger_guard *g = req->user;
	struct error err = {0};

	if (round_over(g, req))
		return;
	if (req->count == 0)
		error_set(&err, STATUS_DATA_LOSS, "record %llu of the ledger is missing",
		          (unsigned long long)books_seq(g->books) + 1);
	for (size_t i = 0; i < req->count && err.status == 0; i++)
		books_apply(g->books, req->records[i].text, req->records[i].chain, &err);
	if (err.status != 0)
		round_wrong(g, &err);
	else
		rest(g);
}

static void on_balances(struct store_req *req)
{
	struct ledger_guard *g = req->user;

	if (round_over(g, req))
		return;
	if (req->totals->seq < books_seq(g->books)) { /* a rollback that was accepted */
		round_end(g);
		books_anew(g);
	} else if (req->totals->seq == books_seq(g->books)) {
		step_to(&g->round, REPLAYING, "ledger round");
		rest(g);
	} else {
		replay(g);
	}
}

void ledger_guard_audit(struct ledger_guard *g)
{
	if (g->round.at != IDLE || !g->checked || g->closing)
		return;
	g->class = LEDGER_USERS;
	g->after = 0;
	g->first_page = true;
	ask_balances(g);
}

/* --- the watch -------------------------------------------------------------------------------- */

static void on_totals(struct store_req *req)
{
	struct ledger_guard *g = req->user;

	g->watching = false;
	if (req->error.status == STATUS_DATA_LOSS && !req->totals->frozen)
		violation(g, req->error.text);
	else if (req->error.status == 0 && g->checked && req->totals->seq > g->mark.wanted.seq)
		high_water_note(&g->mark, req->totals->seq, req->totals->chain);
	store_req_release(req);
	close_when_quiet(g);
}

static void on_clock(struct timer *t)
{
	struct ledger_guard *g = container_of(t, struct ledger_guard, clock);
	uint64_t moves = store_money_moves(g->store);
	bool due = moves != g->moves_seen || clock_ms() - g->watched_ms >= WATCH_IDLE_MS;

	timer_set(&g->clock, WATCH_MS);
	if (!g->checked || !store_is_up(g->store))
		return;
	if (due && !g->watching) {
		g->watching = true;
		g->moves_seen = moves;
		g->watched_ms = clock_ms();
		g->watch = (struct store_req){.on_done = on_totals, .user = g};
		store_ledger_totals(g->store, &g->watch);
	}
	if (clock_ms() - g->round_ms >= ROUND_EVERY_MS)
		ledger_guard_audit(g);
}

/* --- the check -------------------------------------------------------------------------------- */

/* Is what Redis has what this pool saw? */
static void judge(struct ledger_guard *g, const struct store_req *req, struct error *err)
{
	const struct mark *kept = &g->mark.kept;
	uint64_t seq = req->totals->seq;

	if (kept->seq == 0 ||
	    (seq >= kept->seq && req->count == 1 && strcmp(req->records[0].chain, kept->chain) == 0))
		return;
	if (seq < kept->seq)
		error_set(err, STATUS_FAILED_PRECONDITION,
		          "Redis lost transfers %llu..%llu: it is older than what this pool has seen",
		          (unsigned long long)seq + 1, (unsigned long long)kept->seq);
	else
		error_set(err, STATUS_FAILED_PRECONDITION,
		          "Redis lost transfers up to %llu: that record is not the one this pool has seen",
		          (unsigned long long)kept->seq);
	error_hint(err,
	           "restore the newest copy of Redis, or start the pool once with --accept-ledger-rollback");
}

static void on_check(struct store_req *req)
{
	struct ledger_guard *g = req->user;
	struct error err = req->error;

	g->checking = false;
	if (err.status == 0)
		judge(g, req, &err);
	if (err.status == STATUS_FAILED_PRECONDITION && g->accept && req->totals != NULL) {
		log_warn("the operator accepts an older ledger what=\"%s\"", err.text);
		error_clear(&err);
		high_water_note(&g->mark, req->totals->seq, req->totals->chain);
		if (g->round.at == IDLE)
			books_anew(g);
	}
	g->checked = err.status == 0;
	store_req_release(req);
	if (!g->closing) {
		g->events.on_checked(g, &err, g->events.user);
		if (g->checked)
			ledger_guard_audit(g);
	}
	close_when_quiet(g);
}

void ledger_guard_check(struct ledger_guard *g)
{
	if (g->checking || g->closing)
		return;
	g->checking = true;
	g->checked = false;
	g->check = (struct store_req){.on_done = on_check, .user = g};
	store_ledger_page(g->store, &g->check, g->mark.kept.seq, 1);
}

/* --- open and close --------------------------------------------------------------------------- */

struct ledger_guard *ledger_guard_open(struct loop *loop, struct store *s, const char *path,
                                       bool accept_rollback, const struct ledger_guard_events *events,
                                       struct error *err)
{
	struct ledger_guard *g = xcalloc(1, sizeof(*g));
	int rc;

	g->loop = loop;
	g->store = s;
	g->events = *events;
	g->accept = accept_rollback;
	g->round = (struct step){states, IDLE};
	g->round_ms = clock_ms();
	g->books = books_open(false);
	rc = high_water_open(&g->mark, loop, path, err);
	timer_init(loop, &g->clock, on_clock);
	timer_init(loop, &g->pace, on_pace);
	if (rc == 0 || (rc == STATUS_DATA_LOSS && accept_rollback)) {
		timer_set(&g->clock, WATCH_MS);
		return g;
	}
	ledger_guard_close(g, NULL, NULL);
	return NULL;
}

uint64_t ledger_guard_violations(const struct ledger_guard *g)
{
	return g->violations;
}

static void one_closed(struct ledger_guard *g)
{
	void (*closed)(void *user) = g->closed;
	void *user = g->closed_user;

	if (--g->open > 0)
		return;
	books_close(g->books);
	free(g);
	if (closed != NULL)
		closed(user);
}

static void on_clock_closed(struct timer *t)
{
	one_closed(container_of(t, struct ledger_guard, clock));
}

static void on_pace_closed(struct timer *t)
{
	one_closed(container_of(t, struct ledger_guard, pace));
}

static void on_mark_closed(struct high_water *h)
{
	one_closed(container_of(h, struct ledger_guard, mark));
}

/* A request under way is waited for. */
static void close_when_quiet(struct ledger_guard *g)
{
	if (!g->closing || g->open > 0 || g->checking || g->watching || g->freezing || g->round.at != IDLE)
		return;
	g->open = 3;
	timer_close(&g->clock, on_clock_closed);
	timer_close(&g->pace, on_pace_closed);
	high_water_close(&g->mark, on_mark_closed);
}

void ledger_guard_close(struct ledger_guard *g, void (*closed)(void *user), void *user)
{
	g->closing = true;
	g->closed = closed;
	g->closed_user = user;
	timer_clear(&g->clock);
	if (g->round.at == RESTING)
		round_end(g);
	close_when_quiet(g);
}
