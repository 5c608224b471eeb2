/* roles/meter.h - what attempts cost: by the pool's own clock while they run, settled at their end.
 *
 *   EXECUTING is said -> meter_phase     the clock of the attempt runs
 *   each METER_TICK_MS -> store_tick     what is due so far moves from the hold to the worker's owner, pending
 *   the hold is used up                  the worker is told to end it: FAILED(budget), with grace and
 *                                        partial output
 *   COLLECTING or Done -> meter_charge   the clock stands; store_done settles once, the rest goes back
 *
 * Wall time is what the pool saw between the two messages, or what the worker measured when that is less:
 * it cannot charge more than the pool saw. A worker that is lost, gives back or fails by itself earns
 * nothing (store_requeue). */
#ifndef ROLES_METER_H
#define ROLES_METER_H

#include "roles/batch.h"
#include "roles/price.h"

#include "hivemind.pb-c.h"

#define METER_LOOK_MS 500  /* has a budget run out? */
#define METER_TICK_MS 5000
#define METER_STOP_MS 3000 /* for a stop to reach its container, and the news of its end us */

struct pool;
struct pool_task;

struct meter {
	struct pool *pool;
	struct batch ticks;
	struct timer look;
	int64_t tick_ms; /* clock_ms() of the next round of ticks */
};

void meter_init(struct meter *m, struct pool *pool);
void meter_store_up(struct meter *m);
bool meter_idle(const struct meter *m);
void meter_close(struct meter *m); /* after the store */

/* A new attempt; one that Redis knew when the pool started. */
void meter_reset(struct pool_task *t);
void meter_resume(struct pool_task *t, const Pb__Task *task);
/* Its worker says that it has come to this phase; and what it has used so far. */
void meter_phase(struct pool_task *t, int phase);
void meter_said(struct pool_task *t, const Pb__Usage *usage);

struct charge {
	int64_t mcpt, wall_ms;
	struct price price;
};

/* What the attempt costs, its worker being done with it. The clock stands from now on. */
struct charge meter_charge(struct pool_task *t, const Pb__Done *done);

/* Its owner has stopped it: what comes after the grace is not paid. */
void meter_stop(struct pool_task *t);

/* What its worker is told when the money is used up. */
void meter_tell_spent(const struct pool_task *t);

#endif
