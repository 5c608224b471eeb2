/* exec/job_end.c owns: how a job comes to its outcome, and the removal of what it left in the engine.
 *
 * The outcome stands when no call is open any more, so that nothing arrives after done(). Removal goes
 * by name and is repeated, each time twice as late, until the engine says that the thing is gone, or for
 * REMOVE_TIMEOUT_MS. */
#include "exec/job_machine.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "exec/outcome.h"
#include "net/clock.h"
#include "net/crash.h"
#include "net/log.h"
#include "proto/status.h"

#define DRAIN_MS 2000           /* for output that is still on its way when the container has ended */
#define REMOVE_TIMEOUT_MS 120000
#define EVENTS_LATE_MS 200      /* after the end an event of its cause may still come */
#define EVENTS_BEFORE_S 10      /* before the start, for clocks that were set meanwhile */

/* --- removal ----------------------------------------------------------------------------------- */
static void on_timer_closed(struct timer *t)
{
	struct job_machine *m = t->uv.data;
	struct job *j = m->job;

	if (--m->timers > 0)
		return;
	image_release(&m->image);
	free(m);
	j->machine = NULL;
	j->removed(j);
}

static void close_machine(struct job_machine *m)
{
	struct timer *timers[] = {&m->retry, &m->limit, &m->sample};

	machine_release(m);
	machine_go(m, CLOSING);
	for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]); i++)
		timer_close(timers[i], on_timer_closed);
}

static void remove_image(struct job_machine *m);

static void on_removed(struct engine_call *c)
{
	struct job_machine *m = c->user;
	bool is_gone = c->request.error.status == 0 || call_says_gone(c);

	if (!is_gone && !machine_out_of_patience(m, REMOVE_TIMEOUT_MS)) {
		machine_retry_later(m);
		return;
	}
	if (!is_gone)
		log_warn("not removed name=%s reason=\"%s\"", m->name, c->request.error.text);
	if (machine_at(m, REMOVING) && m->image.loaded)
		remove_image(m);
	else
		close_machine(m);
}

void machine_ask_removal(struct job_machine *m)
{
	machine_fresh_call(&m->call, m);
	if (machine_at(m, REMOVING))
		call_start(m->engine, &m->call, on_removed, "DELETE", "/containers/%s?force=1&v=1", m->name);
	else
		call_start(m->engine, &m->call, on_removed, "DELETE", "/images/%s", m->image.reference);
	crash_point(WORKER_REMOVE_ASKED);
}

static void begin_removal(struct job_machine *m, int state)
{
	machine_go(m, state);
	m->delay = 0;
	m->deadline = 0;
	machine_ask_removal(m);
}

static void remove_image(struct job_machine *m)
{
	begin_removal(m, REMOVING_IMAGE);
}

/* --- the end ----------------------------------------------------------------------------------- */

/* done() when no call is open any more, so that nothing arrives after it. */
void machine_end_when_quiet(struct job_machine *m)
{
	struct job *j = m->job;

	if (!machine_at(m, ENDING) || m->attach.busy || m->wait.busy || m->kill.busy || m->look.busy ||
	    m->pause.busy || m->call.busy)
		return;
	usage_meter_close(&m->meter);
	j->done(j);
	if (m->created || m->image.loaded)
		begin_removal(m, m->created ? REMOVING : REMOVING_IMAGE);
	else
		close_machine(m);
}

void machine_begin_ending(struct job_machine *m)
{
	machine_go(m, ENDING);
	timer_clear(&m->retry);
	timer_clear(&m->limit);
	timer_clear(&m->sample);
	call_cancel(&m->attach);
	call_cancel(&m->wait);
	call_cancel(&m->kill);
	call_cancel(&m->look);
	call_cancel(&m->pause);
	machine_end_when_quiet(m);
}

/* It never came to an end of its own. */
void machine_conclude(struct job_machine *m, int failure, const struct error *err)
{
	struct job *j = m->job;

	if (m->stopping) {
		struct ending ending = {.stopped = true, .stop = (int)m->stop, .words = m->words};

		j->failure = outcome_of_ending(&ending, &j->error);
		j->killed_by_us = m->stop != JOB_STOP_ENGINE;
	} else {
		j->failure = failure;
		j->error = *err;
	}
	machine_begin_ending(m);
}

/* A process before this one may have ended it at its time limit, and died. */
static bool ended_at_limit(const struct job_machine *m, int exit_code, int64_t ran_us)
{
	uint32_t limit_s = m->job->spec->time_limit_s;

	return m->adopting && limit_s > 0 && ran_us >= (int64_t)limit_s * 1000000 &&
	       (exit_code == 128 + SIGTERM || exit_code == 128 + SIGKILL);
}

