/* test/exec/job_adopt.c - a job whose process died is gone on with by the next one: containers that
 * are made here by plain requests, as if by a process that is no more, in every state, and each
 * request failing in turn. */
#include "exec/container_body.h"
#include "net/clock.h"
#include "test/exec/engine_proxy.h"

/* --- what the process before us did ------------------------------------------------------------ */
static void on_asked(struct engine_call *c)
{
	assert_true(c->request.error.status == 0);
	events++;
}

static void ask(const char *method, const char *what, const struct job *j)
{
	struct engine_call c = {0};

	call_start(&engine, &c, on_asked, method, "/containers/hm-%s-%u%s", j->task, j->epoch, what);
	await(1);
}

static void make(const struct job *j)
{
	struct container_body body = {
		.spec = j->spec, .image = engine.base, .worker = "w1", .task = j->task, .epoch = j->epoch, .work = j->work,
		.uid = j->uid, .seccomp_fd = engine.seccomp_fd, .init = engine.has_init, .log_driver = engine.log_driver,
	};
	struct engine_call c = {0};

	call_post_json(&engine, &c, on_asked, container_body_json(&body), "/containers/create?name=hm-%s-%u",
		       j->task, j->epoch);
	await(1);
}

/* Until the container has written this file into /work. */
static void await_file(const char *name)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", work_dir, name);
	for (int i = 0; access(path, F_OK) != 0; i++) {
		assert_true(i < 3000);
		usleep(10000);
	}
	unlink(path);
}

static void begin(struct test_job *t, const char *script)
{
	test_job_init(t, script);
	make(&t->job);
	ask("POST", "/start", &t->job);
}

static void adopt(struct test_job *t)
{
	job_adopt(&t->job);
	assert_int_equal(t->done, 0);
	await(1);
	assert_int_equal(t->done, 1);
	assert_int_equal(t->removed, 1);
}

/* --- each state -------------------------------------------------------------------------------- */
static void one_that_runs_is_heard_to_its_end(void **state)
{
	struct test_job t;

	(void)state;
	begin(&t, "echo one; echo two >&2; printf 'three '; touch /work/up; until [ -f /work/go ]; do sleep 0.02; done; "
		  "echo four; exit 4");
	await_file("up");
	job_adopt(&t.job);
	while (t.phases == 0)
		uv_run(&loop.uv, UV_RUN_ONCE);
	char path[200];
	snprintf(path, sizeof(path), "%s/go", work_dir);
	fclose(fopen(path, "w"));
	await(1);
	unlink(path);
	assert_string_equal(buf_text(&t.out), "one\nthree four\n");
	assert_string_equal(buf_text(&t.err), "two\n");
	assert_int_equal(t.job.exit_code, 4);
	assert_int_equal(t.job.failure, FAILURE_USER_EXIT);
	assert_false(t.job.killed_by_us || t.job.output_lost);
	assert_true(t.job.usage.wall_us > 0 && t.job.started_ms > 0);
	test_job_release(&t);
	assert_nothing_left(0);
}

static void what_was_told_is_not_told_again(void **state)
{
	struct test_job t;

	(void)state;
	begin(&t, "echo one; echo two >&2; echo three; echo four >&2; touch /work/up; sleep 0.3; echo five");
	await_file("up");
	t.job.told[0] = 6; /* "one\nth" */
	t.job.told[1] = 4;
	adopt(&t);
	assert_string_equal(buf_text(&t.out), "ree\nfive\n");
	assert_string_equal(buf_text(&t.err), "four\n");
	assert_int_equal(t.job.told[0], 15);
	assert_int_equal(t.job.failure, FAILURE_NONE);
	test_job_release(&t);
}

static void one_that_has_ended_is_never_started_again(void **state)
{
	struct test_job t;

	(void)state;
	begin(&t, "echo once >> /work/runs; echo out; exit 7");
	ask("POST", "/wait", &t.job);
	adopt(&t);
	assert_string_equal(buf_text(&t.out), "out\n");
	assert_int_equal(t.job.exit_code, 7);
	assert_true(t.job.has_exit_code);
	await_file("runs");
	test_job_release(&t);
	assert_nothing_left(0);
}

