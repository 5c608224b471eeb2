/* exec/job.c owns: the machine that takes one task through the engine (drawn in exec/job.h).
 *
 * The happy path: the image is there; the container is created; two connections that stay open are made before it
 * is started: `attach` brings its output, `wait` its end; when either of the two ends, the engine is asked once how
 * the container stands. What it used is sampled meanwhile.
 *
 * Why both: a task may close its output and run on, so the end of attach is not the end of the task; and Podman's wait
 * is up to 0.7 s late, while its attach ends at once. Docker answers the question when it has the answer.
 *
 * Failures: image (FAILURE_IMAGE); command not there (FAILURE_USER_EXIT 127, 126); the engine says no, goes away for longer
 * than ENGINE_SILENT_MS or loses the container (FAILURE_INFRA); limits and stops (exec/outcome.h). Whatever
 * happens, from CREATING on the container is removed by its name, and again until the engine says that it is gone:
 * a lost reply to create may mean that it exists. */
#include "exec/job.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec/container_body.h"
#include "exec/engine_call.h"
#include "exec/image.h"
#include "exec/outcome.h"
#include "exec/stdio_stream.h"
#include "exec/usage_meter.h"
#include "net/clock.h"
#include "net/log.h"
#include "net/memory.h"
#include "net/step.h"
#include "proto/status.h"

#define START_TIMEOUT_MS 60000  /* of attach's beginning, and of start */
#define ENGINE_SILENT_MS 10000  /* a running container whose engine does not answer that long is lost */
#define DRAIN_MS 2000           /* for output that is still on its way when the container has ended */
#define KILL_AGAIN_MS 1000
#define REMOVE_TIMEOUT_MS 120000
#define RETRY_FIRST_MS 10
#define RETRY_MAX_MS 2000
#define SAMPLE_FIRST_MS 100     /* then each time twice as long, up to SAMPLE_MS */
#define SAMPLE_MS 1000

enum {
	NEW, IMAGE, CREATING, LOOKING, ATTACHING, STARTING, RUNNING, INSPECTING, DRAINING, ENDING, REMOVING, REMOVING_IMAGE,
	CLOSING
};

static const struct state states[] = {
	[NEW] = {"NEW", TO(IMAGE)},
	[IMAGE] = {"IMAGE", TO(CREATING) | TO(ENDING)},
	[CREATING] = {"CREATING", TO(ATTACHING) | TO(LOOKING) | TO(IMAGE) | TO(ENDING)},
	[LOOKING] = {"LOOKING", TO(ATTACHING) | TO(ENDING)},
	[ATTACHING] = {"ATTACHING", TO(STARTING) | TO(ENDING)},
	[STARTING] = {"STARTING", TO(RUNNING) | TO(ENDING)},
	[RUNNING] = {"RUNNING", TO(INSPECTING) | TO(ENDING)},
	[INSPECTING] = {"INSPECTING", TO(RUNNING) | TO(DRAINING) | TO(ENDING)},
	[DRAINING] = {"DRAINING", TO(ENDING)},
	[ENDING] = {"ENDING", TO(REMOVING) | TO(REMOVING_IMAGE) | TO(CLOSING)},
	[REMOVING] = {"REMOVING", TO(REMOVING_IMAGE) | TO(CLOSING)},
	[REMOVING_IMAGE] = {"REMOVING_IMAGE", TO(CLOSING)},
	[CLOSING] = {"CLOSING", 0},
};