/* What it means is known. What it has printed may still be on its way. */
static void conclude_ending(struct job_machine *m)
{
	m->job->failure = outcome_of_ending(&m->ending, &m->job->error);
	if (m->by_log) {
		machine_go(m, READING);
		machine_read_log(m);
		return;
	}
	if (m->output_ended) {
		machine_begin_ending(m);
		return;
	}
	machine_go(m, DRAINING);
	timer_set(&m->retry, DRAIN_MS);
}

/* --- who sent the signal? ---------------------------------------------------------------------- */

/* One that ended while nobody heard it, on an engine that has no event of that: it was started anew, and that
 * ends what runs, unless containers outlive it. */
static void on_events(struct engine_call *c)
{
	struct job_machine *m = c->user;
	bool told = c->request.error.status == 0;
	bool forgotten = m->adopting && !m->engine->live_restore && told && !call_answer_has(c, "\"die\"");

	m->ending.engine_away = c->request.http == 0 || forgotten;
	m->ending.signalled = told && call_answer_has(c, "\"kill\"");
	conclude_ending(m);
}

/* Both engines keep an event of each signal that was sent through them; of one that
 * the task sends itself they know nothing. */
static void ask_for_events(struct job_machine *m)
{
	int64_t now_ms = clock_wall_ms(), since_ms = m->job->started_ms < now_ms ? m->job->started_ms : now_ms;
	int64_t until_ms = now_ms + EVENTS_LATE_MS;

	machine_go(m, ASKING);
	timer_clear(&m->retry);
	machine_fresh_call(&m->call, m);
	m->call.request.timeout_ms = ENGINE_SILENT_MS;
	call_start(m->engine, &m->call, on_events, "GET",
		   "/events?since=%" PRId64 "&until=%" PRId64
		   ".%03d&filters=%%7B%%22container%%22%%3A%%5B%%22%s%%22%%5D%%2C"
		   "%%22event%%22%%3A%%5B%%22kill%%22%%2C%%22die%%22%%5D%%7D",
		   since_ms / 1000 - EVENTS_BEFORE_S, until_ms / 1000, (int)(until_ms % 1000), m->name);
}

/* --- it has ended ------------------------------------------------------------------------------ */
void machine_conclude_exit(struct job_machine *m, const cJSON *state, int64_t ran_us)
{
	struct job *j = m->job;
	m->ending = (struct ending){
		.exit_code = json_integer(state, "ExitCode"),
		.oom_killed = json_true(state, "OOMKilled") || m->meter.oom_kills > 0,
		.engine_away = m->engine_away,
		.signalled = m->slot != NULL && m->slot->killed,
		.stopped = m->hit || (m->kill.busy && m->signal != 0),
		.stop = (int)m->stop,
		.words = m->words,
	};

	crash_point(WORKER_EXITED);
	machine_release(m);
	if (!m->ending.stopped && ended_at_limit(m, m->ending.exit_code, ran_us)) {
		m->ending.stopped = true;
		m->ending.stop = JOB_STOP_TIMEOUT;
	}
	j->exited_ms = clock_wall_ms();
	j->usage.wall_us = (uint64_t)ran_us;
	j->usage.cpu_us = m->meter.cpu_us;
	j->usage.peak_memory = m->meter.peak_memory;
	j->exit_code = m->ending.exit_code;
	j->has_exit_code = true;
	j->oom_killed = m->ending.oom_killed;
	j->killed_by_us = m->ending.stopped;
	timer_clear(&m->limit);
	timer_clear(&m->sample);
	if (outcome_depends_on_sender(&m->ending))
		ask_for_events(m);
	else
		conclude_ending(m);
}

/* --- it could not be started ------------------------------------------------------------------- */
/* The engine could not start it: is that the command's fault? */
void machine_conclude_start(struct job_machine *m, const struct engine_call *c)
{
	struct job *j = m->job;
	struct error words;
	int failure = FAILURE_INFRA;

	if (c->request.http == 0 || c->request.error.status == 0)
		error_set(&words, STATUS_UNAVAILABLE, "%s", c->request.error.status != 0 ? c->request.error.text
									 : "the engine closed a connection too early");
	else
		failure = outcome_of_start(&c->request.error, j->spec->command[0], &j->exit_code, &words);
	j->has_exit_code = failure == FAILURE_USER_EXIT;
	machine_conclude(m, failure, &words);
}
