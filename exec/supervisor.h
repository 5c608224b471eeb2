/* exec/supervisor.h - the second process of a worker: it pauses and kills containers when the worker cannot.
 *
 * It reads the leash (exec/leash.h) and has no network input, no token and nothing of the worker's but one
 * pipe, whose end tells that the worker is dead. A worker that is dead or stuck renews nothing, so the
 * deadline passes: PAUSE, the supervisor pauses every container of the leash; KILL, it kills them. It acts
 * SUPERVISOR_LAG after the worker would have.
 *
 * It goes on while the worker lives. When the worker is dead it ends
 *   - at once when nothing runs;
 *   - when a later worker has taken the leash over: that one's supervisor minds the same deadline;
 *   - when everything is killed; SUPERVISOR_PATIENCE_MS after the deadline if the engine would not.
 * An engine that the worker had started for itself is ended with all that
 * runs there, at once: nobody could adopt it.
 *
 * The guarantee, in these words: the single-running guarantee needs something alive to do the kill. If both
 * processes, or the engine, are dead the kill cannot happen: then only results and payment stay leashd, and
 * as a container has no network a zombie has no outside effect. */
#ifndef EXEC_SUPERVISOR_H
#define EXEC_SUPERVISOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exec/leash.h"

#define SUPERVISOR_LOOK_MS 1000
#define SUPERVISOR_HURRY_MS 100     /* when the worker is dead, or something has to be done */
/* so it is gone a minute after the last heartbeat, if the pool waits no longer for a task */
#define SUPERVISOR_PATIENCE_MS 45000

/* The containers of the leash that are not known to be dead. */
struct outlook {
	unsigned undone;
	bool due;        /* one of them is to be paused or killed */
	int64_t next_ms; /* from now to the next stage of one; INT64_MAX = none follows */
	int64_t last_ms; /* clock_ms() when the last of them is to be killed */
};
struct outlook supervisor_outlook(const struct leash *f, bool (*is_dead)(void *user, size_t slot), void *user,
				  int64_t now_ms);

/* Is its work done, and when does it look again? alone_ms: clock_ms() when the worker died, 0 = it lives. */
bool supervisor_ends(const struct leash *f, const struct outlook *o, int64_t alone_ms, int64_t now_ms);
uint64_t supervisor_waits_ms(const struct outlook *o, int64_t alone_ms);

/* The whole life of the process: DATA of the worker, the generation of its leash; standard
 * input is the pipe. Returns an exit status. */
int supervisor_run(const char *data, uint64_t generation);

#endif
