/* roles/dev_main.c - hivemind dev: everything on this machine (roles/dev.h), left running until Ctrl-C. */
#include <stdio.h>
#include <stdlib.h>

#include "net/memory.h"
#include "proto/status.h"
#include "roles/dev.h"
#include "roles/roles.h"
#include "ui/term.h"

static const struct verb_help help = {
	.usage = "hivemind dev [--workers N] [--data DIR] [--listen ADDR] [--redis URL] [--docker unix:PATH]",
	.summary = "Start a pool, workers, an account and its page on this machine, with a Redis and, if there is none, a container engine of\n"
	"their own. Everything ends and is removed with Ctrl-C or SIGTERM. Listens on loopback only.",
	.examples = "  hivemind dev\n"
	"  hivemind dev --workers 4 --data ~/hive\n"
	"  . ~/hive/env && hivemind run -- echo hello        in another terminal\n",
};

static void print_worker_pages(struct dev *d)
{
	char address[200];

	for (int i = 0; i < d->worker_count; i++) {
		dev_worker_page(d, i, address, sizeof address);
		if (address[0] != '\0')
			printf("  %s   %s\n", address, d->workers[i].child.name);
	}
}

static void on_up(struct dev *d)
{
	printf("\nTry it now, in another terminal:\n\n"
	       "  . %s/env\n"
	       "  hivemind run -- echo hello\n"
	       "  hivemind workers\n\n"
	       "or in a browser:\n\n"
	       "  %s\n", d->data, d->master_address);
	print_worker_pages(d);
	printf("\nCtrl-C ends and removes everything.\n");
	fflush(stdout);
}

static void on_over(struct dev *d)
{
	(void)d; /* nothing is open any more: the loop ends */
}

static void on_stop(struct loop *loop, int signal)
{
	struct dev *d = container_of(loop, struct dev, loop);

	(void)signal;
	if (!d->globals.quiet)
		printf("\nEnding and removing everything ...\n");
	fflush(stdout);
	dev_end(d);
}

int dev_main(int argc, char **argv)
{
	struct dev *d = xcalloc(1, sizeof *d);
	struct dev_options *o = &d->options;
	const struct option options[] = {
		{"workers", 'w', OPTION_INT, &o->workers, "N", "how many (default 2)", NULL, 1, DEV_WORKERS_MAX},
		{"data", 0, OPTION_TEXT, &o->data, "DIR",
		 "where everything lies (default: a temporary directory)", NULL, 0, 0},
		{"listen", 0, OPTION_TEXT, &o->listen, "ADDR",
		 "of the pool (default 127.0.0.1:50051, or the next free)", NULL, 0, 0},
		{"redis", 0, OPTION_TEXT, &o->redis, "URL", "use this Redis instead of a private one", NULL, 0, 0},
		{"docker", 0, OPTION_TEXT, &o->docker, "unix:PATH", "the container engine's socket", NULL, 0, 0},
		{"allow-unlimited", 0, OPTION_FLAG, &o->allow_unlimited, NULL,
		 "run tasks although limits do not work here", NULL, 0, 0},
		{0},
	};
	struct error err = {0};
	int rc, count = 0;

	o->workers = 2;
	o->master = true;
	d->up = on_up;
	d->over = on_over;
	rc = options_parse(argc, argv, options, &help, &d->globals, NULL, 0, &count, &err);
	if (rc == 0) {
		printf("HiveMind " HIVEMIND_VERSION ", everything on this machine\n\n");
		loop_init(&d->loop);
		loop_catch_signals(&d->loop, on_stop);
		rc = dev_start(d, &err);
		loop_run(&d->loop);
		loop_close(&d->loop);
		if (err.status == 0)
			err = d->error;
	}
	rc = rc == OPTIONS_HELPED ? 0 : err.status != 0 ? term_error(&err, d->globals.json) : 0;
	wipe(d->token, sizeof d->token);
	wipe(d->lender_token, sizeof d->lender_token);
	free(d);
	return rc;
}
