/* exec/job.c owns: the machine that takes one task through the engine (drawn in exec/job.h).
 *
 * The happy path: the image is there; the container is created; two connections that stay open are made
 * before it is started: `attach` brings its output, `wait` its end; when either of the two ends, the
 * engine is asked once how the container stands. What it used is sampled meanwhile.
 *
 * Why both: a task may close its output and run on, so the end of attach is not the end of the task; and
 * Podman's wait is up to 0.7 s late, while its attach ends at once. Docker answers the question when it
 * has the answer.
 *
 * Failures: image (FAILURE_IMAGE); command not there (FAILURE_USER_EXIT 127, 126); the engine says no,
 * goes away for longer than ENGINE_SILENT_MS or loses the container (FAILURE_INFRA); limits and stops
 * (exec/outcome.h). Whatever happens, from CREATING on the container is removed by its name, and again
 * until the engine says that it is gone: a lost reply to create may mean that it exists. */
#include "exec/job_machine.h"

#include <stdio.h>
#include <string.h>

#include "exec/container_body.h"
#include "net/clock.h"
#include "net/crash.h"
#include "net/memory.h"
#include "proto/status.h"

#define START_TIMEOUT_MS 60000  /* of attach's beginning, and of start */
#define RETRY_FIRST_MS 10
#define RETRY_MAX_MS 2000

static const struct state states[] = {
	[NEW] = {"NEW", TO(IMAGE) | TO(LOOKING)},
	[IMAGE] = {"IMAGE", TO(CREATING) | TO(ENDING)},
	[CREATING] = {"CREATING", TO(ATTACHING) | TO(LOOKING) | TO(IMAGE) | TO(ENDING)},
	[LOOKING] = {"LOOKING", TO(ATTACHING) | TO(IMAGE) | TO(RUNNING) | TO(ASKING) | TO(DRAINING) |
					TO(READING) | TO(ENDING)},
	[ATTACHING] = {"ATTACHING", TO(STARTING) | TO(ENDING)},
	[STARTING] = {"STARTING", TO(RUNNING) | TO(ENDING)},
	[RUNNING] = {"RUNNING", TO(INSPECTING) | TO(ENDING)},
	[INSPECTING] = {"INSPECTING", TO(RUNNING) | TO(ASKING) | TO(DRAINING) | TO(READING) | TO(ENDING)},
	[ASKING] = {"ASKING", TO(DRAINING) | TO(READING) | TO(ENDING)},
	[DRAINING] = {"DRAINING", TO(ENDING)},
	[READING] = {"READING", TO(ENDING)},
	[ENDING] = {"ENDING", TO(REMOVING) | TO(REMOVING_IMAGE) | TO(CLOSING)},
	[REMOVING] = {"REMOVING", TO(REMOVING_IMAGE) | TO(CLOSING)},
	[REMOVING_IMAGE] = {"REMOVING_IMAGE", TO(CLOSING)},
	[CLOSING] = {"CLOSING", 0},
};
void machine_go(struct job_machine *m, int state)
{
	step_to(&m->step, state, m->name);
}

bool machine_at(const struct job_machine *m, int state)
{
	return m->step.at == state;
}

/* Patience ends on time, not at the next try after it. */
static uint64_t before_deadline(const struct job_machine *m, int64_t delay)
{
	int64_t left = m->deadline - clock_ms();

	return (uint64_t)(m->deadline == 0 || delay < left ? delay : left > 0 ? left : 0);
}

/* Try again later, each time twice as late. */
void machine_retry_later(struct job_machine *m)
{
	m->delay = m->delay == 0 ? RETRY_FIRST_MS : m->delay * 2;
	if (m->delay > RETRY_MAX_MS)
		m->delay = RETRY_MAX_MS;
	timer_set(&m->retry, before_deadline(m, m->delay));
}

