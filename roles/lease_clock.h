/* roles/lease_clock.h - how long this worker may still run what was leased to it.
 *
 *   RUN --7 s--> PAUSE --9 s--> KILL        counted from the send time of the last acknowledged heartbeat
 *    ^             |              |
 *    +--- acknowledged again -----+
 *
 * The pool gives our tasks to others 10 s after it has received a heartbeat. That was sent before it was
 * received, so whatever other clocks say, ours have ended by then. PAUSE: containers are paused, and run on
 * when the pool is heard again: nothing is lost, the epoch stays. KILL: they are killed; what has ended and
 * only waits to be stored is kept.
 *
 * A task whose on_disconnect is to wait has that much longer: the pool gives it to nobody before.
 *
 * The deadline itself lies in the leash (exec/leash.h), where the supervisor reads it
 * when this process cannot. */
#ifndef ROLES_LEASE_CLOCK_H
#define ROLES_LEASE_CLOCK_H

#include "exec/leash.h"
#include "net/loop.h"

struct worker;

struct lease_clock {
	struct worker *worker;
	struct timer timer;     /* for the next stage */
	enum leash_stage stage; /* the last that was logged */
};

void lease_clock_open(struct lease_clock *c, struct worker *w);

/* A heartbeat sent at sent_ms was acknowledged. */
void lease_clock_renew(struct lease_clock *c, int64_t sent_ms, int64_t lost_after_ms);

/* Do what the time asks for. The timer comes once a second, and when a stage begins. */
void lease_clock_look(struct lease_clock *c);

void lease_clock_close(struct lease_clock *c, void (*closed)(struct timer *timer));

#endif
