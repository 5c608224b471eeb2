/* hivemind.c - which command? The table, the usage made from it, the dispatch. Nothing else lives here. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gen/commit.h"
#include "net/crash.h"
#include "net/memory.h"
#include "net/private_process.h"
#include "proto/status.h"
#include "proto/typed.h"
#include "roles/child.h"
#include "roles/roles.h"

static const struct verb {
	const char *name;
	int (*main)(int argc, char **argv);
	const char *help; /* NULL = a heading follows in group; or, with a name, it is not for people */
	const char *group;
} verbs[] = {
	{NULL, NULL, NULL, "Start here"},
	{"demo", demo_main, "start everything on this machine, run a job, print its answer", NULL},
	{"dev", dev_main, "start everything on this machine and leave it running", NULL},
	{"master", master_main, "your page and JSON API, in a browser", NULL},
	{NULL, NULL, NULL, "Run something"},
	{"run", run_main, "run one command on the pool and pass on its exit status", NULL},
	{"init", init_main, "write a manifest and a script to begin with", NULL},
	{"check", check_main, "check a bundle without any network", NULL},
	{"submit", submit_main, "submit a bundle: a directory, tar, tar.gz or -", NULL},
	{NULL, NULL, NULL, "Look after your tasks"},
	{"ps", ps_main, "list your tasks", NULL},
	{"status", status_main, "everything about one task", NULL},
	{"logs", logs_main, "what a task has printed", NULL},
	{"wait", wait_main, "wait until tasks have ended", NULL},
	{"get", get_main, "fetch a result", NULL},
	{"stop", stop_main, "end tasks", NULL},
	{"rm", rm_main, "forget tasks that have ended", NULL},
	{NULL, NULL, NULL, "Account"},
	{"register", register_main, "make an account on a pool", NULL},
	{"login", login_main, "log in to a pool", NULL},
	{"logout", logout_main, "log out", NULL},
	{"whoami", whoami_main, "who am I there?", NULL},
	{"token", token_main, "tokens for machines and programs, within a scope", NULL},
	{NULL, NULL, NULL, "Money"},
	{"balance", balance_main, "what you have", NULL},
	{"statement", statement_main, "where it came from and where it went", NULL},
	{"quote", quote_main, "what would this task cost?", NULL},
	{"price", price_main, "what this pool asks", NULL},
	{"transfer", transfer_main, "give some to another account", NULL},
	{"tip", tip_main, "give some to an open-source project", NULL},
	{"project", project_main, "projects that can be tipped", NULL},
	{"earnings", earnings_main, "what your workers have earned", NULL},
	{NULL, NULL, NULL, "Machines"},
	{"worker", worker_main, "lend this machine to a pool", NULL},
	{SUPERVISOR_VERB, worker_supervisor_main, NULL, NULL},
	{"workers", workers_main, "list the machines of the pool", NULL},
	{"pool", pool_main, "run a pool: accounts, queue, results", NULL},
	{"invite", invite_main, "let someone register", NULL},
	{"ledger", ledger_main, "the books: sums, proof, standing still", NULL},
	{"info", info_main, "state of the pool", NULL},
	{"doctor", doctor_main, "check this machine and say what to fix", NULL},
	{"version", version_main, "which hivemind this is", NULL},
};

#define VERB_COUNT (sizeof verbs / sizeof verbs[0])

static int usage(FILE *f)
{
	fputs("HiveMind shares computing power: submit a task, someone's machine runs it.\n\n"
	      "  hivemind demo                          try it, on this machine alone\n"
	      "  hivemind submit ./mytask --wait        run a directory on the pool\n"
	      "  hivemind worker --join pool.example    lend this machine\n",
	      f);
	for (size_t i = 0; i < VERB_COUNT; i++)
		if (verbs[i].group != NULL)
			fprintf(f, "\n%s\n", verbs[i].group);
		else if (verbs[i].help != NULL)
			fprintf(f, "  %-10s %s\n", verbs[i].name, verbs[i].help);
	fputs("\n`hivemind VERB --help` explains one, `hivemind help exit-codes` the exit statuses;\n"
	      "man hivemind has everything.\n",
	      f);
	return f == stderr ? EXIT_USAGE : 0;
}

/* hivemind help exit-codes: for those who write scripts. */
static int exit_codes(void)
{
	static const struct {
		const char *code, *meaning;
	} rows[] = {
		{"0", "done as asked"},
		{"1", "a task that was waited for has failed or was stopped"},
		{"2", "usage: a wrong option, bundle or manifest"},
		{"3", "there is no such task, worker or file"},
		{"4", "not logged in, or not allowed"},
		{"5", "not enough CPT, or something is full"},
		{"6", "the pool, its Redis or the container engine cannot be reached"},
		{"7", "--timeout ran out"},
		{"8", "the state forbids it: no result yet, a name that is taken, nobody said yes"},
		{"70", "a fault of hivemind; please report it"},
		{"130, 143", "Ctrl-C, SIGTERM"},
		{"run", "passes on the status of its command; 125 = hivemind failed"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		printf("  %-10s %s\n", rows[i].code, rows[i].meaning);
	return 0;
}

static const struct verb *find(const char *name)
{
	static const struct { const char *alias, *name; } aliases[] = {
		{"ls", "ps"}, {"inspect", "status"}, {"nodes", "workers"}, {"--version", "version"}};

	for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
		if (strcmp(name, aliases[i].alias) == 0)
			name = aliases[i].name;
	for (size_t i = 0; i < VERB_COUNT; i++)
		if (verbs[i].name != NULL && strcmp(name, verbs[i].name) == 0)
			return &verbs[i];
	return NULL;
}

static int unknown(const char *typed)
{
	const char *names[VERB_COUNT + 1];
	const char *near;
	size_t n = 0;

	for (size_t i = 0; i < VERB_COUNT; i++)
		if (verbs[i].help != NULL)
			names[n++] = verbs[i].name;
	names[n] = NULL;
	near = nearest_word(typed, names);
	if (typed[0] == '-')
		fprintf(stderr, "hivemind: a command comes first, then its options: hivemind COMMAND %.64s\n", typed);
	else
		fprintf(stderr, "hivemind: there is no command \"%.64s\"\n", typed);
	if (near != NULL)
		fprintf(stderr, "  Did you mean   hivemind %s\n", near);
	fprintf(stderr, "  All commands   hivemind help\n");
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	const struct verb *verb;
	char help[] = "--help";
	int code;

	hivemind_commit = HIVEMIND_COMMIT;
	cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = xmalloc, .free_fn = free}); /* else no memory is bad JSON */
	private_process();
	child_tie_to_parent();
	code = crash_arm();
	if (code >= 0)
		return code;
	if (argc < 2)
		return usage(stderr);
	if (strcmp(argv[1], "help") == 0 && argc > 2 && strcmp(argv[2], "exit-codes") == 0)
		return exit_codes();
	if (strcmp(argv[1], "help") == 0 && argc > 2) { /* help VERB is VERB --help */
		argv[1] = argv[2];
		argv[2] = help;
		argc = 3;
	}
	if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return usage(stdout);
	verb = find(argv[1]);
	return verb != NULL ? verb->main(argc - 1, argv + 1) : unknown(argv[1]);
}
