/* test/roles/weak_password.c tests roles/weak_password.c */
#include "roles/weak_password.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void what_is_tried_first_is_refused(void **state)
{
	static const char *const weak[] = {
		"password", "Password1!", "PASSWORD2026", "p@ssw0rd", "iloveyou", "letmein1", "letmein2024!", "12345678", "1234567890",
		"87654321", "qwertyuiop", "asdfghjkl", "1q2w3e4r", "aaaaaaaa", "abababab", "abcdefgh", "alice123", "AliceAlice",
		"alice!!!!", "monkey12", "monkeymonkey", "welcome1", "admin123", "20011970", "hivemind", "correcthorsebatterystaple",
	};

	(void)state;
	for (size_t i = 0; i < sizeof weak / sizeof *weak; i++) {
		if (password_weakness(weak[i], "alice") == NULL)
			fail_msg("%s is taken", weak[i]);
	}
}

static void others_are_taken(void **state)
{
	static const char *const strong[] = {
		"correct horse", "long enough", "the right password to be heard", "monkey business", "alice in chains", "xkcd-936-staple",
		"Passwords are old", "8f3k2j1q", "\xc3\xbc" "ber den Wolken",
	};

	(void)state;
	for (size_t i = 0; i < sizeof strong / sizeof *strong; i++) {
		const char *fault = password_weakness(strong[i], "alice");

		if (fault != NULL)
			fail_msg("%s %s", strong[i], fault);
	}
	assert_non_null(password_weakness("volunteer", "ann"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_tried_first_is_refused),
		cmocka_unit_test(others_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
