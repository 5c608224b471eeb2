/* roles/rm.c - hivemind rm: forget tasks that have ended, with their output and results. */
#include <stdio.h>

#include "proto/id.h"
#include "proto/status.h"
#include "roles/roles.h"
#include "roles/task_find.h"
#include "roles/task_view.h"
#include "ui/term.h"

#define TASKS_MAX 1000

static const struct verb_help help = {
    .usage = "hivemind rm [options] ID ... | last",
    .summary =
	"Forget tasks that have ended: their record, their output and their result on the pool. Asks first.",
    .examples = "hivemind rm 7kq2\n"
		"hivemind rm --yes last",
    .missing = "forget which tasks? An id or last is missing",
};

/* May it be done? On a terminal a person is asked; elsewhere --yes says so. */
static bool is_agreed(struct client *c, bool yes, int count)
{
	char question[100];

	if (yes)
		return true;
	snprintf(question, sizeof question, "Forget %d task%s and the result%s on the pool?", count,
	         count == 1 ? "" : "s", count == 1 ? "" : "s");
	if (!c->globals.no_input && ask_yes(question, false))
		return true;
	error_set(&c->error, STATUS_FAILED_PRECONDITION, "nothing was removed: nobody said yes");
	error_hint(&c->error, "Say it   hivemind rm --yes ID");
	return false;
}

static void tell(struct client *c, const Pb__Task *t)
{
	struct buf out = {0};
	struct json j;
	char brief[TASK_ID_SIZE];

	if (c->globals.json) {
		json_document(&j, &out);
		json_text(&j, "id", t->id);
		json_bool(&j, "removed", true);
		json_end(&j);
		client_print(c, &out);
		buf_release(&out);
	} else {
		printf("%s%s\n", c->globals.quiet ? t->id : task_short_id(t->id, SHORT_ID_LENGTH, brief),
		       c->globals.quiet ? "" : " is forgotten");
	}
}

static int forget(struct client *c, const char *word)
{
	Pb__RemoveTaskRequest request = PB__REMOVE_TASK_REQUEST__INIT;
	const Pb__Task *t = task_get(c, word);
	char brief[TASK_ID_SIZE];

	if (t == NULL)
		return c->error.status;
	request.id = t->id;
	request.call_id = (char *)client_call_id(c);
	if (client_call_again(c, RPC_REMOVE_TASK, &request) == NULL) {
		if (c->error.status == STATUS_FAILED_PRECONDITION && c->error.hint[0] == '\0')
			error_hint(&c->error, "End it first   hivemind stop %s",
			           task_short_id(t->id, SHORT_ID_LENGTH, brief));
		return c->error.status;
	}
	tell(c, t);
	return 0;
}

int rm_main(int argc, char **argv)
{
	struct client c;
	bool yes = false;
	const char *args[TASKS_MAX];
	const struct option options[] = {
		{"yes", 'y', OPTION_FLAG, &yes, NULL, "do not ask", NULL, 0, 0},
		{0},
	};
	int count, code = client_open(&c, argc, argv, options, &help, args, TASKS_MAX, &count, true);

	if (code >= 0)
		return code;
	for (int i = 0; i < count && is_agreed(&c, yes, count); i++) {
		yes = true;
		if (forget(&c, args[i]) != 0)
			break;
	}
	return client_close(&c, 0);
}
