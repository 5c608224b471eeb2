/* test/roles/worker_doctor.c - the checks run beside the worker. The program that it starts is this one again:
 * its --data says how it behaves. */
#include "roles/worker_doctor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/memory.h"
#include "proto/limits.h"
#include "proto/status.h"

static struct loop loop;
static struct worker_doctor doctor;
static struct timer stopper;
static char answer[200];
static int done_count, status;

/* What stands in for `hivemind doctor`. */
static int behave(int argc, char **argv)
{
	const char *how = argc > 4 ? argv[4] : "";

	if (strcmp(argv[2], "--json") != 0 || strcmp(argv[3], "--data") != 0)
		return 9;
	if (strcmp(how, "answers") == 0)
		printf("{\"socket\":\"%s\"}", argc > 6 ? argv[6] : "none");
	if (strcmp(how, "floods") == 0)
		for (int i = 0; i < 100000; i++)
			printf("0123456789");
	if (strcmp(how, "hangs") == 0)
		printf("{\"half\":");
	fflush(stdout);
	if (strcmp(how, "closes") == 0)
		close(STDOUT_FILENO);
	if (strcmp(how, "hangs") == 0 || strcmp(how, "closes") == 0)
		sleep(600);
	return 0;
}

static void on_done(struct worker_doctor *d, const struct error *err)
{
	done_count++;
	status = err->status;
	snprintf(answer, sizeof answer, "%.*s", (int)d->answer.n,
		 err->status == 0 ? (const char *)d->answer.data : "");
}

static void start(const char *how, const char *socket)
{
	struct error err = {0};

	done_count = status = 0;
	assert_int_equal(worker_doctor_start(&doctor, &loop, socket, how, on_done, NULL, &err), 0);
	assert_int_equal(done_count, 0); /* not from inside */
}

static void stop(struct timer *t)
{
	worker_doctor_stop(&doctor);
	timer_close(t, NULL);
}

static void stop_soon(void)
{
	timer_init(&loop, &stopper, stop);
	timer_set(&stopper, 200);
}

static void its_answer_is_handed_over_once(void **state)
{
	(void)state;
	start("answers", "");
	loop_run(&loop);
	assert_int_equal(done_count, 1);
	assert_int_equal(status, 0);
	assert_string_equal(answer, "{\"socket\":\"none\"}");
	start("answers", "/run/engine.sock"); /* again, after the first */
	loop_run(&loop);
	assert_string_equal(answer, "{\"socket\":\"unix:/run/engine.sock\"}");
}

static void two_at_once_are_refused(void **state)
{
	struct error err = {0};

	(void)state;
	start("answers", "");
	assert_int_equal(worker_doctor_start(&doctor, &loop, "", "answers", on_done, NULL, &err),
			 STATUS_ABORTED);
	loop_run(&loop);
	assert_int_equal(done_count, 1);
}

static void no_answer_is_a_failure(void **state)
{
	(void)state;
	start("nothing", "");
	loop_run(&loop);
	assert_int_equal(done_count, 1);
	assert_int_equal(status, STATUS_INTERNAL);
}

static void an_answer_that_is_too_long_is_none(void **state)
{
	(void)state;
	start("floods", "");
	loop_run(&loop);
	assert_int_equal(done_count, 1);
	assert_int_equal(status, STATUS_INTERNAL);
}

static void what_hangs_can_be_stopped(void **state)
{
	static const char *const how[] = {"hangs", "closes"};

	(void)state;
	for (int i = 0; i < 2; i++) {
		start(how[i], "");
		stop_soon();
		loop_run(&loop);
		assert_int_equal(done_count, 1);
		assert_int_equal(status, STATUS_INTERNAL);
		assert_string_equal(answer, ""); /* half of one is none */
	}
	worker_doctor_stop(&doctor); /* nothing runs */
}

static int begin(void **state)
{
	(void)state;
	loop_init(&loop);
	return 0;
}

static int end(void **state)
{
	(void)state;
	loop_close(&loop);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(its_answer_is_handed_over_once, begin, end),
		cmocka_unit_test_setup_teardown(two_at_once_are_refused, begin, end),
		cmocka_unit_test_setup_teardown(no_answer_is_a_failure, begin, end),
		cmocka_unit_test_setup_teardown(an_answer_that_is_too_long_is_none, begin, end),
		cmocka_unit_test_setup_teardown(what_hangs_can_be_stopped, begin, end),
	};

	if (argc > 3 && strcmp(argv[1], "doctor") == 0)
		return behave(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
