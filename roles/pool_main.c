/* roles/pool_main.c - hivemind pool: its options, and what it prints and ends. The pool
 * itself is roles/pool.c. */
#include <stdio.h>
#include <stdlib.h>

#include "net/clock.h"
#include "net/memory.h"
#include "proto/limits.h"
#include "proto/status.h"
#include "roles/pool.h"
#include "roles/pool_home.h"
#include "roles/roles.h"
#include "roles/worker_home.h"
#include "ui/options.h"
#include "ui/term.h"

#define INVITATION_MS (3ll * 86400 * 1000)
#define LISTEN_DEFAULT "[::]:50051"

/* --print-invitation: also while the pool runs. */
static int print_invitation(struct pool *pool)
{
	char code[ADMISSION_TEXT_MAX];
	struct error err;
	int rc;

	pool->data = pool_home_path(pool->options.data);
	rc = make_directories(pool->data, &err);
	if (rc == 0)
		rc = pool_open_admission(pool, &err);
	if (rc == 0) {
		admission_invite(&pool->admission, pool->options.invitation, clock_wall_ms() + INVITATION_MS, code);
		puts(code);
	}
	admission_close(&pool->admission);
	free(pool->data);
	return rc == 0 ? 0 : term_error(&err, pool->options.json);
}

/* --print-join: also while the pool runs. */
static int print_join(struct pool *pool)
{
	char join[JOIN_STRING_SIZE];
	struct error err;
	int rc = endpoint_parse(&pool->at, pool->options.listen, &err);

	if (rc == 0 && pool->at.port == 0)
		rc = error_set(&err, STATUS_INVALID_ARGUMENT, "which port? --listen %s says that any will do",
			       pool->options.listen);
	pool->data = pool_home_path(pool->options.data);
	if (rc == 0)
		rc = make_directories(pool->data, &err);
	if (rc == 0)
		rc = pool_identity_open(&pool->identity, pool, &err);
	if (rc == 0)
		puts(pool_identity_join(&pool->identity, join));
	pool_identity_close(&pool->identity);
	free(pool->data);
	return rc == 0 ? 0 : term_error(&err, pool->options.json);
}

static const struct verb_help help = {
	.usage = "hivemind pool [--listen ADDR] [--redis URL] [--data DIR]",
	.summary =
		"Run a pool: accounts, the queue, bundles and results. Without --redis it keeps its books in a private\n"
	"redis-server in the data directory. Stays in the foreground; SIGTERM or Ctrl-C ends it cleanly.\n"
	"A second pool with the same --redis and --data stands by and takes over when this one is gone.\n"
	"Other machines reach it over TLS only, and the line it prints lets them know that it is the right one.",
	.examples = "  hivemind pool\n"
	"  hivemind pool --name pool.example.org\n"
	"  hivemind pool --cert fullchain.pem --key privkey.pem\n"
	"  hivemind pool --listen 127.0.0.1:0 --port-file /run/pool.port\n"
	"  hivemind pool --redis redis://127.0.0.1:6379/1\n"
	"  hivemind pool --redis unix:/run/redis/redis.sock --data /srv/hivemind\n",
};

