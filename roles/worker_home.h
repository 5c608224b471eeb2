/* roles/worker_home.h - a worker's data directory: whose it is, its id, and that only one worker uses it. All
 * of it blocks: before the loop runs. */
#ifndef ROLES_WORKER_HOME_H
#define ROLES_WORKER_HOME_H

#include "proto/error.h"
#include "roles/worker.h"

/* Find (--data, $STATE_DIRECTORY, $XDG_STATE_HOME/hivemind/worker, ~/.local/state/hivemind/worker) or make
 * it, lock it, read or make the id, take over the leash, open the bundle cache, delete what earlier processes
 * left. Fills data, scratch, lock, id, bundles.
 *   ABORTED  another worker uses it */
int worker_home_open(struct worker *w, struct error *err);
void worker_home_close(struct worker *w);

/* mkdir -p, the last one 0700. */
int make_directories(const char *path, struct error *err);

#endif
