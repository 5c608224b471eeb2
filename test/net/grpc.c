#include "net/grpc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/status.h"

static void a_prefix_is_read_as_it_was_written(void **state)
{
	uint8_t bytes[GRPC_PREFIX];

	(void)state;
	grpc_prefix_write(bytes, 0x01020304);
	assert_memory_equal(bytes, "\0\1\2\3\4", 5);
	assert_int_equal(grpc_prefix_read(bytes).length, 0x01020304);
	bytes[0] = 1;
	assert_int_equal(grpc_prefix_read(bytes).flags, 1);
	assert_int_equal(grpc_prefix_read((const uint8_t *)"\0\xff\xff\xff\xff").length, 0xffffffff);
}

static int64_t parse(const char *text)
{
	return grpc_timeout_parse(text, strlen(text));
}

static void timeouts_are_read(void **state)
{
	(void)state;
	assert_int_equal(parse("1S"), 1000);
	assert_int_equal(parse("250m"), 250);
	assert_int_equal(parse("1n"), 1);
	assert_int_equal(parse("1001u"), 2);
	assert_int_equal(parse("0m"), 0);
	assert_int_equal(parse("2M"), 120000);
	assert_int_equal(parse("99999999H"), 99999999ll * 3600000);
}

static void what_is_no_timeout_is_refused(void **state)
{
	static const char *const texts[] = {"", "S", "1", "1x", "-1S", "1.5S", " 1S", "123456789S", "1SS"};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		assert_int_equal(parse(texts[i]), -1);
}

static void timeouts_are_written_so_that_they_fit(void **state)
{
	static const int64_t times[] = {1, 999, 30000, 99999999, 100000001, 86400000ll * 365};
	char text[GRPC_TIMEOUT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
		grpc_timeout_format(text, times[i]);
		assert_true(strlen(text) <= 9);
		assert_true(parse(text) >= times[i] && parse(text) < times[i] + 1000);
	}
	grpc_timeout_format(text, -5);
	assert_string_equal(text, "1m");
	grpc_timeout_format(text, INT64_MAX);
	assert_string_equal(text, "99999999H");
}

static void words_survive_the_wire(void **state)
{
	static const char words[] = "50% caf\xc3\xa9 \xe4\xb8\xad \x7f~";
	char wire[100], back[100];

	(void)state;
	grpc_percent_encode(wire, sizeof wire, words);
	assert_string_equal(wire, "50%25 caf%C3%A9 %E4%B8%AD %7F~");
	grpc_percent_decode(back, sizeof back, wire, strlen(wire));
	assert_string_equal(back, "50% caf\xc3\xa9 \xe4\xb8\xad  ~"); /* no control character comes out */
}

static void words_are_cut_where_there_is_no_room(void **state)
{
	char out[6];

	(void)state;
	grpc_percent_encode(out, sizeof out, "abc\xc3\xa9");
	assert_string_equal(out, "abc");
	grpc_percent_encode(out, sizeof out, "abcdefgh");
	assert_string_equal(out, "abcde");
	grpc_percent_decode(out, sizeof out, "abcdefgh", 8);
	assert_string_equal(out, "abcde");
}

static void what_is_no_escape_stays(void **state)
{
	char out[20];

	(void)state;
	grpc_percent_decode(out, sizeof out, "%", 1);
	assert_string_equal(out, "%");
	grpc_percent_decode(out, sizeof out, "%4", 2);
	assert_string_equal(out, "%4");
	grpc_percent_decode(out, sizeof out, "%zz%41%1b%0a", 12);
	assert_string_equal(out, "%zzA \n");
}

static void other_outcomes_have_a_status(void **state)
{
	(void)state;
	assert_int_equal(grpc_status_from_http(404), STATUS_UNIMPLEMENTED);
	assert_int_equal(grpc_status_from_http(503), STATUS_UNAVAILABLE);
	assert_int_equal(grpc_status_from_http(302), STATUS_UNKNOWN);
	assert_int_equal(grpc_status_from_reset(8), STATUS_CANCELLED);
	assert_int_equal(grpc_status_from_reset(7), STATUS_UNAVAILABLE);
	assert_int_equal(grpc_status_from_reset(11), STATUS_RESOURCE_EXHAUSTED);
	assert_int_equal(grpc_status_from_reset(2), STATUS_INTERNAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_prefix_is_read_as_it_was_written),
	    cmocka_unit_test(timeouts_are_read),
	    cmocka_unit_test(what_is_no_timeout_is_refused),
	    cmocka_unit_test(timeouts_are_written_so_that_they_fit),
	    cmocka_unit_test(words_survive_the_wire),
	    cmocka_unit_test(words_are_cut_where_there_is_no_room),
	    cmocka_unit_test(what_is_no_escape_stays),
	    cmocka_unit_test(other_outcomes_have_a_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
