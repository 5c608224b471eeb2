/* test/net/known_pools.c tests net/known_pools.c and net/secret_file.c */
#define _GNU_SOURCE
#include "net/known_pools.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/secret_file.h"
#include "proto/status.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static char dir[] = "/tmp/hivemind-known.XXXXXX";
static char file[64];

static int set_up(void **state)
{
	(void)state;
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof file, "%s/known_pools", dir);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(file);
	return rmdir(dir); /* also says whether a temporary file was left behind */
}

static void write_text(const char *text, mode_t mode)
{
	assert_int_equal(secret_file_write(file, mode, text, strlen(text), NULL), 0);
}

static void a_pool_is_unknown_then_known(void **state)
{
	struct error err;
	struct stat s;
	char pin[65];

	(void)state;
	assert_int_equal(known_pools_find(file, "h:1", pin, &err), STATUS_NOT_FOUND);
	assert_int_equal(known_pools_add(file, "h:1", A, &err), 0);
	assert_int_equal(err.status, 0);
	assert_int_equal(known_pools_add(file, "[::1]:2", B, &err), 0);
	assert_int_equal(known_pools_add(file, "h:1", A, &err), 0);
	assert_int_equal(known_pools_find(file, "h:1", pin, &err), 0);
	assert_string_equal(pin, A);
	assert_int_equal(known_pools_find(file, "[::1]:2", pin, &err), 0);
	assert_string_equal(pin, B);
	assert_int_equal(known_pools_find(file, "h:11", pin, &err), STATUS_NOT_FOUND);
	assert_int_equal(stat(file, &s), 0);
	assert_int_equal(s.st_mode & 07777, 0600);
	assert_int_equal(s.st_size, 2 * (7 + 64 + 2) + 3 + 7);
}

static void another_key_is_refused_with_both_named(void **state)
{
	struct error err;
	char pin[65];

	(void)state;
	assert_int_equal(known_pools_add(file, "h:1", A, &err), 0);
	assert_int_equal(known_pools_add(file, "h:1", B, &err), STATUS_UNAUTHENTICATED);
	assert_non_null(strstr(err.text, "sha256:" A));
	assert_non_null(strstr(err.text, "sha256:" B));
	assert_non_null(strstr(err.hint, file));
	assert_int_equal(known_pools_find(file, "h:1", pin, &err), 0);
	assert_string_equal(pin, A);
}

static void what_people_write_stays(void **state)
{
	struct buf content = {0};
	char pin[65];

	(void)state;
	write_text("# mine\n\n  h:1\tsha256:" A "  \r\nbad:1 sha256:xyz", 0600);
	assert_int_equal(known_pools_find(file, "h:1", pin, NULL), 0);
	assert_int_equal(known_pools_find(file, "H:1", pin, NULL), 0);
	assert_int_equal(known_pools_find(file, "bad:1", pin, NULL), STATUS_DATA_LOSS);
	assert_int_equal(known_pools_add(file, "bad:1", A, NULL), STATUS_DATA_LOSS);
	assert_int_equal(known_pools_add(file, "x:1", B, NULL), 0);
	assert_int_equal(secret_file_read(file, &content, NULL), 0);
	assert_non_null(strstr(buf_text(&content),
	                       "# mine\n\n  h:1\tsha256:" A "  \r\nbad:1 sha256:xyz\nx:1 sha256:" B "\n"));
	secret_buf_release(&content);
}

static void what_is_no_endpoint_is_not_written(void **state)
{
	(void)state;
	assert_int_equal(known_pools_add(file, "h:1 sha256:" A "\nevil:1", A, NULL), STATUS_INVALID_ARGUMENT);
	assert_int_equal(known_pools_add(file, "", A, NULL), STATUS_INVALID_ARGUMENT);
	assert_int_equal(known_pools_add(file, "h:1", "abc", NULL), STATUS_INVALID_ARGUMENT);
	assert_int_equal(access(file, F_OK), -1);
}

static void a_file_that_others_can_change_is_not_believed(void **state)
{
	struct error err;
	char pin[65];

	(void)state;
	write_text("h:1 sha256:" A "\n", 0640);
	assert_int_equal(known_pools_find(file, "h:1", pin, &err), STATUS_PERMISSION_DENIED);
	assert_non_null(strstr(err.hint, "chmod 600"));
	assert_int_equal(known_pools_add(file, "x:1", A, &err), STATUS_PERMISSION_DENIED);
}

static void what_is_no_small_file_is_not_read(void **state)
{
	struct buf content = {0};

	(void)state;
	assert_int_equal(secret_file_read(dir, &content, NULL), STATUS_INVALID_ARGUMENT);
	assert_int_equal(mkfifo(file, 0600), 0);
	assert_int_equal(secret_file_read(file, &content, NULL), STATUS_INVALID_ARGUMENT);
	unlink(file);
	write_text("", 0600);
	assert_int_equal(truncate(file, 1 << 20), 0);
	assert_int_equal(secret_file_read(file, &content, NULL), STATUS_INVALID_ARGUMENT);
	assert_int_equal(content.n, 0);
	secret_buf_release(&content);
}

static void a_zero_byte_hides_no_line(void **state)
{
	static const char text[] = "# mine\0\nh:1 sha256:" A "\n";
	struct error err = {0};
	char pin[65];

	(void)state;
	assert_int_equal(secret_file_write(file, 0600, text, sizeof text - 1, NULL), 0);
	assert_int_equal(known_pools_find(file, "h:1", pin, &err), STATUS_DATA_LOSS);
	assert_true(err.hint[0] != '\0');
	assert_int_equal(known_pools_add(file, "h:1", A, &err), STATUS_DATA_LOSS);
}

static void processes_that_add_at_once_lose_nothing(void **state)
{
	char pin[65], endpoint[32];
	int status;

	(void)state;
	for (int p = 0; p < 4; p++) {
		if (fork() > 0)
			continue;
		for (int i = 0; i < 10; i++) {
			snprintf(endpoint, sizeof endpoint, "h%d:%d", p, i);
			if (known_pools_add(file, endpoint, A, NULL) != 0)
				_exit(1);
		}
		_exit(0);
	}
	for (int p = 0; p < 4; p++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	for (int i = 0; i < 40; i++) {
		snprintf(endpoint, sizeof endpoint, "h%d:%d", i / 10, i % 10);
		assert_int_equal(known_pools_find(file, endpoint, pin, NULL), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_pool_is_unknown_then_known, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(another_key_is_refused_with_both_named, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(what_people_write_stays, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(what_is_no_endpoint_is_not_written, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_file_that_others_can_change_is_not_believed, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(what_is_no_small_file_is_not_read, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_zero_byte_hides_no_line, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(processes_that_add_at_once_lose_nothing, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
