/* test/roles/upload.c tests roles/upload.c against a pool that breaks. */
#define _GNU_SOURCE
#include "test/roles/blob_pool.h"

#include <sys/mman.h>

#include "roles/upload.h"

#define SIZE (3 * MiB + 12345)

static struct upload upload;
static struct error result;
static int ended;
static uint64_t last_progress;

static void on_progress(struct upload *u, uint64_t done)
{
	assert_true(done <= u->size);
	last_progress = done;
}

static void on_done(struct upload *u, const struct error *err)
{
	(void)u;
	ended++;
	result = *err;
	loop_stop(&pool.loop);
}

/* A file of n bytes, and a pool that waits for it. */
static int a_file(size_t n)
{
	uint8_t *data = random_blob(n, pool.sha256);
	int fd = memfd_create("blob", 0);

	assert_int_equal(write(fd, data, n), (ssize_t)n);
	free(data);
	pool.blob = malloc(n + 1);
	pool.size = n;
	return fd;
}

static void prepare(int fd, size_t n)
{
	upload = (struct upload){.loop = &pool.loop,
	                         .channel = pool.channel,
	                         .fd = fd,
	                         .size = n,
	                         .on_progress = on_progress,
	                         .on_done = on_done};
	memcpy(upload.sha256, pool.sha256, sizeof upload.sha256);
	ended = 0;
	last_progress = 0;
}

static void run(void)
{
	upload_start(&upload);
	assert_int_equal(ended, 0);
	while (ended == 0)
		loop_run(&pool.loop);
	assert_int_equal(ended, 1);
	close(upload.fd);
}

static void a_file_arrives_whole(void **state)
{
	(void)state;
	prepare(a_file(SIZE), SIZE);
	run();
	assert_int_equal(result.status, 0);
	assert_true(pool.complete);
	assert_int_equal(pool.received, SIZE);
	assert_int_equal(upload.sent, SIZE);
	assert_int_equal(last_progress, SIZE);
}

static void what_the_pool_has_is_not_sent(void **state)
{
	(void)state;
	prepare(a_file(SIZE), SIZE);
	pool.have = SIZE;
	pool.complete = true;
	run();
	assert_int_equal(result.status, 0);
	assert_int_equal(pool.uploads, 0);
	assert_int_equal(upload.sent, 0);
}

static void a_break_goes_on_where_it_was(void **state)
{
	(void)state;
	prepare(a_file(SIZE), SIZE);
	pool.break_at = SIZE / 2;
	pool.breaks = 3;
	run();
	assert_int_equal(result.status, 0);
	assert_true(pool.complete);
	assert_int_equal(pool.received, SIZE); /* nothing came twice */
	assert_int_equal(pool.uploads, 4);
	assert_int_equal(pool.offsets, 4);
}

static void the_last_byte_may_be_all_that_is_missing(void **state)
{
	(void)state;
	prepare(a_file(SIZE), SIZE);
	pool.break_at = SIZE;
	pool.breaks = 1;
	run();
	assert_int_equal(result.status, 0);
	assert_int_equal(pool.received, SIZE);
}

static void a_pool_that_never_answers_is_told_at_once(void **state)
{
	(void)state;
	prepare(a_file(100), 100);
	grpc_server_close(pool.server, 0, NULL, NULL);
	pool.server = NULL;
	run();
	assert_int_equal(result.status, STATUS_UNAVAILABLE);
	assert_non_null(strstr(result.text, "cannot reach"));
}

static void what_the_pool_refuses_is_not_sent_again(void **state)
{
	(void)state;
	prepare(a_file(SIZE), SIZE);
	pool.refuse = STATUS_INVALID_ARGUMENT;
	run();
	assert_int_equal(result.status, STATUS_INVALID_ARGUMENT);
	assert_string_equal(result.text, "refused");
	assert_int_equal(pool.offsets, 1);
}

static void another_hash_is_data_loss(void **state)
{
	(void)state;
	prepare(a_file(SIZE), SIZE);
	memset(pool.sha256, 'a', 64);
	run();
	assert_int_equal(result.status, STATUS_DATA_LOSS);
}

static void a_file_that_became_shorter_is_told(void **state)
{
	int fd;

	(void)state;
	fd = a_file(SIZE);
	prepare(fd, SIZE);
	assert_int_equal(ftruncate(fd, 1 * MiB), 0);
	run();
	assert_int_equal(result.status, STATUS_DATA_LOSS);
	assert_non_null(strstr(result.text, "shorter"));
}

static void a_cancelled_upload_ends_once_wherever_it_is(void **state)
{
	(void)state;
	prepare(a_file(SIZE), SIZE);
	upload_start(&upload);
	for (int turns = 0; ended == 0; turns++) {
		if (turns == 7)
			upload_cancel(&upload);
		uv_run(&pool.loop.uv, UV_RUN_ONCE);
	}
	assert_int_equal(ended, 1);
	assert_int_equal(result.status, STATUS_CANCELLED);
	close(upload.fd);
}

static void cancelling_at_once_and_twice_is_fine(void **state)
{
	(void)state;
	prepare(a_file(SIZE), SIZE);
	upload_start(&upload);
	upload_cancel(&upload);
	upload_cancel(&upload);
	assert_int_equal(ended, 0);
	while (ended == 0)
		loop_run(&pool.loop);
	assert_int_equal(result.status, STATUS_CANCELLED);
	close(upload.fd);
}

#define TEST_OF(f) cmocka_unit_test_setup_teardown(f, pool_open, pool_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_OF(a_file_arrives_whole),
		TEST_OF(what_the_pool_has_is_not_sent),
		TEST_OF(a_break_goes_on_where_it_was),
		TEST_OF(the_last_byte_may_be_all_that_is_missing),
		TEST_OF(a_pool_that_never_answers_is_told_at_once),
		TEST_OF(what_the_pool_refuses_is_not_sent_again),
		TEST_OF(another_hash_is_data_loss),
		TEST_OF(a_file_that_became_shorter_is_told),
		TEST_OF(a_cancelled_upload_ends_once_wherever_it_is),
		TEST_OF(cancelling_at_once_and_twice_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
