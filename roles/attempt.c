/* roles/attempt.c - the machine of one attempt (drawn in attempt.h).
 *
 * advance() is its table of contents: called when what the present state waits for has happened, it looks at
 * failure, lost and stopped and enters the next state. Whatever went wrong was noted by fail() before. The first
 * failure is the one reported. A failed task still gives back what it wrote, if its container ran.
 *
 * The container is removed by the job while the result is packed and sent; only REMOVING waits for it. */
#include "roles/attempt.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#include "net/clock.h"
#include "net/crash.h"
#include "net/log.h"
#include "net/memory.h"
#include "proto/limits.h"
#include "proto/status.h"
#include "proto/task.h"
#include "roles/attempt_report.h"
#include "roles/worker.h"

#define UID_FIRST 200000 /* of the slots, when we are root: far from any person's */

static const struct state states[] = {
	[FETCHING] = {"fetching", TO(UNPACKING) | TO(REPORTING) | TO(REMOVING)},
	[UNPACKING] = {"unpacking", TO(JOB) | TO(REPORTING) | TO(REMOVING)},
	[JOB] = {"job", TO(PACKING) | TO(REPORTING) | TO(REMOVING)},
	[PACKING] = {"packing", TO(UPLOADING) | TO(REPORTING) | TO(REMOVING)},
	[UPLOADING] = {"uploading", TO(REPORTING) | TO(REMOVING)},
	[REPORTING] = {"reporting", TO(UPLOADING) | TO(REMOVING)},
	[REMOVING] = {"removing", 0},
};

static void advance(struct attempt *a);

/* Note what went wrong, unless something had before. */
static void fail(struct attempt *a, enum task_failure failure, const struct error *err)
{
	if (a->failure != FAILURE_NONE || a->lost)
		return;
	a->failure = failure;
	a->error = *err;
}

/* This worker cannot do it; another may. */
static void give_up(struct attempt *a, const struct error *err)
{
	a->lost = true;
	text_copy(a->give_back, sizeof a->give_back, err->text);
}

static void close_file(struct attempt *a)
{
	if (a->fd >= 0)
		close(a->fd);
	a->fd = -1;
}

/* --- REMOVING: until nothing of it is left --------------------------------------------------- */

static void on_disk_closed(struct disk_watch *disk)
{
	struct attempt *a = container_of(disk, struct attempt, disk);
	struct worker *w = a->worker;

	worker_resources_give_slot(&w->resources, &a->reserved);
	DL_DELETE(w->attempts, a);
	attempt_log_release(&a->log);
	buf_release(&a->packed.remarks);
	arena_release(&a->arena);
	free(a);
	worker_attempt_gone(w);
}

static void run_removal(struct work *removal)
{
	struct attempt *a = container_of(removal, struct attempt, removal);

	unlink(a->bundle_path);
	unlink(a->result_path);
	if (a->has_scratch)
		scratch_remove(&a->scratch);
}

static void on_files_removed(struct work *removal)
{
	struct attempt *a = container_of(removal, struct attempt, removal);

	crash_point(WORKER_FILES_REMOVED);
	disk_watch_close(&a->disk, on_disk_closed);
}

/* The files go last: nothing must still write to them. */
static void remove_files(struct attempt *a)
{
	if (a->step.at != REMOVING || !disk_watch_stop(&a->disk) || (a->job_begun && !a->job_gone))
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
	remove_files(a);
}

/* --- REPORTING: until Stored ----------------------------------------------------------------- */

