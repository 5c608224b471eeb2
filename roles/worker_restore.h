/* roles/worker_restore.h - what a process of this worker before this one left: attempts to go on with,
 * and what of it is to go. */
#ifndef ROLES_WORKER_RESTORE_H
#define ROLES_WORKER_RESTORE_H

#include <stddef.h>

#include "proto/error.h"

struct worker;

/* Read the journal, open the bundle cache, delete the files of whatever cannot go on.
 * Blocks: before the loop runs. */
int worker_restore_read(struct worker *w, struct error *err);

/* Make the attempts, and go on with those that need no engine. Once it is known what this machine has. */
void worker_restore(struct worker *w);

/* There is an engine: look at the containers that may be there. And: it takes tasks;
 * begin what had not begun. */
void worker_restore_found(struct worker *w);
void worker_restore_ready(struct worker *w);

/* Results that the pool does not take: brought safely to the disk after a moment, dropped after
 * RESULT_KEPT_MS and, while there is no pool, what is more than RESULTS_KEPT_MAX. Looked at now and then. */
void worker_look_after_results(struct worker *w);

#endif
