/* roles/worker_join.h - which pool a worker is lent to, and whose worker it is. Both
 * block: before the loop runs. */
#ifndef ROLES_WORKER_JOIN_H
#define ROLES_WORKER_JOIN_H

#include "proto/error.h"
#include "roles/worker.h"

/* Fills pool and token: from the environment, of an earlier login, or of one made
 * now when a person sits there.
 *   INVALID_ARGUMENT  no pool is named, or not so
 *   NOT_FOUND         nobody has logged in */
int worker_find_pool(struct worker *w, struct error *err);

/* Is it the pool that is meant? A worker whose pool is not there yet waits for it; only one that
 * is another is an error. */
int worker_meet_pool(struct worker *w, struct error *err);

#endif
