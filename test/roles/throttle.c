/* test/roles/throttle.c tests roles/throttle.c */
#include "roles/throttle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/status.h"

#define HERE "127.0.0.1:5000"

static struct throttle t;
static struct error err;
static int64_t now;

static int set_up(void **state)
{
	(void)state;
	memset(&t, 0, sizeof t);
	now = 1000000;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	throttle_release(&t);
	return 0;
}

static bool try_from(const char *name, const char *peer)
{
	int rc = throttle_login(&t, name, true, peer, now, &err);

	assert_true(rc == 0 || rc == STATUS_RESOURCE_EXHAUSTED);
	return rc == 0;
}

static void the_fifth_wrong_password_in_a_row_makes_the_next_wait(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		assert_true(try_from("ann", HERE));
	assert_false(try_from("ann", HERE));
	assert_non_null(strstr(err.text, "in 1 s"));
	now += 999;
	assert_false(try_from("ann", HERE));
	now += 1;
	assert_true(try_from("ann", HERE));
	now += 1999;
	assert_false(try_from("ann", HERE));
	now += 1;
	assert_true(try_from("ann", HERE));
	assert_true(try_from("bob", HERE));
}

static void the_right_password_forgets_the_wrong_ones(void **state)
{
	(void)state;
	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < 5; i++)
			assert_true(try_from("ann", HERE));
		throttle_right(&t, "ann");
	}
}

static void a_hundred_thousand_guesses_are_a_hundred_hashes(void **state)
{
	int hashes = 0;

	(void)state;
	for (int i = 0; i < 100000; i++, now += 1000) /* more than a day */
		hashes += try_from("ann", HERE);
	assert_in_range(hashes, 10, 100);
	now += 300 * THROTTLE_HOUR_MS;
	for (hashes = 0; try_from("ann", HERE); now += THROTTLE_HOUR_MS)
		hashes++;
	assert_true(hashes < 100);
	now += THROTTLE_DAY_MS;
	assert_true(try_from("ann", HERE)); /* one a day */
	now += THROTTLE_DAY_MS - 1;
	assert_false(try_from("ann", HERE));
}

static void other_names_do_not_push_out_an_account_that_waits(void **state)
{
	char name[32];

	(void)state;
	for (int i = 0; i < 20; i++, now += THROTTLE_HOUR_MS)
		try_from("ann", HERE);
	for (int i = 0; i < 2 * THROTTLE_ENTRIES_MAX; i++) {
		snprintf(name, sizeof name, "n%d", i);
		assert_int_equal(throttle_login(&t, name, false, HERE, now, &err), 0);
	}
	try_from("ann", HERE);
	assert_false(try_from("ann", HERE));
}

static void a_source_has_a_budget_and_this_machine_has_none(void **state)
{
	static const char *const peers[] = {"192.0.2.7:%d", "[2001:db8::%d]:443", "[::ffff:192.0.2.8]:%d"};
	char name[32], peer[64];

	(void)state;
	for (size_t p = 0; p < 3; p++) {
		for (int i = 0; i < 2 * THROTTLE_SOURCE_BURST; i++) {
			snprintf(name, sizeof name, "s%zu-%d", p, i);
			snprintf(peer, sizeof peer, peers[p], i + 1);
			assert_int_equal(try_from(name, peer), i < THROTTLE_SOURCE_BURST);
		}
	}
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "l%d", i);
		assert_true(try_from(name, i % 3 == 0 ? "unix" : i % 3 == 1 ? HERE : "[::1]:7"));
	}
	now += 1000;
	assert_true(try_from("again", "192.0.2.7:1"));
	assert_false(try_from("again", "192.0.2.7:1"));
}

static void an_address_makes_three_accounts_a_day(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(throttle_register(&t, "192.0.2.7:1", 3, now, &err), 0);
	assert_int_equal(throttle_register(&t, "192.0.2.7:2", 3, now, &err), STATUS_RESOURCE_EXHAUSTED);
	assert_int_equal(throttle_register(&t, "192.0.2.9:2", 3, now, &err), 0);
	throttle_give_back(&t, "192.0.2.7:9");
	assert_int_equal(throttle_register(&t, "192.0.2.7:3", 3, now, &err), 0);
	now += THROTTLE_DAY_MS;
	assert_int_equal(throttle_register(&t, "192.0.2.7:4", 3, now, &err), 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(throttle_register(&t, HERE, 3, now, &err), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(the_fifth_wrong_password_in_a_row_makes_the_next_wait),
		T(the_right_password_forgets_the_wrong_ones),
		T(a_hundred_thousand_guesses_are_a_hundred_hashes),
		T(other_names_do_not_push_out_an_account_that_waits),
		T(a_source_has_a_budget_and_this_machine_has_none),
		T(an_address_makes_three_accounts_a_day),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