static void what_ended_of_a_signal_meanwhile_is_asked_about(void **state)
{
	struct test_job t;

	(void)state;
	begin(&t, "exec sh -c 'sh -c \"kill -9 \\$\\$\"; exit $?'");
	ask("POST", "/wait", &t.job);
	adopt(&t);
	assert_int_equal(t.job.exit_code, 137);
	assert_int_equal(t.job.failure, FAILURE_USER_EXIT);
	test_job_release(&t);
	begin(&t, "touch /work/up; sleep 60");
	await_file("up");
	ask("POST", "/kill", &t.job);
	ask("POST", "/wait", &t.job);
	adopt(&t);
	assert_int_equal(t.job.exit_code, 137);
	assert_int_equal(t.job.failure, FAILURE_INFRA);
	test_job_release(&t);
	assert_nothing_left(0);
}

static void one_that_was_only_made_is_started_once(void **state)
{
	struct test_job t;

	(void)state;
	test_job_init(&t, "echo ran");
	make(&t.job);
	adopt(&t);
	assert_string_equal(buf_text(&t.out), "ran\n");
	assert_int_equal(t.job.failure, FAILURE_NONE);
	assert_int_equal(t.phases, 1);
	test_job_release(&t);
}

static void none_and_never_started_begins_anew(void **state)
{
	struct test_job t;

	(void)state;
	test_job_init(&t, "echo ran");
	adopt(&t);
	assert_string_equal(buf_text(&t.out), "ran\n");
	test_job_release(&t);
	assert_nothing_left(0);
}

static void one_that_was_started_and_is_gone_is_a_loss(void **state)
{
	struct test_job t;

	(void)state;
	test_job_init(&t, "echo ran");
	t.job.started_us = clock_us();
	adopt(&t);
	assert_int_equal(t.job.failure, FAILURE_INFRA);
	assert_int_equal(t.out.n, 0);
	test_job_release(&t);
}

/* --- limits and stops -------------------------------------------------------------------------- */
static void the_time_limit_goes_on(void **state)
{
	struct test_job t;

	(void)state;
	begin(&t, "touch /work/up; sleep 30");
	await_file("up");
	t.spec.time_limit_s = 100;
	t.job.started_us = clock_us() - 99500000;
	adopt(&t);
	assert_int_equal(t.job.failure, FAILURE_TIMEOUT);
	assert_true(t.job.usage.wall_us > 99500000 && t.job.usage.wall_us < 110000000);
	test_job_release(&t);
}

static void one_that_was_ended_at_its_limit_meanwhile_is_a_timeout(void **state)
{
	struct test_job t;

	(void)state;
	begin(&t, "touch /work/up; sleep 30");
	await_file("up");
	sleep(1);
	ask("POST", "/kill?signal=SIGKILL", &t.job);
	t.spec.time_limit_s = 1;
	adopt(&t);
	assert_int_equal(t.job.failure, FAILURE_TIMEOUT);
	test_job_release(&t);
}

static void it_may_be_stopped_before_it_was_found(void **state)
{
	struct test_job t;

	(void)state;
	begin(&t, "touch /work/up; sleep 30");
	await_file("up");
	job_adopt(&t.job);
	job_stop(&t.job, JOB_STOP_LOST, "not ours");
	await(1);
	assert_true(t.job.killed_by_us);
	assert_string_equal(t.job.error.text, "not ours");
	test_job_release(&t);
	assert_nothing_left(0);
}

/* --- output ------------------------------------------------------------------------------------ */
static void output_that_the_engine_has_no_more_is_said_to_be_lost(void **state)
{
	struct test_job t;

	(void)state;
	begin(&t, "yes 0123456789abcdef | head -c 30000000");
	ask("POST", "/wait", &t.job);
	adopt(&t);
	assert_true(t.job.output_lost);
	assert_true(t.out.n < 30000000);
	assert_int_equal(t.job.failure, FAILURE_NONE);
	test_job_release(&t);
}

