/* test/roles/retry.c tests roles/retry.c */
#include "roles/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/clock.h"
#include "proto/status.h"

static void a_pool_that_never_answered_is_not_asked_again(void **state)
{
	struct retry r;
	uint64_t ms;

	(void)state;
	retry_start(&r, 0);
	assert_false(retry_again(&r, STATUS_UNAVAILABLE, &ms));
	retry_start(&r, RETRY_FOR_EVER);
	assert_true(retry_again(&r, STATUS_UNAVAILABLE, &ms));
}

static void waits_grow_to_the_longest_and_progress_sets_them_back(void **state)
{
	struct retry r;
	uint64_t ms = 0;

	(void)state;
	retry_start(&r, RETRY_FOR_EVER);
	for (uint64_t wait = RETRY_FIRST_MS; wait < RETRY_LONGEST_MS; wait *= 2) {
		assert_true(retry_again(&r, STATUS_UNAVAILABLE, &ms));
		assert_in_range(ms, wait / 2, wait);
	}
	for (int i = 0; i < 100; i++)
		assert_true(retry_again(&r, STATUS_UNAVAILABLE, &ms));
	assert_in_range(ms, RETRY_LONGEST_MS / 2, RETRY_LONGEST_MS);
	retry_moved(&r);
	assert_true(retry_again(&r, STATUS_UNAVAILABLE, &ms));
	assert_in_range(ms, RETRY_FIRST_MS / 2, RETRY_FIRST_MS);
}

static void patience_counts_from_the_first_failure_after_progress(void **state)
{
	struct retry r;
	uint64_t ms;

	(void)state;
	clock_set_for_test(1000000);
	retry_start(&r, 10000);
	retry_moved(&r);
	clock_set_for_test(3600000000); /* an hour in which nothing had to be said */
	assert_true(retry_again(&r, STATUS_UNAVAILABLE, &ms));
	clock_set_for_test(3600000000 + 9999000);
	assert_true(retry_again(&r, STATUS_UNAVAILABLE, &ms));
	clock_set_for_test(3600000000 + 10000000);
	assert_false(retry_again(&r, STATUS_UNAVAILABLE, &ms));
	clock_set_for_test(-1);
}

static void what_a_pool_refuses_is_not_asked_again(void **state)
{
	struct retry r;
	uint64_t ms;

	(void)state;
	retry_start(&r, RETRY_FOR_EVER);
	assert_false(retry_again(&r, STATUS_INVALID_ARGUMENT, &ms));
	assert_false(retry_again(&r, STATUS_DATA_LOSS, &ms));
	assert_false(retry_again(&r, STATUS_CANCELLED, &ms));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pool_that_never_answered_is_not_asked_again),
		cmocka_unit_test(waits_grow_to_the_longest_and_progress_sets_them_back),
		cmocka_unit_test(patience_counts_from_the_first_failure_after_progress),
		cmocka_unit_test(what_a_pool_refuses_is_not_asked_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
