/* test/store/id_set.c - an id is known from its first time on, however many come. */
#include "store/id_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { IDS = 100000 };

static const char *name(char *buf, size_t size, int i)
{
	snprintf(buf, size, "id-%d", i);
	return buf;
}

static void each_is_new_once_also_when_the_table_has_grown(void **state)
{
	struct id_set set = {0};
	char buf[32];

	(void)state;
	for (int i = 0; i < IDS; i++)
		assert_false(id_set_put(&set, name(buf, sizeof buf, i)));
	for (int i = 0; i < IDS; i++)
		assert_true(id_set_put(&set, name(buf, sizeof buf, i)));
	assert_int_equal(set.count, IDS);
	id_set_release(&set);
}

static void the_empty_one_and_those_that_differ_little_are_told_apart(void **state)
{
	static const char *const ids[] = {"", "a", "b", "aa", "ab", "ba", "A"};
	struct id_set set = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		assert_false(id_set_put(&set, ids[i]));
	assert_true(id_set_put(&set, ""));
	id_set_release(&set);
}

static void a_released_one_is_empty_and_may_be_used_again(void **state)
{
	struct id_set set = {0};

	(void)state;
	id_set_release(&set);
	assert_false(id_set_put(&set, "a"));
	id_set_release(&set);
	assert_false(id_set_put(&set, "a"));
	id_set_release(&set);
}

int main(void)
{
#define T(f) cmocka_unit_test(f)
	const struct CMUnitTest tests[] = {
		T(each_is_new_once_also_when_the_table_has_grown),
		T(the_empty_one_and_those_that_differ_little_are_told_apart),
		T(a_released_one_is_empty_and_may_be_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