/* --- every request ----------------------------------------------------------------------------- */
enum stage { MADE, RUNS, ENDED, STAGES };

static bool adopt_with_fault(enum stage stage, enum fault fault, int n)
{
	struct test_job t;
	char ran[200];

	proxy.fail_at = 0;
	test_job_init(&t, "echo up; [ ! -f /work/ran ] || echo again; touch /work/ran; sleep 0.1; echo down");
	make(&t.job);
	if (stage != MADE)
		ask("POST", "/start", &t.job);
	if (stage == ENDED)
		ask("POST", "/wait", &t.job);
	proxy.fault = fault;
	proxy.fail_at = n;
	proxy.requests = 0;
	proxy.hit = false;
	adopt(&t);
	proxy.fail_at = 0;
	if (t.job.failure == FAILURE_NONE && !t.job.output_lost)
		assert_string_equal(buf_text(&t.out), "up\ndown\n");
	assert_null(strstr(buf_text(&t.out), "again"));
	assert_true(t.job.failure == FAILURE_NONE || t.job.failure == FAILURE_INFRA);
	if (stage == ENDED)
		assert_int_equal(t.job.failure, FAILURE_NONE);
	test_job_release(&t);
	snprintf(ran, sizeof(ran), "%s/ran", work_dir);
	unlink(ran);
	assert_int_equal(count_in_engine("containers/json?all=1"), 0);
	return proxy.hit;
}

static void one_request_of_an_adoption_fails(void **state)
{
	(void)state;
	for (int stage = 0; stage < STAGES; stage++)
		for (int fault = 0; fault < FAULTS; fault++) {
			int n = 1;

			while (adopt_with_fault(stage, fault, n))
				n++;
			print_message("%s: stage %d, %d requests, each %s\n", engine.kind, stage, n - 1, fault_names[fault]);
			assert_true(n > 3);
		}
}

/* Makes the base image, as the canary of a worker would. */
static int warm_up(void **state)
{
	struct test_job t;

	(void)state;
	test_job_init(&t, "true");
	test_job_run(&t);
	test_job_release(&t);
	return 0;
}

static int setup_warm_docker(void **state)
{
	return setup_docker(state) + warm_up(state);
}

static int setup_warm_podman(void **state)
{
	return setup_podman(state) + warm_up(state);
}

int main(void)
{
	const struct CMUnitTest docker[] = {
		cmocka_unit_test(one_that_runs_is_heard_to_its_end),
		cmocka_unit_test(what_was_told_is_not_told_again),
		cmocka_unit_test(one_that_has_ended_is_never_started_again),
		cmocka_unit_test(what_ended_of_a_signal_meanwhile_is_asked_about),
		cmocka_unit_test(one_that_was_only_made_is_started_once),
		cmocka_unit_test(none_and_never_started_begins_anew),
		cmocka_unit_test(one_that_was_started_and_is_gone_is_a_loss),
		cmocka_unit_test(the_time_limit_goes_on),
		cmocka_unit_test(one_that_was_ended_at_its_limit_meanwhile_is_a_timeout),
		cmocka_unit_test(it_may_be_stopped_before_it_was_found),
		cmocka_unit_test(output_that_the_engine_has_no_more_is_said_to_be_lost),
		cmocka_unit_test(one_request_of_an_adoption_fails),
	};
	const struct CMUnitTest podman[] = {
		cmocka_unit_test(one_that_runs_is_heard_to_its_end),
		cmocka_unit_test(what_was_told_is_not_told_again),
		cmocka_unit_test(one_that_has_ended_is_never_started_again),
		cmocka_unit_test(what_ended_of_a_signal_meanwhile_is_asked_about),
		cmocka_unit_test(one_that_was_only_made_is_started_once),
		cmocka_unit_test(the_time_limit_goes_on),
	};
	int failed = cmocka_run_group_tests_name("docker", docker, setup_warm_docker, teardown);

	return failed + cmocka_run_group_tests_name("podman", podman, setup_warm_podman, teardown);
}
