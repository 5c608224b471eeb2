/* test/exec/outcome.c - the table of endings, row by row. */
#include "exec/outcome.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "exec/job.h"
#include "proto/status.h"

static void every_ending_has_one_meaning(void **state)
{
	static const struct {
		struct ending ending;
		int failure, status;
	} rows[] = {
		{{.exit_code = 0}, FAILURE_NONE, STATUS_OK},
		{{.exit_code = 0, .oom_killed = true}, FAILURE_NONE, STATUS_OK}, /* a child was killed, the task went on */
		{{.exit_code = 1}, FAILURE_USER_EXIT, STATUS_UNKNOWN},
		{{.exit_code = 127}, FAILURE_USER_EXIT, STATUS_UNKNOWN},
		{{.exit_code = 139}, FAILURE_USER_EXIT, STATUS_UNKNOWN},
		{{.exit_code = 143}, FAILURE_USER_EXIT, STATUS_UNKNOWN},
		{{.exit_code = 137, .oom_killed = true}, FAILURE_OOM, STATUS_RESOURCE_EXHAUSTED},
		{{.exit_code = 1, .oom_killed = true}, FAILURE_OOM, STATUS_RESOURCE_EXHAUSTED},
		{{.exit_code = 137}, FAILURE_USER_EXIT, STATUS_UNKNOWN}, /* it killed itself */
		{{.exit_code = 137, .signalled = true}, FAILURE_INFRA, STATUS_UNAVAILABLE},
		{{.exit_code = 143, .signalled = true}, FAILURE_INFRA, STATUS_UNAVAILABLE},
		{{.exit_code = 0, .signalled = true}, FAILURE_NONE, STATUS_OK},
		{{.exit_code = 1, .signalled = true}, FAILURE_USER_EXIT, STATUS_UNKNOWN}, /* it did not die of it */
		{{.exit_code = 137, .signalled = true, .oom_killed = true}, FAILURE_OOM, STATUS_RESOURCE_EXHAUSTED},
		{{.exit_code = 137, .engine_away = true}, FAILURE_INFRA, STATUS_UNAVAILABLE},
		{{.exit_code = 255}, FAILURE_USER_EXIT, STATUS_UNKNOWN},
		{{.exit_code = 255, .engine_away = true}, FAILURE_INFRA, STATUS_UNAVAILABLE}, /* Docker did not see it */
		{{.exit_code = 143, .engine_away = true}, FAILURE_INFRA, STATUS_UNAVAILABLE}, /* it ended what ran, as it started */
		{{.exit_code = 1, .engine_away = true}, FAILURE_USER_EXIT, STATUS_UNKNOWN},
		{{.exit_code = 137, .stopped = true, .stop = JOB_STOP_TIMEOUT}, FAILURE_TIMEOUT, STATUS_DEADLINE_EXCEEDED},
		{{.exit_code = 0, .stopped = true, .stop = JOB_STOP_TIMEOUT}, FAILURE_TIMEOUT, STATUS_DEADLINE_EXCEEDED},
		{{.exit_code = 137, .stopped = true, .stop = JOB_STOP_DISK}, FAILURE_DISK, STATUS_RESOURCE_EXHAUSTED},
		{{.exit_code = 137, .stopped = true, .stop = JOB_STOP_LOST}, FAILURE_INFRA, STATUS_ABORTED},
		{{.exit_code = 143, .stopped = true, .stop = JOB_STOP_OWNER}, FAILURE_USER_EXIT, STATUS_CANCELLED},
		{{.exit_code = 137, .oom_killed = true, .stopped = true, .stop = JOB_STOP_TIMEOUT}, FAILURE_TIMEOUT,
		 STATUS_DEADLINE_EXCEEDED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error words;

		assert_int_equal(outcome_of_ending(&rows[i].ending, &words), rows[i].failure);
		assert_int_equal(words.status, rows[i].status);
		assert_int_equal(words.text[0] == '\0', rows[i].status == STATUS_OK);
	}
}

static void only_a_signal_that_nobody_explains_is_asked_about(void **state)
{
	static const struct {
		struct ending ending;
		bool depends;
	} rows[] = {
		{{.exit_code = 137}, true},
		{{.exit_code = 143}, true},
		{{.exit_code = 0}, false},
		{{.exit_code = 1}, false},
		{{.exit_code = 139}, false},
		{{.exit_code = 255}, false},
		{{.exit_code = 137, .oom_killed = true}, false},
		{{.exit_code = 137, .engine_away = true}, false},
		{{.exit_code = 137, .signalled = true}, false},
		{{.exit_code = 143, .stopped = true, .stop = JOB_STOP_OWNER}, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_true(outcome_depends_on_sender(&rows[i].ending) == rows[i].depends);
}

static void who_stopped_it_may_say_why(void **state)
{
	struct ending ending = {.stopped = true, .stop = JOB_STOP_OWNER, .words = "stopped by ana"};
	struct error words;

	(void)state;
	outcome_of_ending(&ending, &words);
	assert_string_equal(words.text, "stopped by ana");
}

static void a_command_that_cannot_start_is_the_users(void **state)
{
	static const struct {
		const char *says;
		int failure, exit_code;
	} rows[] = {
		{"OCI runtime create failed: runc create failed: unable to start container process: exec: \"nosuch\": "
		 "executable file not found in $PATH: unknown", FAILURE_USER_EXIT, 127},
		{"unable to start container process: exec: \"./x\": stat ./x: no such file or directory: unknown",
		 FAILURE_USER_EXIT, 127},
		{"unable to start container process: exec: \"./x\": permission denied: unknown", FAILURE_USER_EXIT, 126},
		{"runc create failed: exec: \"/work\": is a directory", FAILURE_USER_EXIT, 126},
		{"runc create failed: exec /work/x: exec format error", FAILURE_USER_EXIT, 126},
		{"failed to mount overlay: no such file or directory", FAILURE_INFRA, -1},
		{"cgroups in hybrid mode not supported", FAILURE_INFRA, -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error says, words;
		int exit_code = -1;

		error_set(&says, STATUS_INTERNAL, "%s", rows[i].says);
		assert_int_equal(outcome_of_start(&says, "nosuch", &exit_code, &words), rows[i].failure);
		assert_int_equal(exit_code, rows[i].exit_code);
		assert_true(words.status != 0 && words.text[0] != '\0');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_ending_has_one_meaning),
		cmocka_unit_test(only_a_signal_that_nobody_explains_is_asked_about),
		cmocka_unit_test(who_stopped_it_may_say_why),
		cmocka_unit_test(a_command_that_cannot_start_is_the_users),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
