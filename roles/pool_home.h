/* roles/pool_home.h - a pool's data directory: found or made, locked, with its blobs and logs. Blocks: before
 * the pool serves. */
#ifndef ROLES_POOL_HOME_H
#define ROLES_POOL_HOME_H

#include <stdbool.h>

#include "proto/error.h"

struct pool;

/* --data, $STATE_DIRECTORY, $XDG_STATE_HOME/hivemind/pool, ~/.local/state/hivemind/pool. Fills
 * data, lock, locked, data_id. A pool with --redis goes on without the lock: it stands by until
 * the one that has it is gone.
 *   ABORTED  another pool uses it */
int pool_home_open(struct pool *pool, struct error *err);
/* Try again: true = we hold the lock now. It is let go by the end of the process, however that comes. */
bool pool_home_lock(struct pool *pool);
/* Fills blobs and logs; when this pool leads. */
int pool_home_use(struct pool *pool, struct error *err);
/* Where it is, or would be; to be freed. */
char *pool_home_path(const char *given);
void pool_home_close(struct pool *pool);

#endif
