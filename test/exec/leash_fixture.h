/* test/exec/leash_fixture.h - a leash in a directory of its own, renewed at ACKED_MS. */
#ifndef TEST_EXEC_LEASH_FIXTURE_H
#define TEST_EXEC_LEASH_FIXTURE_H

#include "exec/leash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>


#define ACKED_MS 1000000
#define LAG SUPERVISOR_LAG(LOST_AFTER_MS)

static char dir[64], path[80];
static struct leash leash;

static int set_up(void **state)
{
	struct error err = {0};

	(void)state;
	snprintf(dir, sizeof dir, "/tmp/hm-leash-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/leash", dir);
	assert_int_equal(leash_open(&leash, dir, &err), 0);
	leash_renew(&leash, ACKED_MS, LOST_AFTER_MS);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	leash_close(&leash);
	unlink(path);
	rmdir(dir);
	return 0;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
