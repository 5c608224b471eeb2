/* roles/worker_doctor.h - the checks of `hivemind doctor --json`, run beside the worker by a process of
 * their own, because they block. One at a time. */
#ifndef ROLES_WORKER_DOCTOR_H
#define ROLES_WORKER_DOCTOR_H

#include <stdbool.h>

#include "net/buf.h"
#include "net/loop.h"
#include "proto/error.h"

#define DOCTOR_ANSWER_MAX (64 * KiB)

struct worker_doctor {
	uv_process_t process;
	uv_pipe_t out;
	struct timer patience;
	struct buf answer;       /* JSON */
	int open;                /* pipe and process, as far as they are open */
	bool running, cut;       /* the answer is not whole */
	void (*done)(struct worker_doctor *d, const struct error *err); /* answer is valid inside */
	void *user;
};

/* done() comes once, also after worker_doctor_stop(): with an answer, or INTERNAL when there is no whole one
 * (it ended without, was stopped, took more than 90 s, or said more than DOCTOR_ANSWER_MAX).
 *   ABORTED   one is being made already       others: it cannot be started */
int worker_doctor_start(struct worker_doctor *d, struct loop *loop, const char *socket, const char *data,
			void (*done)(struct worker_doctor *d, const struct error *err), void *user,
			struct error *err);
void worker_doctor_stop(struct worker_doctor *d);

#endif
