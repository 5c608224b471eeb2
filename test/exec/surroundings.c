/* test/exec/surroundings.c - what the kernel's files say of a machine: laptops, who types, what else runs. */
#include "exec/surroundings.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define NOW 1800000000

static char root[64];
static struct surroundings here;

static void look(double cores, double ours)
{
	surroundings_look(&here, root, cores, ours, NOW);
}

/* A file below root, its directories and all. */
static void put(const char *path, const char *text)
{
	char at[300];
	FILE *file;

	snprintf(at, sizeof at, "%s%s", root, path);
	for (char *slash = at + strlen(root) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
		*slash = '\0';
		mkdir(at, 0700);
		*slash = '/';
	}
	file = fopen(at, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void typed(const char *path, int64_t seconds_ago)
{
	struct timespec times[2] = {{NOW - seconds_ago, 0}, {NOW, 0}};
	char at[300];

	put(path, "");
	snprintf(at, sizeof at, "%s%s", root, path);
	assert_int_equal(utimensat(AT_FDCWD, at, times, 0), 0);
}

static void supply(const char *name, const char *file, const char *text)
{
	char path[200];

	snprintf(path, sizeof path, "/sys/class/power_supply/%s/%s", name, file);
	put(path, text);
}

static void a_machine_without_files_is_idle_and_on_mains(void **state)
{
	(void)state;
	look(4, 0);
	assert_true(here.on_mains && !here.has_battery && !here.in_use);
	assert_true(here.typed_s == INT64_MAX && here.load == 0);
}

static void a_laptop_is_on_mains_while_it_does_not_discharge(void **state)
{
	(void)state;
	supply("BAT0", "type", "Battery\n");
	supply("BAT0", "status", "Discharging\n");
	look(4, 0);
	assert_true(here.has_battery && !here.on_mains);
	supply("BAT0", "status", "Charging\n");
	look(4, 0);
	assert_true(here.has_battery && here.on_mains);
	supply("BAT0", "status", "Discharging\n"); /* a charger that is too weak */
	look(4, 0);
	assert_false(here.on_mains);
	supply("BAT0", "status", "Full\n");
	look(4, 0);
	assert_true(here.on_mains);
}

static void the_battery_of_a_mouse_is_none(void **state)
{
	(void)state;
	supply("hidpp_battery_0", "type", "Battery\n");
	supply("hidpp_battery_0", "scope", "Device\n");
	supply("hidpp_battery_0", "status", "Discharging\n");
	look(4, 0);
	assert_true(here.on_mains && !here.has_battery);
}

static void who_types_uses_it(void **state)
{
	(void)state;
	typed("/dev/pts/0", SURROUNDINGS_IDLE_S + 100);
	typed("/dev/pts/ptmx", 1); /* none of somebody's */
	typed("/dev/tty", 1);
	typed("/dev/ttyprintk", 1);
	look(4, 0);
	assert_true(here.typed_s == SURROUNDINGS_IDLE_S + 100 && !here.in_use);
	typed("/dev/tty1", SURROUNDINGS_IDLE_S - 1);
	look(4, 0);
	assert_true(here.typed_s == SURROUNDINGS_IDLE_S - 1 && here.in_use);
	typed("/dev/pts/3", 2);
	look(4, 0);
	assert_true(here.typed_s == 2);
}

static void other_programs_use_it_above_a_quarter(void **state)
{
	(void)state;
	put("/proc/loadavg", "3.00 1.00 0.50 2/100 4242\n");
	look(4, 0);
	assert_true(here.in_use && here.load == 3);
	look(4, 2); /* two of the three are our tasks */
	assert_true(!here.in_use && here.load == 1);
	look(4, 5); /* ours count at once, the load of a minute later */
	assert_true(!here.in_use && here.load == 0);
	put("/proc/loadavg", "none of that\n");
	look(4, 0);
	assert_true(!here.in_use && here.load == 0);
}

static int begin(void **state)
{
	(void)state;
	strcpy(root, "/tmp/hm-surroundings-XXXXXX");
	return mkdtemp(root) == NULL;
}

static int end(void **state)
{
	char command[100];

	(void)state;
	snprintf(command, sizeof command, "rm -rf '%s'", root);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_machine_without_files_is_idle_and_on_mains, begin, end),
		cmocka_unit_test_setup_teardown(a_laptop_is_on_mains_while_it_does_not_discharge, begin, end),
		cmocka_unit_test_setup_teardown(the_battery_of_a_mouse_is_none, begin, end),
		cmocka_unit_test_setup_teardown(who_types_uses_it, begin, end),
		cmocka_unit_test_setup_teardown(other_programs_use_it_above_a_quarter, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