/* Has the engine been silent for too long? Starts to count at the first call. */
bool machine_out_of_patience(struct job_machine *m, int64_t patience_ms)
{
	if (m->deadline == 0)
		m->deadline = clock_ms() + patience_ms;
	return clock_ms() >= m->deadline;
}

void machine_fresh_call(struct engine_call *c, struct job_machine *m)
{
	*c = (struct engine_call){.user = m};
}

static void start(struct job_machine *m);

static void start_when_ready(struct job_machine *m)
{
	if (machine_at(m, ATTACHING) && m->attached && m->waiting)
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

/* --- start ------------------------------------------------------------------------------------- */
static void on_started(struct engine_call *c)
{
	struct job_machine *m = c->user;

	crash_point(WORKER_STARTED);
	if (c->request.error.status == 0)
		machine_begin_running(m);
	else
		machine_conclude_start(m, c);
}

static void start(struct job_machine *m)
{
	crash_point(WORKER_ATTACHED);
	struct error err;

	if (!machine_hold(m)) {
		error_set(&err, STATUS_RESOURCE_EXHAUSTED, "this worker has more than %d containers", LEASH_SLOTS);
		machine_conclude(m, FAILURE_INFRA, &err);
		return;
	}
	machine_go(m, STARTING);
	timer_clear(&m->retry);
	machine_fresh_call(&m->call, m);
	m->call.request.timeout_ms = START_TIMEOUT_MS;
	call_start(m->engine, &m->call, on_started, "POST", "/containers/%s/start", m->name);
	crash_point(WORKER_START_ASKED);
}

/* --- attach and wait --------------------------------------------------------------------------- */
void machine_attach(struct job_machine *m)
{
	machine_go(m, ATTACHING);
	timer_set(&m->retry, START_TIMEOUT_MS);
	machine_fresh_call(&m->attach, m);
	m->attach.request.own_connection = true;
	m->attach.request.on_headers = on_attach_begun;
	m->attach.request.on_data = machine_on_attach_data;
	call_start(m->engine, &m->attach, machine_on_attach_ended, "POST",
		   "/containers/%s/attach?stream=1&stdout=1&stderr=1", m->name);
	machine_fresh_call(&m->wait, m);
	m->wait.request.on_headers = on_wait_begun;
	machine_wait(m, "next-exit");
}

/* --- create ------------------------------------------------------------------------------------ */
static void on_looked(struct engine_call *c)
{
	machine_adopt(c->user, c);
}

void machine_look_for_container(struct job_machine *m)
{
	if (!machine_at(m, LOOKING))
		machine_go(m, LOOKING);
	machine_fresh_call(&m->call, m);
	call_start(m->engine, &m->call, on_looked, "GET", "/containers/%s/json", m->name);
}

static void on_created(struct engine_call *c)
{
	struct job_machine *m = c->user;

	crash_point(WORKER_CREATED);
	if (m->stopping) {
		machine_conclude(m, FAILURE_INFRA, &c->request.error);
	} else if (c->request.error.status == 0) {
		machine_attach(m);
	} else if (call_says_name_taken(c)) {
		machine_look_for_container(m);
	} else if (c->request.http == 404 && m->engine->base[0] != '\0' && !m->image_again) {
		m->image_again = true;
		m->engine->base[0] = '\0'; /* somebody removed it: make it again */
		machine_get_image(m);
	} else {
		machine_conclude(m, FAILURE_INFRA, &c->request.error);
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
		.log_driver = m->engine->log_driver,
		.init = m->engine->has_init,
		.volumes = (const char *const *)m->image.volumes,
		.volume_count = m->image.volume_count,
	};

	machine_go(m, CREATING);
	m->created = true;
	machine_fresh_call(&m->call, m);
	call_post_json(m->engine, &m->call, on_created, container_body_json(&body),
		       "/containers/create?name=%s", m->name);
	crash_point(WORKER_CREATE_ASKED);
}

/* --- image ------------------------------------------------------------------------------------- */
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
		machine_conclude(m, i->failure, &i->error);
	else
		create(m);
}

