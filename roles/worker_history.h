/* roles/worker_history.h - what this worker has run and refused: the last HISTORY_MAX, in memory and in
 * DATA/history.
 *
 * A line of JSON for each, appended when it ends; nobody waits for the disk. When the file has grown to
 * twice what is kept it is written anew with that. */
#ifndef ROLES_WORKER_HISTORY_H
#define ROLES_WORKER_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/id.h"
#include "ui/json.h"

#define HISTORY_MAX 500

struct history_entry {
	char task[TASK_ID_SIZE];
	char name[68];
	char result[12];     /* completed, failed, stopped, lost, refused */
	char reason[160];    /* "" = none */
	uint32_t epoch;
	int64_t ended_ms;    /* wall clock */
	int64_t run_ms, cpu_ms;
	uint64_t peak_memory;
};

struct worker_history {
	struct history_entry *entries; /* a ring of HISTORY_MAX */
	uint64_t count;                /* ever put, those of earlier processes that were read included */
	uint64_t lines;                /* in the file */
	char path[400];
	int fd;                        /* -1 = it cannot be kept */
};

/* Reads what earlier processes have kept. Blocks: before the loop runs. */
void worker_history_open(struct worker_history *h, const char *path);
void worker_history_close(struct worker_history *h);

void worker_history_put(struct worker_history *h, const struct history_entry *e);

/* The newest first: at most `limit` of them. NULL when there are no more than `at`. */
const struct history_entry *worker_history_get(const struct worker_history *h, uint64_t at);

/* Its fields, in the object that is open. */
void history_entry_json(struct json *j, const struct history_entry *e);

#endif