struct job_machine {
	struct job *job;
	struct engine *engine;
	struct step step;
	char name[CONTAINER_NAME_SIZE];
	struct image image;
	bool image_again;          /* the base image went away behind our back: it was asked for twice */
	struct engine_call call;   /* what the state waits for */
	struct engine_call attach, wait, kill, look;
	struct stdio_stream stream;
	struct usage_meter meter;
	struct timer retry, limit, sample;
	int timers;                /* not yet closed */
	bool attached, waiting;    /* attach and wait have begun to answer */
	bool output_ended, look_again;
	bool created;              /* a container of ours may exist */
	bool stopping, hit;        /* asked to stop; a signal of ours has reached it */
	enum job_stop stop;
	char words[200];
	int signal;                /* the last one that we sent */
	int64_t started_us;
	uint64_t sample_ms;
	int64_t deadline;          /* of asking an engine that does not answer; 0 = it answers */
	uint64_t delay;
};

static void go(struct job_machine *m, int state)
{
	step_to(&m->step, state, m->name);
}

static bool at(const struct job_machine *m, int state)
{
	return m->step.at == state;
}

/* Try again later, each time twice as late. */
static void retry_later(struct job_machine *m)
{
	m->delay = m->delay == 0 ? RETRY_FIRST_MS : m->delay * 2;
	if (m->delay > RETRY_MAX_MS)
		m->delay = RETRY_MAX_MS;
	timer_set(&m->retry, m->delay);
}

/* Has the engine been silent for too long? Starts to count at the first call. */
static bool out_of_patience(struct job_machine *m, int64_t patience_ms)
{
	if (m->deadline == 0)
		m->deadline = clock_ms() + patience_ms;
	return clock_ms() >= m->deadline;
}

static void fresh_call(struct engine_call *c, struct job_machine *m)
{
	*c = (struct engine_call){.user = m};
}

/* --- removal ---------------------------------------------------------------------------------------------------- */
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

	go(m, CLOSING);
	for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]); i++)
		timer_close(timers[i], on_timer_closed);
}

static void remove_image(struct job_machine *m);

static void on_removed(struct engine_call *c)
{
	struct job_machine *m = c->user;
	bool is_gone = c->request.error.status == 0 || call_says_gone(c);

	if (!is_gone && !out_of_patience(m, REMOVE_TIMEOUT_MS)) {
		retry_later(m);
		return;
	}
	if (!is_gone)
		log_warn("not removed name=%s reason=\"%s\"", m->name, c->request.error.text);
	if (at(m, REMOVING) && m->image.loaded)
		remove_image(m);
	else
		close_machine(m);
}

static void ask_removal(struct job_machine *m)
{
	fresh_call(&m->call, m);
	if (at(m, REMOVING))
		call_start(m->engine, &m->call, on_removed, "DELETE", "/containers/%s?force=1&v=1", m->name);
	else
		call_start(m->engine, &m->call, on_removed, "DELETE", "/images/%s", m->image.reference);
}

static void begin_removal(struct job_machine *m, int state)
{
	go(m, state);
	m->delay = 0;
	m->deadline = 0;
	ask_removal(m);
}

