/* roles/worker_engine.h - the worker's container engine: found or started, checked, and watched from then on.
 *
 *   FINDING -> SWEEPING -> CHECKING -> READY (a ping each second)
 *    ^   \                     /
 *    |    v                   v
 *    |   DROPPING (that engine is let go of)
 *    |    |            \
 *    |    v             v
 *    +-- ABSENT      STARTING (a private one) -> FINDING
 *
 * READY -> SWEEPING again when it answers after ENGINE_SILENT_MS.
 *
 * No engine is no reason to end: the worker stays, says what to install and takes no task. Tasks never run
 * without a container. An engine that does not answer makes the worker not ready within 2 s, and ready again
 * when it does; after ENGINE_SILENT_MS what ran there is lost. */
#ifndef ROLES_WORKER_ENGINE_H
#define ROLES_WORKER_ENGINE_H

#include <stdbool.h>

#include "exec/engine.h"
#include "exec/private_engine.h"
#include "net/loop.h"
#include "net/step.h"
#include "proto/error.h"

struct worker;

struct worker_engine {
	struct worker *worker;
	struct engine engine;        /* usable in READY */
	struct private_engine *own;  /* NULL = the machine's own is used */
	struct step step;
	struct timer timer;          /* the next ping, the next try */
	struct error error;          /* why no task may run; status 0 = tasks may run */
	struct error verdict;        /* of the check; error is this or that of the last ping */
	unsigned silent;             /* pings without answer, in a row */
	int64_t asked_ms, heard_ms;  /* clock_ms() of the last ping, and of the last that was answered */
	bool known;                  /* has the worker been told? */
	bool closing, busy;          /* busy: a call is on loan */
	void (*closed)(struct worker_engine *e);
};

/* worker_engine_changed() of the worker is called when it is first known whether tasks may run, and at each
 * change; worker_engine_lost() with each ping that is not answered after ENGINE_SILENT_MS of silence. */
void worker_engine_open(struct worker_engine *e, struct worker *w);

/* closed() comes once; no job may be left. */
void worker_engine_close(struct worker_engine *e, void (*closed)(struct worker_engine *e));

#endif
