/* roles/get.c - hivemind get: fetch the result of a task that has ended, whole or partial. */
#include <stdio.h>
#include <string.h>

#include "proto/id.h"
#include "proto/status.h"
#include "proto/task.h"
#include "roles/result.h"
#include "roles/roles.h"
#include "roles/task_find.h"
#include "roles/task_view.h"
#include "ui/term.h"

static const struct verb_help help = {
    .usage = "hivemind get [options] ID | last",
    .summary = "Fetch what a task left in /work/out. A task that failed or was stopped has a partial result, "
               "which is\n"
	       "fetched the same way. May be repeated; a broken download goes on where it was.",
    .examples = "hivemind get last\n"
		"hivemind get 7kq2 -o results\n"
		"hivemind get 7kq2 -o result.tar\n"
		"hivemind get 7kq2 -o - | tar t",
    .missing = "get which task? An id or last is missing",
};

static int no_result(struct client *c, const Pb__Task *t)
{
	char id[TASK_ID_SIZE];

	task_short_id(t->id, SHORT_ID_LENGTH, id);
	if (!task_state_final((int)t->state)) {
		error_set(&c->error, STATUS_FAILED_PRECONDITION, "task %s is %s: it has no result yet", id,
			  task_state_name((int)t->state));
		return error_hint(&c->error, "Wait for it   hivemind wait %s", id);
	}
	error_set(&c->error, STATUS_NOT_FOUND, "task %s is %s and left no result", id,
	          task_state_name((int)t->state));
	return error_hint(&c->error, "Why   hivemind status %s", id);
}

static void tell(struct client *c, const Pb__Task *t, const char *to)
{
	struct buf out = {0};
	struct json j;
	char size[24];

	if (c->globals.json && strcmp(to, "-") != 0) {
		json_document(&j, &out);
		json_text(&j, "id", t->id);
		json_text(&j, "to", to);
		json_text(&j, "sha256", t->result_sha256);
		json_uint(&j, "bytes", t->result_size);
		json_end(&j);
		client_print(c, &out);
		buf_release(&out);
	} else if (!c->globals.json && !c->globals.quiet) {
		fprintf(stderr, "Fetched %s into %s\n", format_bytes(t->result_size, size),
			strcmp(to, "-") == 0 ? "standard output" : to);
	}
}

int get_main(int argc, char **argv)
{
	const char *to = NULL, *args[1];
	const struct option options[] = {
		{"output", 'o', OPTION_TEXT, &to, "DIR|FILE.tar|-",
		 "where to (a directory named by the id)", NULL, 0, 0},
		{0},
	};
	struct client c;
	char brief[TASK_ID_SIZE];
	const Pb__Task *t;
	int count, code = client_open(&c, argc, argv, options, &help, args, 1, &count, true);

	if (code >= 0)
		return code;
	t = task_get(&c, args[0]);
	if (t == NULL)
		return client_close(&c, 0);
	if (to == NULL)
		to = task_short_id(t->id, SHORT_ID_LENGTH, brief);
	if (t->result_sha256[0] == '\0')
		no_result(&c, t);
	else if (result_fetch(&c, t, to) == 0)
		tell(&c, t, to);
	return client_close(&c, 0);
}