static void remove_image(struct job_machine *m)
{
	begin_removal(m, REMOVING_IMAGE);
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

/* done() when no call is open any more, so that nothing arrives after it. */
static void end_when_quiet(struct job_machine *m)
{
	struct job *j = m->job;

	if (!at(m, ENDING) || m->attach.busy || m->wait.busy || m->kill.busy || m->look.busy || m->call.busy)
		return;
	usage_meter_close(&m->meter);
	j->done(j);
	if (m->created || m->image.loaded)
		begin_removal(m, m->created ? REMOVING : REMOVING_IMAGE);
	else
		close_machine(m);
}

static void begin_ending(struct job_machine *m)
{
	go(m, ENDING);
	timer_clear(&m->retry);
	timer_clear(&m->limit);
	timer_clear(&m->sample);
	call_cancel(&m->attach);
	call_cancel(&m->wait);
	call_cancel(&m->kill);
	call_cancel(&m->look);
	end_when_quiet(m);
}

/* It never came to an end of its own. */
static void conclude(struct job_machine *m, int failure, const struct error *err)
{
	struct job *j = m->job;

	if (m->stopping) {
		struct ending ending = {.stopped = true, .stop = (int)m->stop, .words = m->words};

		j->failure = outcome_of_ending(&ending, &j->error);
		j->killed_by_us = true;
	} else {
		j->failure = failure;
		j->error = *err;
	}
	begin_ending(m);
}

static void conclude_exit(struct job_machine *m, const cJSON *state)
{
	struct job *j = m->job;
	struct ending ending = {
		.exit_code = (int)json_number(state, "ExitCode"),
		.oom_killed = json_true(state, "OOMKilled") || m->meter.oom_kills > 0,
		.stopped = m->hit || (m->kill.busy && m->signal != 0),
		.stop = (int)m->stop,
		.words = m->words,
	};

	j->exited_ms = clock_wall_ms();
	j->usage.wall_us = (uint64_t)(clock_us() - m->started_us);
	j->usage.cpu_us = m->meter.cpu_us;
	j->usage.peak_memory = m->meter.peak_memory;
	j->exit_code = ending.exit_code;
	j->has_exit_code = true;
	j->oom_killed = ending.oom_killed;
	j->killed_by_us = ending.stopped;
	j->failure = outcome_of_ending(&ending, &j->error);
	timer_clear(&m->limit);
	timer_clear(&m->sample);
	if (m->output_ended) {
		begin_ending(m);
		return;
	}
	go(m, DRAINING);
	timer_set(&m->retry, DRAIN_MS);
}

/* --- how does it stand? ------------------------------------------------------------------------------------------- */
static void inspect(struct job_machine *m);

static void keep_running(struct job_machine *m)
{
	go(m, RUNNING);
	if (m->look_again) {
		m->look_again = false;
		inspect(m);
		return;
	}
	retry_later(m);
}

static void read_state(struct job_machine *m, const cJSON *answer)
{
	const cJSON *state = json_get(answer, "State");

	m->deadline = 0;
	if (json_true(state, "Running") || json_true(state, "Paused"))
		keep_running(m);
	else
		conclude_exit(m, state);
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
		conclude(m, FAILURE_INFRA, &err);
	} else if (out_of_patience(m, ENGINE_SILENT_MS)) {
		conclude(m, FAILURE_INFRA, &err);
	} else {
		m->look_again = false;
		keep_running(m);
	}
	cJSON_Delete(answer);
}

static void inspect(struct job_machine *m)
{
	go(m, INSPECTING);
	timer_clear(&m->retry);
	fresh_call(&m->call, m);
	m->call.request.timeout_ms = ENGINE_SILENT_MS;
	call_start(m->engine, &m->call, on_inspected, "GET", "/containers/%s/json", m->name);
}

/* Something says that it may have ended. */
static void look(struct job_machine *m)
{
	if (at(m, RUNNING))
		inspect(m);
	else
		m->look_again = true;
}

/* --- output and end, while it runs ---------------------------------------------------------------------------------- */
static void on_frame(void *user, int stream, const void *data, size_t n)
{
	struct job_machine *m = user;

	if (m->job->on_output != NULL)
		m->job->on_output(m->job, stream, data, n);
}

static bool on_attach_data(struct fetch_request *r, const void *data, size_t n)
{
	struct job_machine *m = container_of(r, struct job_machine, attach.request);

	stdio_stream_feed(&m->stream, data, n, on_frame, m);
	return true;
}

static void start(struct job_machine *m);

static void start_when_ready(struct job_machine *m)
{
	if (at(m, ATTACHING) && m->attached && m->waiting)
		start(m);
}

static void on_attach_begun(struct fetch_request *r)
{
	struct job_machine *m = container_of(r, struct job_machine, attach.request);

	m->attached = true;
	start_when_ready(m);
}

static void on_wait_begun(struct fetch_request *r)
{
	struct job_machine *m = container_of(r, struct job_machine, wait.request);

	m->waiting = true;
	start_when_ready(m);
}

