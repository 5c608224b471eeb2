/* roles/stop.c - hivemind stop: end tasks. */
#include <stdio.h>

#include "proto/id.h"
#include "proto/task.h"
#include "roles/roles.h"
#include "roles/task_find.h"
#include "roles/task_view.h"
#include "ui/term.h"

#define TASKS_MAX 1000

static const struct verb_help help = {
    .usage = "hivemind stop [options] ID ... | last",
    .summary = "End tasks: they get SIGTERM, their grace time, then SIGKILL. What they have left is kept as "
               "a partial result.\n"
	       "A task that has ended already stays as it is.",
    .examples = "hivemind stop 7kq2\n"
		"hivemind stop last --reason 'wrong seed'",
    .missing = "stop which tasks? An id or last is missing",
};

static int stop(struct client *c, const char *word, const char *reason)
{
	Pb__StopTaskRequest request = PB__STOP_TASK_REQUEST__INIT;
	const char *id = task_id_of(c, word);
	char brief[TASK_ID_SIZE];
	const Pb__Task *t;

	if (id == NULL)
		return c->error.status;
	request.id = (char *)id;
	request.reason = (char *)reason;
	request.call_id = (char *)client_call_id(c);
	t = client_call_again(c, RPC_STOP_TASK, &request);
	if (t == NULL)
		return c->error.status;
	if (c->globals.json)
		task_print_json(c, t);
	else if (c->globals.quiet)
		printf("%s\n", t->id);
	else
		printf("%s is %s\n", task_short_id(t->id, SHORT_ID_LENGTH, brief),
		       task_state_name((int)t->state));
	return 0;
}

int stop_main(int argc, char **argv)
{
	struct client c;
	const char *args[TASKS_MAX], *reason = "";
	const struct option options[] = {
		{"reason", 0, OPTION_TEXT, &reason, "TEXT", "why; shown in its status", NULL, 0, 0},
		{0},
	};
	int count, code = client_open(&c, argc, argv, options, &help, args, TASKS_MAX, &count, true);

	if (code >= 0)
		return code;
	for (int i = 0; i < count; i++)
		if (stop(&c, args[i], reason) != 0)
			break;
	return client_close(&c, 0);
}
