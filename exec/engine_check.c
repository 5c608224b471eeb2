/* exec/engine_check.c owns: the canary, the one container that shows what this engine really does.
 *
 * What an engine says of itself does not count: rootless Podman on cgroup v1 says that it limits memory
 * and limits nothing. So a job like any other is run on the base image: it looks for a file of ours
 * (exit 3 when it is not there) and then touches 32 MiB with 16 MiB allowed. Killed: limits hold. Exit
 * 0: they do not. Docker's 255: the engine went away meanwhile, and nothing is known.
 *
 * Failures: no base image, no container (err); limits that do not hold are no failure but a finding
 * (e->canary). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exec/engine.h"
#include "exec/job.h"
#include "net/clock.h"
#include "net/memory.h"
#include "proto/limits.h"
#include "proto/status.h"

#define CANARY_SECONDS 60
#define EXIT_NOT_SEEN 3
#define EXIT_KILLED 137

struct check {
	struct engine *engine;
	struct job job;
	Pb__TaskSpec spec;
	Pb__Resources resources;
	char *command[4];
	char *directory;       /* of the canary: PARENT/canary-XXXXXX */
	bool without_init;     /* this is the second try */
	struct deferred later;
	struct error error;
	void (*done)(struct engine *e, const struct error *err, void *user);
	void *user;
};

static char canary_script[] = "[ -f /work/canary ] || exit 3; "
			       "exec dd if=/dev/zero of=/dev/null bs=32M count=1 2>/dev/null";

static void remove_directory(struct check *c)
{
	char *file;

	if (c->directory == NULL)
		return;
	file = xasprintf("%s/canary", c->directory);
	unlink(file);
	rmdir(c->directory);
	free(file);
	free(c->directory);
}

static void finish(struct check *c)
{
	remove_directory(c);
	c->done(c->engine, &c->error, c->user);
	free(c);
}

static void on_late(struct deferred *d)
{
	finish(container_of(d, struct check, later));
}

static void start_canary(struct check *c);

/* Exit code, or the way it was ended, to findings. */
static void read_findings(struct check *c)
{
	struct engine *e = c->engine;
	const struct job *j = &c->job;

	e->sees_our_files = j->has_exit_code && j->exit_code != EXIT_NOT_SEEN;
	e->limits_enforced = j->oom_killed || (j->has_exit_code && j->exit_code == EXIT_KILLED && !j->killed_by_us);
	error_clear(&e->canary);
	if (!e->sees_our_files) {
		error_set(&e->canary, STATUS_FAILED_PRECONDITION,
			  "the engine does not see this worker's files below its data directory");
	} else if (!e->limits_enforced) {
		error_set(&e->canary, STATUS_FAILED_PRECONDITION,
			  "the engine does not enforce memory limits: 32 MiB were used where 16 MiB were allowed");
		error_hint(&e->canary, "use a rootful engine or one on cgroup v2; --allow-unlimited takes tasks anyway");
	}
}

static void on_removed(struct job *j)
{
	struct check *c = j->user;

	if (!j->has_exit_code && c->engine->has_init && !c->without_init) {
		c->without_init = true; /* its init program may be missing, whatever it says */
		c->engine->has_init = false;
		start_canary(c);
		return;
	}
	if (!j->has_exit_code) {
		c->error = j->error;
		if (c->error.status == 0)
			error_set(&c->error, STATUS_UNKNOWN, "the canary container did not run");
	} else if (j->exit_code > EXIT_KILLED) {
		error_set(&c->error, STATUS_UNKNOWN,
			  "the canary container ended with exit status %d, not by itself", j->exit_code);
	} else {
		read_findings(c);
	}
	finish(c);
}

static void on_ended(struct job *j)
{
	(void)j;
}

static void start_canary(struct check *c)
{
	c->job = (struct job){
		.engine = c->engine,
		.spec = &c->spec,
		.epoch = c->without_init ? 2 : 1,
		.work = c->directory,
		.uid = geteuid() == 0 ? 65534 : geteuid(),
		.done = on_ended,
		.removed = on_removed,
		.user = c,
	};
	snprintf(c->job.task, sizeof(c->job.task), "canary-%08x", random_below(UINT32_MAX));
	job_start(&c->job);
}

static void fill_spec(struct check *c)
{
	c->resources = (Pb__Resources)PB__RESOURCES__INIT;
	c->resources.milli_cpus = 1000;
	c->resources.memory = MEMORY_MIN;
	c->spec = (Pb__TaskSpec)PB__TASK_SPEC__INIT;
	c->spec.resources = &c->resources;
	c->command[0] = (char *)"/bin/sh";
	c->command[1] = (char *)"-c";
	c->command[2] = canary_script;
	c->spec.command = c->command;
	c->spec.n_command = 3;
	c->spec.time_limit_s = CANARY_SECONDS;
}

static int make_directory(struct check *c, const char *parent)
{
	char *file;
	int fd;

	c->directory = xasprintf("%s/canary-XXXXXX", parent);
	if (mkdtemp(c->directory) == NULL || chmod(c->directory, 0755) != 0) {
		error_set(&c->error, status_from_errno(errno), "cannot write to %s: %s", parent, strerror(errno));
		free(c->directory);
		c->directory = NULL;
		return c->error.status;
	}
	file = xasprintf("%s/canary", c->directory);
	fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		error_set(&c->error, status_from_errno(errno), "cannot write to %s: %s", parent, strerror(errno));
	else
		close(fd);
	free(file);
	return c->error.status;
}

void engine_check(struct engine *e, const char *scratch_parent,
		  void (*done)(struct engine *e, const struct error *err, void *user), void *user)
{
	struct check *c = xcalloc(1, sizeof(*c));

	c->engine = e;
	c->done = done;
	c->user = user;
	e->limits_enforced = e->sees_our_files = false;
	fill_spec(c);
	if (make_directory(c, scratch_parent) != 0) {
		loop_defer(e->loop, &c->later, on_late);
		return;
	}
	start_canary(c);
}
