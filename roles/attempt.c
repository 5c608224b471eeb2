/* roles/attempt.c - the machine of one attempt (drawn in attempt.h).
 *
 * attempt_advance() is its table of contents: called when what the present state waits for has happened, it looks at
 * failure, lost and stopped and enters the next state. Whatever went wrong was noted by
 * attempt_fail() before. The first
 * failure is the one reported. A failed task still gives back what it wrote, if its container ran.
 *
 * The container is removed by the job while the result is packed and sent; only REMOVING waits for it. */
#include "roles/attempt_machine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "net/clock.h"
#include "net/crash.h"
#include "net/log.h"
#include "net/memory.h"
#include "proto/status.h"
#include "proto/task.h"
#include "roles/attempt_report.h"
#include "roles/worker.h"

static const struct state states[] = {
	[RESTORED] = {"restored", TO(FETCHING) | TO(UNPACKING) | TO(JOB) | TO(PACKING) | TO(UPLOADING) | TO(REPORTING) |
				TO(REMOVING)},
	[FETCHING] = {"fetching", TO(UNPACKING) | TO(REPORTING) | TO(REMOVING)},
	[UNPACKING] = {"unpacking", TO(JOB) | TO(REPORTING) | TO(REMOVING)},
	[JOB] = {"job", TO(PACKING) | TO(REPORTING) | TO(REMOVING)},
	[PACKING] = {"packing", TO(UPLOADING) | TO(REPORTING) | TO(REMOVING)},
	[UPLOADING] = {"uploading", TO(REPORTING) | TO(REMOVING)},
	[REPORTING] = {"reporting", TO(UPLOADING) | TO(REMOVING)},
	[REMOVING] = {"removing", 0},
};

/* Note what went wrong, unless something had before. */
void attempt_fail(struct attempt *a, enum task_failure failure, const struct error *err)
{
	if (a->failure != FAILURE_NONE || a->lost)
		return;
	a->failure = failure;
	a->error = *err;
}

/* This worker cannot do it; another may. */
void attempt_give_up(struct attempt *a, const struct error *err)
{
	a->lost = true;
	text_copy(a->give_back, sizeof a->give_back, err->text);
}

/* --- REMOVING: until nothing of it is left --------------------------------------------------- */

static void on_disk_closed(struct disk_watch *disk)
{
	struct attempt *a = container_of(disk, struct attempt, disk);
	struct worker *w = a->worker;

	worker_resources_give_slot(&w->resources, &a->reserved);
	DL_DELETE(w->attempts, a);
	attempt_spool_close(&a->spool);
	attempt_log_release(&a->log);
	buf_release(&a->packed.remarks);
	arena_release(&a->arena);
	free(a);
	worker_attempt_gone(w);
}

static void run_removal(struct work *removal)
{
	struct attempt *a = container_of(removal, struct attempt, removal);
	struct error err;

	unlink(a->bundle_path);
	if (!a->kept) {
		journal_remove(&a->worker->journal, a->key);
		crash_point(WORKER_JOURNAL_GONE);
		unlink(a->result_path);
	}
	/* Also one that a process before this one died in while it made it. */
	if (a->has_scratch || scratch_adopt(&a->scratch, a->worker->scratch, a->key, a->scratch.uid, &err) == 0)
		scratch_remove(&a->scratch);
}

static void on_files_removed(struct work *removal)
{
	struct attempt *a = container_of(removal, struct attempt, removal);

	crash_point(WORKER_FILES_REMOVED);
	disk_watch_close(&a->disk, on_disk_closed);
}

/* The files go last: nothing must still write to them. */
void attempt_remove_files(struct attempt *a)
{
	if (a->step.at != REMOVING || !disk_watch_stop(&a->disk) || (a->job_begun && !a->job_gone) || a->syncing)
		return;
	work_start(&a->worker->loop, &a->removal, run_removal, on_files_removed);
}

static void release_resources(struct attempt *a)
{
	if (!a->gave_back)
		worker_resources_give(&a->worker->resources, &a->reserved);
	a->gave_back = true;
}

static void enter_removing(struct attempt *a)
{
	step_to(&a->step, REMOVING, a->key);
	release_resources(a);
	if (a->give_back[0] != '\0')
		attempt_give_back(a);
	worker_page_ended(&a->worker->page, a);
	attempt_remove_files(a);
}

