/* test/roles/worker_faults.c tests roles/worker_faults.c */
#include "roles/worker_faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define S 1000ll

static void it_rests_after_some_in_a_row_and_longer_each_time(void **state)
{
	struct worker_faults f = {0};
	int64_t now = 100 * S, rest = 0, longest = 0;

	(void)state;
	for (int i = 1; i <= FAULTS_FREE; i++, now += 2 * S)
		assert_int_equal(worker_faults_add(&f, "a", now), 0);
	assert_int_equal(worker_faults_add(&f, "a", now), FAULTS_REST_MS);
	assert_int_equal(worker_faults_rest_ms(&f, "a", now + 1 * S), FAULTS_REST_MS - 1 * S);
	assert_int_equal(worker_faults_rest_ms(&f, "a", now + FAULTS_REST_MS), 0);
	assert_int_equal(worker_faults_rest_ms(&f, "b", now), 0);
	for (int i = 0; i < 40; i++, longest = rest) {
		now += FAULTS_REST_MAX_MS;
		rest = worker_faults_add(&f, "a", now);
		assert_true(rest >= longest && rest <= FAULTS_REST_MAX_MS);
	}
	assert_int_equal(rest, FAULTS_REST_MAX_MS);
	worker_faults_forget(&f, "a");
	assert_int_equal(worker_faults_rest_ms(&f, "a", now), 0);
	assert_int_equal(worker_faults_add(&f, "a", now), 0);
	worker_faults_release(&f);
}

static void what_goes_wrong_at_once_is_one_fault(void **state)
{
	struct worker_faults f = {0};

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_int_equal(worker_faults_add(&f, "a", 10 * S + i), 0);
	assert_int_equal(worker_faults_in_a_row(&f, "a"), 1);
	worker_faults_add(&f, "a", 12 * S);
	assert_int_equal(worker_faults_in_a_row(&f, "a"), 2);
	worker_faults_release(&f);
}

static void only_so_many_workers_are_remembered(void **state)
{
	struct worker_faults f = {0};
	char id[17];

	(void)state;
	for (int i = 0; i <= FAULTS_ENTRIES_MAX; i++) {
		snprintf(id, sizeof id, "%016d", i);
		worker_faults_add(&f, id, 10 * S);
	}
	assert_int_equal(worker_faults_in_a_row(&f, "0000000000000000"), 0);
	assert_int_equal(worker_faults_in_a_row(&f, "0000000000000001"), 1);
	worker_faults_release(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_rests_after_some_in_a_row_and_longer_each_time),
		cmocka_unit_test(what_goes_wrong_at_once_is_one_fault),
		cmocka_unit_test(only_so_many_workers_are_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
