/* test/roles/download.c tests roles/download.c against a pool that breaks. */
#define _GNU_SOURCE
#include "test/roles/blob_pool.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "roles/download.h"

#define SIZE (3 * MiB + 12345)

static struct download download;
static struct error result;
static int ended;

static void on_done(struct download *d, const struct error *err)
{
	(void)d;
	ended++;
	result = *err;
	loop_stop(&pool.loop);
}

static void prepare(size_t have)
{
	pool.blob = random_blob(SIZE, pool.sha256);
	pool.size = SIZE;
	download = (struct download){.loop = &pool.loop,
	                             .channel = pool.channel,
	                             .kind = PB__BLOB_KIND__RESULT,
	                             .have = have,
	                             .fd = memfd_create("blob", 0),
	                             .on_done = on_done};
	assert_int_equal(write(download.fd, pool.blob, have), (ssize_t)have);
	text_copy(download.task, sizeof download.task, "7kq2mm9c3v8w04ta.1");
	ended = 0;
}

static void run(void)
{
	download_start(&download);
	assert_int_equal(ended, 0);
	while (ended == 0)
		loop_run(&pool.loop);
	assert_int_equal(ended, 1);
}

static void expect_whole(void)
{
	uint8_t *got = malloc(SIZE + 1);

	assert_int_equal(result.status, 0);
	assert_int_equal(pread(download.fd, got, SIZE + 1, 0), SIZE);
	assert_memory_equal(got, pool.blob, SIZE);
	assert_int_equal(download.done, SIZE);
	assert_int_equal(download.size, SIZE);
	free(got);
}

static int close_all(void **state)
{
	close(download.fd);
	return pool_close(state);
}

static void a_blob_arrives_whole(void **state)
{
	(void)state;
	prepare(0);
	memcpy(download.expect, pool.sha256, sizeof download.expect);
	run();
	expect_whole();
	assert_int_equal(download.received, SIZE);
}

static void a_break_goes_on_where_it_was(void **state)
{
	(void)state;
	prepare(0);
	pool.break_at = SIZE / 2;
	pool.breaks = 4;
	run();
	expect_whole();
	assert_int_equal(pool.downloads, 5);
	assert_in_range(download.received, SIZE,
	                SIZE); /* what was on its way at the break was written, and nothing came twice */
}

static void what_an_earlier_run_left_is_not_fetched_again(void **state)
{
	(void)state;
	prepare(SIZE - 1000);
	run();
	expect_whole();
	assert_int_equal(pool.first_offset, SIZE - 1000);
	assert_int_equal(download.received, 1000);
}

static void a_file_that_has_everything_is_only_checked(void **state)
{
	(void)state;
	prepare(SIZE);
	run();
	expect_whole();
	assert_int_equal(download.received, 0);
}

static void what_was_left_of_something_else_is_data_loss(void **state)
{
	(void)state;
	prepare(1000);
	assert_int_equal(pwrite(download.fd, "something else", 14, 3), 14);
	run();
	assert_int_equal(result.status, STATUS_DATA_LOSS);
}

static void a_file_that_is_too_long_is_data_loss(void **state)
{
	(void)state;
	prepare(SIZE);
	pool.size = SIZE / 2;
	run();
	assert_int_equal(result.status, STATUS_DATA_LOSS);
}

static void another_blob_than_expected_is_refused_before_it_is_written(void **state)
{
	(void)state;
	prepare(0);
	memset(download.expect, 'a', 64);
	run();
	assert_int_equal(result.status, STATUS_DATA_LOSS);
	assert_int_equal(download.done, 0);
}

static void a_blob_that_is_too_large_is_refused(void **state)
{
	(void)state;
	prepare(0);
	download.max = 1000;
	run();
	assert_int_equal(result.status, STATUS_RESOURCE_EXHAUSTED);
	assert_int_equal(download.done, 0);
}

static void a_full_disk_is_told(void **state)
{
	(void)state;
	prepare(0);
	close(download.fd);
	download.fd = open("/dev/full", O_WRONLY);
	run();
	assert_int_equal(result.status, STATUS_RESOURCE_EXHAUSTED);
	assert_non_null(strstr(result.text, "No space"));
}

static void what_the_pool_refuses_is_not_asked_again(void **state)
{
	(void)state;
	prepare(0);
	pool.refuse = STATUS_NOT_FOUND;
	run();
	assert_int_equal(result.status, STATUS_NOT_FOUND);
	assert_int_equal(pool.downloads, 1);
}

static void a_cancelled_download_ends_once_wherever_it_is(void **state)
{
	(void)state;
	for (int at = 0; at < 40; at++) {
		if (at > 0) {
			close(download.fd);
			free(pool.blob);
		}
		prepare(at % 2 == 0 ? 0 : 1 * MiB);
		download_start(&download);
		for (int turns = 0; ended == 0; turns++) {
			if (turns == at)
				download_cancel(&download);
			uv_run(&pool.loop.uv, UV_RUN_ONCE);
		}
		assert_int_equal(ended, 1);
		if (result.status != 0)
			assert_int_equal(result.status, STATUS_CANCELLED);
	}
}

#define TEST_OF(f) cmocka_unit_test_setup_teardown(f, pool_open, close_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_OF(a_blob_arrives_whole),
		TEST_OF(a_break_goes_on_where_it_was),
		TEST_OF(what_an_earlier_run_left_is_not_fetched_again),
		TEST_OF(a_file_that_has_everything_is_only_checked),
		TEST_OF(what_was_left_of_something_else_is_data_loss),
		TEST_OF(a_file_that_is_too_long_is_data_loss),
		TEST_OF(another_blob_than_expected_is_refused_before_it_is_written),
		TEST_OF(a_blob_that_is_too_large_is_refused),
		TEST_OF(a_full_disk_is_told),
		TEST_OF(what_the_pool_refuses_is_not_asked_again),
		TEST_OF(a_cancelled_download_ends_once_wherever_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
