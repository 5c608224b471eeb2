/* test/net/utf8.c tests net/utf8.c. */
#include "net/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void expect(const char *text, size_t length, uint32_t code)
{
	uint32_t got = 0;

	assert_int_equal(utf8_decode(text, strlen(text), &got), length);
	if (length > 0)
		assert_int_equal(got, code);
}

static void characters_of_each_length_are_read(void **state)
{
	uint32_t code = 1;

	(void)state;
	assert_int_equal(utf8_decode("", 1, &code), 1);
	assert_int_equal(code, 0);
	expect("\x7f", 1, 0x7f);
	expect("\xc2\x80", 2, 0x80);
	expect("\xdf\xbf", 2, 0x7ff);
	expect("\xe0\xa0\x80", 3, 0x800);
	expect("\xed\x9f\xbf", 3, 0xd7ff);
	expect("\xee\x80\x80", 3, 0xe000);
	expect("\xf0\x90\x80\x80", 4, 0x10000);
	expect("\xf4\x8f\xbf\xbf", 4, 0x10ffff);
}

static void what_is_no_character_is_refused(void **state)
{
	static const char *const wrong[] = {
		"\x80", "\xbf", "\xfe", "\xff",                   /* no first byte */
		"\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", /* longer than need be */
		"\xed\xa0\x80", "\xed\xbf\xbf",                   /* surrogates */
		"\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80",       /* beyond the last */
		"\xc2", "\xe2\x82", "\xf0\x9f\x98", "\xc2" "a",   /* not whole */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		expect(wrong[i], 0, 0);
		assert_false(utf8_valid(wrong[i], strlen(wrong[i])));
	}
	assert_true(utf8_valid("", 0));
	assert_true(utf8_valid("a\0\xe7\xad\x94", 5));
	assert_false(utf8_valid("a\xff" "b", 3));
}

static void what_speaks_to_the_terminal_or_turns_the_writing_is_hidden(void **state)
{
	static const uint32_t hidden[] = {0,     '\n',   0x1b,   0x7f,   0x9b,   0xad,
					  0x61c, 0x200b, 0x202e, 0x2066, 0xfeff, 0xe0041};
	static const uint32_t shown[] = {' ', '~', 0xa0, 0xe9, 0x7b54, 0x1f41d};

	(void)state;
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		assert_true(utf8_is_hidden(hidden[i]));
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		assert_false(utf8_is_hidden(shown[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(characters_of_each_length_are_read),
		cmocka_unit_test(what_is_no_character_is_refused),
		cmocka_unit_test(what_speaks_to_the_terminal_or_turns_the_writing_is_hidden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
