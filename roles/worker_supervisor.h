/* roles/worker_supervisor.h - the worker starts its supervisor (exec/supervisor.h), and
 * another when that one dies.
 *
 * `hivemind worker-supervisor DATA GENERATION`: a session of its own, no token, its
 * standard input a pipe from us. */
#ifndef ROLES_WORKER_SUPERVISOR_H
#define ROLES_WORKER_SUPERVISOR_H

#include <stdbool.h>

#include "net/loop.h"

struct worker;

struct worker_supervisor {
	struct worker *worker;
	uv_process_t process;
	uv_pipe_t pipe;
	struct timer timer;   /* until it is started again; at the end: no longer than that for it to end */
	unsigned open;        /* handles of the process that runs */
	bool closing;
	void (*closed)(struct worker_supervisor *s);
};

/* After the leash was opened. */
void worker_supervisor_open(struct worker_supervisor *s, struct worker *w);

/* The worker leaves in good order. closed() comes once, when the supervisor has ended; one that still has to
 * kill something is left to itself. */
void worker_supervisor_close(struct worker_supervisor *s, void (*closed)(struct worker_supervisor *s));

#endif
