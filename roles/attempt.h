/* roles/attempt.h - one try at one task on this worker, from its lease to its result stored at the pool.
 *
 * (RESTORED ->) FETCHING -> UNPACKING -> JOB -> PACKING -> UPLOADING -> REPORTING -> REMOVING
 *   (a download  (thread      (exec/ (thread    (an upload   (log and     (container,
 *    or a link)   pool)        job)   pool)      or nothing)  Done until   files)
 *                                                             Stored)
 *
 * Whatever fails on the way is the outcome that is reported: failure and error. An attempt that is lost (the pool gave the
 * task to another, this worker leaves) reports nothing: it ends what runs and goes to REMOVING.
 *
 * Each step is written down before it is taken (attempt_journal.h), so that the next process of this worker goes on where this
 * one ended: in RESTORED, until there is what it needs.
 *
 * What the pool must know is state here and a message only in passing: a new link is told all of it again
 * (attempt_linked), so nothing depends on a message that a broken link swallowed. */
#ifndef ROLES_ATTEMPT_H
#define ROLES_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>

#include "exec/job.h"
#include "exec/scratch.h"
#include "net/arena.h"
#include "net/loop.h"
#include "net/step.h"
#include "proto/id.h"
#include "roles/attempt_journal.h"
#include "roles/attempt_log.h"
#include "roles/attempt_spool.h"
#include "roles/disk_watch.h"
#include "roles/download.h"
#include "roles/upload.h"
#include "roles/worker_resources.h"

#include "hivemind.pb-c.h"

struct worker;

enum attempt_state { RESTORED, FETCHING, UNPACKING, JOB, PACKING, UPLOADING, REPORTING, REMOVING };

struct attempt {
	struct worker *worker;
	struct attempt *prev, *next;
	struct step step;
	char task[TASK_ID_SIZE];
	uint32_t epoch;
	char key[ATTEMPT_KEY_SIZE];        /* names its files */
	struct arena arena;
	const Pb__Lease *lease;            /* as it came; its parts: */
	const Pb__TaskSpec *spec;
	char bundle_sha256[SHA256_HEX_SIZE];
	uint64_t bundle_size;
	struct reservation reserved;
	bool gave_back;                    /* the reservation; the slot goes with the attempt */

	/* what it works with; each on loan in the state that uses it */
	char bundle_path[512], result_path[512];
	int fd;                            /* of the bundle or the result while it travels; -1 = none */
	struct download download;
	struct upload upload;
	struct scratch scratch;
	struct job job;
	struct work work, removal;
	struct error work_error;
	bool fetched, has_scratch, job_begun, job_gone, exited;
	struct packed packed;

	struct disk_watch disk;

	/* what the pool is told */
	enum task_phase phase;
	int64_t phase_ms;                  /* wall clock, when the phase began */
	uint64_t done, total;              /* of the phase, bytes */
	char detail[160];
	int64_t progress_ms;               /* clock_ms() of the last Progress */
	struct attempt_log log;
	struct attempt_spool spool;        /* the same on the disk */
	uint64_t told[2];                  /* bytes of stdout and stderr that an earlier process has heard */
	enum task_failure failure;
	struct error error;
	bool stopped;                      /* the pool asked for its end */
	bool lost;                         /* it is no longer ours, or never will be */
	bool adopted;                      /* an earlier process may have made a container */
	bool kept;                         /* its files stay, for the next process */
	Journal__Attempt__Phase recorded;  /* what the journal says */
	int64_t collected_us;              /* clock_us() when its result was complete, or found by this process */
	struct work sync;
	bool syncing, synced;              /* the disk is being waited for; has it */
	char give_back[160];               /* why the task goes back to the pool; "" = it does not */
	int64_t leased_us, started_us, exited_us; /* clock_us() */
	uint64_t seen_cpu_us, seen_memory; /* of its container, at the page's last look */
	double cpus_now;                   /* cores used between the last two */
	int64_t done_ms;                   /* clock_ms() of the last Done; 0 = none on this link */
};

/* One that an earlier process had, as it wrote it down, in RESTORED. NULL: it cannot be gone on with. */
struct attempt *attempt_restore(struct worker *w, const struct journal_entry *e);

/* Go on with it: what waits for its container when there is an engine, what had not begun when that is ready. */
void attempt_resume(struct attempt *a);

/* See to it that its result survives this machine's loss of power. Some time later it does. */
void attempt_sync(struct attempt *a);

/* Begin. The attempt is in worker->attempts until nothing is left of it; then worker_attempt_gone() is called. */
void attempt_start(struct worker *w, const Pb__Lease *lease, const struct reservation *reserved);

/* The pool has ended the task: signal, grace, kill; what is there is collected. budget: its money is used up. */
void attempt_stop(struct attempt *a, bool budget, const char *reason);

/* This process ends: leave its result for the next one. */
void attempt_keep(struct attempt *a);

/* It is no longer ours: kill it and forget it. give_back: words for the pool, or NULL when it knows. */
void attempt_lose(struct attempt *a, const char *give_back);

/* The pool has recorded its end. */
void attempt_stored(struct attempt *a);

/* The pool does not have its result (any more): upload it again, then Done. */
void attempt_send_again(struct attempt *a);

/* Has its container ended, so that only bytes have still to reach the pool? */
bool attempt_exited(const struct attempt *a);

/* Is everything known that the pool is to be told? */
bool attempt_collected(const struct attempt *a);

#endif
