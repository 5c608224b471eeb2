/* roles/attempt_result.c - an attempt in PACKING and UPLOADING: what the task wrote goes to the pool, and stays until it is there. */
#include "roles/attempt_machine.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <utlist.h>

#include "net/clock.h"
#include "net/crash.h"
#include "net/log.h"
#include "net/memory.h"
#include "proto/status.h"
#include "proto/task.h"
#include "roles/attempt_report.h"
#include "roles/worker.h"

/* --- everything is known ----------------------------------------------------------------------- */

/* The log has grown since it had this size: on the disk, too, from this phase on. */
void attempt_spool_from(struct attempt *a, uint64_t size, Journal__Attempt__Phase phase)
{
	struct log_piece *p;

	DL_FOREACH(a->log.pieces, p)
		if (p->offset >= size)
			attempt_spool_add(&a->spool, (int)phase, p->stream, p->data, p->n, p->time_ms);
}

/* Everything that the pool will be told is known. */
void attempt_note_collected(struct attempt *a)
{
	uint64_t size = a->log.size;

	if (a->recorded >= JOURNAL__ATTEMPT__PHASE__COLLECTED)
		return;
	attempt_log_end(&a->log, clock_wall_ms());
	if (a->packed.remarks.n > 0)
		attempt_log_add(&a->log, LOG_REMARK, a->packed.remarks.data, a->packed.remarks.n, clock_wall_ms());
	buf_release(&a->packed.remarks);
	attempt_spool_from(a, size, JOURNAL__ATTEMPT__PHASE__COLLECTED);
	a->collected_us = clock_us();
	attempt_record(a, JOURNAL__ATTEMPT__PHASE__COLLECTED);
}

static void run_sync(struct work *work)
{
	struct attempt *a = container_of(work, struct attempt, sync);
	struct error err = {0};

	crash_point(WORKER_KEPT_SYNCING);
	journal_sync(&a->worker->journal, a->key, a->packed.size > 0 ? a->result_path : NULL, &err);
	crash_point(WORKER_KEPT_SYNCED);
}

static void on_synced(struct work *work)
{
	struct attempt *a = container_of(work, struct attempt, sync);

	a->syncing = false;
	a->synced = true;
	attempt_remove_files(a);
}

void attempt_sync(struct attempt *a)
{
	if (a->syncing || a->synced || a->lost || a->step.at == REMOVING ||
	    a->recorded < JOURNAL__ATTEMPT__PHASE__COLLECTED)
		return;
	a->syncing = true;
	work_start(&a->worker->loop, &a->sync, run_sync, on_synced);
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
		attempt_fail(a, status == STATUS_RESOURCE_EXHAUSTED ? FAILURE_DISK : FAILURE_INFRA, &a->work_error);
	if (status != 0 || a->packed.files == 0)
		forget_result(a);
	attempt_advance(a);
}

void attempt_enter_packing(struct attempt *a)
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
	attempt_close_file(a);
	if (err->status == STATUS_PERMISSION_DENIED || err->status == STATUS_NOT_FOUND || err->status == STATUS_ABORTED) {
		log_info("attempt is no longer ours task=%s epoch=%u text=\"%s\"", a->task, a->epoch, err->text);
		a->lost = true; /* the task has gone on without us */
	} else if (err->status != 0)
		attempt_fail(a, FAILURE_INFRA, err);
	if (err->status != 0) {
		forget_result(a);
		attempt_record(a, a->recorded);
	}
	attempt_advance(a);
}

void attempt_enter_uploading(struct attempt *a)
{
	struct error err;

	attempt_note_collected(a);
	step_to(&a->step, UPLOADING, a->key);
	a->fd = open(a->result_path, O_RDONLY | O_CLOEXEC);
	if (a->fd < 0) {
		error_set(&err, status_from_errno(errno), "cannot open the packed result: %s", strerror(errno));
		attempt_fail(a, FAILURE_INFRA, &err);
		forget_result(a);
		attempt_enter_reporting(a);
		return;
	}
	a->upload = (struct upload){.loop = &a->worker->loop, .channel = a->worker->bulk, .fd = a->fd,
				    .size = a->packed.size, .epoch = a->epoch, .patience_ms = RETRY_FOR_EVER,
				    .on_progress = on_upload_progress, .on_done = on_uploaded};
	text_copy(a->upload.sha256, sizeof a->upload.sha256, a->packed.sha256);
	text_copy(a->upload.task, sizeof a->upload.task, a->task);
	upload_start(&a->upload);
}
