/* test/exec/engine_fixture.h - a private engine, a loop and a scratch directory for a test program.
 *
 * The group's setup starts the engine that is named, and its teardown ends it and looks for what it left.
 * Every wait has a deadline; HIVEMIND_TEST_ENGINES=podman restricts a run to one of the two. */
#ifndef TEST_EXEC_ENGINE_FIXTURE_H
#define TEST_EXEC_ENGINE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exec/engine.h"
#include "exec/engine_call.h"
#include "exec/job.h"
#include "exec/private_engine.h"
#include "net/memory.h"
#include "proto/limits.h"
#include "proto/status.h"

#define FIXTURE_DEADLINE_MS 60000

static struct loop loop;
static struct engine engine;
static struct private_engine *private_engine;
static char fixture_dir[64], engine_dir[80], work_dir[80];
static struct error last_error;
static int events; /* completions that have come */

/* --- waiting ----------------------------------------------------------------------------------- */
static void on_fixture_deadline(struct timer *t)
{
	(void)t;
	fprintf(stderr, "nothing came within %d ms\n", FIXTURE_DEADLINE_MS);
	abort();
}

/* Run the loop until `count` completions more have come. */
static void await(int count)
{
	struct timer deadline;
	int wanted = events + count;

	timer_init(&loop, &deadline, on_fixture_deadline);
	timer_set(&deadline, FIXTURE_DEADLINE_MS);
	while (events < wanted)
		uv_run(&loop.uv, UV_RUN_ONCE);
	timer_close(&deadline, NULL);
	uv_run(&loop.uv, UV_RUN_NOWAIT);
}

static void on_engine_event(struct engine *e, const struct error *err, void *user)
{
	(void)e;
	(void)user;
	last_error = *err;
	events++;
}

static void on_event(void *user)
{
	(void)user;
	events++;
}

static void on_ready_event(void *user, const struct error *err)
{
	(void)user;
	last_error = *err;
	events++;
}

/* --- what is in the engine --------------------------------------------------------------------- */
static int counted;

static void on_counted(struct engine_call *c)
{
	cJSON *answer = call_json(c);

	assert_int_equal(c->request.error.status, 0);
	counted = cJSON_GetArraySize(answer);
	cJSON_Delete(answer);
	events++;
}

static __attribute__((unused)) void on_counted_nothing(struct engine_call *c)
{
	assert_int_equal(c->request.error.status, 0);
	events++;
}

static __attribute__((unused)) int count_in_engine(const char *what)
{
	struct engine_call c = {0};

	call_start(&engine, &c, on_counted, "GET", "/%s", what);
	await(1);
	return counted;
}

/* No container but `containers`; one image, the base image, or none. */
static __attribute__((unused)) void assert_nothing_left(int containers)
{
	assert_int_equal(count_in_engine("containers/json?all=1"), containers);
	assert_true(count_in_engine("images/json") <= 1);
}

/* --- one job ----------------------------------------------------------------------------------- */
struct test_job {
	struct job job;
	Pb__TaskSpec spec;
	Pb__Resources resources;
	char *command[8];
	struct buf out, err;
	int done, removed, phases;
	int progress;    /* times that STAGING was reported */
	void (*on_first_output)(struct test_job *t);
};

static void on_test_output(struct job *j, int stream, const void *data, size_t n)
{
	struct test_job *t = j->user;

	buf_append(stream == 2 ? &t->err : &t->out, data, n);
	if (t->on_first_output != NULL) {
		void (*call)(struct test_job *) = t->on_first_output;

		t->on_first_output = NULL;
		call(t);
	}
}

static void on_test_phase(struct job *j, int phase, uint64_t done, uint64_t total, const char *detail)
{
	struct test_job *t = j->user;

	(void)detail;
	assert_true(total == 0 || done <= total);
	t->phases += phase == PHASE_EXECUTING;
	t->progress += phase == PHASE_STAGING;
}

