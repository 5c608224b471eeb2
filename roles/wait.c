/* roles/wait.c - hivemind wait: until tasks have ended, one after the other; all run on meanwhile. */
#include <stdio.h>

#include "roles/roles.h"
#include "roles/task_find.h"
#include "roles/task_view.h"
#include "roles/task_watch.h"

#define TASKS_MAX 1000

static const struct verb_help help = {
    .usage = "hivemind wait [options] ID ... | last",
    .summary = "Wait until all of these tasks have ended. Exits 0 when all are COMPLETED, 1 when one has "
               "failed or was\n"
	       "stopped, 7 when --timeout ran out first.",
    .examples = "hivemind wait last && hivemind get last\n"
		"hivemind wait 7kq2 m0xd --timeout 10m\n"
		"hivemind wait $(hivemind ps --live -q) --json",
    .missing = "wait for which tasks? An id or last is missing",
};

static void tell(struct client *c, const Pb__Task *t)
{
	struct buf sentence = {0};

	if (c->globals.json) {
		task_print_json(c, t);
	} else if (!c->globals.quiet) {
		task_sentence(t, &sentence);
		fprintf(stderr, "%s\n", buf_text(&sentence));
		buf_release(&sentence);
	}
}

int wait_main(int argc, char **argv)
{
	struct client c;
	const char *args[TASKS_MAX];
	int count, worst = 0, code = client_open(&c, argc, argv, NULL, &help, args, TASKS_MAX, &count, true);

	if (code >= 0)
		return code;
	for (int i = 0; i < count; i++) {
		const char *id = task_id_of(&c, args[i]);
		const Pb__Task *t = id != NULL ? task_watch(&c, id) : NULL;

		if (t == NULL)
			return client_close(&c, worst);
		tell(&c, t);
		if (task_exit_code(t) != 0)
			worst = task_exit_code(t);
	}
	return client_close(&c, worst);
}
