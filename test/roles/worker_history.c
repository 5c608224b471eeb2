/* test/roles/worker_history.c - what a worker remembers of its tasks, over restarts and torn lines, without growing. */
#include "roles/worker_history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char path[64];

static void put(struct worker_history *h, int number)
{
	struct history_entry e = {.epoch = (uint32_t)number, .ended_ms = 1800000000000 + number, .run_ms = 1234, .cpu_ms = 5678,
				  .peak_memory = 99, .result = "failed", .reason = "it said \"no\"\n", .name = "n"};

	snprintf(e.task, sizeof e.task, "7kq2.%d", number);
	worker_history_put(h, &e);
}

static void it_is_read_as_it_was_written(void **state)
{
	struct worker_history h;
	struct history_entry before;

	(void)state;
	worker_history_open(&h, path);
	put(&h, 1);
	put(&h, 2);
	before = *worker_history_get(&h, 0);
	worker_history_close(&h);
	worker_history_open(&h, path);
	assert_memory_equal(worker_history_get(&h, 0), &before, sizeof before);
	assert_int_equal(worker_history_get(&h, 1)->epoch, 1);
	assert_null(worker_history_get(&h, 2));
	worker_history_close(&h);
}

static void a_line_that_was_cut_short_is_none(void **state)
{
	struct worker_history h;
	struct stat st;

	(void)state;
	worker_history_open(&h, path);
	put(&h, 1);
	put(&h, 2);
	worker_history_close(&h);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size - 20), 0);
	worker_history_open(&h, path);
	assert_int_equal(worker_history_get(&h, 0)->epoch, 1);
	assert_null(worker_history_get(&h, 1));
	put(&h, 3);
	worker_history_close(&h);
	worker_history_open(&h, path);
	assert_int_equal(worker_history_get(&h, 0)->epoch, 3); /* what follows it is whole */
	worker_history_close(&h);
}

static void neither_memory_nor_file_grows_without_end(void **state)
{
	struct worker_history h;
	struct stat st;

	(void)state;
	worker_history_open(&h, path);
	for (int i = 1; i <= 5 * HISTORY_MAX; i++)
		put(&h, i);
	assert_int_equal(worker_history_get(&h, 0)->epoch, 5 * HISTORY_MAX);
	assert_int_equal(worker_history_get(&h, HISTORY_MAX - 1)->epoch, 4 * HISTORY_MAX + 1);
	assert_null(worker_history_get(&h, HISTORY_MAX));
	worker_history_close(&h);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size < 2 * HISTORY_MAX * 260);
	worker_history_open(&h, path);
	assert_int_equal(worker_history_get(&h, HISTORY_MAX - 1)->epoch, 4 * HISTORY_MAX + 1);
	worker_history_close(&h);
}

static int begin(void **state)
{
	int fd;

	(void)state;
	strcpy(path, "/tmp/hm-history-XXXXXX");
	fd = mkstemp(path);
	return fd < 0 || close(fd) != 0;
}

static int end(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_is_read_as_it_was_written, begin, end),
		cmocka_unit_test_setup_teardown(a_line_that_was_cut_short_is_none, begin, end),
		cmocka_unit_test_setup_teardown(neither_memory_nor_file_grows_without_end, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
