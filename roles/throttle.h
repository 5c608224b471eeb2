/* roles/throttle.h - how often passwords may be tried and accounts made. Asked before anything is hashed.
 *
 *   a name      4 wrong passwords in a row cost nothing; from the 5th on the next try waits 1 s, 2 s, 4 s
 *               ... 1 h, from the 100th a day. The right one, in its turn, forgets them all. Names without
 *               an account are treated the same.
 *   a source    THROTTLE_SOURCE_BURST tries, then THROTTLE_SOURCE_PER_S a second; accounts: so many a day
 *   the pool    THROTTLE_ALL_BURST tries, then THROTTLE_ALL_PER_S a second, from other machines
 *
 * A source is an IPv4 address or an IPv6 /56. This machine is none: what comes from there is limited by name
 * only. A try counts as wrong from its beginning, so many at once are no way around. All this is in memory:
 * it begins anew with the pool. */
#ifndef ROLES_THROTTLE_H
#define ROLES_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/error.h"

#define THROTTLE_FREE 4
#define THROTTLE_MOST 100
#define THROTTLE_DAY_MS (24ll * 3600 * 1000)
#define THROTTLE_HOUR_MS (3600ll * 1000)
#define THROTTLE_SOURCE_BURST 30
#define THROTTLE_SOURCE_PER_S 1
#define THROTTLE_ALL_BURST 300
#define THROTTLE_ALL_PER_S 30
#define THROTTLE_ENTRIES_MAX 20000 /* names, and sources, that are remembered */

struct throttle_bucket {
	int64_t milli, at_ms; /* thousandths of a try that are left */
};

struct throttle {
	struct throttle_name *names;     /* the one touched longest ago first */
	struct throttle_source *sources; /* the same */
	struct throttle_bucket all;
};

/* May a password be tried for this name now? RESOURCE_EXHAUSTED: not yet, the words say how
 * long. known: there is such an account (its failures are not forgotten to make room). peer:
 * rpc->peer. now: clock_ms(). */
int throttle_login(struct throttle *t, const char *name, bool known, const char *peer, int64_t now,
		   struct error *err);
/* It was right. */
void throttle_right(struct throttle *t, const char *name);

/* May an account be made from there? Takes one of its `per_day`; throttle_give_back()
 * when nothing came of it. */
int throttle_register(struct throttle *t, const char *peer, unsigned per_day, int64_t now, struct error *err);
void throttle_give_back(struct throttle *t, const char *peer);

void throttle_release(struct throttle *t);

#endif
