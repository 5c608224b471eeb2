/* exec/job_run.c owns: a job's container while it runs: its output, its end, the signals we send, what
 * it uses.
 *
 * When attach or wait ends, the engine is asked how the container stands. Docker holds the question back
 * until it knows; Podman may still say "running", and is asked again, each time twice as late. */
#include "exec/job_machine.h"

#include <signal.h>
#include <stdio.h>

#include "net/clock.h"
#include "net/crash.h"
#include "net/memory.h"
#include "proto/limits.h"
#include "proto/status.h"

#define KILL_AGAIN_MS 1000
/* of asking how a container stands whose output has ended, before that is asked for again */
#define HEAR_AFTER_MS 100
#define HEAR_AGAIN_MS 1000
#define SAMPLE_FIRST_MS 100     /* then each time twice as long, up to SAMPLE_MS */
#define SAMPLE_MS 1000

/* --- how does it stand? ------------------------------------------------------------------------ */
static void keep_running(struct job_machine *m)
{
	machine_go(m, RUNNING);
	if (m->look_again) {
		m->look_again = false;
		machine_inspect(m);
		return;
	}
	machine_retry_later(m);
}

/* The engine says that it runs. The connections that should tell of its output and its end may
 * be gone: the engine was started anew, or the task has closed its output. A moment's
 * patience, for Podman says so of what has ended. */
static void hear_again(struct job_machine *m)
{
	bool due = m->follow_ms == 0 || clock_ms() - m->follow_ms >= HEAR_AGAIN_MS;

	if (m->delay < HEAR_AFTER_MS || !due)
		return;
	if (m->output_ended && !m->attach.busy)
		machine_follow_log(m);
	if (!m->wait.busy)
		machine_wait(m, "not-running");
}

static void read_state(struct job_machine *m, const cJSON *answer)
{
	const cJSON *state = json_get(answer, "State");

	m->deadline = 0;
	if (json_true(state, "Running") || json_true(state, "Paused")) {
		keep_running(m);
		hear_again(m);
	} else {
		machine_conclude_exit(m, state, machine_ran_us(m));
	}
}

static void on_inspected(struct engine_call *c)
{
	struct job_machine *m = c->user;
	cJSON *answer = c->request.error.status == 0 ? call_json(c) : NULL;
	struct error err = c->request.error;

	if (answer != NULL && json_get(answer, "State") != NULL) {
		read_state(m, answer);
	} else if (call_says_gone(c)) {
		error_set(&err, STATUS_ABORTED, "its container was removed by something else on the worker");
		machine_conclude(m, FAILURE_INFRA, &err);
	} else if (machine_out_of_patience(m, ENGINE_SILENT_MS) || (m->stopping && m->stop == JOB_STOP_ENGINE)) {
		machine_conclude(m, FAILURE_INFRA, &err);
	} else {
		m->look_again = false;
		m->by_log = true; /* an engine that was away may not have told us everything */
		keep_running(m);
	}
	cJSON_Delete(answer);
}

void machine_inspect(struct job_machine *m)
{
	machine_go(m, INSPECTING);
	timer_clear(&m->retry);
	machine_fresh_call(&m->call, m);
	m->call.request.timeout_ms = ENGINE_SILENT_MS;
	call_start(m->engine, &m->call, on_inspected, "GET", "/containers/%s/json", m->name);
	crash_point(WORKER_LOOK_ASKED);
}

/* Something says that it may have ended. */
void machine_look(struct job_machine *m)
{
	if (machine_at(m, RUNNING))
		machine_inspect(m);
	else
		m->look_again = true;
}

/* --- output and end, while it runs ------------------------------------------------------------- */
void machine_hear(struct job_machine *m, int stream, const void *data, size_t n)
{
	crash_point(WORKER_OUTPUT);
	m->job->told[stream - 1] += n;
	if (m->job->on_output != NULL)
		m->job->on_output(m->job, stream, data, n);
}

static void on_frame(void *user, int stream, const void *data, size_t n)
{
	machine_hear(user, stream, data, n);
}

bool machine_on_attach_data(struct fetch_request *r, const void *data, size_t n)
{
	struct job_machine *m = container_of(r, struct job_machine, attach.request);

	stdio_stream_feed(&m->stream, data, n, on_frame, m);
	return true;
}

/* One of the two open connections has ended. Podman prepares the container when it is attached to, and
 * finds out already then that there is no such command. */
void machine_open_call_ended(struct job_machine *m, const struct engine_call *c)
{
	switch (m->step.at) {
	case ATTACHING:
		machine_conclude_start(m, c);
		break;
	case ASKING:
		break;
	case DRAINING:
		if (m->output_ended)
			machine_begin_ending(m);
		break;
	case READING:
		machine_read_log(m);
		break;
	case ENDING:
		machine_end_when_quiet(m);
		break;
	default:
		machine_look(m);
	}
}

void machine_on_attach_ended(struct engine_call *c)
{
	struct job_machine *m = c->user;

	if (c->request.error.status != 0 && (machine_at(m, RUNNING) || machine_at(m, INSPECTING)))
		m->by_log = true; /* what it prints from now on nobody hears */
	m->output_ended = true;
	usage_meter_read(&m->meter); /* the last chance: Podman has not cleaned up yet */
	machine_open_call_ended(m, c);
}

