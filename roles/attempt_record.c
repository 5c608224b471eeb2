/* roles/attempt_record.c - an attempt as the journal's record, and back, field by field. Times since boot count only within that
 * boot. */
#include "roles/attempt_machine.h"

#include <stdlib.h>
#include <string.h>

#include "net/clock.h"
#include "net/log.h"
#include "net/memory.h"
#include "proto/status.h"
#include "proto/task.h"
#include "roles/attempt_report.h"
#include "roles/worker.h"

struct attempt_record {
	Journal__Attempt record; /* its strings are the attempt's */
	uint8_t *lease, *done;
};

static uint8_t *pack(const ProtobufCMessage *m, ProtobufCBinaryData *to)
{
	uint8_t *bytes = xmalloc(protobuf_c_message_get_packed_size(m) + 1);

	to->len = protobuf_c_message_pack(m, bytes);
	to->data = bytes;
	return bytes;
}

static void fill(struct attempt_record *r, const struct attempt *a)
{
	Journal__Attempt *j = &r->record;
	Pb__Done done;

	*r = (struct attempt_record){.record = JOURNAL__ATTEMPT__INIT};
	j->phase = a->recorded;
	j->boot = (char *)a->worker->journal.boot;
	j->slot = (uint32_t)a->reserved.slot;
	j->gpus = a->reserved.gpus;
	j->leased_us = a->leased_us;
	j->started_us = a->started_us;
	j->exited_us = a->exited_us;
	j->started_ms = a->job.started_ms;
	r->lease = pack(&a->lease->base, &j->lease);
	if (a->recorded < JOURNAL__ATTEMPT__PHASE__ENDED)
		return;
	attempt_describe(a, &done);
	r->done = pack(&done.base, &j->done);
}

static void release(struct attempt_record *r)
{
	free(r->lease);
	free(r->done);
}

static void read_done(struct attempt *a, const Pb__Done *done)
{
	struct job *j = &a->job;

	a->failure = (enum task_failure)done->failure;
	if (a->failure != FAILURE_NONE)
		error_set(&a->error, STATUS_UNKNOWN, "%s", done->reason);
	j->exit_code = done->exit_code;
	j->has_exit_code = done->has_exit_code;
	j->oom_killed = done->oom_killed;
	j->killed_by_us = done->killed_by_worker;
	j->usage.wall_us = done->usage->wall_us;
	j->usage.cpu_us = done->usage->cpu_us;
	j->usage.peak_memory = done->usage->peak_memory;
	text_copy(a->packed.sha256, sizeof a->packed.sha256, done->result_sha256);
	a->packed.size = done->result_size;
	a->exited = true;
}

static enum task_phase phase_of(const Journal__Attempt *j)
{
	if (j->phase >= JOURNAL__ATTEMPT__PHASE__ENDED)
		return PHASE_COLLECTING;
	return j->started_us > 0 ? PHASE_EXECUTING : PHASE_STAGING;
}

void attempt_record_read(struct attempt *a, const struct journal_entry *e)
{
	const Journal__Attempt *j = e->record;

	a->recorded = j->phase;
	a->phase = phase_of(j);
	a->phase_ms = j->started_ms > 0 ? j->started_ms : clock_wall_ms();
	a->collected_us = clock_us();
	a->job.usage = (Pb__Usage)PB__USAGE__INIT;
	a->job.started_ms = j->started_ms;
	if (e->same_boot) {
		a->leased_us = j->leased_us;
		a->started_us = j->started_us;
		a->exited_us = j->exited_us;
		a->collected_us = j->exited_us > 0 ? j->exited_us : a->collected_us;
	}
	if (e->done != NULL)
		read_done(a, e->done);
}

/* Where it fails the attempt goes on: only a process after this one would miss it. */
void attempt_record(struct attempt *a, Journal__Attempt__Phase phase)
{
	struct attempt_record r;
	struct error err = {0};

	a->recorded = phase;
	if (a->lost)
		return;
	fill(&r, a);
	if (journal_write(&a->worker->journal, a->key, &r.record, &err) != 0)
		log_warn("cannot write down how far an attempt is task=%s text=\"%s\"", a->task, err.text);
	release(&r);
}
