/* test/exec/usage_meter.c - the files of both cgroup versions, laid out in a temporary directory. */
#include "exec/usage_meter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char root[] = "/tmp/hm-usage-XXXXXX";

static void put(const char *path, const char *text)
{
	char command[600];

	snprintf(command, sizeof(command), "mkdir -p %s$(dirname %s) && printf '%s' > %s%s", root, path, text,
		 root, path);
	assert_int_equal(system(command), 0);
}

static int setup(void **state)
{
	(void)state;
	strcpy(root, "/tmp/hm-usage-XXXXXX");
	assert_non_null(mkdtemp(root));
	return 0;
}

static int teardown(void **state)
{
	char command[100];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command);
}

static void version_1_is_read(void **state)
{
	struct usage_meter m;

	(void)state;
	put("/proc/7/cgroup", "9:cpu,cpuacct:/docker/ab\\n4:memory:/docker/ab\\n0::/\\n");
	put("/sys/fs/cgroup/cpuacct/docker/ab/cpuacct.usage", "1500000000\\n");
	put("/sys/fs/cgroup/memory/docker/ab/memory.max_usage_in_bytes", "4096000\\n");
	put("/sys/fs/cgroup/memory/docker/ab/memory.oom_control",
	    "oom_kill_disable 0\\nunder_oom 0\\noom_kill 2\\n");
	usage_meter_init(&m);
	assert_false(usage_meter_is_open(&m));
	usage_meter_open(&m, root, 7);
	assert_true(usage_meter_is_open(&m));
	usage_meter_read(&m);
	assert_int_equal(m.cpu_us, 1500000);
	assert_int_equal(m.peak_memory, 4096000);
	assert_int_equal(m.oom_kills, 2);
	usage_meter_close(&m);
}

static void version_2_is_read(void **state)
{
	struct usage_meter m;

	(void)state;
	put("/proc/7/cgroup", "0::/system.slice/x.scope\\n");
	put("/sys/fs/cgroup/system.slice/x.scope/cpu.stat", "usage_usec 1234567\\nuser_usec 1000000\\n");
	put("/sys/fs/cgroup/system.slice/x.scope/memory.peak", "8192000\\n");
	put("/sys/fs/cgroup/system.slice/x.scope/memory.events", "low 0\\noom 1\\noom_kill 1\\noom_group_kill 0\\n");
	usage_meter_init(&m);
	usage_meter_open(&m, root, 7);
	usage_meter_read(&m);
	assert_int_equal(m.cpu_us, 1234567);
	assert_int_equal(m.peak_memory, 8192000);
	assert_int_equal(m.oom_kills, 1);
	usage_meter_close(&m);
	usage_meter_read(&m); /* closed: keeps what it has */
	assert_int_equal(m.cpu_us, 1234567);
}

static void what_is_not_there_is_not_measured(void **state)
{
	struct usage_meter m;

	(void)state;
	usage_meter_init(&m);
	usage_meter_open(&m, root, 7);
	assert_false(usage_meter_is_open(&m));
	put("/proc/7/cgroup", "9:cpu,cpuacct:/\\n4:memory:/\\n0::/\\n"); /* in no container yet */
	put("/sys/fs/cgroup/cpuacct/cpuacct.usage", "1\\n");
	usage_meter_open(&m, root, 7);
	usage_meter_read(&m);
	assert_int_equal(m.cpu_us, 0);
	usage_meter_close(&m);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(version_1_is_read),
		TEST(version_2_is_read),
		TEST(what_is_not_there_is_not_measured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
