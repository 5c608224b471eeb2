/* test/ui/ini.c - key = value lines: what is read, and what is refused with file and line. */
#include "ui/ini.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/status.h"

static char seen[4000];
static struct error err;

static int on_line(void *user, const struct ini_line *l, struct error *e)
{
	size_t n = strlen(seen);

	(void)user;
	(void)e;
	if (l->key == NULL)
		snprintf(seen + n, sizeof seen - n, "[%s]", l->section);
	else
		snprintf(seen + n, sizeof seen - n, "%d:%s=%s;", l->line, l->key, l->value);
	return 0;
}

static int read_bytes(const char *bytes, size_t n)
{
	FILE *f = fmemopen((void *)bytes, n, "r");
	int status;

	assert_non_null(f);
	seen[0] = '\0';
	err = (struct error){0};
	status = ini_read(f, "file", on_line, NULL, &err);
	fclose(f);
	assert_int_equal(status, err.status);
	return status;
}

static void keys_stand_under_sections(void **state)
{
	static const char text[] = "a = 1\n# b = 2\n\n [x y]\r\n\tkey\t= v = w \nlast=";

	(void)state;
	assert_int_equal(read_bytes(text, sizeof text - 1), 0);
	assert_string_equal(seen, "1:a=1;[x y]5:key=v = w;6:last=;");
}

static void what_is_neither_is_refused_with_its_line(void **state)
{
	(void)state;
	assert_int_equal(read_bytes("a=1\nword\n", 9), STATUS_INVALID_ARGUMENT);
	assert_non_null(strstr(err.text, "file:2: "));
	assert_int_equal(read_bytes("[]", 2), STATUS_INVALID_ARGUMENT);
	assert_int_equal(read_bytes("[a", 2), STATUS_INVALID_ARGUMENT);
}

/* Blanks at the end of what was read of it used to make two lines of one. */
static void a_line_that_is_too_long_does_not_go_on_as_the_next(void **state)
{
	char text[4100];

	(void)state;
	memset(text, ' ', sizeof text);
	memcpy(text, "a=1", 3);
	memcpy(text + 2060, "b=2", 3);
	assert_int_equal(read_bytes(text, sizeof text), STATUS_INVALID_ARGUMENT);
	assert_non_null(strstr(err.text, "file:1: the line is too long"));
	assert_string_equal(seen, "");
	memset(text, 'x', sizeof text);
	text[0] = '[';
	text[500] = ']';
	assert_int_equal(read_bytes(text, 501), STATUS_INVALID_ARGUMENT);
}

static void a_zero_byte_ends_no_line(void **state)
{
	(void)state;
	assert_int_equal(read_bytes("a=1\0 2\nb=3\n", 12), STATUS_INVALID_ARGUMENT);
	assert_string_equal(seen, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_stand_under_sections),
		cmocka_unit_test(what_is_neither_is_refused_with_its_line),
		cmocka_unit_test(a_line_that_is_too_long_does_not_go_on_as_the_next),
		cmocka_unit_test(a_zero_byte_ends_no_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
