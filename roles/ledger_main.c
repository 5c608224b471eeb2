/* roles/ledger_main.c - hivemind ledger: the sums of the books, their proof, and standing still.
 *
 * verify does not ask the pool: it reads Redis, or a copy of its files, by itself and
 * replays every transfer. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/memory.h"
#include "proto/status.h"
#include "roles/money_view.h"
#include "roles/pool_home.h"
#include "roles/roles.h"
#include "store/ledger_verify.h"
#include "ui/term.h"

static const struct verb_help help = {
    .usage = "hivemind ledger   |   ledger verify [--from FILE | --redis URL | --data DIR]   |\n"
	     "       ledger freeze [--why TEXT]   |   ledger unfreeze",
    .summary = "The sums over all accounts, which make the supply always. verify replays every transfer, by itself, from the\n"
	       "pool's Redis (on the pool's machine) or from a copy of its files, and compares every balance. freeze lets all\n"
	       "money stand still (an --admin account).",
    .examples = "hivemind ledger\n"
		"hivemind ledger verify\n"
		"hivemind ledger verify --from /backup/appendonlydir\n"
		"hivemind ledger verify --redis unix:/run/redis/redis.sock\n"
		"hivemind ledger freeze --why 'looking into a report'",
};

struct ledger_verb {
	struct client client;
	const char *from, *redis, *data, *why;
};

/* --- the sums -------------------------------------------------------------------------------------- */

static void totals_json(struct client *c, const Pb__TotalsReply *t)
{
	struct buf out = {0};
	struct json j;

	json_document(&j, &out);
	json_uint(&j, "records", t->records);
	json_text(&j, "chain", t->chain);
	json_cpt(&j, "treasury_cpt", t->treasury_mcpt);
	json_cpt(&j, "users_cpt", t->users_mcpt);
	json_cpt(&j, "pending_cpt", t->pending_mcpt);
	json_cpt(&j, "holds_cpt", t->holds_mcpt);
	json_cpt(&j, "projects_cpt", t->projects_mcpt);
	json_cpt(&j, "supply_cpt", t->supply_mcpt);
	json_bool(&j, "frozen", t->frozen);
	json_text(&j, "why", t->frozen ? t->why : NULL);
	json_uint(&j, "violations", t->violations);
	json_end(&j);
	client_print(c, &out);
	buf_release(&out);
}

static void print_sum(const char *what, int64_t mcpt)
{
	char text[CPT_TEXT_SIZE];

	printf("  %-10s %24s CPT\n", what, cpt_grouped(text, mcpt));
}

static void print_totals(struct client *c, const Pb__TotalsReply *t)
{
	int64_t sum = t->treasury_mcpt + t->users_mcpt + t->pending_mcpt + t->holds_mcpt + t->projects_mcpt;
	struct buf why = {0};

	if (c->globals.json) {
		totals_json(c, t);
		return;
	}
	print_sum("treasury", t->treasury_mcpt);
	print_sum("accounts", t->users_mcpt);
	print_sum("pending", t->pending_mcpt);
	print_sum("reserved", t->holds_mcpt);
	print_sum("projects", t->projects_mcpt);
	print_sum("sum", sum);
	term_safe(&why, t->why, strlen(t->why), false);
	printf("  %" PRIu64 " transfers; %s\n", t->records,
	       sum == t->supply_mcpt ? "the sum is right" : "the sum is WRONG");
	if (t->frozen)
		printf("  frozen: %s\n", buf_text(&why));
	buf_release(&why);
}

static void ask(struct ledger_verb *v, enum rpc_id id, const void *request)
{
	const Pb__TotalsReply *reply = client_call_again(&v->client, id, request);

	if (reply != NULL)
		print_totals(&v->client, reply);
}

static void totals(struct ledger_verb *v)
{
	Pb__TotalsRequest request = PB__TOTALS_REQUEST__INIT;

	ask(v, RPC_TOTALS, &request);
}

static void freeze(struct ledger_verb *v)
{
	Pb__FreezeRequest request = PB__FREEZE_REQUEST__INIT;

	request.why = (char *)v->why;
	ask(v, RPC_FREEZE, &request);
}

