/* roles/attempt_files.c - an attempt in FETCHING and UNPACKING: its bundle comes, and becomes its scratch directory. */
#include "roles/attempt_machine.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "net/crash.h"
#include "net/log.h"
#include "net/memory.h"
#include "proto/status.h"
#include "proto/task.h"
#include "roles/attempt_report.h"
#include "roles/worker.h"

#define UID_FIRST 200000 /* of the slots, when we are root: far from any person's */

void attempt_close_file(struct attempt *a)
{
	if (a->fd >= 0)
		close(a->fd);
	a->fd = -1;
}

static uid_t uid_of(const struct attempt *a)
{
	return geteuid() == 0 ? (uid_t)(UID_FIRST + a->reserved.slot) : geteuid();
}

static void run_unpacking(struct work *work)
{
	struct attempt *a = container_of(work, struct attempt, work);
	struct worker *w = a->worker;

	if (a->fetched)
		bundle_cache_put(&w->bundles, a->bundle_sha256, a->bundle_path);
	if (scratch_open(&a->scratch, w->scratch, a->key, uid_of(a), &a->work_error) != 0)
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
	case STATUS_INVALID_ARGUMENT: attempt_fail(a, FAILURE_INPUT, &a->work_error); break;
	case STATUS_RESOURCE_EXHAUSTED: /* its fault when it asked for too little, not when our disk is full */
		attempt_fail(a, a->bundle_size > a->spec->resources->disk ? FAILURE_DISK : FAILURE_INFRA, &a->work_error);
		break;
	default: attempt_fail(a, FAILURE_INFRA, &a->work_error);
	}
	attempt_advance(a);
}

void attempt_enter_unpacking(struct attempt *a)
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
	attempt_close_file(a);
	a->fetched = err->status == 0;
	if (err->status != 0 && !a->lost && !a->stopped)
		attempt_give_up(a, err);
	attempt_advance(a);
}

void attempt_fetch(struct attempt *a)
{
	struct error err;

	a->fd = open(a->bundle_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (a->fd < 0) {
		error_set(&err, status_from_errno(errno), "cannot make a file for the bundle: %s", strerror(errno));
		attempt_give_up(a, &err);
		attempt_advance(a);
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

/* Files that are not there any more: then it was lost. */
bool attempt_find_files(struct attempt *a)
{
	bool uses_them = a->recorded == JOURNAL__ATTEMPT__PHASE__STARTED || a->recorded == JOURNAL__ATTEMPT__PHASE__ENDED;
	struct error err = {0};

	a->has_scratch = uses_them && scratch_adopt(&a->scratch, a->worker->scratch, a->key, uid_of(a), &err) == 0;
	if (uses_them && !a->has_scratch)
		log_warn("the files of an attempt are gone task=%s text=\"%s\"", a->task, err.text);
	return a->has_scratch || !uses_them;
}