static struct image image_of(struct job_machine *m)
{
	const struct job *j = m->job;

	return (struct image){
		.engine = m->engine,
		.name = j->image_tar != NULL ? "" : j->spec->image,
		.tar = j->image_tar,
		.task = j->task,
		.epoch = j->epoch,
		.on_progress = on_image_progress,
		.done = on_image,
		.user = m,
	};
}

void machine_get_image(struct job_machine *m)
{
	machine_go(m, IMAGE);
	image_release(&m->image);
	m->image = image_of(m);
	image_get(&m->image);
	crash_point(WORKER_IMAGE_ASKED);
}

/* --- begin, stop ------------------------------------------------------------------------------- */
static void on_retry(struct timer *t)
{
	struct job_machine *m = container_of(t, struct job_machine, retry);
	struct error err;

	switch (m->step.at) {
	case LOOKING:
		machine_look_for_container(m);
		break;
	case ATTACHING:
		error_set(&err, STATUS_DEADLINE_EXCEEDED, "the engine did not attach within %d ms", START_TIMEOUT_MS);
		machine_conclude(m, FAILURE_INFRA, &err);
		break;
	case RUNNING:
		if (m->stopping && m->stop == JOB_STOP_ENGINE)
			machine_conclude(m, FAILURE_INFRA, NULL);
		else
			machine_inspect(m);
		break;
	case DRAINING:
		machine_begin_ending(m);
		break;
	case REMOVING:
	case REMOVING_IMAGE:
		machine_ask_removal(m);
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

static struct job_machine *machine_new(struct job *j)
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
	init_timer(m, &m->limit, machine_on_limit);
	init_timer(m, &m->sample, machine_on_sample);
	return m;
}

void job_start(struct job *j)
{
	machine_get_image(machine_new(j));
}

void job_adopt(struct job *j)
{
	struct job_machine *m = machine_new(j);

	m->adopting = true;
	m->created = true;
	machine_hold(m); /* the slot of its name; there are as many as attempts */
	if (j->image_tar != NULL) {
		m->image = image_of(m);
		image_claim(&m->image);
	}
	machine_look_for_container(m);
}

const char *job_container(const struct job *j)
{
	return j->machine->name;
}

bool job_usage(const struct job *j, Pb__Usage *usage)
{
	const struct job_machine *m = j->machine;

	if (m == NULL || m->step.at != RUNNING)
		return false;
	*usage = (Pb__Usage)PB__USAGE__INIT;
	usage->wall_us = (uint64_t)machine_ran_us(m);
	usage->cpu_us = m->meter.cpu_us;
	usage->peak_memory = m->meter.peak_memory;
	return true;
}

static bool is_hard(enum job_stop why)
{
	return why == JOB_STOP_LOST || why == JOB_STOP_DISK || why == JOB_STOP_ENGINE;
}

void job_stop(struct job *j, enum job_stop why, const char *words)
{
	struct job_machine *m = j->machine;

	/* Stopped twice: only the harder way of the two changes anything. */
	if (m == NULL || m->step.at >= ASKING || (m->stopping && (!is_hard(why) || m->stop == JOB_STOP_ENGINE)))
		return;
	m->stopping = true;
	m->stop = why;
	text_copy(m->words, sizeof(m->words), words != NULL ? words : "");
	if (machine_at(m, IMAGE)) {
		image_cancel(&m->image);
	} else if (machine_at(m, ATTACHING)) {
		call_cancel(&m->attach);
	} else if (why == JOB_STOP_ENGINE) {
		machine_kill_process(m);
		call_cancel(&m->call);
		if (machine_at(m, RUNNING))
			timer_set(&m->retry, 0);
	} else if (machine_at(m, RUNNING) || machine_at(m, INSPECTING)) {
		machine_begin_stop(m);
	}
}