void machine_on_wait_ended(struct engine_call *c)
{
	struct job_machine *m = c->user;

	if (machine_at(m, RUNNING) || machine_at(m, INSPECTING))
		m->engine_away = m->engine_away || c->request.error.status != 0;
	machine_open_call_ended(m, c);
}

void machine_wait(struct job_machine *m, const char *condition)
{
	m->wait.request.own_connection = true;
	call_start(m->engine, &m->wait, machine_on_wait_ended, "POST", "/containers/%s/wait?condition=%s",
		   m->name, condition);
}

/* --- signals ----------------------------------------------------------------------------------- */
static void on_killed(struct engine_call *c)
{
	struct job_machine *m = c->user;

	if (c->request.error.status == 0)
		m->hit = true;
	if (machine_at(m, ENDING))
		machine_end_when_quiet(m);
	else if (c->request.error.status != 0 && !call_says_not_running(c))
		timer_set(&m->limit, KILL_AGAIN_MS);
	else if (c->request.error.status != 0)
		machine_look(m);
}

static void send_signal(struct job_machine *m, int number)
{
	uint64_t patience = number == SIGTERM ? (uint64_t)m->job->spec->grace_s * 1000 : KILL_AGAIN_MS;

	timer_set(&m->limit, patience);
	if (m->kill.busy)
		return;
	m->signal = number;
	machine_fresh_call(&m->kill, m);
	call_start(m->engine, &m->kill, on_killed, "POST", "/containers/%s/kill?signal=%s", m->name,
		   number == SIGTERM ? "SIGTERM" : "SIGKILL");
}

void machine_begin_stop(struct job_machine *m)
{
	bool at_once = m->stop == JOB_STOP_DISK || m->stop == JOB_STOP_LOST || m->job->spec->grace_s == 0;

	if (m->stop == JOB_STOP_LOST)
		machine_kill_process(m);
	send_signal(m, at_once ? SIGKILL : SIGTERM);
}

void machine_on_limit(struct timer *t)
{
	struct job_machine *m = container_of(t, struct job_machine, limit);

	if (m->stopping) {
		send_signal(m, SIGKILL);
		return;
	}
	if (machine_time_left_ms(m) > 0) { /* it was paused meanwhile */
		if (!m->is_paused)
			timer_set(&m->limit, (uint64_t)machine_time_left_ms(m));
		return;
	}
	m->stopping = true;
	m->stop = JOB_STOP_TIMEOUT;
	snprintf(m->words, sizeof(m->words), "it ran longer than its time limit of %u s",
		 m->job->spec->time_limit_s);
	machine_begin_stop(m);
}

/* --- what it uses ------------------------------------------------------------------------------ */
static void on_pid_known(struct engine_call *c)
{
	struct job_machine *m = c->user;
	cJSON *answer = c->request.error.status == 0 ? call_json(c) : NULL;
	int pid = json_integer(json_get(answer, "State"), "Pid");

	if (pid > 0)
		leash_note(m->slot, container_process_find(pid, json_string(answer, "Id")));
	cJSON_Delete(answer);
	if (machine_at(m, ENDING)) {
		machine_end_when_quiet(m);
	} else if (pid > 0) {
		usage_meter_open(&m->meter, "", pid);
		usage_meter_read(&m->meter);
	}
}

void machine_on_sample(struct timer *t)
{
	struct job_machine *m = container_of(t, struct job_machine, sample);

	m->sample_ms = m->sample_ms * 2 < SAMPLE_MS ? m->sample_ms * 2 : SAMPLE_MS;
	timer_set(&m->sample, m->sample_ms);
	if (usage_meter_is_open(&m->meter)) {
		usage_meter_read(&m->meter);
	} else if (!m->look.busy) {
		machine_fresh_call(&m->look, m);
		call_start(m->engine, &m->look, on_pid_known, "GET", "/containers/%s/json", m->name);
	}
}

/* --- it has started ---------------------------------------------------------------------------- */
void machine_begin_running(struct job_machine *m)
{
	m->job->started_ms = clock_wall_ms();
	machine_go_on_running(m, 0);
}

void machine_go_on_running(struct job_machine *m, int64_t ran_us)
{
	struct job *j = m->job;

	machine_go(m, RUNNING);
	m->started_us = j->started_us = clock_us() - ran_us;
	m->delay = 0;
	m->deadline = 0;
	m->sample_ms = SAMPLE_FIRST_MS;
	/* Podman does not say that a task was killed for memory, so its
	 * counters must be found before that happens. */
	timer_set(&m->sample, m->engine->seccomp_fd >= 0 ? 0 : m->sample_ms);
	if (j->on_phase != NULL)
		j->on_phase(j, PHASE_EXECUTING, 0, 0, "");
	if (m->stopping)
		machine_begin_stop(m);
	else if (j->spec->time_limit_s > 0)
		timer_set(&m->limit, (uint64_t)machine_time_left_ms(m));
	if (m->look_again) {
		m->look_again = false;
		machine_inspect(m);
	}
	machine_settle_pause(m);
}
