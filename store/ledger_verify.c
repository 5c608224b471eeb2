/* store/ledger_verify.c - see ledger_verify.h.
 *
 * For each page of accounts: MULTI, the seq of the head and their balances, EXEC; then records are replayed
 * up to just that seq, and the balances compared. So it is exact beside a pool that works. On a copy the
 * first page brings all records. A connection error ends it as UNAVAILABLE; the first thing that is wrong
 * ends it as DATA_LOSS. */
#include "store/ledger_verify.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/clock.h"
#include "net/memory.h"
#include "proto/status.h"
#include "store/redis_copy.h"

#define RECORDS 2000 /* in one answer */
#define ACCOUNTS 500

struct verify {
	redisContext *redis;
	struct books *books;
	struct error *err;
	bool round;
};

/* --- asking ----------------------------------------------------------------------------------- */

static redisReply *got(struct verify *v, redisReply *reply)
{
	if (reply == NULL)
		error_set(v->err, STATUS_UNAVAILABLE, "Redis went away: %s", v->redis->errstr);
	else if (reply->type == REDIS_REPLY_ERROR)
		error_set(v->err, STATUS_UNAVAILABLE, "Redis answered: %.200s", reply->str);
	else
		return reply;
	if (reply != NULL)
		freeReplyObject(reply);
	return NULL;
}

static redisReply *ask(struct verify *v, const char *format, ...)
{
	redisReply *reply;
	va_list args;

	va_start(args, format);
	reply = redisvCommand(v->redis, format, args);
	va_end(args);
	return got(v, reply);
}

static redisReply *next_reply(struct verify *v)
{
	void *reply = NULL;

	redisGetReply(v->redis, &reply);
	return got(v, reply);
}

static int connect_to(struct verify *v, const struct redis_address *a)
{
	redisReply *reply = NULL;

	v->redis = a->path[0] != '\0' ? redisConnectUnix(a->path) : redisConnect(a->host, a->port);
	if (v->redis == NULL || v->redis->err != 0)
		return error_set(v->err, STATUS_UNAVAILABLE, "no Redis at %s: %s",
		                 a->path[0] ? a->path : a->host,
		                 v->redis != NULL ? v->redis->errstr : "no memory");
	if (a->password[0] != '\0' && (reply = ask(v, "AUTH %s", a->password)) == NULL)
		return v->err->status;
	if (reply != NULL)
		freeReplyObject(reply);
	reply = ask(v, "SELECT %d", a->db);
	if (reply != NULL)
		freeReplyObject(reply);
	return v->err->status;
}

/* --- records ---------------------------------------------------------------------------------- */

static bool apply(struct verify *v, const redisReply *entry)
{
	const redisReply *fields = entry->elements == 2 ? entry->element[1] : NULL;

	if (fields == NULL || fields->elements != 4 || fields->element[1]->type != REDIS_REPLY_STRING ||
	    fields->element[3]->type != REDIS_REPLY_STRING) {
		error_set(v->err, STATUS_DATA_LOSS, "record %llu of the ledger cannot be read",
		          (unsigned long long)books_seq(v->books) + 1);
		return false;
	}
	return books_apply(v->books, fields->element[1]->str, fields->element[3]->str, v->err) == 0;
}

/* Up to and with record seq. The next page is asked for before this one is applied, so that Redis and we work
 * at once. */
static int replay_to(struct verify *v, uint64_t seq)
{
	uint64_t asked = books_seq(v->books);
	int away = 0;

	while (v->err->status == 0 && books_seq(v->books) < seq) {
		redisReply *page;

		for (; away < 2 && asked < seq; away++) {
			uint64_t last = seq - asked < RECORDS ? seq : asked + RECORDS;

			redisAppendCommand(v->redis, "XRANGE ledger %llu-0 %llu-0",
			                   (unsigned long long)asked + 1, (unsigned long long)last);
			asked = last;
		}
		page = next_reply(v);
		away--;
		if (page == NULL)
			return v->err->status;
		if (page->elements == 0)
			error_set(v->err, STATUS_DATA_LOSS, "record %llu of the ledger is missing",
			          (unsigned long long)books_seq(v->books) + 1);
		for (size_t i = 0; i < page->elements && v->err->status == 0; i++)
			apply(v, page->element[i]);
		freeReplyObject(page);
	}
	return v->err->status;
}

/* --- balances --------------------------------------------------------------------------------- */

/* Where what a class of accounts holds lies. accounts and projects only grow: they are read by place; what
 * leaves holds would shift the places, so it is read by score. */
static const struct place {
	const char *list; /* command that gives a page of names: from, to or how many */
	const char *account, *key, *field;
	size_t stride; /* 2: a score behind each name */
} places[] = {
    {"LRANGE accounts %llu %llu", "user:", "account:", "balance", 1},
    {"LRANGE accounts %llu %llu", "pending:", "account:", "pending", 1},
    {"LRANGE accounts %llu %llu", NULL, "account:", "grant", 1},
    {"ZRANGEBYSCORE holds (%llu +inf WITHSCORES LIMIT 0 %llu", "hold:", "submission:", "hold", 2},
    {"ZRANGE projects %llu %llu", "project:", "project:", "balance", 1},
};

static int compare_one(struct verify *v, const struct place *p, const char *name, const redisReply *value)
{
	int64_t n = value->type == REDIS_REPLY_STRING ? strtoll(value->str, NULL, 10) : 0;
	char account[TRANSFER_WORD_MAX];

	if (p->account != NULL) {
		snprintf(account, sizeof(account), "%s%.100s", p->account, name);
		return books_compare(v->books, account, n, v->err);
	}
	snprintf(account, sizeof(account), "user:%.100s", name);
	if (books_grant(v->books, account) == n)
		return 0;
	return error_set(v->err, STATUS_DATA_LOSS,
	                 "%s has %lld milli-CPT that pay for tasks only, its transfers make %lld", account,
	                 (long long)n, (long long)books_grant(v->books, account));
}

