/* test/ui/http_session.c tests ui/http_session.c. */
#include "ui/http_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct http_sessions s;

static uint64_t find(const char *before, const char *secret, int64_t now)
{
	char field[300];

	snprintf(field, sizeof field, "%s%s", before, secret);
	return http_sessions_find(&s, field, "hivemind_5001", now);
}

static void a_session_is_found_by_its_cookie_alone(void **state)
{
	char secret[HTTP_SECRET_SIZE], other[HTTP_SECRET_SIZE];
	uint64_t number = http_sessions_begin(&s, secret, 1);

	(void)state;
	assert_int_not_equal(http_sessions_begin(&s, other, 1), number);
	assert_string_not_equal(secret, other);
	assert_int_equal(find("hivemind_5001=", secret, 2), number);
	assert_int_equal(find("a=b; hivemind_5000=x;  hivemind_5001=", secret, 2), number);
	assert_int_equal(find("hivemind_5000=", secret, 2), 0);
	assert_int_equal(find("xhivemind_5001=", secret, 2), 0);
	assert_int_equal(find("hivemind_5001=0", secret, 2), 0);
	assert_int_equal(find("hivemind_5001=", "", 2), 0);
	assert_int_equal(http_sessions_find(&s, NULL, "hivemind_5001", 2), 0);
	secret[63] = secret[63] == '0' ? '1' : '0';
	assert_int_equal(find("hivemind_5001=", secret, 2), 0);
	http_sessions_end(&s, number + 1);
	assert_int_equal(find("hivemind_5001=", other, 2), 0);
}

static void a_session_that_nobody_uses_ends(void **state)
{
	char secret[HTTP_SECRET_SIZE];
	uint64_t number = http_sessions_begin(&s, secret, 0);

	(void)state;
	assert_int_equal(find("hivemind_5001=", secret, HTTP_SESSION_IDLE_MS), number);
	assert_int_equal(find("hivemind_5001=", secret, 2 * HTTP_SESSION_IDLE_MS), number);
	assert_int_equal(find("hivemind_5001=", secret, 3 * HTTP_SESSION_IDLE_MS + 1), 0);
}

static void the_one_unused_for_longest_makes_room(void **state)
{
	char first[HTTP_SECRET_SIZE], second[HTTP_SECRET_SIZE], more[HTTP_SECRET_SIZE];
	uint64_t number;

	(void)state;
	memset(&s, 0, sizeof s);
	number = http_sessions_begin(&s, first, 1);
	http_sessions_begin(&s, second, 2);
	for (int i = 2; i < HTTP_SESSIONS_MAX; i++)
		http_sessions_begin(&s, more, 3);
	assert_int_equal(find("hivemind_5001=", first, 4), number);
	http_sessions_begin(&s, more, 5);
	assert_int_equal(find("hivemind_5001=", second, 6), 0);
	assert_int_equal(find("hivemind_5001=", first, 6), number);
}

static void a_key_works_once(void **state)
{
	char first[HTTP_KEY_SIZE], key[HTTP_KEY_SIZE];

	(void)state;
	http_sessions_key(&s, first);
	assert_false(http_sessions_use_key(&s, ""));
	assert_false(http_sessions_use_key(&s, "0123456789abcdef0123456789abcdef"));
	assert_true(http_sessions_use_key(&s, first));
	assert_false(http_sessions_use_key(&s, first));
	http_sessions_key(&s, first);
	for (int i = 0; i < HTTP_KEYS_MAX; i++)
		http_sessions_key(&s, key);
	assert_false(http_sessions_use_key(&s, first)); /* made room */
	assert_true(http_sessions_use_key(&s, key));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_session_is_found_by_its_cookie_alone),
	    cmocka_unit_test(a_session_that_nobody_uses_ends),
	    cmocka_unit_test(the_one_unused_for_longest_makes_room),
	    cmocka_unit_test(a_key_works_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
