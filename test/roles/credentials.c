/* test/roles/credentials.c - logins kept in a file of one's own. */
#include "roles/credentials.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "proto/status.h"

static char home[40], token[TOKEN_SIZE];
static struct endpoint pool, other;
static struct error err;

static int set_up(void **state)
{
	(void)state;
	strcpy(home, "/tmp/hivemind-logins.XXXXXX");
	assert_non_null(mkdtemp(home));
	setenv("XDG_CONFIG_HOME", home, 1);
	assert_int_equal(endpoint_parse(&pool, "pool.example.org", &err), 0);
	assert_int_equal(endpoint_parse(&other, "unix:/run/a pool", &err), 0);
	return 0;
}

static int tear_down(void **state)
{
	char command[80];

	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", home);
	return system(command);
}

static void write_text(const char *text)
{
	char path[100];
	FILE *f;

	assert_true(credentials_path(path, sizeof path));
	f = fopen(path, "w");
	assert_non_null(f);
	chmod(path, 0600);
	fputs(text, f);
	fclose(f);
}

static void each_pool_has_its_token(void **state)
{
	struct endpoint last;

	(void)state;
	assert_int_equal(credentials_find(&pool, token, &err), STATUS_NOT_FOUND);
	assert_int_equal(credentials_save(&pool, "one", "alice", &err), 0);
	assert_int_equal(credentials_save(&other, "two", "alice", &err), 0);
	assert_int_equal(credentials_find(&pool, token, &err), 0);
	assert_string_equal(token, "one");
	assert_int_equal(credentials_default(&last, &err), 0);
	assert_string_equal(last.path, "/run/a pool");
	assert_int_equal(credentials_forget(&pool, &err), 0);
	assert_int_equal(credentials_find(&pool, token, &err), STATUS_NOT_FOUND);
}

/* It used to be cut, and then refused by the pool with words that did not help. */
static void a_token_that_is_too_long_is_refused_with_its_line(void **state)
{
	char text[400] = "[pool.example.org:50051]\naccount = alice\ntoken = ";

	(void)state;
	assert_int_equal(credentials_save(&pool, "one", "alice", &err), 0);
	memset(text + strlen(text), 'x', TOKEN_SIZE);
	write_text(text);
	assert_int_equal(credentials_find(&pool, token, &err), STATUS_INVALID_ARGUMENT);
	assert_non_null(strstr(err.text, "credentials:3: "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_pool_has_its_token, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_token_that_is_too_long_is_refused_with_its_line, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