/* Returns as options_parse(). */
static int read_options(struct pool_options *o, int argc, char **argv, struct error *err)
{
	const struct option options[] = {
	    {"listen", 0, OPTION_TEXT, &o->listen, "ADDR",
	     "where to listen: HOST[:PORT], unix:PATH (" LISTEN_DEFAULT ")", "HIVEMIND_LISTEN", 0, 0},
	    {"redis", 0, OPTION_TEXT, &o->redis, "URL",
	     "your own Redis: redis://[:PASSWORD@]HOST[:PORT][/DB], unix:PATH", "HIVEMIND_REDIS", 0, 0},
	    {"data", 0, OPTION_TEXT, &o->data, "DIR",
	     "where everything is kept (~/.local/state/hivemind/pool)", NULL, 0, 0},
	    {"name", 0, OPTION_TEXTS, &o->names, "HOST",
	     "a name or address that clients use; may be repeated", NULL, 0, 0},
	    {"cert", 0, OPTION_TEXT, &o->cert, "FILE",
	     "a certificate of your own, and the chain to its root", NULL, 0, 0},
	    {"key", 0, OPTION_TEXT, &o->key, "FILE", "its key", NULL, 0, 0},
	    {"print-join", 0, OPTION_FLAG, &o->print_join, NULL, "print what workers join with, and end",
	     NULL, 0, 0},
	    {"register", 0, OPTION_TEXT, &o->registration, "open|invite|approve|closed",
	     "who may make accounts? (open)", NULL, 0, 0},
	    {"register-per-day", 0, OPTION_INT, &o->register_per_day, "N",
	     "accounts from one address of another machine (3)", NULL, 1, 1000000},
	    {"calls-per-second", 0, OPTION_INT, &o->calls_per_second, "N",
	     "calls of one token from other machines (500)", NULL, 1, 1000000},
	    {"stalled-after", 0, OPTION_DURATION, &o->stalled_ms, "TIME",
	     "take a task away that is prepared or collected for so long without getting on (15m)", NULL, 0, 0},
	    {"admin", 0, OPTION_TEXTS, &o->admins, "NAME",
	     "this account may administer; may be repeated", NULL, 0, 0},
	    {"print-invitation", 0, OPTION_TEXT, &o->invitation, "NAME",
	     "print a code with which NAME can register, and end", NULL, 0, 0},
	    {"work-bits", 0, OPTION_INT, &o->work_bits, "N",
	     "proof of work of a new account: 2^N hashes (20)", NULL, 0, WORK_BITS_MAX},
	    {"gift", 0, OPTION_TEXT, &o->gift, "CPT", "what each new account gets (150)", NULL, 0, 0},
	    {"accept-ledger-rollback", 0, OPTION_FLAG, &o->accept_rollback, NULL,
	     "take a Redis that has lost transfers as the truth", NULL, 0, 0},
	    {"metrics", 0, OPTION_TEXT, &o->metrics, "ADDR",
	     "serve /metrics for Prometheus there: 127.0.0.1:9464 (off)", NULL, 0, 0},
	    {"prices", 0, OPTION_TEXT, &o->prices, "FILE", "what a task costs here: hivemind.conf(5)", NULL, 0, 0},
	    {"local-projects", 0, OPTION_FLAG, &o->local_projects, NULL,
	     "projects may have http URLs of this network", NULL, 0, 0},
	    {"port-file", 0, OPTION_TEXT, &o->port_file, "FILE", "write the port there when ready", NULL, 0,
	     0},
	    {"ready-fd", 0, OPTION_INT, &o->ready_fd, "N", "write the ready line there, once", NULL, 0,
	     1 << 20},
	    {0},
	};
	struct globals globals = {0};
	int count, status;

	*o = (struct pool_options){.listen = LISTEN_DEFAULT, .registration = "open", .ready_fd = -1,
				   .register_per_day = 3, .calls_per_second = CALL_RATE_DEFAULT,
				   .work_bits = WORK_BITS_DEFAULT, .stalled_ms = REVOKE_STALLED_MS};
	status = options_parse(argc, argv, options, &help, &globals, NULL, 0, &count, err);
	o->json = globals.json;
	return status;
}

int pool_main(int argc, char **argv)
{
	struct pool *pool = xcalloc(1, sizeof *pool);
	struct pool_options *o = &pool->options;
	struct error err;
	int status = read_options(o, argc, argv, &err), code;

	if (status == OPTIONS_HELPED)
		code = 0;
	else if (status != 0)
		code = term_error(&err, o->json);
	else if (o->invitation != NULL)
		code = print_invitation(pool);
	else
		code = o->print_join ? print_join(pool) : pool_run(pool);
	free(pool);
	return code;
}
