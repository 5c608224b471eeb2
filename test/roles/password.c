/* test/roles/password.c tests roles/password.c */
#include "roles/password.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "proto/status.h"

static struct loop loop;
static struct passwords passwords;
static unsigned done_count, most_running;

static void on_done(struct password_job *job)
{
	(void)job;
	done_count++;
	if (passwords.running > most_running)
		most_running = passwords.running;
}

static int set_up(void **state)
{
	(void)state;
	loop_init(&loop);
	passwords_init(&passwords, &loop);
	done_count = most_running = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	loop_close(&loop);
	return 0;
}

static struct password_job *job_new(void)
{
	struct password_job *job = calloc(1, sizeof *job);

	job->on_done = on_done;
	return job;
}

static void a_hash_is_yescrypt_and_matches_its_password_only(void **state)
{
	struct password_job *made = job_new(), *right = job_new(), *wrong = job_new();
	struct error err;

	(void)state;
	assert_int_equal(password_make(&passwords, made, "correct horse", &err), 0);
	assert_int_equal(done_count, 0); /* never from inside the call */
	loop_run(&loop);
	assert_int_equal(made->error.status, 0);
	assert_memory_equal(made->hash, "$y$", 3);
	assert_int_equal(password_check(&passwords, right, "correct horse", made->hash, &err), 0);
	assert_int_equal(password_check(&passwords, wrong, "correct hors", made->hash, &err), 0);
	loop_run(&loop);
	assert_true(right->right);
	assert_false(wrong->right);
	assert_int_equal(done_count, 3);
	free(made);
	free(right);
	free(wrong);
}

static void the_same_password_gives_another_hash_each_time(void **state)
{
	struct password_job *a = job_new(), *b = job_new();
	struct error err;

	(void)state;
	password_make(&passwords, a, "correct horse", &err);
	password_make(&passwords, b, "correct horse", &err);
	loop_run(&loop);
	assert_string_not_equal(a->hash, b->hash);
	free(a);
	free(b);
}

static void a_password_is_not_left_in_memory(void **state)
{
	struct password_job *job = job_new();
	const char zeros[sizeof job->password] = {0};
	struct error err;

	(void)state;
	password_make(&passwords, job, "correct horse", &err);
	loop_run(&loop);
	assert_memory_equal(job->password, zeros, sizeof zeros);
	free(job);
}

/* Of the processor, so that what else the machine does is not counted. */
static clock_t time_check(const char *hash)
{
	struct password_job *job = job_new();
	clock_t begun = clock();
	struct error err;

	for (int i = 0; i < 5; i++) {
		password_check(&passwords, job, "not the one", hash, &err);
		loop_run(&loop);
		assert_false(job->right);
		assert_int_equal(job->error.status, 0);
	}
	free(job);
	return clock() - begun;
}

static void an_unknown_name_takes_as_long_as_a_wrong_password(void **state)
{
	struct password_job *made = job_new();
	struct error err;
	clock_t known, unknown;

	(void)state;
	password_make(&passwords, made, "correct horse", &err);
	loop_run(&loop);
	known = time_check(made->hash);
	unknown = time_check(NULL);
	assert_true(unknown * 3 > known && known * 3 > unknown);
	free(made);
}

static void two_run_at_once_a_hundred_wait_more_are_refused(void **state)
{
	struct password_job *jobs[PASSWORDS_AT_ONCE + PASSWORD_QUEUE_MAX + 1];
	struct error err = {0};
	const size_t all = sizeof jobs / sizeof jobs[0];

	(void)state;
	for (size_t i = 0; i < all; i++)
		jobs[i] = job_new();
	for (size_t i = 0; i + 1 < all; i++)
		assert_int_equal(password_check(&passwords, jobs[i], "x", "$y$no", &err), 0);
	assert_int_equal(password_check(&passwords, jobs[all - 1], "x", "$y$no", &err),
	                 STATUS_RESOURCE_EXHAUSTED);
	assert_string_not_equal(err.hint, "");
	loop_run(&loop);
	assert_int_equal(done_count, all - 1);
	assert_true(most_running <= PASSWORDS_AT_ONCE);
	for (size_t i = 0; i < all; i++)
		free(jobs[i]);
}

static void a_broken_hash_is_an_error_and_not_a_match(void **state)
{
	struct password_job *job = job_new();
	struct error err;

	(void)state;
	password_check(&passwords, job, "x", "not a hash", &err);
	loop_run(&loop);
	assert_false(job->right);
	assert_int_equal(job->error.status, STATUS_INTERNAL);
	free(job);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_hash_is_yescrypt_and_matches_its_password_only, set_up,
	                                    tear_down),
	    cmocka_unit_test_setup_teardown(the_same_password_gives_another_hash_each_time, set_up,
	                                    tear_down),
	    cmocka_unit_test_setup_teardown(a_password_is_not_left_in_memory, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(an_unknown_name_takes_as_long_as_a_wrong_password, set_up,
	                                    tear_down),
	    cmocka_unit_test_setup_teardown(two_run_at_once_a_hundred_wait_more_are_refused, set_up,
	                                    tear_down),
	    cmocka_unit_test_setup_teardown(a_broken_hash_is_an_error_and_not_a_match, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
