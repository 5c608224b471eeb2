/* roles/silence.h - workers that are not heard, and attempts that nobody ends.
 *
 * A worker that was not heard for LOST_AFTER_MS is removed and what it had goes back into the queue, or fails, as each
 * task's on_disconnect says. Where one says "wait", it stays in the index with this task until it is heard again or the
 * task's time is over as well.
 *
 * An attempt whose container has run for time_limit + grace + REVOKE_AFTER_MS by our own clock should have been ended by
 * its worker: it is taken from it (its worker has failed, not its time is up: an honest worker would have said so). */
#ifndef ROLES_SILENCE_H
#define ROLES_SILENCE_H

#define REVOKE_AFTER_MS 30000

struct pool;

/* One look; not while the pool is patient. */
void silence_look(struct pool *pool);

#endif
