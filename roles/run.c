/* roles/run.c - hivemind run: one command on the pool as if it ran here. Its output is ours, its exit status
 * is ours.
 *
 * 125 = HiveMind failed; 126, 127 and 128+n are the command's own, as in a shell. Ctrl-C ends the task. */
#include <stdio.h>
#include <string.h>

#include "proto/limits.h"
#include "proto/status.h"
#include "proto/task.h"
#include "roles/log_view.h"
#include "roles/result.h"
#include "roles/roles.h"
#include "roles/submission.h"
#include "roles/task_view.h"
#include "roles/task_watch.h"
#include "ui/term.h"

#define EXIT_HIVEMIND_FAILED 125

static const struct verb_help help = {
    .usage = "hivemind run [options] [--] COMMAND [ARGUMENT ...]",
    .summary = "Run one command in a container on the pool, show its output and exit with its status (125: "
               "HiveMind\n"
	       "itself failed). Ctrl-C ends the task.",
    .examples = "hivemind run -- echo hello\n"
		"hivemind run --with ./src --memory 1G -- sh -c 'sort words | uniq -c'\n"
		"hivemind run --image python:3.12-slim --output out -- python -c 'print(6*7)'",
    .missing = "run what? A command is missing",
};

struct run {
	struct client client;
	struct submission change;
	const char *with, *output;
};

/* Ctrl-C came: end the task. The client lets nothing more through, so it is asked to forget the signal for
 * one call. */
static void stop_task(struct client *c, const char *id)
{
	Pb__StopTaskRequest request = PB__STOP_TASK_REQUEST__INIT;
	struct error before = c->error;

	fprintf(stderr, "hivemind: ending task %.*s\n", SHORT_ID_LENGTH, id);
	request.id = (char *)id;
	request.reason = (char *)"interrupted";
	request.call_id = (char *)client_call_id(c);
	c->interrupted = c->timed_out = false;
	client_call(c, RPC_STOP_TASK, &request);
	c->interrupted = c->signal != 0;
	c->timed_out = c->signal == 0;
	if (c->error.status == 0)
		c->error = before;
}

static int own_status(const Pb__Task *t)
{
	struct buf sentence = {0};

	if (t->state == PB__TASK_STATE__COMPLETED)
		return 0;
	/* What the command says of itself is enough, but one that never began cannot say it. */
	if (t->failure != PB__TASK_FAILURE__USER_EXIT || task_part_ms(t, PART_RAN, 0) < 0) {
		task_sentence(t, &sentence);
		fprintf(stderr, "hivemind: %s\n", buf_text(&sentence));
		buf_release(&sentence);
	}
	return t->has_exit_code && t->exit_code != 0 ? t->exit_code & 255 : EXIT_HIVEMIND_FAILED;
}

/* Show the output, wait for the end, fetch the result. Returns the exit status. */
static int follow(struct run *r, const char *id)
{
	struct client *c = &r->client;
	struct log_view view = {.follow = true};
	bool quiet = c->globals.quiet;
	const Pb__Task *t = NULL;

	if (log_view_show(&view, c, id) == 0) {
		c->globals.quiet = true; /* it has ended: there is no progress to see */
		t = task_watch(c, id);
		c->globals.quiet = quiet;
	}
	if (t == NULL) {
		if (c->interrupted || c->timed_out)
			stop_task(c, id);
		return EXIT_HIVEMIND_FAILED;
	}
	if (c->globals.json)
		task_print_json(c, t);
	if (r->output != NULL && t->result_sha256[0] != '\0')
		result_fetch(c, t, r->output);
	return own_status(t);
}

static int run(struct run *r, int argc, const char **argv)
{
	struct client *c = &r->client;
	struct bundle b = {.fd = -1};
	struct pending pending = {.fd = -1};
	Pb__SubmitReply *reply = NULL;
	int code = EXIT_HIVEMIND_FAILED;
	bool failed;

	if (bundle_of_command(&b, r->with, argc, (char **)argv, &c->error) == 0 &&
	    submission_change(&r->change, &b, &c->error) == 0)
		reply = submission_send(c, &b, NULL, false, &pending, NULL);
	submission_shown(c, &pending);
	bundle_release(&b);
	if (reply != NULL)
		code = follow(r, reply->id);
	/* An error of ours has the one exit status that is no command's; Ctrl-C keeps its own. */
	failed = !c->interrupted && (c->error.status != 0 || c->timed_out);
	code = client_close(c, code);
	return failed ? EXIT_HIVEMIND_FAILED : code;
}

int run_main(int argc, char **argv)
{
	struct run r = {0};
	const struct option options[] = {
		{"with", 0, OPTION_TEXT, &r.with, "DIR",
		 "send the files of this directory along", NULL, 0, 0},
		{"output", 'o', OPTION_TEXT, &r.output, "DIR",
		 "fetch what it leaves in /work/out", NULL, 0, 0},
		SUBMISSION_ROWS(r.change),
		{.name = "", .kind = OPTION_COMMAND},
		{0},
	};
	const char *args[COMMAND_WORDS_MAX];
	int count,
	    code = client_open(&r.client, argc, argv, options, &help, args, COMMAND_WORDS_MAX, &count, true);

	if (code >= 0)
		return code == 0 ? 0 : EXIT_HIVEMIND_FAILED;
	return run(&r, count, args);
}
