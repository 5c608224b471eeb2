/* exec/container_process.c: the process that is meant, and no other. */
#include "exec/container_process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static uint64_t started_of(int pid)
{
	unsigned long long started = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
				&started), 1);
	fclose(f);
	return started;
}

static struct container_process start_one(void)
{
	struct container_process p = {.pid = fork()};

	if (p.pid == 0) {
		pause();
		_exit(0);
	}
	p.started = started_of(p.pid);
	return p;
}

static void one_that_runs_is_killed_once(void **state)
{
	struct container_process p = start_one();
	int status;

	(void)state;
	assert_true(container_process_runs(p));
	assert_true(container_process_kill(p));
	assert_int_equal(waitpid(p.pid, &status, 0), p.pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == 9);
	assert_false(container_process_runs(p));
	assert_false(container_process_kill(p));
}

static void another_with_the_same_number_is_left_alone(void **state)
{
	struct container_process p = start_one(), earlier = {p.pid, p.started - 1};
	int status;

	(void)state;
	assert_false(container_process_runs(earlier));
	assert_false(container_process_kill(earlier));
	assert_int_equal(waitpid(p.pid, &status, WNOHANG), 0);
	assert_true(container_process_kill(p));
	waitpid(p.pid, &status, 0);
}

static void what_is_in_no_container_is_not_taken_for_one(void **state)
{
	(void)state;
	assert_int_equal(container_process_find(getpid(), ID).pid, 0);
	assert_int_equal(container_process_find(getpid(), "").pid, 0);
	assert_int_equal(container_process_find(0, ID).pid, 0);
	assert_false(container_process_kill((struct container_process){0}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_runs_is_killed_once),
		cmocka_unit_test(another_with_the_same_number_is_left_alone),
		cmocka_unit_test(what_is_in_no_container_is_not_taken_for_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
