/* roles/worker_main.c - hivemind worker: its options. The worker itself is roles/worker.c. */
#include <stdlib.h>
#include <string.h>

#include "net/memory.h"
#include "proto/limits.h"
#include "proto/status.h"
#include "roles/doctor.h"
#include "roles/roles.h"
#include "roles/worker.h"
#include "ui/term.h"

static const struct verb_help help = {
	.usage = "hivemind worker --join HOST[:PORT][#sha256:...] [options]   |   hivemind worker doctor",
	.summary = "Lend this machine to a pool: run its tasks in containers, several at once, within what you offer. Stays in\n"
	"the foreground, finds a lost pool again, and gives its tasks back when it is stopped (Ctrl-C, SIGTERM).",
	.examples = "  hivemind login --pool pool.example        once: whose worker this is\n"
	"  hivemind worker --join pool.example\n"
	"  hivemind worker --join pool.example:50051#sha256:...   what the pool printed: no question\n"
	"  hivemind worker --join pool.example --cpus 75% --memory 8GiB\n"
	"  hivemind worker doctor                    what is missing on this machine?\n",
};

int worker_main(int argc, char **argv)
{
	struct worker *w = xcalloc(1, sizeof *w);
	struct worker_options *o = &w->options;
	const struct option options[] = {
		{"join", 0, OPTION_TEXT, &o->join, "HOST[:PORT]", "the pool", NULL, 0, 0},
		{"data", 0, OPTION_TEXT, &o->data, "DIR", "where its files lie", "HIVEMIND_WORKER_DATA", 0, 0},
		{"docker", 0, OPTION_TEXT, &o->docker, "unix:PATH", "the container engine's socket", NULL, 0, 0},
		{"name", 0, OPTION_TEXT, &o->name, "NAME", "what people see; else the machine's name", NULL, 0, 0},
		{"cpus", 0, OPTION_TEXT, &o->cpus, "N | P%", "cores to lend: 1.5 or 75%", NULL, 0, 0},
		{"memory", 0, OPTION_TEXT, &o->memory, "SIZE | P%", "memory to lend: 4GiB or 50%", NULL, 0, 0},
		{"disk", 0, OPTION_TEXT, &o->disk, "SIZE | P%", "disk to lend: 20GiB or 50%", NULL, 0, 0},
		{"gpus", 0, OPTION_INT, &o->gpus, "N", "GPUs to lend: 0 = none; else all", NULL, 0, GPUS_MAX},
		{"allow-image", 0, OPTION_TEXTS, &o->images, "GLOB",
		 "an image tasks may use; may be repeated; else any", NULL, 0, 0},
		{"max-tasks", 0, OPTION_INT, &o->tasks_max, "N", "tasks at once at most", NULL, 1, ATTEMPTS_MAX},
		{"allow-unlimited", 0, OPTION_FLAG, &o->allow_unlimited, NULL,
		 "lend it although limits do not work here", NULL, 0, 0},
		{"page", 0, OPTION_TEXT, &o->page, "ADDR | off",
		 "where its page is, on this machine (127.0.0.1:5000)", NULL, 0, 0},
		{"min-price", 0, OPTION_TEXT, &o->min_price, "CPT",
		 "run nothing that pays less for a core-second", NULL, 0, 0},
		{"donate", 0, OPTION_FLAG, &o->donate, NULL, "take no money for it", NULL, 0, 0},
		{"ready-fd", 0, OPTION_INT, &o->ready_fd, "N", "write the ready line there, once", NULL, 0, 1 << 20},
		{0},
	};
	const char *args[1];
	struct error err = {0};
	int rc, count = 0;

	w->lock = w->leash.fd = -1;
	o->ready_fd = -1;
	o->tasks_max = ATTEMPTS_MAX;
	o->gpus = GPUS_MAX;
	rc = options_parse(argc, argv, options, &help, &w->globals, args, 1, &count, &err);
	if (rc == OPTIONS_HELPED)
		rc = 0;
	else if (rc == 0 && count == 1 && strcmp(args[0], "doctor") != 0)
		rc = error_set(&err, STATUS_INVALID_ARGUMENT, "what is \"%.64s\"? The pool is named with --join", args[0]);
	else if (rc == 0)
		rc = count == 1 ? doctor_run(o->docker, o->data, w->globals.pool, w->globals.json) : worker_run(w);
	if (err.status != 0)
		rc = term_error(&err, w->globals.json);
	free(w);
	return rc;
}
