/* test/exec/probe.c - limits of both cgroup versions, and a machine with GPUs that we do not have. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cmocka.h>

#include "exec/probe.h"
#include "net/clock.h"
#include "proto/limits.h"

static char folder[] = "/tmp/hm-test-probe-XXXXXX";
static struct arena arena;

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL || chdir(folder) != 0;
}

static int remove_folder(void **state)
{
	(void)state;
	return chdir("/") != 0 || rmdir(folder) != 0;
}

static int clean(void **state)
{
	(void)state;
	arena_release(&arena);
	return system("rm -rf ./*");
}

static void shell(const char *command)
{
	if (system(command) != 0)
		fail_msg("%s", command);
}

static void limits_of_version_2_are_the_least_on_the_way_up(void **state)
{
	(void)state;
	shell("mkdir -p proc/self sys/fs/cgroup/a/b && echo 0::/a/b > proc/self/cgroup && echo 'max 100000' "
	      "> sys/fs/cgroup/a/b/cpu.max && "
	      "echo '150000 100000' > sys/fs/cgroup/a/cpu.max && echo 2147483648 > "
	      "sys/fs/cgroup/a/b/memory.max && "
	      "echo max > sys/fs/cgroup/a/memory.max");
	assert_int_equal(probe_milli_cpus(folder), 1500);
	assert_true(probe_memory(folder) == 2147483648);
}

static void a_container_sees_its_own_limits_at_the_root(void **state)
{
	(void)state;
	shell("mkdir -p proc/self sys/fs/cgroup && echo 0::/ > proc/self/cgroup && echo '50000 100000' > "
	      "sys/fs/cgroup/cpu.max && "
	      "echo 67108864 > sys/fs/cgroup/memory.max");
	assert_int_equal(probe_milli_cpus(folder), 500);
	assert_int_equal(probe_memory(folder), 64 * MiB);
}

static void limits_of_version_1_are_found(void **state)
{
	(void)state;
	shell("mkdir -p proc/self sys/fs/cgroup/cpu/docker/x sys/fs/cgroup/memory && "
	      "printf '4:memory:/docker/gone\\n3:cpu,cpuacct:/docker/x\\n0::/\\n' > proc/self/cgroup && "
	      "echo 250000 > sys/fs/cgroup/cpu/docker/x/cpu.cfs_quota_us && echo 100000 > "
	      "sys/fs/cgroup/cpu/docker/x/cpu.cfs_period_us && "
	      "echo -1 > sys/fs/cgroup/cpu/cpu.cfs_quota_us && echo 100000 > "
	      "sys/fs/cgroup/cpu/cpu.cfs_period_us && "
	      "echo 1073741824 > sys/fs/cgroup/memory/memory.limit_in_bytes");
	assert_int_equal(probe_milli_cpus(folder), 2500);
	assert_int_equal(probe_memory(folder), 1 * GiB);
}

static void no_limit_is_0(void **state)
{
	(void)state;
	assert_int_equal(probe_milli_cpus(folder), 0);
	assert_int_equal(probe_memory(folder), 0);
	shell("mkdir -p proc/self sys/fs/cgroup/memory && printf '4:memory:/\\n' > proc/self/cgroup && "
	      "echo 9223372036854771712 > sys/fs/cgroup/memory/memory.limit_in_bytes");
	assert_int_equal(probe_memory(folder), 0);
}

static void this_machine_has_cores_memory_and_disk(void **state)
{
	Pb__Host *host = probe_host(&arena, folder);
	struct utsname u;

	(void)state;
	uname(&u);
	assert_string_equal(host->kernel, u.release);
	assert_string_equal(host->name, u.nodename);
	if (strcmp(u.machine, "x86_64") == 0)
		assert_string_equal(host->arch, "amd64");
	assert_true(host->cpu_model[0] != '\0');
	assert_true(host->total->milli_cpus >= 10 && host->total->milli_cpus <= 1024000);
	assert_true(host->total->memory > (uint64_t)(64 * MiB));
	assert_true(host->total->disk > 0);
	assert_true(host->offered != host->total && host->offered->memory == host->total->memory);
}

static char *saved_path;

static void put_smi(const char *script)
{
	char text[1000];
	FILE *f = fopen("nvidia-smi", "w");

	fputs(script, f);
	fclose(f);
	shell("chmod 755 nvidia-smi");
	saved_path = strdup(getenv("PATH"));
	snprintf(text, sizeof text, "%s:%s", folder, saved_path);
	setenv("PATH", text, 1);
}

static int restore_path(void **state)
{
	setenv("PATH", saved_path, 1);
	free(saved_path);
	return clean(state);
}

static void gpus_come_from_nvidia_smi(void **state)
{
	Pb__Host *host;

	(void)state;
	put_smi("#!/bin/sh\n[ \"$*\" = \"--query-gpu=uuid,name,memory.total --format=csv,noheader,nounits\" "
		"] || exit 1\n"
		"echo 'GPU-6a0f, NVIDIA GeForce RTX 3090, 24576'\necho nonsense\necho 'GPU-7b1e, NVIDIA "
		"A100-SXM4-40GB, 40960'\n");
	host = probe_host(&arena, folder);
	assert_int_equal(host->n_gpus, 2);
	assert_int_equal(host->total->gpus, 2);
	assert_string_equal(host->gpus[0]->uuid, "GPU-6a0f");
	assert_string_equal(host->gpus[0]->model, "NVIDIA GeForce RTX 3090");
	assert_true(host->gpus[1]->memory == (uint64_t)(40 * GiB));
}

static void an_nvidia_smi_that_fails_or_floods_gives_no_gpus(void **state)
{
	(void)state;
	put_smi("#!/bin/sh\necho 'GPU-1, X, 1'\nexit 9\n");
	assert_int_equal(probe_host(&arena, folder)->n_gpus, 0);
	restore_path(NULL);
	put_smi("#!/bin/sh\nexec yes 'GPU-1, X, 1'\n");
	assert_int_equal(probe_host(&arena, folder)->n_gpus, 0);
}

static void an_nvidia_smi_that_hangs_is_ended(void **state)
{
	int64_t start = clock_ms();

	(void)state;
	put_smi("#!/bin/sh\nsleep 60\n");
	assert_int_equal(probe_host(&arena, folder)->n_gpus, 0);
	assert_true(clock_ms() - start < 8000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(limits_of_version_2_are_the_least_on_the_way_up, clean),
		cmocka_unit_test_teardown(a_container_sees_its_own_limits_at_the_root, clean),
		cmocka_unit_test_teardown(limits_of_version_1_are_found, clean),
		cmocka_unit_test_teardown(no_limit_is_0, clean),
		cmocka_unit_test_teardown(this_machine_has_cores_memory_and_disk, clean),
		cmocka_unit_test_teardown(gpus_come_from_nvidia_smi, restore_path),
		cmocka_unit_test_teardown(an_nvidia_smi_that_fails_or_floods_gives_no_gpus, restore_path),
		cmocka_unit_test_teardown(an_nvidia_smi_that_hangs_is_ended, restore_path),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
