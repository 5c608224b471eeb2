/* roles/worker_link.h - the worker's session with the pool: one Link call, made again for as long as the
 * worker lives.
 *
 *   IDLE -> GREETING -> LINKED -> LEAVING -> CLOSED
 *              |  ^        |         |
 *              v  |        v         v
 *            WAITING <-----+      WAITING
 *
 *   GREETING  Hello was sent (the connection is made by the same call); waits for Welcome, 10 s at most
 *   LINKED    a heartbeat each second; leases, stops and verdicts come
 *   WAITING   the pool cannot be reached: back-off with full jitter, 0.25 s to 15 s (2 s with tasks)
 *   LEAVING   Leave was sent: every attempt is gone, nothing more is said
 *
 * Whatever breaks leads to WAITING and then GREETING; Hello names the attempts and the pool gives a verdict
 * on each.
 *
 * Several processes may lead one pool, one after the other (Welcome.pool, Welcome.epoch). One with a lower
 * epoch than this process has seen of the same pool was replaced and does not know it: it is hung up on
 * before anything of it counts.
 *
 * acked_ms is the send time of the last heartbeat that the pool has acknowledged; from it the lease clock
 * counts (roles/lease_clock.h). A link without an answer for DEAF_AFTER_MS looks for another connection
 * (roles/worker_spare.h) and is made anew on it; after LOST_AFTER_MS it is given up in any case. */
#ifndef ROLES_WORKER_LINK_H
#define ROLES_WORKER_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "net/grpc_client.h"
#include "net/loop.h"
#include "net/step.h"
#include "proto/error.h"
#include "proto/id.h"
#include "roles/worker_spare.h"

struct worker;

#define BEATS_REMEMBERED 32

struct worker_link {
	struct worker *worker;
	struct grpc_channel *channel;
	struct grpc_call call;
	struct worker_spare spare;
	struct step step;
	struct timer timer;       /* of GREETING, WAITING; in LEAVING the longest time to close */
	struct timer beat;
	bool call_open;
	bool ever;                /* was it LINKED once? */
	bool stale;               /* in GREETING: what Hello said is no longer so */
	bool lingering;           /* worker_link_close() waits for the call to end */
	unsigned tries;           /* since it was LINKED */
	uint32_t heartbeat_ms, lost_after_ms;
	uint64_t refused_epoch;   /* the one that was refused last (pool_seen.h) */
	uint64_t seq;
	int64_t sent_ms[BEATS_REMEMBERED];
	int64_t acked_ms;         /* clock_ms(); see above */
	int64_t heard_ms;         /* when that last grew */
	void (*closed)(struct worker_link *l);
};

void worker_link_open(struct worker_link *l, struct worker *w);

/* Queue a message. Nothing while there is no link. */
void worker_link_send(struct worker_link *l, const Pb__WorkerMessage *message);

/* Is there a link whose queue is not full? */
bool worker_link_takes(const struct worker_link *l);

bool worker_link_up(const struct worker_link *l);

/* A heartbeat now: what it says has changed. */
void worker_link_beat(struct worker_link *l);

/* Greet anew: what Hello says has changed. In GREETING as soon as there is a link. */
void worker_link_greet_again(struct worker_link *l);

/* Say goodbye: no attempt is left. */
void worker_link_leave(struct worker_link *l);

/* Let what is queued go out, for a second at most, and close. closed() comes once. */
void worker_link_close(struct worker_link *l, void (*closed)(struct worker_link *l));

#endif
