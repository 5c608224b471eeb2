/* roles/demo_main.c - hivemind demo: dev (roles/dev.h) with two workers, the job (roles/demo.h) on it, its
 * answer, and everything removed. Exits 0 only when the answer is right, so it is a test as well. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "net/memory.h"
#include "proto/status.h"
#include "roles/demo.h"
#include "roles/demo_books.h"
#include "roles/dev.h"
#include "roles/roles.h"
#include "ui/term.h"

static const struct verb_help help = {
	.usage = "hivemind demo [--keep]",
	.summary = "Try HiveMind on this machine alone: start a pool and two workers, count the primes below 2,000,000 in eight\n"
	"containers, check the answer, say where time went, and remove everything again.",
	.examples = "  hivemind demo\n"
	"  hivemind demo --keep        leave it running until Ctrl-C\n",
};

struct show {
	struct dev dev;
	struct demo demo;
	struct demo_books before, after;
	struct grpc_channel *lender; /* as the account with the workers; NULL = not yet, or no more */
	char dir[320];
	bool keep, counting, right, stopped;
};

static void keep_running(const struct show *s)
{
	printf("\nIt goes on running. In another terminal:\n\n"
	       "  . %s/env\n"
	       "  hivemind ps\n"
	       "  hivemind logs %.4s\n"
	       "  hivemind run -- echo hello\n\n"
	       "Ctrl-C ends and removes everything.\n", s->dev.data, s->demo.pieces[0].task);
}

static void on_lender_closed(void *user)
{
	struct show *s = user;

	s->lender = NULL;
	if (s->keep && s->right && !s->stopped)
		keep_running(s);
	else
		dev_end(&s->dev);
	fflush(stdout);
}

static void finish(struct show *s)
{
	grpc_channel_close(s->lender, on_lender_closed, s);
}

static void on_books_after(struct demo_books *b)
{
	struct show *s = container_of(b, struct show, after);

	if (b->error.status == 0)
		demo_books_print(&s->before, b);
	finish(s);
}

static void on_demo_over(struct demo *m)
{
	struct show *s = container_of(m, struct show, demo);

	s->counting = false;
	if (m->error.status != 0) {
		finish(s);
		return;
	}
	s->right = m->answer == DEMO_ANSWER;
	demo_print_times(m);
	printf("\nAnswer: %" PRIu64 "   expected %d   ", m->answer, DEMO_ANSWER);
	term_styled(stdout, s->right ? STYLE_GREEN : STYLE_RED, s->right ? "correct" : "WRONG");
	putchar('\n');
	s->after = (struct demo_books){.owner = s->dev.channel, .lender = s->lender, .done = on_books_after};
	demo_books_ask(&s->after);
}

static void on_books_before(struct demo_books *b)
{
	struct show *s = container_of(b, struct show, before);

	s->demo.error = b->error;
	s->counting = !s->stopped && b->error.status == 0 && demo_start(&s->demo, &s->demo.error) == 0;
	if (!s->counting)
		finish(s);
}

static void on_up(struct dev *d)
{
	struct show *s = container_of(d, struct show, dev);
	struct endpoint pool;

	if (dev_takes_tasks(d, &s->demo.error) != 0) {
		dev_end(d);
		return;
	}
	printf("\nJob: how many primes are below 2,000,000?   %d tasks, %d workers\n", DEMO_PIECES, d->worker_count);
	fflush(stdout);
	snprintf(s->dir, sizeof s->dir, "%s/demo", d->data);
	mkdir(s->dir, 0700);
	s->demo.loop = &d->loop;
	s->demo.channel = d->channel;
	s->demo.dir = s->dir;
	s->demo.quiet = d->globals.quiet;
	s->demo.over = on_demo_over;
	endpoint_parse(&pool, d->pool_address, &s->demo.error); /* dev has read it before */
	s->lender = grpc_channel_new(&d->loop, &pool);
	grpc_channel_set_token(s->lender, d->lender_token);
	s->before = (struct demo_books){.owner = d->channel, .lender = s->lender, .done = on_books_before};
	demo_books_ask(&s->before);
}

static void on_over(struct dev *d)
{
	(void)d; /* nothing is open any more: the loop ends */
}

static void on_stop(struct loop *loop, int signal)
{
	struct show *s = container_of(container_of(loop, struct dev, loop), struct show, dev);

	(void)signal;
	s->stopped = true;
	printf("\nEnding and removing everything ...\n");
	if (s->counting)
		demo_cancel(&s->demo);
	else if (s->lender == NULL) /* else the books are on their way, and what follows ends it */
		dev_end(&s->dev);
}

static int run(struct show *s)
{
	struct error err = {0};

	printf("HiveMind " HIVEMIND_VERSION " demo. Everything runs on this machine and is removed at its end.\n\n");
	loop_init(&s->dev.loop);
	loop_catch_signals(&s->dev.loop, on_stop);
	dev_start(&s->dev, &err);
	loop_run(&s->dev.loop);
	loop_close(&s->dev.loop);
	if (err.status == 0)
		err = s->dev.error.status != 0 ? s->dev.error : s->demo.error;
	if (err.status != 0)
		return term_error(&err, s->dev.globals.json);
	return s->right || (s->stopped && s->keep) ? 0 : 1;
}

int demo_main(int argc, char **argv)
{
	struct show *s = xcalloc(1, sizeof *s);
	struct dev_options *o = &s->dev.options;
	const struct option options[] = {
		{"keep", 0, OPTION_FLAG, &s->keep, NULL, "leave it running until Ctrl-C", NULL, 0, 0},
		{"docker", 0, OPTION_TEXT, &o->docker, "unix:PATH", "the container engine's socket", NULL, 0, 0},
		{0},
	};
	struct error err = {0};
	int rc, count = 0;

	o->workers = 2;
	o->allow_unlimited = true; /* the demo's own job is harmless */
	s->dev.up = on_up;
	s->dev.over = on_over;
	rc = options_parse(argc, argv, options, &help, &s->dev.globals, NULL, 0, &count, &err);
	if (rc == OPTIONS_HELPED)
		rc = 0;
	else
		rc = rc != 0 ? term_error(&err, s->dev.globals.json) : run(s);
	wipe(s->dev.token, sizeof s->dev.token);
	wipe(s->dev.lender_token, sizeof s->dev.lender_token);
	free(s);
	return rc;
}
