/* store/ledger_read.c - balances, statements, earnings, and pages of the ledger. */
#include <stdlib.h>
#include <string.h>

#include "proto/status.h"
#include "store/books.h"
#include "store/call.h"

#define LEDGER_PAGE_MAX 1000

static int64_t int_of(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_STRING ? strtoll(reply->str, NULL, 10) : 0;
}

/* Every element from `first` on is text. */
static bool all_text(const redisReply *reply, size_t first)
{
	for (size_t i = first; i < reply->elements; i++) {
		if (reply->element[i]->type != REDIS_REPLY_STRING)
			return false;
	}
	return true;
}

static uint32_t page_of(uint32_t limit)
{
	return limit < 1 ? 1 : limit > STORE_PAGE_MAX ? STORE_PAGE_MAX : limit;
}

/* --- what an account has ----------------------------------------------------------------------------- */

static void read_balance(struct store_req *req, const redisReply *reply)
{
	struct money *money = arena_alloc(&req->arena, sizeof(*money));

	if (reply->elements != 7 || !all_text(reply, 1)) {
		read_failed(req);
		return;
	}
	money->balance_mcpt = int_of(reply->element[1]);
	money->grant_mcpt = int_of(reply->element[2]);
	money->pending_mcpt = int_of(reply->element[3]);
	money->held_mcpt = int_of(reply->element[4]);
	money->earned_mcpt = int_of(reply->element[5]);
	money->spent_mcpt = int_of(reply->element[6]);
	req->money = money;
}

void store_balance(struct store *s, struct store_req *req, const char *account)
{
	call_begin(s, req, SCRIPT_BALANCE);
	call_key(req, "account:%s", account);
	call_send(req, read_balance);
}

static void read_earnings(struct store_req *req, const redisReply *reply)
{
	if (reply->elements < 2 || reply->elements % 2 != 0 || !all_text(reply, 1)) {
		read_failed(req);
		return;
	}
	req->id = arena_strdup(&req->arena, reply->element[1]->str);
	req->earnings = arena_alloc(&req->arena, reply->elements * sizeof(*req->earnings));
	for (size_t i = 2; i < reply->elements; i += 2)
		req->earnings[req->count++] = (struct earning){
		    arena_strdup(&req->arena, reply->element[i]->str), int_of(reply->element[i + 1])};
}

void store_earnings(struct store *s, struct store_req *req, const char *account, uint32_t limit,
                    const char *after)
{
	call_begin(s, req, SCRIPT_EARNINGS);
	call_key(req, "account:%s", account);
	call_key(req, "earning:%s", account);
	call_unsigned(req, page_of(limit));
	call_text(req, after);
	call_send(req, read_earnings);
}

/* --- statements -------------------------------------------------------------------------------------- */

/* What the record means to `own` ("user:ID" or "project:NAME"). The counterparty is the other user or project
 * in it; when there is none, the other side of the leg. */
static struct statement_line line_of(const struct transfer *r, const char *own)
{
	struct statement_line line = {.seq = r->seq,
	                              .time_ms = r->time_ms,
	                              .id = r->id,
	                              .kind = r->kind,
	                              .counterparty = "",
	                              .task = strcmp(r->task, "-") == 0 ? "" : r->task,
	                              .epoch = r->epoch,
	                              .wall_ms = r->wall_ms,
	                              .rate_ncpt = r->rate_ncpt,
	                              .start_mcpt = r->start_mcpt,
	                              .charge_mcpt = r->charge};

	for (int i = 0; i < r->leg_count; i++) {
		const struct transfer_leg *leg = &r->legs[i];
		bool paid = strcmp(leg->debit, own) == 0, got = strcmp(leg->credit, own) == 0;
		const char *other = paid ? leg->credit : leg->debit;

		line.amount_mcpt += (got ? leg->amount : 0) - (paid ? leg->amount : 0);
		if (!paid && !got && strncmp(leg->credit, "user:", 5) == 0)
			other = leg->credit;
		else if (line.counterparty[0] != '\0')
			continue;
		line.counterparty = other;
	}
	return line;
}

static void read_statement(struct store_req *req, const redisReply *reply)
{
	const char *own = req->subject;

	if (reply->elements < 2 || reply->elements % 2 != 0 || !all_text(reply, 1)) {
		read_failed(req);
		return;
	}
	req->next = strtoull(reply->element[1]->str, NULL, 10);
	req->lines = arena_alloc(&req->arena, reply->elements * sizeof(*req->lines));
	for (size_t i = 2; i < reply->elements; i += 2) {
		char *text = arena_strdup(&req->arena, reply->element[i]->str);
		struct transfer r;

		if (transfer_parse(&r, text, &req->error) != 0)
			return;
		req->lines[req->count] = line_of(&r, own);
		req->lines[req->count++].name = arena_strdup(&req->arena, reply->element[i + 1]->str);
	}
}

void store_statement(struct store *s, struct store_req *req, const char *account, uint32_t limit,
                     uint64_t after, int64_t since_ms)
{
	bool whole = strchr(account, ':') != NULL; /* "project:NAME", "hold:SUBMISSION" */

	call_begin(s, req, SCRIPT_STATEMENT);
	req->subject = arena_printf(&req->arena, "%s%s", whole ? "" : "user:", account);
	call_key(req, "statement:%s", account);
	call_unsigned(req, page_of(limit));
	call_unsigned(req, after);
	call_int(req, since_ms);
	call_text(req, account);
	call_send(req, read_statement);
}

/* --- the end of the ledger ------------------------------------------------------------------------------ */

