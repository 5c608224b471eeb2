/* test/ui/text.c tests ui/text.c and ui/table.c: what strangers write does not speak to the terminal. */
#include "ui/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ui/term.h"

static void expect_safe(const char *text, bool keep_lines, const char *wanted)
{
	struct buf out = {0};

	term_safe(&out, text, strlen(text), keep_lines);
	assert_string_equal(buf_text(&out), wanted);
	buf_release(&out);
}

static int utf8(void **state)
{
	(void)state;
	return setenv("LC_ALL", "C.UTF-8", 1) != 0 || setenv("NO_COLOR", "1", 1) != 0;
}

static void escapes_become_visible(void **state)
{
	(void)state;
	expect_safe("\x1b[2Jgone\x07", false, "^[[2Jgone^G");
	expect_safe("csi \xc2\x9b" "31m", false, "csi <U+009B>31m");
	expect_safe("del \x7f", false, "del ^?");
	expect_safe("\xe2\x80\xaetxt.exe", false, "<U+202E>txt.exe");
	expect_safe("bad \xff\xc0\xaf.", false, "bad \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd.");
	expect_safe("plain \xe7\xad\x94\xe6\xa1\x88 text", false, "plain \xe7\xad\x94\xe6\xa1\x88 text");
}

static void lines_stay_only_where_they_may(void **state)
{
	(void)state;
	expect_safe("a\tb\nc", true, "a\tb\nc");
	expect_safe("a\tb\nc", false, "a^Ib^Jc");
	expect_safe("dos\r\nend", true, "dos\nend");
	expect_safe("10%\r20%\r", true, "10%\n20%\n");
}

static void a_terminal_that_is_not_utf8_sees_ascii(void **state)
{
	(void)state;
	setenv("LC_ALL", "C", 1);
	expect_safe("\xe7\xad\x94 \xc2\x9b x \xff", false, "? <U+009B> x ?");
	setenv("LC_ALL", "C.UTF-8", 1);
}

static void a_character_that_is_begun_waits_for_its_end(void **state)
{
	(void)state;
	assert_int_equal(text_incomplete("abc", 3), 0);
	assert_int_equal(text_incomplete("ab\xe7", 3), 1);
	assert_int_equal(text_incomplete("ab\xe7\xad", 4), 2);
	assert_int_equal(text_incomplete("ab\xe7\xad\x94", 5), 0);
	assert_int_equal(text_incomplete("\xf0\x9f\x90", 3), 3);
	assert_int_equal(text_incomplete("line\r", 5), 1);
	assert_int_equal(text_incomplete("\xad\xad\xad\xad", 4), 0);
	assert_int_equal(text_incomplete("", 0), 0);
}

static void widths_count_columns(void **state)
{
	(void)state;
	assert_int_equal(term_columns("abc"), 3);
	assert_int_equal(term_columns("\xe7\xad\x94\xe6\xa1\x88"), 4);
	assert_int_equal(term_columns("e\xcc\x81"), 1);
	assert_int_equal(term_columns("\xff"), 1);
}

static void numbers_are_for_people(void **state)
{
	char buf[24];

	(void)state;
	assert_string_equal(format_bytes(0, buf), "0 B");
	assert_string_equal(format_bytes(1023, buf), "1023 B");
	assert_string_equal(format_bytes(1024, buf), "1 KiB");
	assert_string_equal(format_bytes(3355443, buf), "3.2 MiB");
	assert_string_equal(format_bytes(UINT64_MAX, buf), "16 EiB");
	assert_string_equal(format_ms(250, buf), "0.25s");
	assert_string_equal(format_ms(18000, buf), "18s");
	assert_string_equal(format_ms(100000, buf), "1m40s");
	assert_string_equal(format_ms(3600000, buf), "1h00m");
	assert_string_equal(format_ms(90000000, buf), "1d01h");
	assert_string_equal(format_ms(-1, buf), "-");
	assert_string_equal(format_age(2999, buf), "2s");
}

static void a_table_is_aligned_and_safe(void **state)
{
	static const char *const headers[] = {"ID", "NAME", "STATE"};
	struct table *t = table_new(headers, 3);
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	(void)state;
	table_row(t, (const char *[]){"7kq2", "\x1b[31mred", "RUNNING"});
	table_row(t, (const char *[]){"m0xd", "\xe7\xad\x94", NULL});
	table_print(t, f);
	table_free(t);
	fclose(f);
	assert_string_equal(text, "ID    NAME       STATE\n"
				  "7kq2  ^[[31mred  RUNNING\n"
				  "m0xd  \xe7\xad\x94         -\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escapes_become_visible),
		cmocka_unit_test(lines_stay_only_where_they_may),
		cmocka_unit_test(a_terminal_that_is_not_utf8_sees_ascii),
		cmocka_unit_test(a_character_that_is_begun_waits_for_its_end),
		cmocka_unit_test(widths_count_columns),
		cmocka_unit_test(numbers_are_for_people),
		cmocka_unit_test(a_table_is_aligned_and_safe),
	};

	return cmocka_run_group_tests(tests, utf8, NULL);
}
