/* The last lines of a log, of pieces of several streams; and no more kept than may be. */
#include "roles/log_tail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void add(struct log_tail *t, uint32_t stream, const char *text)
{
	log_tail_add(t, &(struct log_piece){.stream = stream, .data = (const uint8_t *)text, .n = strlen(text)});
}

/* "1:text|2:text|" */
static const char *rest(struct log_tail *t, char *all, size_t size)
{
	struct log_piece piece;
	size_t n = 0;

	all[0] = '\0';
	while (log_tail_next(t, &piece))
		n += (size_t)snprintf(all + n, size - n, "%u:%.*s|", piece.stream, (int)piece.n, (const char *)piece.data);
	log_tail_release(t);
	return all;
}

static void the_first_piece_begins_with_its_line(void **state)
{
	struct log_tail t = {.lines = 2};
	char all[200];

	(void)state;
	add(&t, 1, "a\nb\n");
	add(&t, 2, "x\n");
	assert_string_equal(rest(&t, all, sizeof all), "1:b\n|2:x\n|");
	add(&t, 1, "a\nb\n");
	add(&t, 1, "c");
	assert_string_equal(rest(&t, all, sizeof all), "1:b\n|1:c|");
	add(&t, 1, "only");
	assert_string_equal(rest(&t, all, sizeof all), "1:only|");
	assert_string_equal(rest(&t, all, sizeof all), "");
	add(&t, 1, "a\n");
	add(&t, 1, "b\n");
	add(&t, 1, "c\n"); /* the cut lies between two pieces */
	assert_string_equal(rest(&t, all, sizeof all), "1:b\n|1:c\n|");
}

static void no_more_is_kept_than_may_be(void **state)
{
	struct log_tail t = {.lines = 1000, .most = 10};
	char all[200];

	(void)state;
	for (int i = 0; i < 50; i++) {
		add(&t, 1, i < 49 ? "12\n" : "ab\n");
		assert_true(t.kept.n <= 10);
	}
	assert_non_null(strstr(rest(&t, all, sizeof all), "1:ab\n|"));
	assert_true(strlen(all) <= 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_piece_begins_with_its_line),
		cmocka_unit_test(no_more_is_kept_than_may_be),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