static void unfreeze(struct ledger_verb *v)
{
	Pb__UnfreezeRequest request = PB__UNFREEZE_REQUEST__INIT;

	ask(v, RPC_UNFREEZE, &request);
}

/* --- the proof ---------------------------------------------------------------------------------------- */

static void print_report(struct client *c, const struct verify_report *r)
{
	struct buf out = {0};
	struct json j;

	if (!c->globals.json) {
		printf("The books are right: %" PRIu64 " transfers replayed, %" PRIu64 " accounts compared in %.2f s.\n",
		       r->records, r->accounts, r->seconds);
		return;
	}
	json_document(&j, &out);
	json_bool(&j, "right", true);
	json_uint(&j, "records", r->records);
	json_uint(&j, "accounts", r->accounts);
	json_text(&j, "chain", r->chain);
	json_cpt(&j, "treasury_cpt", r->totals[BOOKS_TREASURY]);
	json_cpt(&j, "users_cpt", r->totals[BOOKS_USERS]);
	json_cpt(&j, "pending_cpt", r->totals[BOOKS_PENDING]);
	json_cpt(&j, "holds_cpt", r->totals[BOOKS_HOLDS]);
	json_cpt(&j, "projects_cpt", r->totals[BOOKS_PROJECTS]);
	json_seconds(&j, "took", (int64_t)(r->seconds * 1000));
	json_end(&j);
	client_print(c, &out);
	buf_release(&out);
}

/* The private Redis of the pool whose data directory this is. */
static int private_redis(const struct ledger_verb *v, struct redis_address *a)
{
	char *data = pool_home_path(v->data);
	int n = snprintf(a->path, sizeof a->path, "%s/redis/redis.sock", data);

	free(data);
	return n < (int)sizeof a->path ? 0 : STATUS_INVALID_ARGUMENT;
}

static void verify(struct ledger_verb *v)
{
	struct client *c = &v->client;
	struct verify_report report = {0};
	struct redis_address address = {0};
	int rc;

	if (v->from != NULL)
		rc = ledger_verify_files(v->from, &report, &c->error);
	else if (v->redis != NULL)
		rc = redis_address_parse(&address, v->redis, &c->error);
	else
		rc = private_redis(v, &address);
	if (rc == 0 && v->from == NULL)
		rc = ledger_verify(&address, &report, &c->error);
	if (rc == STATUS_UNAVAILABLE && v->redis == NULL && v->from == NULL)
		error_hint(&c->error, "is the pool elsewhere? --data DIR, --redis URL, or --from a copy of its files");
	if (rc == 0)
		print_report(c, &report);
}

int ledger_main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(struct ledger_verb *v);
	} verbs[] = {{"verify", verify}, {"freeze", freeze}, {"unfreeze", unfreeze}};
	struct ledger_verb v = {.why = ""};
	const struct option options[] = {
		{"from", 0, OPTION_TEXT, &v.from, "FILE",
		 "verify: an append-only file, a dump, or a directory of them", NULL, 0, 0},
		{"redis", 0, OPTION_TEXT, &v.redis, "URL", "verify: a Redis of your own", NULL, 0, 0},
		{"data", 0, OPTION_TEXT, &v.data, "DIR", "verify: the pool's data directory", NULL, 0, 0},
		{"why", 0, OPTION_TEXT, &v.why, "TEXT", "freeze: what people are told", NULL, 0, 0},
		{0},
	};
	const char *args[1] = {NULL};
	bool needs_login = true;
	int count, code;

	for (int i = 1; i < argc; i++)
		needs_login = needs_login && strcmp(argv[i], "verify") != 0;
	code = client_open(&v.client, argc, argv, options, &help, args, 1, &count, needs_login);
	if (code >= 0)
		return code;
	if (count == 0) {
		totals(&v);
		return client_close(&v.client, 0);
	}
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
		if (strcmp(args[0], verbs[i].name) == 0) {
			verbs[i].run(&v);
			return client_close(&v.client, 0);
		}
	}
	return client_usage(&v.client, argv[0], "say verify, freeze or unfreeze, or nothing for the sums");
}
