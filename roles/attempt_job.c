/* roles/attempt_job.c - an attempt in JOB: its container runs, and what it prints is passed on. */
#include "roles/attempt_machine.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "net/clock.h"
#include "net/crash.h"
#include "net/memory.h"
#include "proto/task.h"
#include "roles/attempt_report.h"
#include "roles/worker.h"

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
	attempt_remove_files(container_of(disk, struct attempt, disk));
}

void attempt_init_disk(struct attempt *a)
{
	a->disk = (struct disk_watch){.scratch = &a->scratch, .allowed = a->spec->resources->disk, .on_over = on_disk_over,
				      .on_idle = on_disk_idle};
	disk_watch_init(&a->disk, &a->worker->loop);
}

static void on_job_phase(struct job *j, int phase, uint64_t done, uint64_t total, const char *detail)
{
	struct attempt *a = container_of(j, struct attempt, job);

	if (phase == PHASE_EXECUTING) {
		bool news = a->started_us != j->started_us;

		a->started_us = j->started_us;
		if (news)
			attempt_record(a, JOURNAL__ATTEMPT__PHASE__STARTED);
		disk_watch_start(&a->disk);
		attempt_phase(a, PHASE_EXECUTING);
	} else {
		attempt_moved(a, done, total, detail);
	}
}

static void on_job_output(struct job *j, int stream, const void *data, size_t n)
{
	struct attempt *a = container_of(j, struct attempt, job);
	uint64_t size = a->log.size;
	int64_t now_ms = clock_wall_ms();

	attempt_log_add(&a->log, stream, data, n, now_ms); /* the first part of it has an offset now */
	attempt_spool_add(&a->spool, JOURNAL__ATTEMPT__PHASE__STARTED, stream, data, (size_t)(a->log.size - size), now_ms);
	attempt_flush(a);
}

/* It prints no more, and how it ended is known: the container is of no use from here on. */
static void note_end(struct attempt *a)
{
	static const char lost[] = "[some output is missing: nobody heard it, and the engine has not kept it]\n";
	uint64_t size = a->log.size;

	attempt_log_end(&a->log, clock_wall_ms());
	if (a->job.output_lost)
		attempt_log_add(&a->log, LOG_REMARK, lost, sizeof lost - 1, clock_wall_ms());
	attempt_spool_from(a, size, JOURNAL__ATTEMPT__PHASE__ENDED);
	attempt_record(a, JOURNAL__ATTEMPT__PHASE__ENDED);
}

static void on_job_done(struct job *j)
{
	struct attempt *a = container_of(j, struct attempt, job);

	disk_watch_stop(&a->disk);
	a->exited = true;
	a->exited_us = clock_us();
	if (j->failure != FAILURE_NONE)
		attempt_fail(a, (enum task_failure)j->failure, &j->error);
	note_end(a);
	attempt_advance(a);
}

static void on_job_removed(struct job *j)
{
	struct attempt *a = container_of(j, struct attempt, job);

	crash_point(WORKER_REMOVED);
	a->job_gone = true;
	attempt_remove_files(a);
}

void attempt_enter_job(struct attempt *a)
{
	struct worker *w = a->worker;
	struct job *j = &a->job;

	step_to(&a->step, JOB, a->key);
	*j = (struct job){.engine = &w->engine.engine, .leash = &w->leash, .spec = a->spec, .epoch = a->epoch,
			  .work = a->scratch.work, .uid = a->scratch.uid, .on_phase = on_job_phase, .on_output = on_job_output,
			  .done = on_job_done, .removed = on_job_removed};
	text_copy(j->task, sizeof j->task, a->task);
	if ((a->scratch.has_image_tar || a->adopted) && strcmp(a->spec->image, "image.tar") == 0)
		j->image_tar = arena_printf(&a->arena, "%s/image.tar", a->scratch.work);
	j->gpus = reservation_gpus(&a->reserved, w->host->gpus, &a->arena);
	a->job_begun = true;
	if (a->adopted) {
		j->started_us = a->started_us;
		memcpy(j->told, a->told, sizeof j->told);
		job_adopt(j);
	} else {
		attempt_record(a, JOURNAL__ATTEMPT__PHASE__STARTED);
		job_start(j);
	}
}
