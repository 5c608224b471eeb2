/* exec/job_log.c owns: a job's output as the engine has kept it, for when nobody was there to hear it.
 *
 * While the container runs it is followed from its beginning; what the owner has is skipped, by the
 * number of bytes of each stream. When it has ended, what there is is read once more, whole: that is
 * exact, where following may be cut off. If the oldest has gone from the engine's log, we skip what
 * nobody heard: less is told, never anything twice. */
#include "exec/job_machine.h"

#include "net/clock.h"
#include "net/crash.h"
#include "net/memory.h"

#define FRAME_COST 96 /* of the engine's own words beside one piece of output, at most */

static void on_kept_frame(void *user, int stream, const void *data, size_t n)
{
	struct job_machine *m = user;
	uint64_t *skip = &m->skip[stream - 1];
	size_t heard = *skip < n ? (size_t)*skip : n;

	crash_point(WORKER_ADOPT_LOG);
	m->log_cost += n + FRAME_COST;
	*skip -= heard;
	if (n > heard)
		machine_hear(m, stream, (const char *)data + heard, n - heard);
}

static void feed(struct job_machine *m, const void *data, size_t n)
{
	stdio_stream_feed(&m->stream, data, n, on_kept_frame, m);
}

static bool on_followed_data(struct fetch_request *r, const void *data, size_t n)
{
	feed(container_of(r, struct job_machine, attach.request), data, n);
	return true;
}

static bool on_read_data(struct fetch_request *r, const void *data, size_t n)
{
	feed(container_of(r, struct job_machine, call.request), data, n);
	return true;
}

static void begin(struct job_machine *m)
{
	m->by_log = true;
	m->stream = (struct stdio_stream){0};
	m->log_cost = 0;
	m->skip[0] = m->job->told[0];
	m->skip[1] = m->job->told[1];
}

/* --- while it runs ----------------------------------------------------------------------------- */
void machine_follow_log(struct job_machine *m)
{
	begin(m);
	m->follow_ms = clock_ms();
	m->output_ended = false;
	machine_fresh_call(&m->attach, m);
	m->attach.request.own_connection = true;
	m->attach.request.on_data = on_followed_data;
	call_start(m->engine, &m->attach, machine_on_attach_ended, "GET",
		   "/containers/%s/logs?follow=1&stdout=1&stderr=1", m->name);
}

/* --- when it has ended ------------------------------------------------------------------------- */
static void on_read(struct engine_call *c)
{
	struct job_machine *m = c->user;

	if (c->request.error.status != 0 || m->skip[0] + m->skip[1] > 0 || m->log_cost >= CONTAINER_LOG_MAX / 2)
		m->job->output_lost = true;
	machine_begin_ending(m);
}

void machine_read_log(struct job_machine *m)
{
	if (m->attach.busy) {
		call_cancel(&m->attach); /* we are called again when it has ended */
		return;
	}
	if (m->call.busy)
		return;
	begin(m);
	machine_fresh_call(&m->call, m);
	m->call.request.on_data = on_read_data;
	call_start(m->engine, &m->call, on_read, "GET", "/containers/%s/logs?stdout=1&stderr=1", m->name);
}
