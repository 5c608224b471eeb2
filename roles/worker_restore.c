/* roles/worker_restore.c - the journal at the start, and results that stay. */
#include "roles/worker_restore.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "exec/scratch.h"
#include "net/clock.h"
#include "net/crash.h"
#include "net/log.h"
#include "net/memory.h"
#include "roles/worker.h"

#define SYNC_AFTER_US 1000000ll /* most are stored before that, and cost no wait for the disk */

/* --- what is there --------------------------------------------------------------------------- */

/* After another boot no container of ours runs: only what was collected is of use. */
static bool can_go_on(const struct journal_entry *e)
{
	return e->same_boot || e->record->phase == JOURNAL__ATTEMPT__PHASE__COLLECTED;
}

static void forget(struct worker *w, const struct journal_entry *e, const char *why)
{
	log_warn("an attempt of an earlier process is lost task=%s epoch=%u why=\"%s\"", e->lease->task,
		 e->lease->epoch, why);
	journal_remove(&w->journal, e->key);
}

static void pick(struct worker *w)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->journal_count; i++) {
		struct journal_entry *e = &w->journal_entries[i];

		if (can_go_on(e))
			w->journal_entries[kept++] = *e;
		else
			forget(w, e, "the machine was started anew");
	}
	w->journal_count = kept;
}

int worker_restore_read(struct worker *w, struct error *err)
{
	const char *keys[ATTEMPTS_MAX], *results[ATTEMPTS_MAX];
	size_t keys_count = 0;
	int rc;

	w->journal_count = journal_read(&w->journal, &w->left, &w->journal_entries);
	crash_point(WORKER_RESTORE_READ);
	pick(w);
	for (size_t i = 0; i < w->journal_count; i++) {
		const struct journal_entry *e = &w->journal_entries[i];

		results[i] = arena_printf(&w->left, "%s.result", e->key);
		if (e->record->phase < JOURNAL__ATTEMPT__PHASE__COLLECTED)
			keys[keys_count++] = e->key;
	}
	rc = bundle_cache_open(&w->bundles, w->data, results, w->journal_count, err);
	if (rc == 0)
		scratch_sweep(w->scratch, keys, keys_count);
	crash_point(WORKER_RESTORE_SWEPT);
	return rc;
}

/* --- going on -------------------------------------------------------------------------------- */

/* A GPU that is not there any more had no number. */
static bool gpus_are_here(const struct worker *w, uint64_t gpus)
{
	return w->host->n_gpus >= 64 || gpus >> w->host->n_gpus == 0;
}

void worker_restore(struct worker *w)
{
	for (size_t i = 0; i < w->journal_count; i++) {
		const struct journal_entry *e = &w->journal_entries[i];
		struct attempt *a = gpus_are_here(w, e->record->gpus) ? attempt_restore(w, e) : NULL;

		crash_point(WORKER_RESTORE_MADE);
		if (a == NULL)
			forget(w, e, "what it needs is not here any more");
		else if (a->recorded >= JOURNAL__ATTEMPT__PHASE__ENDED)
			attempt_resume(a);
	}
	w->journal_count = 0;
}

static void resume_all(struct worker *w, Journal__Attempt__Phase recorded)
{
	struct attempt *a, *next;

	DL_FOREACH_SAFE(w->attempts, a, next)
		if (a->step.at == RESTORED && a->recorded == recorded)
			attempt_resume(a);
}

void worker_restore_found(struct worker *w)
{
	resume_all(w, JOURNAL__ATTEMPT__PHASE__STARTED);
}

void worker_restore_ready(struct worker *w)
{
	resume_all(w, JOURNAL__ATTEMPT__PHASE__STAGING);
}

/* --- results that stay ----------------------------------------------------------------------- */

static struct attempt *oldest_result(struct worker *w, uint64_t *bytes)
{
	struct attempt *a, *oldest = NULL;

	*bytes = 0;
	DL_FOREACH(w->attempts, a) {
		if (a->lost || a->recorded < JOURNAL__ATTEMPT__PHASE__COLLECTED)
			continue;
		*bytes += a->packed.size;
		if (oldest == NULL || a->collected_us < oldest->collected_us)
			oldest = a;
	}
	return oldest;
}

static void drop_result(struct attempt *a, const char *why)
{
	log_warn("a result that the pool did not take is dropped task=%s epoch=%u bytes=%" PRIu64
		 " why=\"%s\"",
		 a->task, a->epoch, a->packed.size, why);
	attempt_lose(a, why);
}

void worker_look_after_results(struct worker *w)
{
	int64_t now = clock_us();
	struct attempt *a, *next;
	uint64_t bytes;

	DL_FOREACH_SAFE(w->attempts, a, next) {
		if (a->recorded < JOURNAL__ATTEMPT__PHASE__COLLECTED)
			continue;
		if (now - a->collected_us > RESULT_KEPT_MS * 1000)
			drop_result(a, "nobody took it for a day");
		else if (now - a->collected_us > SYNC_AFTER_US)
			attempt_sync(a);
	}
	while (!worker_link_up(&w->link) && (a = oldest_result(w, &bytes)) != NULL &&
	       bytes > (uint64_t)RESULTS_KEPT_MAX)
		drop_result(a, "there are too many of them");
}