/* The engine could not start it: is that the command's fault? */
static void conclude_start(struct job_machine *m, const struct engine_call *c)
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
	conclude(m, failure, &words);
}

/* One of the two open connections has ended. Podman prepares the container when it is attached to, and finds out
 * already then that there is no such command. */
static void on_open_call_ended(struct job_machine *m, const struct engine_call *c)
{
	switch (m->step.at) {
	case ATTACHING:
		conclude_start(m, c);
		break;
	case DRAINING:
		if (m->output_ended)
			begin_ending(m);
		break;
	case ENDING:
		end_when_quiet(m);
		break;
	default:
		look(m);
	}
}

static void on_attach_ended(struct engine_call *c)
{
	struct job_machine *m = c->user;

	m->output_ended = true;
	usage_meter_read(&m->meter); /* the last chance: Podman has not cleaned up yet */
	on_open_call_ended(m, c);
}

static void on_wait_ended(struct engine_call *c)
{
	on_open_call_ended(c->user, c);
}

/* --- signals ---------------------------------------------------------------------------------------------------------- */
static void send_signal(struct job_machine *m, int number);

static void on_killed(struct engine_call *c)
{
	struct job_machine *m = c->user;

	if (c->request.error.status == 0)
		m->hit = true;
	if (at(m, ENDING))
		end_when_quiet(m);
	else if (c->request.error.status != 0 && !call_says_not_running(c))
		timer_set(&m->limit, KILL_AGAIN_MS);
	else if (c->request.error.status != 0)
		look(m);
}

static void send_signal(struct job_machine *m, int number)
{
	uint64_t patience = number == SIGTERM ? (uint64_t)m->job->spec->grace_s * 1000 : KILL_AGAIN_MS;

	timer_set(&m->limit, patience);
	if (m->kill.busy)
		return;
	m->signal = number;
	fresh_call(&m->kill, m);
	call_start(m->engine, &m->kill, on_killed, "POST", "/containers/%s/kill?signal=%s", m->name,
		   number == SIGTERM ? "SIGTERM" : "SIGKILL");
}

static void begin_stop(struct job_machine *m)
{
	bool at_once = m->stop == JOB_STOP_DISK || m->stop == JOB_STOP_LOST || m->job->spec->grace_s == 0;

	send_signal(m, at_once ? SIGKILL : SIGTERM);
}

static void on_limit(struct timer *t)
{
	struct job_machine *m = container_of(t, struct job_machine, limit);

	if (m->stopping) {
		send_signal(m, SIGKILL);
		return;
	}
	m->stopping = true;
	m->stop = JOB_STOP_TIMEOUT;
	snprintf(m->words, sizeof(m->words), "it ran longer than its time limit of %u s",
		 m->job->spec->time_limit_s);
	begin_stop(m);
}

/* --- what it uses --------------------------------------------------------------------------------------------------------- */
static void on_pid_known(struct engine_call *c)
{
	struct job_machine *m = c->user;
	cJSON *answer = c->request.error.status == 0 ? call_json(c) : NULL;
	int pid = (int)json_number(json_get(answer, "State"), "Pid");

	cJSON_Delete(answer);
	if (at(m, ENDING)) {
		end_when_quiet(m);
	} else if (pid > 0) {
		usage_meter_open(&m->meter, "", pid);
		usage_meter_read(&m->meter);
	}
}

static void on_sample(struct timer *t)
{
	struct job_machine *m = container_of(t, struct job_machine, sample);

	m->sample_ms = m->sample_ms * 2 < SAMPLE_MS ? m->sample_ms * 2 : SAMPLE_MS;
	timer_set(&m->sample, m->sample_ms);
	if (usage_meter_is_open(&m->meter)) {
		usage_meter_read(&m->meter);
	} else if (!m->look.busy) {
		fresh_call(&m->look, m);
		call_start(m->engine, &m->look, on_pid_known, "GET", "/containers/%s/json", m->name);
	}
}

