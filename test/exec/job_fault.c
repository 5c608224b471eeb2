/* test/exec/job_fault.c - a job through a proxy that makes one request fail, for every request and every
 * way of failing.
 *
 * Whatever fails: done() and removed() come once each, and when they have come the engine holds nothing
 * of ours. */
#include "test/exec/engine_proxy.h"
#include "test/exec/image_archive_fixture.h"

/* --- every request ----------------------------------------------------------------------------- */
static char archive_path[100];

static void assert_healthy_and_empty(void)
{
	proxy.fail_at = 0;
	assert_int_equal(count_in_engine("containers/json?all=1"), 0);
	assert_int_equal(count_in_engine("images/json?filters=%7B%22reference%22%3A%5B%22hivemind/task-w1%22%5D%7D"), 0);
}

static void stop_it(struct test_job *t)
{
	job_stop(&t->job, JOB_STOP_OWNER, "stopped");
}

/* Returns whether there was an n-th request. */
static bool run_with_fault(enum fault fault, int n, bool from_archive, bool stopped)
{
	struct test_job t;

	proxy.fault = fault;
	proxy.fail_at = n;
	proxy.requests = 0;
	proxy.hit = false;
	test_job_init(&t, stopped ? "trap 'exit 4' TERM; echo up; while true; do sleep 0.02; done" : "echo up");
	t.job.image_tar = from_archive ? archive_path : NULL;
	t.on_first_output = stopped ? stop_it : NULL;
	test_job_run(&t);
	if (t.job.failure == FAILURE_NONE)
		assert_string_equal(buf_text(&t.out), "up\n");
	else
		assert_true(t.job.error.text[0] != '\0');
	assert_true(t.job.failure == FAILURE_NONE || t.job.failure == FAILURE_INFRA ||
		    t.job.failure == FAILURE_IMAGE || (stopped && t.job.failure == FAILURE_USER_EXIT));
	test_job_release(&t);
	assert_healthy_and_empty();
	return proxy.hit;
}

static void every_request(bool from_archive, bool stopped)
{
	for (int fault = 0; fault < FAULTS; fault++) {
		int n = 1;

		while (run_with_fault(fault, n, from_archive, stopped))
			n++;
		print_message("%s: %d requests, each %s\n", engine.kind, n - 1, fault_names[fault]);
		assert_true(n > 6);
	}
}

static void one_request_of_a_job_fails(void **state)
{
	(void)state;
	run_with_fault(CLOSE_BEFORE, 0, false, false);
	every_request(false, false);
}

static void one_request_of_a_job_with_its_own_image_fails(void **state)
{
	(void)state;
	snprintf(archive_path, sizeof(archive_path), "%s/image.tar", fixture_dir);
	write_image_tar(archive_path);
	every_request(true, false);
}

static void one_request_of_a_job_that_is_stopped_fails(void **state)
{
	(void)state;
	every_request(false, true);
}

/* --- the engine goes away ---------------------------------------------------------------------- */
static void go_dead(struct test_job *t)
{
	(void)t;
	proxy.dead = true;
	close_connections();
}

static void an_engine_that_goes_away_loses_the_task_after_10_s(void **state)
{
	struct test_job t;
	uint64_t began = uv_hrtime();

	(void)state;
	test_job_init(&t, "sleep 0.3; echo up; sleep 60");
	t.on_first_output = go_dead;
	job_start(&t.job);
	while (t.done == 0)
		uv_run(&loop.uv, UV_RUN_ONCE);
	assert_int_equal(t.job.failure, FAILURE_INFRA);
	assert_true(uv_hrtime() - began < 14000000000ull);
	assert_int_equal(t.removed, 0);
	proxy.dead = false;
	await(1);
	assert_int_equal(t.removed, 1);
	test_job_release(&t);
	assert_healthy_and_empty();
}

static struct test_job *waiting;

static void come_back(struct timer *timer)
{
	(void)timer;
	assert_int_equal(waiting->done, 0);
	proxy.dead = false;
}

static void an_engine_that_comes_back_in_time_loses_nothing_but_output(void **state)
{
	struct test_job t;
	struct timer timer;

	(void)state;
	test_job_init(&t, "sleep 0.3; echo up; sleep 3; exit 6");
	t.on_first_output = go_dead;
	waiting = &t;
	timer_init(&loop, &timer, come_back);
	timer_set(&timer, 1500);
	test_job_run(&t);
	timer_close(&timer, NULL);
	uv_run(&loop.uv, UV_RUN_NOWAIT);
	assert_int_equal(t.job.failure, FAILURE_USER_EXIT);
	assert_int_equal(t.job.exit_code, 6);
	test_job_release(&t);
	assert_healthy_and_empty();
}

int main(void)
{
	const struct CMUnitTest docker[] = {
		cmocka_unit_test(one_request_of_a_job_fails),
		cmocka_unit_test(one_request_of_a_job_with_its_own_image_fails),
		cmocka_unit_test(one_request_of_a_job_that_is_stopped_fails),
		cmocka_unit_test(an_engine_that_goes_away_loses_the_task_after_10_s),
		cmocka_unit_test(an_engine_that_comes_back_in_time_loses_nothing_but_output),
	};
	const struct CMUnitTest podman[] = {
		cmocka_unit_test(one_request_of_a_job_fails),
		cmocka_unit_test(one_request_of_a_job_that_is_stopped_fails),
		cmocka_unit_test(an_engine_that_comes_back_in_time_loses_nothing_but_output),
	};
	int failed = cmocka_run_group_tests_name("docker", docker, setup_docker, teardown);

	return failed + cmocka_run_group_tests_name("podman", podman, setup_podman, teardown);
}
