/* test/proto/typed.c tests proto/typed.c */
#include "proto/typed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void sizes_have_units_of_1024(void **state)
{
	(void)state;
	assert_int_equal(parse_size("0"), 0);
	assert_int_equal(parse_size("1000"), 1000);
	assert_int_equal(parse_size("100_000"), 100000);
	assert_int_equal(parse_size("512MiB"), 512ll << 20);
	assert_int_equal(parse_size("2G"), 2ll << 30);
	assert_int_equal(parse_size("2 GB"), 2ll << 30);
	assert_int_equal(parse_size("10k"), 10240);
	assert_int_equal(parse_size("1.5GiB"), 3ll << 29);
	assert_int_equal(parse_size("12B"), 12);
}

static void what_is_no_size_is_minus_one(void **state)
{
	static const char *const wrong[] = {"",   "G",    "-1",  "1x",  "1 2",     "1GiBx", "_1",
					    "0x", "1e9",  "12b", "1..5G", "9000P", "99999999999999999999"};

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_int_equal(parse_size(wrong[i]), -1);
}

static void durations_have_units_and_add_up(void **state)
{
	(void)state;
	assert_int_equal(parse_duration("90"), 90);
	assert_int_equal(parse_duration("90s"), 90);
	assert_int_equal(parse_duration("5m"), 300);
	assert_int_equal(parse_duration("5min"), 300);
	assert_int_equal(parse_duration("2h"), 7200);
	assert_int_equal(parse_duration("3d"), 259200);
	assert_int_equal(parse_duration("1h30m"), 5400);
	assert_int_equal(parse_duration_ms("250ms"), 250);
	assert_int_equal(parse_duration_ms("1.5s"), 1500);
	assert_int_equal(parse_duration_ms("0.5"), 500);
}

static void what_is_no_duration_is_minus_one(void **state)
{
	static const char *const wrong[] = {"", "s", "-1s", "1y", "1h 30m", "1h30", "1.5s", "99999999999999d"};

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_int_equal(parse_duration(wrong[i]), -1);
}

static void a_slip_finds_the_word_that_was_meant(void **state)
{
	static const char *const words[] = {"submit", "status", "stop", "ps", "logs", "follow", NULL};

	(void)state;
	assert_string_equal(nearest_word("sumbit", words), "submit");
	assert_string_equal(nearest_word("sub", words), "submit");
	assert_string_equal(nearest_word("statsu", words), "status");
	assert_string_equal(nearest_word("folow", words), "follow");
	assert_string_equal(nearest_word("log", words), "logs");
	assert_string_equal(nearest_word("sp", words), "ps");
	assert_null(nearest_word("banana", words));
	assert_null(nearest_word("x", words));
	assert_null(nearest_word("", words));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_have_units_of_1024),
		cmocka_unit_test(what_is_no_size_is_minus_one),
		cmocka_unit_test(durations_have_units_and_add_up),
		cmocka_unit_test(what_is_no_duration_is_minus_one),
		cmocka_unit_test(a_slip_finds_the_word_that_was_meant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
