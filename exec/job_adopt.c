/* exec/job_adopt.c owns: what to do with a container of this attempt that is there already.
 *
 * Only one that was made and never started is started; both engines would start one that has ended, too. What
 * has begun is never begun again: it is heard to its end. A container that is gone after it was started is a
 * loss of this machine, not an end of the task.
 *
 * Failures: the engine does not say how it stands for ENGINE_SILENT_MS, it is gone, or it belongs to an
 * attempt that was never to be adopted (FAILURE_INFRA). */
#include "exec/job_machine.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "net/clock.h"
#include "net/crash.h"
#include "proto/limits.h"
#include "proto/status.h"

/* --- the engine's times ------------------------------------------------------------------------ */

/* "2026-11-22T14:55:17.123456789Z", or with an offset; 0 = it is no time. Microseconds since 1970. */
static int64_t time_of(const char *text)
{
	struct tm t = {0};
	char sign = 'Z';
	double seconds;
	int hours = 0, minutes = 0, got;

	got = sscanf(text, "%4d-%2d-%2dT%2d:%2d:%lf%c%2d:%2d", &t.tm_year, &t.tm_mon, &t.tm_mday, &t.tm_hour,
		     &t.tm_min, &seconds, &sign, &hours, &minutes);
	if (got < 6 || t.tm_year < 1970)
		return 0;
	t.tm_year -= 1900;
	t.tm_mon--;
	return (timegm(&t) - (sign == '-' ? -1 : 1) * (hours * 60 + minutes) * 60) * 1000000ll +
	       (int64_t)(seconds * 1e6);
}

/* --- it runs ----------------------------------------------------------------------------------- */

/* By our own clock when we know it; by the engine's times of day else. */
static int64_t ran_until_now(const struct job *j, int64_t began_us)
{
	int64_t ran_us = j->started_us > 0 ? clock_us() - j->started_us : clock_wall_ms() * 1000 - began_us;

	return ran_us > 0 ? ran_us : 0;
}

static void go_on(struct job_machine *m, int64_t began_us, bool paused)
{
	m->job->started_ms = began_us / 1000;
	machine_go_on_running(m, ran_until_now(m->job, began_us));
	machine_found_paused(m, paused);
	machine_follow_log(m);
	machine_fresh_call(&m->wait, m);
	machine_wait(m, "not-running");
	crash_point(WORKER_ADOPT_RUNS);
}

/* --- it has ended ------------------------------------------------------------------------------ */
static void collect(struct job_machine *m, const cJSON *state, int64_t began_us)
{
	int64_t ended_us = time_of(json_string(state, "FinishedAt"));

	m->job->started_ms = began_us / 1000;
	m->by_log = true;
	crash_point(WORKER_ADOPT_ENDED);
	machine_conclude_exit(m, state, ended_us > began_us ? ended_us - began_us : 0);
}

/* --- how does it stand? ------------------------------------------------------------------------ */
static void conclude_lost(struct job_machine *m, const char *words)
{
	struct error err;

	error_set(&err, STATUS_ABORTED, "%s", words);
	machine_conclude(m, FAILURE_INFRA, &err);
}

static void read_state(struct job_machine *m, const cJSON *state)
{
	const char *status = json_string(state, "Status");
	int64_t began_us = time_of(json_string(state, "StartedAt"));

	if (strcmp(status, "created") == 0 || strcmp(status, "configured") == 0) {
		if (m->stopping)
			conclude_lost(m, "it was stopped");
		else
			machine_attach(m);
	} else if (!m->adopting) {
		conclude_lost(m, "a container of this attempt has run before");
	} else if (json_true(state, "Running") || json_true(state, "Paused")) {
		go_on(m, began_us, json_true(state, "Paused"));
	} else {
		collect(m, state, began_us);
	}
}

static void is_gone(struct job_machine *m)
{
	if (!m->adopting || m->job->started_us > 0 || m->stopping) {
		conclude_lost(m, "its container was removed by something else on the worker");
		return;
	}
	m->created = false;
	machine_get_image(m);
}

void machine_adopt(struct job_machine *m, const struct engine_call *c)
{
	cJSON *answer = c->request.error.status == 0 ? call_json(c) : NULL;
	const cJSON *state = json_get(answer, "State");

	crash_point(WORKER_ADOPT_LOOKED);
	if (state != NULL) {
		m->deadline = 0;
		m->delay = 0;
		read_state(m, state);
	} else if (call_says_gone(c)) {
		is_gone(m);
	} else if (!m->adopting || (m->stopping && m->stop == JOB_STOP_ENGINE) ||
		   machine_out_of_patience(m, ENGINE_SILENT_MS)) {
		machine_conclude(m, FAILURE_INFRA, &c->request.error);
	} else {
		machine_retry_later(m);
	}
	cJSON_Delete(answer);
}
