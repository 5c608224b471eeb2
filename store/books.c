/* store/books.c - see books.h. Accounts are made by what records name (words of bounded length, from our own
 * Redis). Sums are __int128, so that no order of additions can hide an overflow. */
#include "store/books.h"

#include <mbedtls/sha1.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "net/memory.h"
#include "proto/status.h"
#include "store/id_set.h"

struct account {
	char name[TRANSFER_WORD_MAX];
	enum books_class class;
	int64_t balance, grant;
	uint64_t changed; /* by which record last */
	uint64_t said;    /* in which round */
	bool gift;        /* it got its grant */
	UT_hash_handle hh;
};

struct books {
	struct account *accounts, *treasury;
	struct id_set ids;
	bool with_ids;
	uint64_t seq, round, round_seq;
	char chain[41];
	__int128 totals[BOOKS_CLASSES];
	struct account *from[TRANSFER_LEGS_MAX], *to[TRANSFER_LEGS_MAX]; /* of the record that is being applied */
};

/* --- what each kind may move ------------------------------------------------------------------------ */

#define FROM_TO(from, to) (1u << ((from)*BOOKS_CLASSES + (to)))

static const struct {
	const char *kind;
	unsigned moves;
} kinds[] = {
    {"grant", FROM_TO(BOOKS_TREASURY, BOOKS_USERS)},
    {"hold", FROM_TO(BOOKS_USERS, BOOKS_HOLDS)},
    {"tick", FROM_TO(BOOKS_HOLDS, BOOKS_PENDING)},
    {"return", FROM_TO(BOOKS_PENDING, BOOKS_HOLDS)},
    {"settle", FROM_TO(BOOKS_PENDING, BOOKS_HOLDS) | FROM_TO(BOOKS_HOLDS, BOOKS_USERS) |
                   FROM_TO(BOOKS_PENDING, BOOKS_USERS)},
    {"refund", FROM_TO(BOOKS_PENDING, BOOKS_HOLDS) | FROM_TO(BOOKS_HOLDS, BOOKS_USERS)},
    {"transfer", FROM_TO(BOOKS_USERS, BOOKS_USERS)},
    {"tip", FROM_TO(BOOKS_USERS, BOOKS_PROJECTS)},
    {"withdraw", FROM_TO(BOOKS_PROJECTS, BOOKS_USERS)},
};

static bool may_move(const char *kind, enum books_class from, enum books_class to)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].kind, kind) == 0)
			return (kinds[i].moves & FROM_TO(from, to)) != 0;
	}
	return false;
}

static bool class_of(const char *name, enum books_class *class)
{
	static const struct {
		const char *prefix;
		enum books_class class;
	} classes[] = {
	    {"user:", BOOKS_USERS},
	    {"pending:", BOOKS_PENDING},
	    {"hold:", BOOKS_HOLDS},
	    {"project:", BOOKS_PROJECTS},
	};

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		size_t n = strlen(classes[i].prefix);

		if (strncmp(name, classes[i].prefix, n) == 0 && name[n] != '\0') {
			*class = classes[i].class;
			return true;
		}
	}
	*class = BOOKS_TREASURY;
	return strcmp(name, "treasury") == 0;
}

/* --- accounts --------------------------------------------------------------------------------------- */

static struct account *find(const struct books *b, const char *name)
{
	struct account *a;

	HASH_FIND_STR(b->accounts, name, a);
	return a;
}

static struct account *find_or_make(struct books *b, const char *name)
{
	struct account *a = find(b, name);
	enum books_class class;

	if (a != NULL || !class_of(name, &class) || class == BOOKS_TREASURY)
		return a;
	a = xcalloc(1, sizeof(*a));
	text_copy(a->name, sizeof(a->name), name);
	a->class = class;
	HASH_ADD_STR(b->accounts, name, a);
	return a;
}

struct books *books_open(bool with_ids)
{
	struct books *b = xcalloc(1, sizeof(*b));
	struct account *a = xcalloc(1, sizeof(*a));

	strcpy(a->name, "treasury");
	a->balance = CPT_SUPPLY;
	HASH_ADD_STR(b->accounts, name, a);
	b->treasury = a;
	b->totals[BOOKS_TREASURY] = CPT_SUPPLY;
	b->with_ids = with_ids;
	strcpy(b->chain, BOOKS_FIRST_CHAIN);
	return b;
}

