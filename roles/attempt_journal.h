/* roles/attempt_journal.h - what a worker writes down of its attempts, for the process that comes after it.
 *
 *   DATA/attempts/TASK-EPOCH       one record: a line of text, then a message (proto/journal.proto)
 *   DATA/attempts/TASK-EPOCH.log   what it has printed so far (attempt_spool.h)
 *
 *     hivemind-attempt 1 SIZE SHA256\n | SIZE bytes
 *
 * A record is whole or not there: written beside and renamed. A process that is killed loses nothing by that; only a
 * machine that loses its power could, and after that no container runs either. What is kept for the pool must outlive
 * that as well: journal_sync() makes it so.
 *
 * Whatever else lies in the directory, or is no record of ours, is deleted when it is read: an attempt that nobody
 * remembers is one that the pool gives to another. */
#ifndef ROLES_ATTEMPT_JOURNAL_H
#define ROLES_ATTEMPT_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/arena.h"
#include "proto/error.h"
#include "proto/id.h"

#include "hivemind.pb-c.h"
#include "journal.pb-c.h"

#define ATTEMPT_KEY_SIZE (TASK_ID_SIZE + 12) /* "TASK-EPOCH" */

struct journal {
	char dir[400];
	char boot[40]; /* of this machine, now */
};

struct journal_entry {
	char key[ATTEMPT_KEY_SIZE];
	const Journal__Attempt *record;
	const Pb__Lease *lease;     /* its task, epoch, spec and bundle have been checked */
	const Pb__Done *done;       /* NULL before ENDED */
	bool same_boot;
};

/* Make DATA/attempts, and ask the kernel which boot this is. */
int journal_open(struct journal *j, const char *data, struct error *err);

/* Everything that was written down, in `arena`. Blocks: before the loop runs. */
size_t journal_read(const struct journal *j, struct arena *arena, struct journal_entry **entries);

/* Write it, or write it anew. Takes some 50 us and waits for no disk. */
int journal_write(const struct journal *j, const char *key, const Journal__Attempt *record, struct error *err);

/* Wait until the disk has the record, its log, and the file at `result` (NULL = none). Blocks: on the thread pool. */
int journal_sync(const struct journal *j, const char *key, const char *result, struct error *err);

/* Forget it: the record first, so that nobody takes the rest for something. */
void journal_remove(const struct journal *j, const char *key);

void journal_log_path(const struct journal *j, const char *key, char *path, size_t size);

#endif
