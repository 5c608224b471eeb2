/* roles/leader.h - which of several pools on one Redis leads, and when another takes over.
 *
 * The one that leads says so in Redis each LEADER_BEAT_MS. The others stand by: they look each LEADER_LOOK_MS, and one of
 * them takes the lead
 *   at once           when nobody leads, or the one that did is provably dead: it held the lock of our own data directory
 *                     and we hold that lock now
 *   else              when LEADER_SILENT_MS went by, on our own clock and with every look answered, without a sign of life.
 *                     After Redis was away the one that leads gets LEADER_RETURN_MS to come back first
 * Taking it fences the other off (store.h): that it merely slept does no harm. Its workers are told the epoch (Welcome),
 * and leave one that was replaced as soon as they have met the next.
 *
 * A worker that hears a pool that was replaced must not be kept alive by it beyond the grace of the new one: a pool that
 * leads, knows that others stand by and was not heard by Redis for LEADER_ALONE_MS ends. */
#ifndef ROLES_LEADER_H
#define ROLES_LEADER_H

#include "net/loop.h"
#include "net/step.h"
#include "proto/limits.h"
#include "store/store.h"

#define LEADER_BEAT_MS 1000
#define LEADER_LOOK_MS 250
#define LEADER_SILENT_MS 3000
#define LEADER_RETURN_MS 10000 /* more than the longest back-off of store/redis.c */
#define LEADER_ALONE_MS 20000
/* Until a pool that took the lead without proof lets the first lease expire: the other acknowledges no heartbeat after
 * LEADER_ALONE_MS, and then its workers need LOST_AFTER_MS to end what they run. */
#define LEADER_DOUBT_MS (LEADER_ALONE_MS + LOST_AFTER_MS)

struct pool;

struct leader {
	struct pool *pool;
	struct step step;
	struct timer timer;
	struct store_req req;
	char run[ID_SIZE], name[256];
	char id[ID_SIZE]; /* of the pool, whoever leads it; from here on: while it leads */
	uint64_t epoch;   /* how many have led it */
	char fence[64], beat[24]; /* seen last */
	char told[256];           /* whom we stand by for, as was said last */
	int64_t changed_ms;       /* when that was another than before; 0 = nothing seen */
	int64_t patience_ms;
	int64_t sent_ms, heard_ms; /* of the beat under way; of the last one that was answered */
	uint64_t looks;
	bool asking, sure, rivals, told_trouble; /* rivals: others stand by, as of the last beat */
	bool leads;                /* in RESIGNING: and has not said so */
	void (*closed)(void *user);
	void *closed_user;
};

void leader_init(struct leader *l, struct pool *pool);
/* From the store's on_up: look, or say again that we lead. */
void leader_store_up(struct leader *l);
bool leader_leads(const struct leader *l);
/* Is it certain at this very moment: could nobody have taken over yet? To be asked before a file is deleted. */
bool leader_certain(const struct leader *l);
/* Did it take over without proof that the other is dead? */
bool leader_doubts(const struct leader *l);
/* Whom we stand by for, in words; "" = not known. */
const char *leader_other(const struct leader *l);
/* Does that one run on this machine, and say that it listens where we do? */
bool leader_has_our_place(const struct leader *l);
/* Resign, so that the next one need not wait. closed() comes; the store is closed after it. */
void leader_close(struct leader *l, void (*closed)(void *user), void *user);

#endif
