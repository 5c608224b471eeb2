/* roles/pool_seen.h - the newest pool that a worker has obeyed: one that was replaced, and does not know it, is refused by
 * later processes of the worker as well.
 *
 *   DATA/pool-seen     hivemind-pool 1 ID EPOCH\n
 *
 * ID stays for as long as the pool's Redis, EPOCH grows with each process that leads there (leader.h). Another ID is another
 * pool, of which nothing is known. A file that is not as this is none. */
#ifndef ROLES_POOL_SEEN_H
#define ROLES_POOL_SEEN_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/id.h"

struct pool_seen {
	char id[ID_SIZE]; /* "" = none */
	uint64_t epoch;   /* the highest of it */
	char path[400];
};

/* What an earlier process has seen. */
void pool_seen_open(struct pool_seen *s, const char *data);

/* It is to be obeyed from here on: written down at once, without waiting for the disk. false: it was replaced. */
bool pool_seen_obey(struct pool_seen *s, const char *id, uint64_t epoch);

#endif
