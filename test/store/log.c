/* test/store/log.c tests store/log.c */
#include "store/log.h"

#include <fcntl.h>
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

#include "proto/limits.h"

#define TASK "7kq2mm9c3v8w04ta.1"

static struct loop loop;
static struct logs *logs;
static char dir[64];
static int told;

static int set_up(void **state)
{
	struct error err;

	(void)state;
	snprintf(dir, sizeof dir, "/tmp/hm-log-XXXXXX");
	assert_non_null(mkdtemp(dir));
	loop_init(&loop);
	logs = logs_open(&loop, dir, &err);
	assert_non_null(logs);
	told = 0;
	return 0;
}

static int tear_down(void **state)
{
	char command[100];

	(void)state;
	loop_run(&loop);
	assert_false(logs_busy(logs));
	logs_free(logs);
	loop_close(&loop);
	snprintf(command, sizeof command, "rm -r %s", dir);
	return system(command);
}

static void on_read(struct log_read *r)
{
	(void)r;
}

/* Everything of an attempt's file as text, "S:data" for records of another stream than 1. */
static char *read_all(uint32_t epoch)
{
	struct log_read r = {.on_done = on_read};
	struct buf text = {0};
	uint64_t place = 0;
	char *copy;

	loop_run(&loop); /* what is on its way is written first */
	do {
		struct log_record record;
		size_t at = 0;

		log_read(logs, &r, TASK, epoch, place);
		loop_run(&loop);
		assert_int_equal(r.error.status, 0);
		while (log_record(&r.data, &at, &record)) {
			if (record.stream != 1)
				buf_printf(&text, "%d:", record.stream);
			buf_append(&text, record.data, record.n);
		}
		place += at;
	} while (r.data.n > 0);
	copy = strdup(buf_text(&text));
	buf_release(&text);
	buf_release(&r.data);
	return copy;
}

static void expect(uint32_t epoch, const char *text)
{
	char *all = read_all(epoch);

	assert_string_equal(all, text);
	free(all);
}

static void what_was_appended_is_read_in_order(void **state)
{
	struct log *g = log_open(logs, TASK, 1);

	(void)state;
	log_append(g, 1, "one\n", 4, 1, 0);
	log_append(g, 2, "two\n", 4, 2, 4);
	loop_run(&loop);
	log_append(g, 1, "three\n", 6, 3, 8);
	log_close(g);
	expect(1, "one\n2:two\nthree\n");
	expect(2, "");
}

static void repeats_are_dropped_also_after_a_restart(void **state)
{
	struct log *g = log_open(logs, TASK, 1);

	(void)state;
	log_append(g, 1, "0123", 4, 1, 0);
	log_append(g, 1, "0123", 4, 1, 0);
	log_append(g, 1, "2345", 4, 1, 2);
	log_close(g);
	loop_run(&loop);
	g = log_open(logs, TASK, 1); /* nothing of the first is in memory any more */
	log_append(g, 1, "4567", 4, 1, 4);
	log_close(g);
	expect(1, "01234567");
}

static void a_gap_is_remarked(void **state)
{
	struct log *g = log_open(logs, TASK, 1);

	(void)state;
	log_append(g, 1, "a", 1, 1, 0);
	log_append(g, 1, "z", 1, 1, 100);
	log_close(g);
	expect(1, "a3:[some output was lost on its way]\nz");
}

static void a_torn_end_is_cut_off_when_it_is_written_again(void **state)
{
	struct log *g = log_open(logs, TASK, 1);
	char path[200];
	struct stat st;

	(void)state;
	log_append(g, 1, "whole\n", 6, 1, 0);
	log_append(g, 1, "torn\n", 5, 1, 6);
	log_close(g);
	loop_run(&loop);
	snprintf(path, sizeof path, "%s/logs/%.2s/%s.1", dir, TASK, TASK);
	assert_int_equal(stat(path, &st), 0);
	for (off_t cut = 1; cut < 24 + 5; cut++) {
		assert_int_equal(truncate(path, st.st_size - cut), 0);
		expect(1, "whole\n");
		g = log_open(logs, TASK, 1);
		log_append(g, 1, "torn\n", 5, 1, 6);
		log_close(g);
		expect(1, "whole\ntorn\n");
	}
}

static void a_flood_is_cut_at_the_limit_and_says_so(void **state)
{
	struct log *g = log_open(logs, TASK, 1);
	char *block = calloc(1, 1 << 20), *all;

	(void)state;
	memset(block, 'x', 1 << 20);
	for (uint64_t i = 0; i < 10; i++) {
		log_append(g, 1, block, 1 << 20, 1, i << 20);
		loop_run(&loop);
	}
	assert_in_range(log_size(g), LOG_HEAD_MAX + LOG_TAIL_MAX, LOG_HEAD_MAX + LOG_TAIL_MAX + 64 * KiB);
	log_close(g);
	all = read_all(1);
	assert_non_null(strstr(all, "3:[the log is full"));
	free(all);
	free(block);
}

static void on_more(struct log_follower *f)
{
	(void)f;
	told++;
}

static void a_follower_is_told_of_more_and_of_the_end(void **state)
{
	struct log *g = log_open(logs, TASK, 1), *mine = log_open(logs, TASK, 1);
	struct log_follower f = {.on_more = on_more};

	(void)state;
	assert_ptr_equal(g, mine);
	log_follow(mine, &f);
	log_append(g, 1, "a", 1, 1, 0);
	assert_int_equal(told, 0);
	loop_run(&loop);
	assert_int_equal(told, 1);
	assert_false(log_over(g));
	log_append(g, 1, "b", 1, 1, 1);
	log_end(g);
	assert_false(log_over(g)); /* the last bytes are on their way */
	log_close(g);
	loop_run(&loop);
	assert_int_equal(told, 2);
	assert_true(log_over(mine));
	log_unfollow(mine, &f);
	log_close(mine);
}

static void a_deleted_log_is_gone_with_all_its_attempts(void **state)
{
	(void)state;
	for (uint32_t epoch = 1; epoch <= 3; epoch++) {
		struct log *g = log_open(logs, TASK, epoch);

		log_append(g, 1, "x", 1, 1, 0);
		log_close(g);
	}
	loop_run(&loop);
	logs_delete(logs, TASK, 3);
	loop_run(&loop);
	for (uint32_t epoch = 1; epoch <= 3; epoch++)
		expect(epoch, "");
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_was_appended_is_read_in_order),
		T(repeats_are_dropped_also_after_a_restart),
		T(a_gap_is_remarked),
		T(a_torn_end_is_cut_off_when_it_is_written_again),
		T(a_flood_is_cut_at_the_limit_and_says_so),
		T(a_follower_is_told_of_more_and_of_the_end),
		T(a_deleted_log_is_gone_with_all_its_attempts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
