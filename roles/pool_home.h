/* roles/pool_home.h - a pool's data directory: found or made, locked, with its blobs and logs. Blocks: before
 * the loop runs. */
#ifndef ROLES_POOL_HOME_H
#define ROLES_POOL_HOME_H

#include "proto/error.h"

struct pool;

/* --data, $STATE_DIRECTORY, $XDG_STATE_HOME/hivemind/pool, ~/.local/state/hivemind/pool. Fills data, lock,
 * blobs, logs.
 *   ABORTED  another pool uses it */
int pool_home_open(struct pool *pool, struct error *err);
/* Where it is, or would be; to be freed. */
char *pool_home_path(const char *given);
void pool_home_close(struct pool *pool);

#endif