/* --- REPORTING: until Stored ----------------------------------------------------------------- */

void attempt_enter_reporting(struct attempt *a)
{
	attempt_note_collected(a);
	step_to(&a->step, REPORTING, a->key);
	release_resources(a);
	attempt_flush(a);
}

static void log_end(const struct attempt *a)
{
	log_info("attempt stored task=%s epoch=%u failure=%s exit=%d ms=%" PRId64, a->task, a->epoch,
		 a->failure != FAILURE_NONE ? task_failure_name(a->failure) : "none", a->job.exit_code,
		 (clock_us() - a->leased_us) / 1000);
}

void attempt_stored(struct attempt *a)
{
	if (a->lost || (a->step.at != REPORTING && a->step.at != UPLOADING))
		return;
	crash_point(WORKER_DONE_STORED);
	log_end(a);
	if (a->step.at == REPORTING) {
		enter_removing(a);
		return;
	}
	a->lost = true; /* it was being sent again */
	upload_cancel(&a->upload);
}

/* --- what follows what ----------------------------------------------------------------------- */

void attempt_advance(struct attempt *a)
{
	bool ran = a->job.started_ms > 0;

	if (a->lost) {
		enter_removing(a);
		return;
	}
	switch (a->step.at) {
	case RESTORED:
		attempt_enter_reporting(a);
		break;
	case FETCHING:
		a->stopped ? attempt_enter_reporting(a) : attempt_enter_unpacking(a);
		break;
	case UNPACKING:
		a->stopped || a->failure != FAILURE_NONE ? attempt_enter_reporting(a) : attempt_enter_job(a);
		break;
	case JOB:
		ran && a->failure != FAILURE_INFRA ? attempt_enter_packing(a) : attempt_enter_reporting(a);
		break;
	case PACKING:
		a->packed.size > 0 ? attempt_enter_uploading(a) : attempt_enter_reporting(a);
		break;
	case UPLOADING:
		attempt_enter_reporting(a);
		break;
	}
}

/* The message is the link's. */
static const Pb__Lease *copy_lease(struct arena *arena, const Pb__Lease *lease)
{
	ProtobufCAllocator allocator = arena_allocator(arena);
	size_t n = pb__lease__get_packed_size(lease);
	uint8_t *bytes = arena_alloc(arena, n);

	pb__lease__pack(lease, bytes);
	return pb__lease__unpack(&allocator, n, bytes);
}

static struct attempt *attempt_new(struct worker *w, const Pb__Lease *lease, const struct reservation *reserved)
{
	struct attempt *a = xcalloc(1, sizeof *a);

	a->worker = w;
	a->step = (struct step){states, RESTORED};
	a->fd = a->spool.fd = -1;
	a->epoch = lease->epoch;
	a->reserved = *reserved;
	a->bundle_size = lease->bundle_size;
	a->leased_us = clock_us();
	a->job.usage = (Pb__Usage)PB__USAGE__INIT; /* of one that never gets as far as a container */
	text_copy(a->task, sizeof a->task, lease->task);
	text_copy(a->bundle_sha256, sizeof a->bundle_sha256, lease->bundle_sha256);
	a->lease = copy_lease(&a->arena, lease);
	a->spec = a->lease->spec;
	snprintf(a->key, sizeof a->key, "%s-%u", a->task, a->epoch);
	a->spool.path = arena_printf(&a->arena, "%s/%s.log", w->journal.dir, a->key);
	snprintf(a->bundle_path, sizeof a->bundle_path, "%s/%s.bundle", w->bundles.transit, a->key);
	snprintf(a->result_path, sizeof a->result_path, "%s/%s.result", w->bundles.transit, a->key);
	attempt_init_disk(a);
	DL_APPEND(w->attempts, a);
	return a;
}

static void begin(struct attempt *a)
{
	bool here = bundle_cache_take(&a->worker->bundles, a->bundle_sha256, a->bundle_path);

	attempt_phase(a, PHASE_STAGING);
	if (here) {
		attempt_enter_unpacking(a);
	} else {
		step_to(&a->step, FETCHING, a->key);
		attempt_fetch(a);
	}
}

void attempt_start(struct worker *w, const Pb__Lease *lease, const struct reservation *reserved)
{
	struct attempt *a = attempt_new(w, lease, reserved);

	attempt_record(a, JOURNAL__ATTEMPT__PHASE__STAGING);
	begin(a);
}