void books_close(struct books *b)
{
	struct account *a, *next;

	HASH_ITER(hh, b->accounts, a, next)
	{
		HASH_DEL(b->accounts, a);
		free(a);
	}
	id_set_release(&b->ids);
	free(b);
}

/* --- the next record -------------------------------------------------------------------------------- */

static int wrong(struct error *err, const struct transfer *r, const char *what)
{
	return error_set(err, STATUS_DATA_LOSS, "record %llu of the ledger (%.80s): %.120s",
	                 (unsigned long long)r->seq, r->id, what);
}

static int check_chain(struct books *b, const char *text, const char *chain, struct error *err)
{
	static const char digits[] = "0123456789abcdef";
	mbedtls_sha1_context sha1;
	unsigned char digest[20];
	char hex[41] = "";

	mbedtls_sha1_init(&sha1);
	mbedtls_sha1_starts_ret(&sha1);
	mbedtls_sha1_update_ret(&sha1, (const unsigned char *)b->chain, 40);
	mbedtls_sha1_update_ret(&sha1, (const unsigned char *)" ", 1);
	mbedtls_sha1_update_ret(&sha1, (const unsigned char *)text, strlen(text));
	mbedtls_sha1_finish_ret(&sha1, digest);
	mbedtls_sha1_free(&sha1);
	for (size_t i = 0; i < sizeof(digest); i++) {
		hex[2 * i] = digits[digest[i] >> 4];
		hex[2 * i + 1] = digits[digest[i] & 15];
	}
	if (strcmp(hex, chain) != 0)
		return error_set(err, STATUS_DATA_LOSS,
		                 "record %llu of the ledger was changed: its hash is %.10s..., not %.10s...",
		                 (unsigned long long)b->seq + 1, hex, chain);
	memcpy(b->chain, hex, sizeof(hex));
	return 0;
}

static int move_leg(struct books *b, const struct transfer *r, int i, struct error *err)
{
	const struct transfer_leg *leg = &r->legs[i];
	struct account *from = find_or_make(b, leg->debit), *to = find_or_make(b, leg->credit);

	if (from == NULL || to == NULL || from == to)
		return wrong(err, r, "it names accounts that cannot be");
	if (!may_move(r->kind, from->class, to->class))
		return wrong(err, r, "its kind may not move money between such accounts");
	if (leg->amount <= 0 || leg->amount > CPT_SUPPLY)
		return wrong(err, r, "its amount is none");
	if (from->balance < leg->amount)
		return wrong(err, r, "it moves more than there is");
	from->balance -= leg->amount;
	to->balance += leg->amount;
	b->totals[from->class] -= leg->amount;
	b->totals[to->class] += leg->amount;
	from->changed = to->changed = r->seq;
	b->from[i] = from;
	b->to[i] = to;
	return 0;
}

/* The part of the last leg's money that pays for tasks only. */
static int move_grant(struct books *b, const struct transfer *r, struct error *err)
{
	const struct transfer_leg *leg = &r->legs[r->leg_count - 1];
	bool hold = strcmp(r->kind, "hold") == 0;
	struct account *user = hold ? b->from[r->leg_count - 1] : b->to[r->leg_count - 1];

	if (r->grant > leg->amount || (r->grant > 0 && user->class != BOOKS_USERS))
		return wrong(err, r, "more of it is bound to tasks than is moved");
	user->grant += hold ? -r->grant : r->grant;
	for (int i = 0; i < r->leg_count; i++) {
		const struct account *a = b->from[i], *c = b->to[i];

		if (a->grant < 0 || a->grant > a->balance || c->grant > c->balance)
			return wrong(err, r, "money that pays for tasks only was moved");
	}
	return 0;
}

static int check_gift(struct books *b, const struct transfer *r, struct error *err)
{
	struct account *a;

	if (strcmp(r->kind, "grant") != 0)
		return 0;
	a = b->to[0];
	if (a->gift || r->leg_count != 1)
		return wrong(err, r, "the account had its gift already");
	a->gift = true;
	return 0;
}

/* What an attempt has cost is what its worker's owner got; the last leg may be the rest, back to the owner.
 */
