/* exec/outcome.c owns: the table that turns an ending into a failure with words. */
#define _GNU_SOURCE /* strcasestr */
#include "exec/outcome.h"

#include <stddef.h>
#include <string.h>

#include "exec/job.h"
#include "proto/status.h"

#define EXIT_KILLED 137 /* 128 + SIGKILL */
#define EXIT_UNSEEN 255      /* Docker's word for an end that it did not see */
/* 128 + SIGTERM, which it sends to what runs when it starts without live-restore */
#define EXIT_TERMINATED 143

/* What a stop by us means. Stopped by its owner it is no failure of anybody; the words say who did it. */
static const struct {
	int failure, status;
	const char *words;
} stops[] = {
	[JOB_STOP_OWNER] = {FAILURE_USER_EXIT, STATUS_CANCELLED, "it was stopped"},
	[JOB_STOP_TIMEOUT] = {FAILURE_TIMEOUT, STATUS_DEADLINE_EXCEEDED, "it ran longer than its time limit"},
	[JOB_STOP_DISK] = {FAILURE_DISK, STATUS_RESOURCE_EXHAUSTED, "it used more disk than it asked for"},
	[JOB_STOP_LOST] = {FAILURE_INFRA, STATUS_ABORTED, "its worker gave it up"},
	[JOB_STOP_ENGINE] = {FAILURE_INFRA, STATUS_UNAVAILABLE,
			     "the container engine of its worker does not answer"},
	[JOB_STOP_BUDGET] = {FAILURE_BUDGET, STATUS_RESOURCE_EXHAUSTED, "its money is used up"},
};

static int of_stop(const struct ending *e, struct error *words)
{
	error_set(words, stops[e->stop].status, "%s", e->words != NULL && e->words[0] != '\0' ? e->words
										    : stops[e->stop].words);
	return stops[e->stop].failure;
}

static bool is_signal(const struct ending *e)
{
	return e->exit_code == EXIT_KILLED || e->exit_code == EXIT_TERMINATED;
}

bool outcome_depends_on_sender(const struct ending *e)
{
	return is_signal(e) && !e->stopped && !e->oom_killed && !e->engine_away && !e->signalled;
}

int outcome_of_ending(const struct ending *e, struct error *words)
{
	error_clear(words);
	if (e->stopped)
		return of_stop(e, words);
	if (e->exit_code == 0)
		return FAILURE_NONE;
	if (e->oom_killed) {
		error_set(words, STATUS_RESOURCE_EXHAUSTED, "it needed more memory than it asked for and was killed");
		error_hint(words, "ask for more: \"resources\": {\"memory\": ...} in hivemind.json");
		return FAILURE_OOM;
	}
	if (e->signalled && is_signal(e)) {
		error_set(words, STATUS_UNAVAILABLE, "its container was killed by something else on the worker");
		return FAILURE_INFRA;
	}
	if (e->engine_away && (e->exit_code == EXIT_UNSEEN || is_signal(e))) {
		error_set(words, STATUS_UNAVAILABLE, "the container engine of its worker went away while it ran");
		return FAILURE_INFRA;
	}
	if (e->exit_code == 127)
		error_set(words, STATUS_UNKNOWN, "it exited with 127: a command was not found");
	else if (e->exit_code == 126)
		error_set(words, STATUS_UNKNOWN, "it exited with 126: a command is not executable");
	else if (e->exit_code > 128 && e->exit_code < 128 + 65)
		error_set(words, STATUS_UNKNOWN, "it exited with %d (signal %d)", e->exit_code, e->exit_code - 128);
	else
		error_set(words, STATUS_UNKNOWN, "it exited with %d", e->exit_code);
	return FAILURE_USER_EXIT;
}

static const struct {
	const char *engine_says;
	int exit_code;
	const char *words;
} starts[] = {
	{"executable file not found", 127, "is not in the image"},
	{"no such file or directory", 127, "is not in the image, or its interpreter is not"},
	{"permission denied", 126, "is not executable"},
	{"exec format error", 126, "is not a program for this machine"},
	{"is a directory", 126, "is a directory"},
};

/* Both engines pass on the runtime's own words; only those of its last step (exec) are about the command. */
int outcome_of_start(const struct error *engine_says, const char *command, int *exit_code,
		     struct error *words)
{
	const char *exec = strstr(engine_says->text, "exec");

	for (size_t i = 0; exec != NULL && i < sizeof(starts) / sizeof(starts[0]); i++) {
		if (strcasestr(exec, starts[i].engine_says) == NULL)
			continue;
		*exit_code = starts[i].exit_code;
		error_set(words, STATUS_NOT_FOUND, "the command \"%s\" %s", command, starts[i].words);
		error_hint(words, "the bundle lies in /work; a script there is ./NAME and must be executable");
		return FAILURE_USER_EXIT;
	}
	*words = *engine_says;
	return FAILURE_INFRA;
}
