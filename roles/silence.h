/* roles/silence.h - workers that are not heard, and attempts that nobody ends.
 *
 * A worker that was not heard for LOST_AFTER_MS is removed and what it had goes back into the queue, or
 * fails, as each task's on_disconnect says. Where one says "wait", it stays in the index with this task until
 * it is heard again or the task's time is over as well.
 *
 * An attempt whose container has run for time_limit + grace + REVOKE_AFTER_MS by our own clock should have
 * been ended by its worker: it is taken from it (its worker has failed, not its time is up: an honest worker
 * would have said so). The same happens to one that is not in its container and gets on with nothing for
 * REVOKE_STALLED_MS (pool --stalled-after), and a millisecond more for each REVOKE_BYTES_PER_MS of its bundle or largest result:
 * while these are unpacked or packed nothing is said. */
#ifndef ROLES_SILENCE_H
#define ROLES_SILENCE_H

#include <stdint.h>

struct pool;
struct pool_task;

/* No time counts before since_ms, clock_ms() when the pool itself could not have heard of it. */
struct patience {
	int64_t since_ms, stalled_ms; /* stalled_ms: REVOKE_STALLED_MS, or what the operator says */
};

/* What its worker does not do, in words: "did not ..."; NULL = it is in time. now_ms: clock_ms(). */
const char *silence_overdue(const struct pool_task *t, const struct patience *p, int64_t now_ms);

/* One look; not while the pool is patient. */
void silence_look(struct pool *pool);

#endif