/* --- what an earlier process had ------------------------------------------------------------- */

struct attempt *attempt_restore(struct worker *w, const struct journal_entry *e)
{
	struct attempt *a;
	struct reservation reserved;
	struct error err = {0};
	bool whole = e->record->phase < JOURNAL__ATTEMPT__PHASE__COLLECTED;

	if (worker_resources_retake(&w->resources, e->lease->spec->resources, e->record->slot, e->record->gpus, whole, &reserved,
				    &err) != 0) {
		log_warn("an attempt cannot go on task=%s text=\"%s\"", e->lease->task, err.text);
		return NULL;
	}
	a = attempt_new(w, e->lease, &reserved);
	a->gave_back = !whole;
	attempt_record_read(a, e);
	attempt_spool_restore(&a->spool, (int)a->recorded, &a->log, a->told);
	if (attempt_find_files(a))
		return a;
	attempt_lose(a, "its files are gone");
	return NULL;
}

void attempt_resume(struct attempt *a)
{
	if (a->step.at != RESTORED)
		return;
	log_info("goes on task=%s epoch=%u recorded=%d", a->task, a->epoch, (int)a->recorded);
	switch (a->recorded) {
	case JOURNAL__ATTEMPT__PHASE__STARTED:
		a->adopted = true;
		attempt_enter_job(a);
		lease_clock_look(&a->worker->lease_clock); /* it may be paused, and is to stay so */
		if (a->stopped)
			job_stop(&a->job, a->failure == FAILURE_BUDGET ? JOB_STOP_BUDGET : JOB_STOP_OWNER, a->error.text);
		break;
	case JOURNAL__ATTEMPT__PHASE__ENDED:
		a->job.started_ms > 0 && a->failure != FAILURE_INFRA ? attempt_enter_packing(a) : attempt_enter_reporting(a);
		break;
	case JOURNAL__ATTEMPT__PHASE__COLLECTED:
		a->packed.size > 0 ? attempt_enter_uploading(a) : attempt_enter_reporting(a);
		break;
	default:
		a->stopped ? attempt_enter_reporting(a) : begin(a);
	}
	crash_point(WORKER_RESTORE_GOES_ON);
}

/* --- what happens to it ---------------------------------------------------------------------- */

void attempt_stop(struct attempt *a, bool budget, const char *reason)
{
	struct error err;

	if (a->stopped || a->step.at > JOB)
		return;
	a->stopped = true;
	if (a->step.at == JOB) {
		job_stop(&a->job, budget ? JOB_STOP_BUDGET : JOB_STOP_OWNER, reason);
		return;
	}
	error_set(&err, STATUS_CANCELLED, "%s", reason);
	attempt_fail(a, budget ? FAILURE_BUDGET : FAILURE_USER_EXIT, &err);
	if (a->step.at == FETCHING)
		download_cancel(&a->download);
}

void attempt_send_again(struct attempt *a)
{
	if (a->step.at != REPORTING || a->packed.size == 0)
		return;
	a->done_ms = 0;
	attempt_enter_uploading(a);
}

void attempt_lose(struct attempt *a, const char *give_back)
{
	if (a->lost || a->step.at == REMOVING)
		return;
	a->lost = true;
	if (!a->kept)
		journal_remove(&a->worker->journal, a->key); /* if we die now, nobody must take it up */
	text_copy(a->give_back, sizeof a->give_back, give_back != NULL ? give_back : "");
	switch (a->step.at) {
	case FETCHING: download_cancel(&a->download); break;
	case JOB: job_stop(&a->job, JOB_STOP_LOST, "its worker has lost the pool"); break;
	case UPLOADING: upload_cancel(&a->upload); break;
	case RESTORED:
	case REPORTING: enter_removing(a); break;
	}
}

void attempt_keep(struct attempt *a)
{
	a->kept = a->recorded == JOURNAL__ATTEMPT__PHASE__COLLECTED;
	attempt_lose(a, NULL);
}

bool attempt_exited(const struct attempt *a)
{
	return a->step.at > JOB;
}

bool attempt_collected(const struct attempt *a)
{
	return a->recorded >= JOURNAL__ATTEMPT__PHASE__COLLECTED;
}
