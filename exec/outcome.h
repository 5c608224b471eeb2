/* exec/outcome.h - what the end of a container means: the one table (reliability.md, facts 5 and 7).
 *
 * Exit code, memory kill and "we ended it" are three separate facts. A task that the kernel killed a child
 * of and that still exits 0 has done its work. 137 and 143 are the task's own when it sent itself the
 * signal, and a loss of the machine when something outside did: somebody through the engine, our
 * supervisor, or the engine as it went away. */
#ifndef EXEC_OUTCOME_H
#define EXEC_OUTCOME_H

#include <stdbool.h>

#include "proto/error.h"

struct ending {
	int exit_code;
	bool oom_killed;
	bool engine_away;  /* the engine was gone while it ran: 255, 143 and 137 may be its doing */
	bool signalled;    /* something outside sent it a signal, and that was not we who stop it */
	bool stopped;      /* we sent a signal before it ended */
	int stop;          /* enum job_stop, when stopped */
	const char *words; /* of who stopped it; may be NULL */
};

/* Does what it means hang on who sent a signal? Then signalled has to be found out before. */
bool outcome_depends_on_sender(const struct ending *ending);

/* Returns enum task_failure and the words for it (status 0 for FAILURE_NONE). */
int outcome_of_ending(const struct ending *ending, struct error *words);

/* The engine could not start the command: FAILURE_USER_EXIT with *exit_code 127 (not found) or 126 (not
 * executable) when its message says so, else FAILURE_INFRA. */
int outcome_of_start(const struct error *engine_says, const char *command, int *exit_code,
		     struct error *words);

#endif