/* --- start ------------------------------------------------------------------------------------------------------------------ */
static void begin_running(struct job_machine *m)
{
	struct job *j = m->job;

	go(m, RUNNING);
	m->started_us = clock_us();
	m->delay = 0;
	j->started_ms = clock_wall_ms();
	m->sample_ms = SAMPLE_FIRST_MS;
	/* Podman does not say that a task was killed for memory, so its counters must be found before that happens. */
	timer_set(&m->sample, m->engine->seccomp_fd >= 0 ? 0 : m->sample_ms);
	if (j->on_phase != NULL)
		j->on_phase(j, PHASE_EXECUTING, 0, 0, "");
	if (m->stopping)
		begin_stop(m);
	else if (j->spec->time_limit_s > 0)
		timer_set(&m->limit, (uint64_t)j->spec->time_limit_s * 1000);
	if (m->look_again) {
		m->look_again = false;
		inspect(m);
	}
}

static void on_started(struct engine_call *c)
{
	struct job_machine *m = c->user;

	if (c->request.error.status == 0)
		begin_running(m);
	else
		conclude_start(m, c);
}

static void start(struct job_machine *m)
{
	go(m, STARTING);
	timer_clear(&m->retry);
	fresh_call(&m->call, m);
	m->call.request.timeout_ms = START_TIMEOUT_MS;
	call_start(m->engine, &m->call, on_started, "POST", "/containers/%s/start", m->name);
}

/* --- attach and wait -------------------------------------------------------------------------------------------------------- */
static void attach(struct job_machine *m)
{
	go(m, ATTACHING);
	timer_set(&m->retry, START_TIMEOUT_MS);
	fresh_call(&m->attach, m);
	m->attach.request.own_connection = true;
	m->attach.request.on_headers = on_attach_begun;
	m->attach.request.on_data = on_attach_data;
	call_start(m->engine, &m->attach, on_attach_ended, "POST",
		   "/containers/%s/attach?stream=1&stdout=1&stderr=1", m->name);
	fresh_call(&m->wait, m);
	m->wait.request.own_connection = true;
	m->wait.request.on_headers = on_wait_begun;
	call_start(m->engine, &m->wait, on_wait_ended, "POST", "/containers/%s/wait?condition=next-exit", m->name);
}

/* --- create ------------------------------------------------------------------------------------------------------------------- */
static void get_image(struct job_machine *m);

/* There is one of that name: ours, from a process before this one. Only one that never ran may be started. */
static void on_looked(struct engine_call *c)
{
	struct job_machine *m = c->user;
	cJSON *answer = c->request.error.status == 0 ? call_json(c) : NULL;
	bool is_new = strcmp(json_string(json_get(answer, "State"), "Status"), "created") == 0;
	struct error err;

	cJSON_Delete(answer);
	if (is_new && !m->stopping) {
		attach(m);
		return;
	}
	error_set(&err, STATUS_ABORTED, "a container of this attempt has run before");
	conclude(m, FAILURE_INFRA, &err);
}

static void on_created(struct engine_call *c)
{
	struct job_machine *m = c->user;

	if (m->stopping) {
		conclude(m, FAILURE_INFRA, &c->request.error);
	} else if (c->request.error.status == 0) {
		attach(m);
	} else if (call_says_name_taken(c)) {
		go(m, LOOKING);
		fresh_call(&m->call, m);
		call_start(m->engine, &m->call, on_looked, "GET", "/containers/%s/json", m->name);
	} else if (c->request.http == 404 && m->engine->base[0] != '\0' && !m->image_again) {
		m->image_again = true;
		m->engine->base[0] = '\0'; /* somebody removed it: make it again */
		get_image(m);
	} else {
		conclude(m, FAILURE_INFRA, &c->request.error);
	}
}

