/* test/roles/pool_seen.c - the newest pool is known to the next process; a file that is not
 * as it should be is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "roles/pool_seen.h"

#define ONE "0000000000000000"
#define OTHER "1111111111111111"

static char directory[64];
static struct pool_seen seen;

static int setup(void **state)
{
	(void)state;
	snprintf(directory, sizeof directory, "/tmp/hm-seen-XXXXXX");
	return mkdtemp(directory) == NULL;
}

static int teardown(void **state)
{
	char command[100];

	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", directory);
	return system(command);
}

static void put(const char *text)
{
	FILE *f = fopen(seen.path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void one_that_was_replaced_is_refused_by_the_next_process_too(void **state)
{
	(void)state;
	pool_seen_open(&seen, directory);
	assert_string_equal(seen.id, "");
	assert_true(pool_seen_obey(&seen, ONE, 7));
	assert_true(pool_seen_obey(&seen, ONE, 7));
	assert_false(pool_seen_obey(&seen, ONE, 6));
	pool_seen_open(&seen, directory);
	assert_false(pool_seen_obey(&seen, ONE, 6));
	assert_true(pool_seen_obey(&seen, ONE, 8));
	pool_seen_open(&seen, directory);
	assert_int_equal(seen.epoch, 8);
}

static void another_pool_is_another(void **state)
{
	(void)state;
	pool_seen_open(&seen, directory);
	assert_true(pool_seen_obey(&seen, ONE, 7));
	assert_true(pool_seen_obey(&seen, OTHER, 1));
	pool_seen_open(&seen, directory);
	assert_string_equal(seen.id, OTHER);
	assert_true(pool_seen_obey(&seen, ONE, 1));
}

static void a_torn_or_strange_file_is_none(void **state)
{
	static const char *const strange[] = {
		"", "\n", "hivemind-pool 1 " ONE " 7", "hivemind-pool 1 " ONE, "hivemind-pool 2 " ONE " 7\n",
		"hivemind-pool 1 " ONE " x\n", "hivemind-pool 1 ../../../../../.. 7\n", "hivemind-pool 1 " ONE ONE " 7\n",
	};

	(void)state;
	pool_seen_open(&seen, directory);
	for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
		put(strange[i]);
		pool_seen_open(&seen, directory);
		assert_string_equal(seen.id, "");
		assert_true(pool_seen_obey(&seen, ONE, 1));
	}
}

static void a_directory_that_cannot_be_written_to_is_no_reason_to_refuse(void **state)
{
	(void)state;
	pool_seen_open(&seen, "/nonexistent");
	assert_true(pool_seen_obey(&seen, ONE, 2));
	assert_false(pool_seen_obey(&seen, ONE, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_that_was_replaced_is_refused_by_the_next_process_too, setup, teardown),
		cmocka_unit_test_setup_teardown(another_pool_is_another, setup, teardown),
		cmocka_unit_test_setup_teardown(a_torn_or_strange_file_is_none, setup, teardown),
		cmocka_unit_test_setup_teardown(a_directory_that_cannot_be_written_to_is_no_reason_to_refuse, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
