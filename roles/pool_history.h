/* roles/pool_history.h - what the pool was like, for plots: each second of an hour, each minute of a day,
 * each hour of a month, each day of 53 weeks (ui/series.h).
 *
 *   tasks_pending tasks_running             tasks that wait, and that run
 *   tasks_submitted tasks_completed         as many a second; of longer steps the mean, as of all of these
 *   tasks_failed attempts_lost
 *   workers                                 connected
 *   cores_offered cores_used                what these lend, and what tasks have reserved of it
 *   memory_offered memory_used              the same, bytes
 *   cpt_settled                             CPT a second that ended attempts cost; a float: it is no book
 *   blob_bytes                              bundles and results on the pool's disk
 *
 * Looked at once a second from the moment when the pool is ready, from what it counts anyway (net/metrics.h,
 * the index, the workers): a sum over the workers, and nothing else. They are the pool's; what is an account's
 * own is in its statement.
 *
 * In memory, 320 KiB. DATA/series holds them over restarts: a thread writes it whole each
 * POOL_HISTORY_SAVE_MS and when the pool goes down, beside the old one, and renames it; so it is whole after
 * any crash, and after one a minute is missing. A file that is none of ours, or cut short, counts as none; one
 * of a version with other values gives those of the same name. Only the pool that leads looks and writes: one
 * that takes over in the same data directory goes on from there, one with a directory of its own has what it
 * saw itself. While no pool is ready there are no values. */
#ifndef ROLES_POOL_HISTORY_H
#define ROLES_POOL_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "net/loop.h"
#include "ui/series.h"

#define POOL_HISTORY_SAVE_MS (60 * 1000)

/*    id                name               unit          counted: of it, what came in a second */
#define POOL_SERIES(X) \
	X(TASKS_PENDING,    "tasks_pending",   "tasks",      false) \
	X(TASKS_RUNNING,    "tasks_running",   "tasks",      false) \
	X(TASKS_SUBMITTED,  "tasks_submitted", "tasks/s",    true) \
	X(TASKS_COMPLETED,  "tasks_completed", "tasks/s",    true) \
	X(TASKS_FAILED,     "tasks_failed",    "tasks/s",    true) \
	X(ATTEMPTS_LOST,    "attempts_lost",   "attempts/s", true) \
	X(WORKERS,          "workers",         "workers",    false) \
	X(CORES_OFFERED,    "cores_offered",   "cores",      false) \
	X(CORES_USED,       "cores_used",      "cores",      false) \
	X(MEMORY_OFFERED,   "memory_offered",  "bytes",      false) \
	X(MEMORY_USED,      "memory_used",     "bytes",      false) \
	X(CPT_SETTLED,      "cpt_settled",     "CPT/s",      true) \
	X(BLOB_BYTES,       "blob_bytes",      "bytes",      false)

enum pool_series_id {
#define POOL_SERIES_ENUM(id, ...) POOL_SERIES_##id,
	POOL_SERIES(POOL_SERIES_ENUM)
#undef POOL_SERIES_ENUM
	POOL_SERIES_COUNT
};

struct pool;

struct pool_history {
	struct pool *pool;
	struct series series;
	struct timer timer;
	struct work work;
	char *path;
	void *image;                       /* of the series, on its way to the disk; NULL = none is */
	size_t size;
	struct error error;                /* of that */
	double seen[POOL_SERIES_COUNT];    /* when it was looked last */
	int64_t seen_ms, saved_ms;         /* clock_ms() */
	bool closing, told;
};

/* The pool is ready: read what earlier ones have kept, and look each second. Blocks for one small file. */
void pool_history_open(struct pool_history *h, struct pool *pool);
/* One look. The timer does it; tests too. */
void pool_history_look(struct pool_history *h);
/* Write it for the last time, unless another pool may lead already. The loop runs until that is done. */
void pool_history_close(struct pool_history *h);

#endif