static void create(struct job_machine *m)
{
	const struct job *j = m->job;
	struct container_body body = {
		.spec = j->spec,
		.image = m->image.reference,
		.worker = m->engine->worker,
		.task = j->task,
		.epoch = j->epoch,
		.work = j->work,
		.uid = j->uid,
		.gpus = j->gpus,
		.seccomp_fd = m->engine->seccomp_fd,
		.init = m->engine->has_init,
		.volumes = (const char *const *)m->image.volumes,
		.volume_count = m->image.volume_count,
	};

	go(m, CREATING);
	m->created = true;
	fresh_call(&m->call, m);
	call_post_json(m->engine, &m->call, on_created, container_body_json(&body), "/containers/create?name=%s", m->name);
}

/* --- image ---------------------------------------------------------------------------------------------------------------------- */
static void on_image_progress(struct image *i, uint64_t done, uint64_t total, const char *detail)
{
	struct job_machine *m = i->user;

	if (m->job->on_phase != NULL)
		m->job->on_phase(m->job, PHASE_STAGING, done, total, detail);
}

static void on_image(struct image *i)
{
	struct job_machine *m = i->user;

	if (m->stopping || i->failure != FAILURE_NONE)
		conclude(m, i->failure, &i->error);
	else
		create(m);
}

static void get_image(struct job_machine *m)
{
	const struct job *j = m->job;

	go(m, IMAGE);
	image_release(&m->image);
	m->image = (struct image){
		.engine = m->engine,
		.name = j->image_tar != NULL ? "" : j->spec->image,
		.tar = j->image_tar,
		.task = j->task,
		.epoch = j->epoch,
		.on_progress = on_image_progress,
		.done = on_image,
		.user = m,
	};
	image_get(&m->image);
}

/* --- begin, stop ---------------------------------------------------------------------------------------------------------------- */
static void on_retry(struct timer *t)
{
	struct job_machine *m = container_of(t, struct job_machine, retry);
	struct error err;

	switch (m->step.at) {
	case ATTACHING:
		error_set(&err, STATUS_DEADLINE_EXCEEDED, "the engine did not attach within %d ms", START_TIMEOUT_MS);
		conclude(m, FAILURE_INFRA, &err);
		break;
	case RUNNING:
		inspect(m);
		break;
	case DRAINING:
		begin_ending(m);
		break;
	case REMOVING:
	case REMOVING_IMAGE:
		ask_removal(m);
		break;
	default:
		break;
	}
}

static void init_timer(struct job_machine *m, struct timer *t, void (*run)(struct timer *))
{
	timer_init(m->engine->loop, t, run);
	t->uv.data = m;
	m->timers++;
}

void job_start(struct job *j)
{
	struct job_machine *m = xcalloc(1, sizeof(*m));

	j->machine = m;
	j->failure = FAILURE_NONE;
	error_clear(&j->error);
	j->usage = (Pb__Usage)PB__USAGE__INIT;
	m->job = j;
	m->engine = j->engine;
	m->step = (struct step){states, NEW};
	snprintf(m->name, sizeof(m->name), "hm-%s-%u", j->task, j->epoch);
	usage_meter_init(&m->meter);
	init_timer(m, &m->retry, on_retry);
	init_timer(m, &m->limit, on_limit);
	init_timer(m, &m->sample, on_sample);
	get_image(m);
}

void job_stop(struct job *j, enum job_stop why, const char *words)
{
	struct job_machine *m = j->machine;

	/* Stopped twice: only the harder way of the two changes anything. */
	if (m == NULL || m->step.at >= DRAINING || (m->stopping && why != JOB_STOP_LOST && why != JOB_STOP_DISK))
		return;
	m->stopping = true;
	m->stop = why;
	text_copy(m->words, sizeof(m->words), words != NULL ? words : "");
	if (at(m, IMAGE)) {
		image_cancel(&m->image);
	} else if (at(m, ATTACHING)) {
		call_cancel(&m->attach);
	} else if (at(m, RUNNING) || at(m, INSPECTING)) {
		begin_stop(m);
	}
}