static const char *head_field(const redisReply *fields, const char *name, const char *none)
{
	for (size_t i = 0; i + 1 < fields->elements; i += 2) {
		if (strcmp(fields->element[i]->str, name) == 0)
			return fields->element[i + 1]->str;
	}
	return none;
}

/* Without a record the treasury has all. */
static const struct ledger_totals *totals_of(struct store_req *req, const redisReply *fields)
{
	struct ledger_totals *t = arena_alloc(&req->arena, sizeof(*t));
	bool any = head_field(fields, "seq", NULL) != NULL;

	t->seq = strtoull(head_field(fields, "seq", "0"), NULL, 10);
	text_copy(t->chain, sizeof(t->chain), head_field(fields, "chain", BOOKS_FIRST_CHAIN));
	t->treasury_mcpt = any ? strtoll(head_field(fields, "treasury", "0"), NULL, 10) : CPT_SUPPLY;
	t->users_mcpt = strtoll(head_field(fields, "users", "0"), NULL, 10);
	t->pending_mcpt = strtoll(head_field(fields, "pending", "0"), NULL, 10);
	t->holds_mcpt = strtoll(head_field(fields, "holds", "0"), NULL, 10);
	t->projects_mcpt = strtoll(head_field(fields, "projects", "0"), NULL, 10);
	t->frozen = head_field(fields, "frozen", NULL) != NULL;
	t->why = arena_strdup(&req->arena, head_field(fields, "frozen", ""));
	return t;
}

static bool totals_right(const struct ledger_totals *t)
{
	__int128 sum =
	    (__int128)t->treasury_mcpt + t->users_mcpt + t->pending_mcpt + t->holds_mcpt + t->projects_mcpt;

	return sum == CPT_SUPPLY && t->treasury_mcpt >= 0 && t->users_mcpt >= 0 && t->pending_mcpt >= 0 &&
	       t->holds_mcpt >= 0 && t->projects_mcpt >= 0;
}

static void read_totals(struct store_req *req, const redisReply *reply)
{
	if (reply->elements != 2 || reply->element[1]->type != REDIS_REPLY_ARRAY) {
		read_failed(req);
		return;
	}
	req->totals = totals_of(req, reply->element[1]);
	if (!totals_right(req->totals))
		error_set(&req->error, STATUS_DATA_LOSS,
		          "the classes of the ledger do not add up to its supply: "
		          "%lld + %lld + %lld + %lld + %lld milli-CPT",
		          (long long)req->totals->treasury_mcpt, (long long)req->totals->users_mcpt,
		          (long long)req->totals->pending_mcpt, (long long)req->totals->holds_mcpt,
		          (long long)req->totals->projects_mcpt);
}

void store_ledger_totals(struct store *s, struct store_req *req)
{
	call_begin(s, req, SCRIPT_LEDGER_TOTALS);
	call_key(req, "ledger:head");
	call_send(req, read_totals);
}

/* --- pages ------------------------------------------------------------------------------------ */

static void read_page(struct store_req *req, const redisReply *reply)
{
	if (reply->elements < 2 || reply->elements % 2 != 0 || reply->element[1]->type != REDIS_REPLY_ARRAY ||
	    !all_text(reply, 2)) {
		read_failed(req);
		return;
	}
	req->totals = totals_of(req, reply->element[1]);
	req->records = arena_alloc(&req->arena, reply->elements * sizeof(*req->records));
	for (size_t i = 2; i < reply->elements; i += 2)
		req->records[req->count++] =
		    (struct ledger_record){arena_strdup(&req->arena, reply->element[i]->str),
		                           arena_strdup(&req->arena, reply->element[i + 1]->str)};
}

void store_ledger_page(struct store *s, struct store_req *req, uint64_t from, uint32_t limit)
{
	call_begin(s, req, SCRIPT_LEDGER_PAGE);
	call_key(req, "ledger");
	call_key(req, "ledger:head");
	call_unsigned(req, from > 0 ? from : 1);
	call_unsigned(req, limit < LEDGER_PAGE_MAX ? limit : LEDGER_PAGE_MAX);
	call_send(req, read_page);
}

static void read_balances(struct store_req *req, const redisReply *reply)
{
	if (reply->elements < 3 || reply->elements % 2 == 0 ||
	    reply->element[1]->type != REDIS_REPLY_STRING || reply->element[2]->type != REDIS_REPLY_ARRAY ||
	    !all_text(reply, 3)) {
		read_failed(req);
		return;
	}
	req->next = strtoull(reply->element[1]->str, NULL, 10);
	req->totals = totals_of(req, reply->element[2]);
	req->balances = arena_alloc(&req->arena, reply->elements * sizeof(*req->balances));
	for (size_t i = 3; i < reply->elements; i += 2)
		req->balances[req->count++] = (struct ledger_balance){
		    arena_strdup(&req->arena, reply->element[i]->str), int_of(reply->element[i + 1])};
}

void store_ledger_balances(struct store *s, struct store_req *req, enum ledger_class which, uint64_t after)
{
	static const struct {
		const char *name, *key;
	} classes[] = {
	    [LEDGER_USERS] = {"users", "accounts"},
	    [LEDGER_HOLDS] = {"holds", "holds"},
	    [LEDGER_PROJECTS] = {"projects", "projects"},
	};

	call_begin(s, req, SCRIPT_LEDGER_BALANCES);
	call_key(req, "%s", classes[which].key);
	call_key(req, "ledger:head");
	call_text(req, classes[which].name);
	call_unsigned(req, after);
	call_unsigned(req, STORE_PAGE_MAX);
	call_send(req, read_balances);
}
