#include "roles/bundle_cache.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define HASH_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HASH_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static struct bundle_cache cache;
static char data[64], own[512];

static int open_cache(void **state)
{
	struct error err = {0};

	(void)state;
	strcpy(data, "/tmp/hivemind-test-XXXXXX");
	assert_non_null(mkdtemp(data));
	assert_int_equal(bundle_cache_open(&cache, data, NULL, 0, &err), 0);
	snprintf(own, sizeof own, "%s/task.1-1.bundle", cache.transit);
	return 0;
}

static int remove_all(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", data);
	return system(command);
}

/* A sparse file of this size; the cache counts what a file seems to hold. */
static void make_file(const char *path, off_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	close(fd);
}

static void what_was_put_can_be_taken_under_another_name(void **state)
{
	(void)state;
	assert_false(bundle_cache_take(&cache, HASH_A, own));
	make_file(own, 100);
	bundle_cache_put(&cache, HASH_A, own);
	unlink(own);
	assert_true(bundle_cache_take(&cache, HASH_A, own));
	assert_int_equal(access(own, R_OK), 0);
	assert_false(bundle_cache_take(&cache, HASH_B, own));
}

static void the_oldest_goes_when_it_is_too_much_and_who_uses_it_keeps_it(void **state)
{
	struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	char path[512], other[512];
	struct stat st;

	(void)state;
	make_file(own, 100);
	bundle_cache_put(&cache, HASH_A, own);
	snprintf(path, sizeof path, "%s/%s", cache.dir, HASH_A);
	utimensat(AT_FDCWD, path, old, 0);
	snprintf(other, sizeof other, "%s/task.2-1.bundle", cache.transit);
	make_file(other, (off_t)4 << 30);
	bundle_cache_put(&cache, HASH_B, other);
	assert_int_not_equal(access(path, F_OK), 0);
	assert_int_equal(stat(own, &st), 0);
	assert_int_equal(st.st_size, 100);
}

static void what_a_killed_worker_left_in_transit_is_swept(void **state)
{
	struct error err = {0};

	(void)state;
	make_file(own, 100);
	bundle_cache_put(&cache, HASH_A, own);
	assert_int_equal(bundle_cache_open(&cache, data, NULL, 0, &err), 0);
	assert_int_not_equal(access(own, F_OK), 0);
	assert_true(bundle_cache_take(&cache, HASH_A, own));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_put_can_be_taken_under_another_name, open_cache, remove_all),
		cmocka_unit_test_setup_teardown(the_oldest_goes_when_it_is_too_much_and_who_uses_it_keeps_it, open_cache, remove_all),
		cmocka_unit_test_setup_teardown(what_a_killed_worker_left_in_transit_is_swept, open_cache, remove_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