/* The head and these names' balances at one moment. */
static redisReply *balances_of(struct verify *v, const struct place *p, const redisReply *names)
{
	size_t count = names->elements / p->stride;
	redisReply *reply = NULL;

	redisAppendCommand(v->redis, "MULTI");
	redisAppendCommand(v->redis, "HMGET ledger:head seq chain");
	for (size_t i = 0; i < count; i++)
		redisAppendCommand(v->redis, "HGET %s%s %s", p->key, names->element[i * p->stride]->str,
		                   p->field);
	redisAppendCommand(v->redis, "EXEC");
	for (size_t i = 0; i < count + 3 && v->err->status == 0; i++) {
		if (reply != NULL)
			freeReplyObject(reply);
		reply = next_reply(v);
	}
	if (reply == NULL || reply->type != REDIS_REPLY_ARRAY || reply->elements != count + 1)
		error_set(v->err, STATUS_UNAVAILABLE, "Redis did not answer a page of balances");
	return reply;
}

static int check_head(struct verify *v, const redisReply *head)
{
	const char *chain =
	    head->element[1]->type == REDIS_REPLY_STRING ? head->element[1]->str : BOOKS_FIRST_CHAIN;

	if (strcmp(chain, books_chain(v->books)) == 0)
		return 0;
	return error_set(v->err, STATUS_DATA_LOSS,
	                 "the head of the ledger has another hash than its record %llu",
	                 (unsigned long long)books_seq(v->books));
}

static int compare_page(struct verify *v, const struct place *p, const redisReply *names)
{
	redisReply *page = balances_of(v, p, names);
	const redisReply *head = v->err->status == 0 ? page->element[0] : NULL;

	if (head != NULL)
		replay_to(v, head->element[0]->type == REDIS_REPLY_STRING
		                 ? strtoull(head->element[0]->str, NULL, 10)
		                 : 0);
	if (v->err->status == 0)
		check_head(v, head);
	if (!v->round)
		books_round(v->books);
	v->round = true;
	for (size_t i = 0; i < names->elements / p->stride && v->err->status == 0; i++)
		compare_one(v, p, names->element[i * p->stride]->str, page->element[i + 1]);
	if (page != NULL)
		freeReplyObject(page);
	return v->err->status;
}

static int compare_place(struct verify *v, const struct place *p)
{
	unsigned long long at = 0;
	size_t count;

	do {
		redisReply *names = ask(v, p->list, at, p->stride == 2 ? ACCOUNTS : at + ACCOUNTS - 1);

		if (names == NULL)
			return v->err->status;
		count = names->elements / p->stride;
		compare_page(v, p, names);
		at = p->stride == 2 && count > 0
		         ? strtoull(names->element[names->elements - 1]->str, NULL, 10)
		         : at + ACCOUNTS;
		freeReplyObject(names);
	} while (count == ACCOUNTS && v->err->status == 0);
	return v->err->status;
}

/* The sums that the scripts keep are those of the records. */
static int compare_totals(struct verify *v)
{
	static const char *const names[BOOKS_CLASSES] = {"treasury", "users", "pending", "holds", "projects"};
	redisReply *head = ask(v, "HMGET ledger:head seq treasury users pending holds projects");

	if (head == NULL)
		return v->err->status;
	if (head->element[0]->type == REDIS_REPLY_STRING)
		replay_to(v, strtoull(head->element[0]->str, NULL, 10));
	for (int i = 0;
	     i < BOOKS_CLASSES && v->err->status == 0 && head->element[0]->type == REDIS_REPLY_STRING; i++) {
		const redisReply *value = head->element[i + 1];

		if (value->type != REDIS_REPLY_STRING ||
		    strtoll(value->str, NULL, 10) != books_total(v->books, i))
			error_set(v->err, STATUS_DATA_LOSS,
			          "the sum of class %s is %s, its records make %lld", names[i],
			          value->type == REDIS_REPLY_STRING ? value->str : "none",
			          (long long)books_total(v->books, i));
	}
	freeReplyObject(head);
	return v->err->status;
}

static void write_report(const struct verify *v, struct verify_report *report, int64_t begin_us)
{
	*report = (struct verify_report){.records = books_seq(v->books),
	                                 .accounts = books_accounts(v->books),
	                                 .seq = books_seq(v->books),
	                                 .seconds = (double)(clock_us() - begin_us) / 1e6};
	text_copy(report->chain, sizeof(report->chain), books_chain(v->books));
	for (int i = 0; i < BOOKS_CLASSES; i++)
		report->totals[i] = books_total(v->books, i);
}

int ledger_verify(const struct redis_address *a, struct verify_report *report, struct error *err)
{
	struct verify v = {.books = books_open(true), .err = err};
	int64_t begin = clock_us();

	error_clear(err);
	connect_to(&v, a);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && err->status == 0; i++)
		compare_place(&v, &places[i]);
	if (err->status == 0)
		compare_totals(&v);
	if (err->status == 0)
		books_missing(v.books, err);
	write_report(&v, report, begin);
	if (v.redis != NULL)
		redisFree(v.redis);
	books_close(v.books);
	return err->status;
}

int ledger_verify_files(const char *from, struct verify_report *report, struct error *err)
{
	struct redis_copy copy;

	error_clear(err);
	*report = (struct verify_report){0};
	if (redis_copy_start(&copy, from, err) == 0)
		ledger_verify(&copy.address, report, err);
	redis_copy_end(&copy);
	return err->status;
}
