/* roles/attempt_report.c - messages made from the state of an attempt.
 *
 * Order on the link: Progress as phases come, LogData in order of offset, then Done, which waits until the whole
 * log was sent and is repeated until Stored. LogData waits while the link's queue is full, so that a heartbeat
 * is never behind more than SEND_QUEUE_HIGH bytes of a noisy task. */
#include "roles/attempt_report.h"

#include <utlist.h>

#include "net/clock.h"
#include "net/crash.h"
#include "roles/worker.h"

#define PROGRESS_EVERY_MS 250
#define DONE_AGAIN_MS 3000

#define MESSAGE(name, NAME, ...) \
	{.base = PROTOBUF_C_MESSAGE_INIT(&pb__worker_message__descriptor), \
	 .kind_case = PB__WORKER_MESSAGE__KIND_##NAME, .name = __VA_ARGS__}

static void send_progress(struct attempt *a)
{
	Pb__Progress progress = PB__PROGRESS__INIT;
	Pb__WorkerMessage message = MESSAGE(progress, PROGRESS, &progress);

	progress.task = a->task;
	progress.epoch = a->epoch;
	progress.phase = (Pb__TaskPhase)a->phase;
	progress.done = a->done;
	progress.total = a->total;
	progress.detail = a->detail;
	progress.time_ms = a->phase_ms;
	a->progress_ms = clock_ms();
	worker_link_send(&a->worker->link, &message);
}

void attempt_phase(struct attempt *a, enum task_phase phase)
{
	a->phase = phase;
	a->phase_ms = clock_wall_ms();
	a->done = a->total = 0;
	a->detail[0] = '\0';
	send_progress(a);
}

void attempt_moved(struct attempt *a, uint64_t done, uint64_t total, const char *detail)
{
	a->done = done;
	a->total = total;
	text_copy(a->detail, sizeof a->detail, detail != NULL ? detail : "");
	if (clock_ms() - a->progress_ms >= PROGRESS_EVERY_MS)
		send_progress(a);
}

static void send_log(struct attempt *a, const struct log_piece *piece)
{
	Pb__LogData log = PB__LOG_DATA__INIT;
	Pb__WorkerMessage message = MESSAGE(log, LOG, &log);

	log.task = a->task;
	log.epoch = a->epoch;
	log.stream = (uint32_t)piece->stream;
	log.data = (ProtobufCBinaryData){.data = (uint8_t *)piece->data, .len = piece->n};
	log.time_ms = piece->time_ms;
	log.offset = piece->offset;
	worker_link_send(&a->worker->link, &message);
}

void attempt_describe(const struct attempt *a, Pb__Done *done)
{
	*done = (Pb__Done)PB__DONE__INIT;
	done->task = (char *)a->task;
	done->epoch = a->epoch;
	done->failure = (Pb__TaskFailure)a->failure;
	done->reason = (char *)a->error.text;
	done->exit_code = a->job.exit_code;
	done->has_exit_code = a->job.has_exit_code;
	done->oom_killed = a->job.oom_killed;
	done->killed_by_worker = a->job.killed_by_us || a->stopped;
	done->result_sha256 = (char *)a->packed.sha256;
	done->result_size = a->packed.size;
	done->usage = (Pb__Usage *)&a->job.usage;
	done->stage_us = a->started_us > a->leased_us ? (uint64_t)(a->started_us - a->leased_us) : 0;
	done->collect_us = a->exited_us > 0 ? (uint64_t)(clock_us() - a->exited_us) : 0;
}

static void send_done(struct attempt *a)
{
	Pb__Done done;
	Pb__WorkerMessage message = MESSAGE(done, DONE, &done);

	attempt_describe(a, &done);
	a->done_ms = clock_ms();
	worker_link_send(&a->worker->link, &message);
	crash_point(WORKER_DONE_SENT);
}

void attempt_flush(struct attempt *a)
{
	const struct log_piece *piece;

	while (worker_link_takes(&a->worker->link) && (piece = attempt_log_next(&a->log)) != NULL)
		send_log(a, piece);
	if (a->step.at == REPORTING && a->done_ms == 0 && a->log.unsent == NULL && worker_link_takes(&a->worker->link))
		send_done(a);
}

void attempt_linked(struct attempt *a)
{
	if (a->lost)
		return;
	a->done_ms = 0;
	attempt_log_rewind(&a->log);
	send_progress(a);
	attempt_flush(a);
}

void attempt_beat(struct attempt *a, uint64_t seq)
{
	attempt_log_mark(&a->log, seq);
	if (a->done_ms != 0 && clock_ms() - a->done_ms > DONE_AGAIN_MS)
		a->done_ms = 0;
	attempt_flush(a);
}

void attempt_acknowledged(struct attempt *a, uint64_t seq)
{
	attempt_log_acknowledged(&a->log, seq);
}

void attempt_give_back(struct attempt *a)
{
	Pb__GiveBack give_back = PB__GIVE_BACK__INIT;
	Pb__WorkerMessage message = MESSAGE(give_back, GIVE_BACK, &give_back);

	give_back.task = a->task;
	give_back.epoch = a->epoch;
	give_back.reason = a->give_back;
	if (worker_link_up(&a->worker->link))
		worker_link_send(&a->worker->link, &message);
	else
		worker_link_greet_again(&a->worker->link); /* a Hello that is on its way may name it */
	crash_point(WORKER_GIVE_BACK_SENT);
}

/* NULL = it does not run. */
static Pb__Usage *usage_of(const struct attempt *a, struct arena *arena)
{
	Pb__Usage *usage = arena_alloc(arena, sizeof *usage);

	return a->step.at == JOB && job_usage(&a->job, usage) ? usage : NULL;
}

size_t attempts_refer(struct attempt *attempts, struct arena *arena, Pb__AttemptRef ***refs)
{
	struct attempt *a;
	size_t count = 0, n = 0;

	DL_COUNT(attempts, a, count);
	*refs = arena_alloc(arena, (count + 1) * sizeof **refs);
	DL_FOREACH(attempts, a) {
		if (a->lost || a->step.at == REMOVING)
			continue;
		(*refs)[n] = arena_alloc(arena, sizeof ***refs);
		*(*refs)[n] = (Pb__AttemptRef)PB__ATTEMPT_REF__INIT;
		(*refs)[n]->task = a->task;
		(*refs)[n]->epoch = a->epoch;
		(*refs)[n]->usage = usage_of(a, arena);
		(*refs)[n++]->phase = a->step.at == REPORTING ? PB__TASK_PHASE__ENDED : (Pb__TaskPhase)a->phase;
	}
	return n;
}
