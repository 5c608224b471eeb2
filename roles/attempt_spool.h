/* roles/attempt_spool.h - what a task has printed, on this disk before it is on its way: so that the worker's next process
 * knows how far it was told, and what was never told.
 *
 * A file of records, each a head of 24 bytes and its data, in the order in which the attempt's log has them; only what
 * has an offset there is here (attempt_log.h), so that it is as bounded. A record counts from a phase of the journal on:
 * what was written when the attempt had not come that far is cut off by who reads it, as is a torn end. */
#ifndef ROLES_ATTEMPT_SPOOL_H
#define ROLES_ATTEMPT_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "roles/attempt_log.h"

struct attempt_spool {
	const char *path; /* set by the owner; kept */
	int fd;           /* -1 = not open */
	bool broken;      /* something could not be written: nothing follows it */
};

/* Append, in a few us; the first makes the file. What cannot be written and all that follows is left out: it is asked of the
 * engine again. */
void attempt_spool_add(struct attempt_spool *s, int phase, int stream, const void *data, size_t n, int64_t time_ms);

/* Put into the empty log what counts at this phase; go on there. told: how many bytes of stdout and stderr these are. */
void attempt_spool_restore(struct attempt_spool *s, int phase, struct attempt_log *log, uint64_t told[2]);

void attempt_spool_close(struct attempt_spool *s);

#endif