static int check_charge(const struct transfer *r, struct error *err)
{
	__int128 to_users = 0, last = 0;
	const struct transfer_leg *leg = &r->legs[r->leg_count - 1];

	if (strcmp(r->kind, "settle") != 0)
		return r->charge == 0 ? 0 : wrong(err, r, "only a settlement charges");
	for (int i = 0; i < r->leg_count; i++)
		to_users += strncmp(r->legs[i].credit, "user:", 5) == 0 ? r->legs[i].amount : 0;
	if (strncmp(leg->debit, "hold:", 5) == 0)
		last = leg->amount;
	return r->charge == to_users || r->charge == to_users - last
	           ? 0
	           : wrong(err, r, "its legs are not its charge");
}

static int check_sum(const struct books *b, const struct transfer *r, struct error *err)
{
	__int128 sum = 0;

	for (int i = 0; i < BOOKS_CLASSES; i++) {
		if (b->totals[i] < 0)
			return wrong(err, r, "a class of accounts fell below nothing");
		sum += b->totals[i];
	}
	return sum == CPT_SUPPLY ? 0 : wrong(err, r, "the sum of all accounts is not the supply");
}

int books_apply(struct books *b, const char *text, const char *chain, struct error *err)
{
	size_t n = strlen(text);
	char buffer[4096];
	struct transfer r;
	int rc = check_chain(b, text, chain, err);

	if (rc != 0)
		return rc;
	if (n >= sizeof(buffer))
		return error_set(err, STATUS_DATA_LOSS, "record %llu of the ledger is too long",
		                 (unsigned long long)b->seq + 1);
	memcpy(buffer, text, n + 1);
	rc = transfer_parse(&r, buffer, err);
	if (rc == 0 && r.seq != b->seq + 1)
		rc = error_set(
		    err, STATUS_DATA_LOSS, "record %llu of the ledger is missing: %llu follows %llu",
		    (unsigned long long)b->seq + 1, (unsigned long long)r.seq, (unsigned long long)b->seq);
	if (rc == 0 && b->with_ids && id_set_put(&b->ids, r.id))
		rc = wrong(err, &r, "the transfer was made before");
	for (int i = 0; rc == 0 && i < r.leg_count; i++)
		rc = move_leg(b, &r, i, err);
	if (rc == 0)
		rc = check_gift(b, &r, err);
	if (rc == 0)
		rc = check_charge(&r, err);
	if (rc == 0)
		rc = move_grant(b, &r, err);
	if (rc == 0)
		rc = check_sum(b, &r, err);
	if (rc == 0)
		b->seq = r.seq;
	return rc;
}

/* --- looking ---------------------------------------------------------------------------------------- */

uint64_t books_seq(const struct books *b)
{
	return b->seq;
}

const char *books_chain(const struct books *b)
{
	return b->chain;
}

int64_t books_total(const struct books *b, enum books_class c)
{
	return (int64_t)b->totals[c];
}

int64_t books_balance(const struct books *b, const char *account)
{
	const struct account *a = find(b, account);

	return a != NULL ? a->balance : 0;
}

int64_t books_grant(const struct books *b, const char *account)
{
	const struct account *a = find(b, account);

	return a != NULL ? a->grant : 0;
}

size_t books_accounts(const struct books *b)
{
	return HASH_COUNT(b->accounts);
}

void books_round(struct books *b)
{
	b->round++;
	b->round_seq = b->seq;
}

int books_compare(struct books *b, const char *account, int64_t mcpt, struct error *err)
{
	struct account *a = find(b, account);
	char has[CPT_TEXT_SIZE], made[CPT_TEXT_SIZE];

	if (a != NULL)
		a->said = b->round;
	if (mcpt == (a != NULL ? a->balance : 0))
		return 0;
	return error_set(err, STATUS_DATA_LOSS, "%.100s has %s CPT, its transfers make %s", account,
	                 cpt_text(has, mcpt), cpt_text(made, a != NULL ? a->balance : 0));
}

int books_missing(struct books *b, struct error *err)
{
	char made[CPT_TEXT_SIZE];

	for (const struct account *a = b->accounts; a != NULL; a = a->hh.next) {
		if (a == b->treasury || a->balance == 0 || a->said == b->round || a->changed > b->round_seq)
			continue;
		return error_set(err, STATUS_DATA_LOSS, "%.100s is missing, its transfers make %s CPT",
		                 a->name, cpt_text(made, a->balance));
	}
	return 0;
}