static void enter_reporting(struct attempt *a)
{
	step_to(&a->step, REPORTING, a->key);
	release_resources(a);
	if (a->packed.remarks.n > 0)
		attempt_log_add(&a->log, LOG_REMARK, a->packed.remarks.data, a->packed.remarks.n, clock_wall_ms());
	buf_release(&a->packed.remarks);
	attempt_log_end(&a->log, clock_wall_ms());
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

/* --- PACKING, UPLOADING: what it wrote goes to the pool -------------------------------------- */

static void run_packing(struct work *work)
{
	struct attempt *a = container_of(work, struct attempt, work);

	crash_point(WORKER_PACKING);
	scratch_pack(&a->scratch, a->spec->outputs, a->spec->n_outputs, a->spec->max_output, a->result_path,
		     &a->packed, &a->work_error);
}

/* Nothing was written, or nothing that may be sent: there is no result. */
static void forget_result(struct attempt *a)
{
	a->packed.sha256[0] = '\0';
	a->packed.size = 0;
}

static void on_packed(struct work *work)
{
	struct attempt *a = container_of(work, struct attempt, work);
	int status = a->work_error.status;

	crash_point(WORKER_PACKED);
	if (status != 0)
		fail(a, status == STATUS_RESOURCE_EXHAUSTED ? FAILURE_DISK : FAILURE_INFRA, &a->work_error);
	if (status != 0 || a->packed.files == 0)
		forget_result(a);
	advance(a);
}

static void enter_packing(struct attempt *a)
{
	step_to(&a->step, PACKING, a->key);
	error_clear(&a->work_error);
	work_start(&a->worker->loop, &a->work, run_packing, on_packed);
	attempt_phase(a, PHASE_COLLECTING);
}

static void on_upload_progress(struct upload *u, uint64_t done)
{
	attempt_moved(container_of(u, struct attempt, upload), done, u->size, "");
	crash_point(WORKER_RESULT_PIECE);
}

static void on_uploaded(struct upload *u, const struct error *err)
{
	struct attempt *a = container_of(u, struct attempt, upload);

	crash_point(WORKER_RESULT_SENT);
	close_file(a);
	if (err->status == STATUS_PERMISSION_DENIED || err->status == STATUS_NOT_FOUND || err->status == STATUS_ABORTED)
		a->lost = true; /* the task has gone on without us */
	else if (err->status != 0)
		fail(a, FAILURE_INFRA, err);
	if (err->status != 0)
		forget_result(a);
	advance(a);
}

static void enter_uploading(struct attempt *a)
{
	struct error err;

	step_to(&a->step, UPLOADING, a->key);
	a->fd = open(a->result_path, O_RDONLY | O_CLOEXEC);
	if (a->fd < 0) {
		error_set(&err, status_from_errno(errno), "cannot open the packed result: %s", strerror(errno));
		fail(a, FAILURE_INFRA, &err);
		forget_result(a);
		enter_reporting(a);
		return;
	}
	a->upload = (struct upload){.loop = &a->worker->loop, .channel = a->worker->bulk, .fd = a->fd,
				    .size = a->packed.size, .epoch = a->epoch, .patience_ms = RETRY_FOR_EVER,
				    .on_progress = on_upload_progress, .on_done = on_uploaded};
	text_copy(a->upload.sha256, sizeof a->upload.sha256, a->packed.sha256);
	text_copy(a->upload.task, sizeof a->upload.task, a->task);
	upload_start(&a->upload);
}

/* --- JOB: the container ---------------------------------------------------------------------- */

static void on_disk_over(struct disk_watch *disk)
{
	struct attempt *a = container_of(disk, struct attempt, disk);
	char words[160];

	snprintf(words, sizeof words, "it wrote %" PRIu64 " MiB below /work and had asked for %" PRIu64, disk->used >> 20,
		 disk->allowed >> 20);
	job_stop(&a->job, JOB_STOP_DISK, words);
}

static void on_disk_idle(struct disk_watch *disk)
{
	remove_files(container_of(disk, struct attempt, disk));
}

static void on_job_phase(struct job *j, int phase, uint64_t done, uint64_t total, const char *detail)
{
	struct attempt *a = container_of(j, struct attempt, job);

	if (phase == PHASE_EXECUTING) {
		a->started_us = clock_us();
		disk_watch_start(&a->disk);
		attempt_phase(a, PHASE_EXECUTING);
	} else {
		attempt_moved(a, done, total, detail);
	}
}

static void on_job_output(struct job *j, int stream, const void *data, size_t n)
{
	struct attempt *a = container_of(j, struct attempt, job);

	attempt_log_add(&a->log, stream, data, n, clock_wall_ms());
	attempt_flush(a);
}

static void on_job_done(struct job *j)
{
	struct attempt *a = container_of(j, struct attempt, job);

	disk_watch_stop(&a->disk);
	a->exited = true;
	a->exited_us = clock_us();
	if (j->failure != FAILURE_NONE)
		fail(a, (enum task_failure)j->failure, &j->error);
	advance(a);
}

static void on_job_removed(struct job *j)
{
	struct attempt *a = container_of(j, struct attempt, job);

	crash_point(WORKER_REMOVED);
	a->job_gone = true;
	remove_files(a);
}

static void enter_job(struct attempt *a)
{
	struct worker *w = a->worker;
	struct job *j = &a->job;

	step_to(&a->step, JOB, a->key);
	*j = (struct job){.engine = &w->engine.engine, .leash = &w->leash, .spec = a->spec, .epoch = a->epoch,
			  .work = a->scratch.work, .uid = a->scratch.uid, .on_phase = on_job_phase, .on_output = on_job_output,
			  .done = on_job_done, .removed = on_job_removed};
	text_copy(j->task, sizeof j->task, a->task);
	if (a->scratch.has_image_tar && strcmp(a->spec->image, "image.tar") == 0)
		j->image_tar = arena_printf(&a->arena, "%s/image.tar", a->scratch.work);
	j->gpus = reservation_gpus(&a->reserved, w->host->gpus, &a->arena);
	a->job_begun = true;
	job_start(j);
}

/* --- FETCHING, UNPACKING: its files ---------------------------------------------------------- */

static void run_unpacking(struct work *work)
{
	struct attempt *a = container_of(work, struct attempt, work);
	struct worker *w = a->worker;
	uid_t uid = geteuid() == 0 ? (uid_t)(UID_FIRST + a->reserved.slot) : geteuid();

	if (a->fetched)
		bundle_cache_put(&w->bundles, a->bundle_sha256, a->bundle_path);
	if (scratch_open(&a->scratch, w->scratch, a->key, uid, &a->work_error) != 0)
		return;
	a->has_scratch = true;
	crash_point(WORKER_FILES_MADE);
	if (scratch_unpack(&a->scratch, a->bundle_path, a->spec->resources->disk, &a->work_error) == 0)
		unlink(a->bundle_path);
}

static void on_unpacked(struct work *work)
{
	struct attempt *a = container_of(work, struct attempt, work);

	crash_point(WORKER_FILES_PUT);
	switch (a->work_error.status) {
	case 0: break;
	case STATUS_INVALID_ARGUMENT: fail(a, FAILURE_INPUT, &a->work_error); break;
	case STATUS_RESOURCE_EXHAUSTED: /* its fault when it asked for too little, not when our disk is full */
		fail(a, a->bundle_size > a->spec->resources->disk ? FAILURE_DISK : FAILURE_INFRA, &a->work_error);
		break;
	default: fail(a, FAILURE_INFRA, &a->work_error);
	}
	advance(a);
}

static void enter_unpacking(struct attempt *a)
{
	step_to(&a->step, UNPACKING, a->key);
	work_start(&a->worker->loop, &a->work, run_unpacking, on_unpacked);
}

static void on_fetch_progress(struct download *d, uint64_t done, uint64_t total)
{
	attempt_moved(container_of(d, struct attempt, download), done, total, "fetching the bundle");
	crash_point(WORKER_BUNDLE_PIECE);
}

static void on_fetched(struct download *d, const struct error *err)
{
	struct attempt *a = container_of(d, struct attempt, download);

	crash_point(WORKER_BUNDLE_HERE);
	close_file(a);
	a->fetched = err->status == 0;
	if (err->status != 0 && !a->lost && !a->stopped)
		give_up(a, err);
	advance(a);
}

static void fetch(struct attempt *a)
{
	struct error err;

	a->fd = open(a->bundle_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (a->fd < 0) {
		error_set(&err, status_from_errno(errno), "cannot make a file for the bundle: %s", strerror(errno));
		give_up(a, &err);
		advance(a);
		return;
	}
	a->download = (struct download){.loop = &a->worker->loop, .channel = a->worker->bulk,
					.kind = PB__BLOB_KIND__BUNDLE, .epoch = a->epoch, .fd = a->fd,
					.max = a->bundle_size, .patience_ms = RETRY_FOR_EVER,
					.on_progress = on_fetch_progress, .on_done = on_fetched};
	text_copy(a->download.task, sizeof a->download.task, a->task);
	text_copy(a->download.expect, sizeof a->download.expect, a->bundle_sha256);
	download_start(&a->download);
}

/* --- what follows what ----------------------------------------------------------------------- */

static void advance(struct attempt *a)
{
	bool ran = a->job.started_ms > 0;

	if (a->lost) {
		enter_removing(a);
		return;
	}
	switch (a->step.at) {
	case FETCHING:
		a->stopped ? enter_reporting(a) : enter_unpacking(a);
		break;
	case UNPACKING:
		a->stopped || a->failure != FAILURE_NONE ? enter_reporting(a) : enter_job(a);
		break;
	case JOB:
		ran && a->failure != FAILURE_INFRA ? enter_packing(a) : enter_reporting(a);
		break;
	case PACKING:
		a->packed.size > 0 ? enter_uploading(a) : enter_reporting(a);
		break;
	case UPLOADING:
		enter_reporting(a);
		break;
	}
}

/* The message of the lease is the link's; the spec is copied. */
static Pb__TaskSpec *copy_spec(struct arena *arena, const Pb__TaskSpec *spec)
{
	ProtobufCAllocator allocator = arena_allocator(arena);
	size_t n = pb__task_spec__get_packed_size(spec);
	uint8_t *bytes = arena_alloc(arena, n);

	pb__task_spec__pack(spec, bytes);
	return pb__task_spec__unpack(&allocator, n, bytes);
}

static struct attempt *attempt_new(struct worker *w, const Pb__Lease *lease, const struct reservation *reserved)
{
	struct attempt *a = xcalloc(1, sizeof *a);

	a->worker = w;
	a->step = (struct step){states, FETCHING};
	a->fd = -1;
	a->epoch = lease->epoch;
	a->reserved = *reserved;
	a->bundle_size = lease->bundle_size;
	a->leased_us = clock_us();
	a->job.usage = (Pb__Usage)PB__USAGE__INIT; /* of one that never gets as far as a container */
	text_copy(a->task, sizeof a->task, lease->task);
	text_copy(a->bundle_sha256, sizeof a->bundle_sha256, lease->bundle_sha256);
	a->spec = copy_spec(&a->arena, lease->spec);
	snprintf(a->key, sizeof a->key, "%s-%u", a->task, a->epoch);
	snprintf(a->bundle_path, sizeof a->bundle_path, "%s/%s.bundle", w->bundles.transit, a->key);
	snprintf(a->result_path, sizeof a->result_path, "%s/%s.result", w->bundles.transit, a->key);
	a->disk = (struct disk_watch){.scratch = &a->scratch, .allowed = a->spec->resources->disk, .on_over = on_disk_over,
				      .on_idle = on_disk_idle};
	disk_watch_init(&a->disk, &w->loop);
	DL_APPEND(w->attempts, a);
	return a;
}

void attempt_start(struct worker *w, const Pb__Lease *lease, const struct reservation *reserved)
{
	struct attempt *a = attempt_new(w, lease, reserved);
	bool here = bundle_cache_take(&w->bundles, a->bundle_sha256, a->bundle_path);

	attempt_phase(a, PHASE_STAGING);
	if (here)
		enter_unpacking(a);
	else
		fetch(a);
}

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
	fail(a, budget ? FAILURE_BUDGET : FAILURE_USER_EXIT, &err);
	if (a->step.at == FETCHING)
		download_cancel(&a->download);
}

void attempt_send_again(struct attempt *a)
{
	if (a->step.at != REPORTING || a->packed.size == 0)
		return;
	a->done_ms = 0;
	enter_uploading(a);
}

void attempt_lose(struct attempt *a, const char *give_back)
{
	if (a->lost || a->step.at == REMOVING)
		return;
	a->lost = true;
	text_copy(a->give_back, sizeof a->give_back, give_back != NULL ? give_back : "");
	switch (a->step.at) {
	case FETCHING: download_cancel(&a->download); break;
	case JOB: job_stop(&a->job, JOB_STOP_LOST, "its worker has lost the pool"); break;
	case UPLOADING: upload_cancel(&a->upload); break;
	case REPORTING: enter_removing(a); break;
	}
}

bool attempt_exited(const struct attempt *a)
{
	return a->step.at > JOB;
}