static void on_test_done(struct job *j)
{
	struct test_job *t = j->user;

	assert_int_equal(t->done, 0);
	assert_int_equal(t->removed, 0);
	t->done++;
}

static void on_test_removed(struct job *j)
{
	struct test_job *t = j->user;

	assert_int_equal(t->done, 1);
	t->removed++;
	events++;
}

/* A job of a shell script with 64 MiB; change it, then job_start(&t->job). */
static __attribute__((unused)) void test_job_init(struct test_job *t, const char *script)
{
	static uint32_t epoch;

	*t = (struct test_job){.spec = PB__TASK_SPEC__INIT, .resources = PB__RESOURCES__INIT};
	t->resources.milli_cpus = 1000;
	t->resources.memory = 64 * MiB;
	t->resources.disk = 16 * MiB;
	t->command[0] = (char *)"sh";
	t->command[1] = (char *)"-c";
	t->command[2] = (char *)script;
	t->spec.image = (char *)"";
	t->spec.resources = &t->resources;
	t->spec.command = t->command;
	t->spec.n_command = 3;
	t->spec.time_limit_s = 30;
	t->spec.grace_s = 1;
	t->job = (struct job){
		.engine = &engine,
		.spec = &t->spec,
		.task = "7kq2mm9c3v8w04ta.1",
		.epoch = ++epoch,
		.work = work_dir,
		.uid = 200001,
		.on_phase = on_test_phase,
		.on_output = on_test_output,
		.done = on_test_done,
		.removed = on_test_removed,
		.user = t,
	};
}

static __attribute__((unused)) void test_job_run(struct test_job *t)
{
	job_start(&t->job);
	assert_int_equal(t->done, 0);
	await(1);
	assert_int_equal(t->done, 1);
	assert_int_equal(t->removed, 1);
}

static __attribute__((unused)) void test_job_release(struct test_job *t)
{
	buf_release(&t->out);
	buf_release(&t->err);
}

/* --- setup, teardown --------------------------------------------------------------------------- */
static void start_engine(const char *program)
{
	snprintf(fixture_dir, sizeof(fixture_dir), "/tmp/hm-engine-XXXXXX");
	assert_non_null(mkdtemp(fixture_dir));
	snprintf(engine_dir, sizeof(engine_dir), "%s/e", fixture_dir);
	snprintf(work_dir, sizeof(work_dir), "%s/work", fixture_dir);
	mkdir(work_dir, 0700);
	chmod(work_dir, 0777);
	setenv("HIVEMIND_ENGINE", program, 1);
	loop_init(&loop);
	private_engine = private_engine_start(&loop, engine_dir, on_ready_event, NULL);
	await(1);
	assert_string_equal(last_error.text, "");
	engine_open(&engine, &loop, private_engine_socket(private_engine), "w1", on_engine_event, NULL);
	await(1);
	assert_string_equal(last_error.text, "");
}

static __attribute__((unused)) int start_docker(void **state)
{
	(void)state;
	start_engine("dockerd");
	assert_string_equal(engine.kind, "docker");
	return 0;
}

static __attribute__((unused)) int start_podman(void **state)
{
	(void)state;
	start_engine("podman");
	assert_string_equal(engine.kind, "podman");
	return 0;
}

static __attribute__((unused)) int stop_engine(void **state)
{
	char command[200];

	(void)state;
	engine_close(&engine, on_event, NULL);
	await(1);
	private_engine_close(private_engine, on_event, NULL);
	await(1);
	loop_close(&loop);
	assert_int_not_equal(access(engine_dir, F_OK), 0);
	snprintf(command, sizeof(command), "! grep -q %s /proc/self/mountinfo", fixture_dir);
	assert_int_equal(system(command), 0);
	snprintf(command, sizeof(command), "rm -rf %s", fixture_dir);
	assert_int_equal(system(command), 0);
	return 0;
}

#endif
