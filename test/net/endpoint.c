#include "net/endpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/status.h"

static struct endpoint e;
static struct error err;

static void check(const char *text, const char *host, int port, const char *again)
{
	char buf[300];

	assert_int_equal(endpoint_parse(&e, text, &err), 0);
	assert_string_equal(e.host, host);
	assert_int_equal(e.port, port);
	assert_string_equal(endpoint_text(&e, buf, sizeof buf), again);
}

static void hosts_and_ports_are_read(void **state)
{
	(void)state;
	check("pool.example.org", "pool.example.org", PORT_DEFAULT, "pool.example.org:50051");
	check("127.0.0.1:0", "127.0.0.1", 0, "127.0.0.1:0");
	check("[::1]:7", "::1", 7, "[::1]:7");
	check("[::1]", "::1", PORT_DEFAULT, "[::1]:50051");
	check("fe80::1", "fe80::1", PORT_DEFAULT, "[fe80::1]:50051");
}

static void unix_sockets_are_read(void **state)
{
	char buf[300];

	(void)state;
	assert_int_equal(endpoint_parse(&e, "unix:/run/x.sock", &err), 0);
	assert_string_equal(e.path, "/run/x.sock");
	assert_string_equal(e.host, "");
	assert_string_equal(endpoint_text(&e, buf, sizeof buf), "unix:/run/x.sock");
}

#define PIN "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void a_pin_is_read(void **state)
{
	(void)state;
	check("host:5#sha256:" PIN, "host", 5, "host:5");
	assert_string_equal(e.pin, PIN);
}

static void what_is_no_endpoint_is_refused(void **state)
{
	static const char *const texts[] = {
	    "",         ":5",        "host:",       "host:x",  "host:-1", "host:65536",
	    "ho st",    "[::1",      "[::1]5",      "[]:5",    "unix:",   "http://host",
	    "host#pin", "a#sha256:", "a#sha256:12", "host:1 ", "host:5x"};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		memset(&err, 0, sizeof err);
		assert_int_equal(endpoint_parse(&e, texts[i], &err), STATUS_INVALID_ARGUMENT);
		assert_int_equal(err.status, STATUS_INVALID_ARGUMENT);
		assert_true(err.hint[0] != '\0');
	}
}

static void what_is_too_long_is_refused(void **state)
{
	char text[600];

	(void)state;
	memset(text, 'a', sizeof text);
	text[599] = '\0';
	assert_int_equal(endpoint_parse(&e, text, &err), STATUS_INVALID_ARGUMENT);
	text[300] = '\0';
	assert_int_equal(endpoint_parse(&e, text, &err), STATUS_INVALID_ARGUMENT);
	memcpy(text, "unix:", 5);
	text[5 + 108] = '\0';
	assert_int_equal(endpoint_parse(&e, text, &err), STATUS_INVALID_ARGUMENT);
}

static void what_is_written_is_read_as_the_same(void **state)
{
	static const char *const texts[] = {"[unix]:5",
					    "unix#sha256:0123456789abcdef0123456789abcdef0123456789abcdef"
					    "0123456789abcdef"};
	static const char *const refused[] = {"a[2000::1]:25025", "a]b", "unix:/run/a\n[b]", "unix:/\x7f"};
	char text[400];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(endpoint_parse(&e, texts[i], &err), 0);
		assert_string_equal(e.host, "unix");
		assert_int_equal(endpoint_parse(&e, endpoint_text(&e, text, sizeof text), &err), 0);
		assert_string_equal(e.host, "unix");
	}
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(endpoint_parse(&e, refused[i], &err), STATUS_INVALID_ARGUMENT);
}

static void local_is_what_stays_on_this_machine(void **state)
{
	static const char *const local[] = {"localhost:1", "127.0.0.1", "127.8.9.1:4", "[::1]:1", "unix:/x"};
	static const char *const remote[] = {"example.org", "10.0.0.1", "127.evil.org", "[::]:1", "0.0.0.0"};

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(endpoint_parse(&e, local[i], &err), 0);
		assert_true(endpoint_is_local(&e));
		assert_int_equal(endpoint_parse(&e, remote[i], &err), 0);
		assert_false(endpoint_is_local(&e));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hosts_and_ports_are_read),
	    cmocka_unit_test(unix_sockets_are_read),
	    cmocka_unit_test(a_pin_is_read),
	    cmocka_unit_test(what_is_no_endpoint_is_refused),
	    cmocka_unit_test(what_is_too_long_is_refused),
	    cmocka_unit_test(what_is_written_is_read_as_the_same),
	    cmocka_unit_test(local_is_what_stays_on_this_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
