/* test/roles/call_rate.c tests roles/call_rate.c */
#include "roles/call_rate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/status.h"

static int takes(struct call_rate *r, const char *token, int n, int64_t now)
{
	struct error err;
	int taken = 0;

	for (int i = 0; i < n; i++)
		taken += call_rate_take(r, token, 100, now, &err) == 0;
	return taken;
}

static void a_token_has_a_burst_and_then_so_many_a_second(void **state)
{
	struct call_rate r = {0};
	struct error err = {0};

	(void)state;
	assert_int_equal(takes(&r, "a", 2000, 5000), 1000);
	assert_int_equal(takes(&r, "b", 10, 5000), 10);
	assert_int_equal(call_rate_take(&r, "a", 100, 5000, &err), STATUS_RESOURCE_EXHAUSTED);
	assert_non_null(strstr(err.text, "taken in 10 ms"));
	assert_int_equal(call_rate_take(&r, "a", 100, 5004, &err), STATUS_RESOURCE_EXHAUSTED);
	assert_non_null(strstr(err.text, "taken in 6 ms"));
	assert_int_equal(takes(&r, "a", 5, 5010), 1);
	assert_int_equal(takes(&r, "a", 2000, 6010), 100);
	assert_int_equal(takes(&r, "a", 2000, 1000000), 1000);
	call_rate_release(&r);
}

static void only_so_many_tokens_are_remembered(void **state)
{
	struct call_rate r = {0};
	char token[16];

	(void)state;
	assert_int_equal(takes(&r, "a", 2000, 5000), 1000);
	for (int i = 0; i < CALL_RATE_TOKENS_MAX; i++) {
		snprintf(token, sizeof token, "t%d", i);
		takes(&r, token, 1, 5000);
	}
	assert_int_equal(takes(&r, "a", 1, 5000), 1);
	call_rate_release(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_has_a_burst_and_then_so_many_a_second),
		cmocka_unit_test(only_so_many_tokens_are_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
