/* roles/lease.h - who runs what: the rounds of the scheduler, the batches that make it true, silent workers.
 *
 *   lease_kick -> a round of sched_match -> store_lease -> Lease to the worker
 *   lease_phase -> store_phase             lease_done -> store_done -> Stored, or Verdict KILL
 *   lease_return -> store_requeue -> PENDING again (or FAILED infra)
 *
 * A worker that was not heard for LOST_AFTER_MS is removed and its tasks go back into the queue
 * (roles/silence.h). Not while Redis is away, and not before the workers had time to come back: after a
 * start that found tasks on workers, after Redis was away, and after we ourselves slept (the loop was late). A lease that lives too long
 * is safe; one that ends too early runs a task twice. */
#ifndef ROLES_LEASE_H
#define ROLES_LEASE_H

#include "roles/batch.h"

#include "hivemind.pb-c.h"

#define RESTART_GRACE_MS (LOST_AFTER_MS + 5000)
#define LEASE_TICK_MS 250
#define LEASE_LATE_MS 1000 /* a tick that comes this late: we slept */

struct pool;
struct pool_task;
struct pool_worker;

struct lease {
	struct pool *pool;
	struct batch leases, phases, dones, returns;
	struct deferred round;
	struct timer tick;
	int64_t tick_ms;     /* when the last tick was due */
	int64_t patience_ms; /* no worker is lost before this; clock_ms() */
	int64_t choosy_ms;   /* until then a task may wait for another worker than one that lost it */
};

void lease_init(struct lease *l, struct pool *pool);
/* No worker is lost for this long from now on. */
void lease_grace(struct lease *l, int64_t ms);
/* No worker has anything that could be lost: none is waited for. */
void lease_no_grace(struct lease *l);
void lease_store_up(struct lease *l);
bool lease_idle(const struct lease *l); /* no change is on its way */
void lease_close(struct lease *l);      /* after the store; then the index may go */

/* Something is free or new: let the scheduler look, at the end of this turn. */
void lease_kick(struct pool *pool);

/* An attempt has come to another phase. */
void lease_phase(struct pool *pool, struct pool_task *t, int phase, int64_t time_ms);

/* A worker says that an attempt has ended. Copied. Answered by Stored or a Verdict on the worker's link.
 * FAILURE_INFRA is a loss of its machine: the task goes back into the queue. */
void lease_done(struct pool *pool, struct pool_worker *w, const Pb__Done *done);

/* Take a task from its worker and put it back into the queue. loss: its worker was lost; rest: the worker
 * refused it, so wait a moment before the next try. A STOPPED task is let go. */
void lease_return(struct pool *pool, struct pool_task *t, const char *reason, bool loss, bool rest);

/* It was lost, and is not tried again: FAILED(infra), refunded. */
void lease_fail(struct pool *pool, struct pool_task *t, const char *reason);

/* The worker has lost, refused or answered wrongly what it was given: after some in a row it rests, and is
 * told. */
void lease_fault(struct pool *pool, struct pool_worker *w, const char *reason);

/* The worker goes, with all it has. */
void lease_remove_worker(struct pool *pool, struct pool_worker *w, const char *reason, bool loss);

#endif
