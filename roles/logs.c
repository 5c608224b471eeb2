/* roles/logs.c - hivemind logs: what a task has printed, stderr kept apart. */
#include "roles/log_view.h"
#include "roles/roles.h"
#include "roles/task_find.h"
#include "roles/task_watch.h"

static const struct verb_help help = {
    .usage = "hivemind logs [options] ID | last",
    .summary =
	"What a task has printed: its standard output to standard output, its standard error and remarks of\n"
	"HiveMind to standard error.",
    .examples = "hivemind logs -f last\n"
		"hivemind logs 7kq2 --tail 20\n"
		"hivemind logs 7kq2 --stderr 2> errors",
    .missing = "the output of which task? An id or last is missing",
};

int logs_main(int argc, char **argv)
{
	struct client c;
	struct log_view view = {0};
	bool only_out = false, only_err = false;
	const struct option options[] = {
		{"follow", 'f', OPTION_FLAG, &view.follow, NULL,
		 "go on until the task has ended", NULL, 0, 0},
		{"tail", 'n', OPTION_INT, &view.tail, "N",
		 "begin with the last N lines", NULL, 1, 1000000},
		{"stdout", 0, OPTION_FLAG, &only_out, NULL, "only standard output", NULL, 0, 0},
		{"stderr", 0, OPTION_FLAG, &only_err, NULL, "only standard error", NULL, 0, 0},
		{0},
	};
	const char *args[1], *id;
	int count, code = client_open(&c, argc, argv, options, &help, args, 1, &count, true);

	if (code >= 0)
		return code;
	view.no_out = only_err && !only_out;
	view.no_err = only_out && !only_err;
	id = task_id_of(&c, args[0]);
	if (id != NULL && log_view_show(&view, &c, id) != 0 && view.follow && (c.interrupted || c.timed_out))
		task_goes_on(&c, id);
	return client_close(&c, 0);
}
