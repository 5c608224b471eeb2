/* roles/submit.c - hivemind submit: pack, upload, queue; then watch, when asked to. */
#include <stdio.h>
#include <string.h>

#include "exec/bundle.h"
#include "net/crash.h"
#include "proto/status.h"
#include "roles/log_view.h"
#include "roles/money_view.h"
#include "roles/roles.h"
#include "roles/spec_view.h"
#include "roles/submission.h"
#include "roles/task_find.h"
#include "roles/task_view.h"
#include "roles/task_watch.h"
#include "ui/term.h"

static const struct verb_help help = {
    .usage = "hivemind submit [options] DIR | TASK.TAR | TASK.TAR.GZ | -",
    .summary = "Put a task in the queue. A bundle says with hivemind.json what is to be run; without one its "
               "run.sh is,\n"
	       "or its main.py. What the pool has already is not sent again, and a broken upload goes on "
               "where it was.",
    .examples = "hivemind submit ./mytask --wait\n"
		"hivemind submit task.tar.gz --follow --env SEED=7\n"
		"tar c . | hivemind submit - --name fit --memory 2G",
    .missing = "submit what? A directory, a tar file or -",
};

struct submit {
	struct client client;
	struct submission change;
	const char *key;
	bool wait, follow;
	struct progress progress;
	const Pb__QuoteReply *quote;
};

static void on_packed(void *user, uint64_t bytes)
{
	struct submit *s = user;

	progress_bytes(&s->progress, bytes, 0);
}

static int pack(struct submit *s, struct bundle *b, const char *path)
{
	struct client *c = &s->client;
	char size[24], words[80];
	int rc;

	progress_start(&s->progress, "Packing", c->globals.json || c->globals.quiet);
	rc = bundle_open(b, path, on_packed, s, &c->error);
	snprintf(words, sizeof words, "%u file%s, %s", b->files, b->files == 1 ? "" : "s",
	         format_bytes(b->content, size));
	progress_end(&s->progress, rc == 0 ? words : NULL);
	return rc != 0 ? rc : submission_change(&s->change, b, &c->error);
}

static void tell_json(struct client *c, const struct bundle *b, const Pb__SubmitReply *reply)
{
	struct buf out = {0};
	struct json j;

	json_document(&j, &out);
	submitted_json(&j, &b->spec, b->sha256, b->size, b->files, reply);
	json_end(&j);
	client_print(c, &out);
	buf_release(&out);
}

/* What one can type next. */
static void suggest(const struct submit *s, const char *id)
{
	char brief[TASK_ID_SIZE];

	if (!term_is_tty(stderr) || s->wait || s->follow || s->client.globals.quiet)
		return;
	task_short_id(id, SHORT_ID_LENGTH, brief);
	fprintf(stderr,
	        "  watch   hivemind wait %s\n  logs    hivemind logs -f %s\n  result  hivemind get %s\n",
	        brief, brief, brief);
}

/* "Reserved 8.4 CPT of your 150 (at most 20)" */
static void tell_reserved(const struct submit *s, const struct bundle *b, int64_t hold_mcpt)
{
	char hold[CPT_TEXT_SIZE], balance[CPT_TEXT_SIZE], most[CPT_TEXT_SIZE];

	if (hold_mcpt == 0 || s->quote == NULL)
		return;
	fprintf(stderr, "Reserved %s CPT of your %s", cpt_grouped(hold, hold_mcpt),
		cpt_grouped(balance, s->quote->balance_mcpt));
	if (b->spec.max_mcpt > 0)
		fprintf(stderr, " (at most %s)", cpt_grouped(most, b->spec.max_mcpt));
	fputc('\n', stderr);
}

static void tell(const struct submit *s, const struct bundle *b, const Pb__SubmitReply *reply)
{
	struct buf name = {0};

	if (s->client.globals.json) {
		tell_json((struct client *)&s->client, b, reply);
		return;
	}
	if (s->client.globals.quiet) {
		printf("%s\n", reply->id);
	} else {
		tell_reserved(s, b, reply->hold_mcpt);
		term_safe(&name, b->spec.name, strlen(b->spec.name), false);
		printf("Submitted %s \"%s\"\n", reply->id, buf_text(&name));
		if (reply->duplicate && s->key == NULL)
			fputs("An earlier command of the same was cut short and had submitted it: this is that one.\n", stderr);
		buf_release(&name);
	}
	fflush(stdout);
	suggest(s, reply->id);
}

/* Stay until it has ended; the exit status says how. */
static int stay(struct submit *s, const char *id)
{
	struct client *c = &s->client;
	struct log_view view = {.follow = true};
	struct buf sentence = {0};
	const Pb__Task *t;

	if (s->follow && log_view_show(&view, c, id) != 0) {
		if (c->interrupted || c->timed_out)
			task_goes_on(c, id);
		return EXIT_TASK_FAILED;
	}
	t = task_watch(c, id);
	if (t == NULL)
		return EXIT_TASK_FAILED;
	if (c->globals.json) {
		task_print_json(c, t);
	} else if (!c->globals.quiet) {
		task_sentence(t, &sentence);
		fprintf(stderr, "%s\n", buf_text(&sentence));
		if (t->result_sha256[0] != '\0' && term_is_tty(stderr))
			fprintf(stderr, "  result  hivemind get %.*s\n", SHORT_ID_LENGTH, id);
		buf_release(&sentence);
	}
	return task_exit_code(t);
}

static int submit(struct submit *s, const char *path)
{
	struct bundle b = {.fd = -1};
	struct pending pending = {.fd = -1};
	Pb__SubmitReply *reply = NULL;
	int code = 0;

	if (pack(s, &b, path) == 0)
		reply = submission_send(&s->client, &b, s->key, true, &pending, &s->quote);
	crash_point(CLIENT_SUBMIT_ANSWERED);
	if (reply != NULL)
		tell(s, &b, reply);
	submission_shown(&s->client, &pending);
	if (reply == NULL && s->client.interrupted && !s->client.globals.json)
		fprintf(stderr, "Nothing was submitted. The same command goes on with the upload.\n");
	bundle_release(&b);
	if (reply != NULL && (s->wait || s->follow))
		code = stay(s, reply->id);
	return client_close(&s->client, code);
}

int submit_main(int argc, char **argv)
{
	struct submit s = {0};
	const struct option options[] = {
		{"wait", 'w', OPTION_FLAG, &s.wait, NULL,
		 "wait until it has ended; exit 1 if it failed", NULL, 0, 0},
		{"follow", 'f', OPTION_FLAG, &s.follow, NULL,
		 "show its output meanwhile; waits too", NULL, 0, 0},
		{"key", 0, OPTION_TEXT, &s.key, "KEY",
		 "a name for this one: with the same again nothing more happens", NULL, 0, 0},
		SUBMISSION_ROWS(s.change),
		{0},
	};
	const char *args[1];
	int count, code = client_open(&s.client, argc, argv, options, &help, args, 1, &count, true);

	if (code >= 0)
		return code;
	return submit(&s, args[0]);
}
