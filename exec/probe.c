/* exec/probe.c - what this machine is, from /proc, the control groups, the file system and nvidia-smi.
 *
 * What cannot be found out is left empty or 0: a worker whose CPU has no name is still a worker. */
#define _GNU_SOURCE
#include "exec/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec/visible.h"
#include "net/buf.h"
#include "net/clock.h"
#include "proto/limits.h"

#define SMI_DEADLINE_MS 5000
#define SMI_END_MS 500 /* between its last output and its end */
#define SMI_OUTPUT_MAX (64 * KiB)
#define NO_LIMIT_V1 (1ull << 60) /* version 1 says "none" with a number near 2^63 */

extern char **environ;

/* The first line of a file without its line break. false: it cannot be read. */
static bool read_line(const char *path, char *line, size_t size)
{
	FILE *f = fopen(path, "re");
	bool ok = f != NULL && fgets(line, (int)size, f) != NULL;

	if (f != NULL)
		fclose(f);
	if (ok)
		line[strcspn(line, "\n")] = '\0';
	return ok;
}

/* --- control groups ------------------------------------------------------------------------------- */

/* Is `controller` in the comma separated list of n bytes? */
static bool lists(const char *list, size_t n, const char *controller)
{
	size_t wanted = strlen(controller);

	for (const char *end = list + n; list < end; list += strcspn(list, ",:") + 1) {
		if (strcspn(list, ",:") == wanted && strncmp(list, controller, wanted) == 0)
			return true;
	}
	return false;
}

/* The path of our group: of version 1's controller, or (NULL) of version 2. false: there is none. */
static bool own_group(const char *root, const char *controller, char *path, size_t size)
{
	char file[512], line[1024];
	bool found = false;
	FILE *f;

	snprintf(file, sizeof file, "%s/proc/self/cgroup", root);
	f = fopen(file, "re");
	while (f != NULL && !found && fgets(line, sizeof line, f) != NULL) {
		char *list = strchr(line, ':'), *group = list != NULL ? strchr(list + 1, ':') : NULL;

		line[strcspn(line, "\n")] = '\0';
		if (group == NULL)
			continue;
		if (controller == NULL)
			found = strncmp(line, "0::", 3) == 0;
		else
			found = lists(list + 1, (size_t)(group - list - 1), controller);
		if (found)
			snprintf(path, size, "%s", group + 1);
	}
	if (f != NULL)
		fclose(f);
	return found;
}

/* The least of what `limit_of` finds in our group and those above it; 0 = no limit. A group that we cannot
 * see (a container sees itself as the root) has no files: then the one above it counts. */
static uint64_t least_limit(const char *root, const char *controller,
			    uint64_t (*limit_of)(const char *directory))
{
	char group[512], directory[1200];
	uint64_t least = 0;

	if (!own_group(root, controller, group, sizeof group))
		return 0;
	for (;;) {
		char *slash = strrchr(group, '/');
		uint64_t limit;

		snprintf(directory, sizeof directory, "%s/sys/fs/cgroup%s%s%s", root,
			 controller != NULL ? "/" : "", controller != NULL ? controller : "",
			 strcmp(group, "/") == 0 ? "" : group);
		limit = limit_of(directory);
		if (limit > 0 && (least == 0 || limit < least))
			least = limit;
		if (slash == NULL || group[0] == '\0')
			return least;
		*slash = '\0';
	}
}

static bool read_in(const char *directory, const char *name, char *line, size_t size)
{
	char path[1300];

	snprintf(path, sizeof path, "%s/%s", directory, name);
	return read_line(path, line, size);
}

static uint64_t milli_cpus_v2(const char *directory)
{
	unsigned long long quota, period;
	char line[100];

	if (!read_in(directory, "cpu.max", line, sizeof line) ||
	    sscanf(line, "%llu %llu", &quota, &period) != 2 || period == 0)
		return 0;
	return quota * 1000 / period;
}

static uint64_t milli_cpus_v1(const char *directory)
{
	char quota[32], period[32];
	long long q, p;

	if (!read_in(directory, "cpu.cfs_quota_us", quota, sizeof quota) ||
	    !read_in(directory, "cpu.cfs_period_us", period, sizeof period))
		return 0;
	q = atoll(quota);
	p = atoll(period);
	return q > 0 && p > 0 ? (uint64_t)(q * 1000 / p) : 0;
}

static uint64_t memory_v2(const char *directory)
{
	char line[32];

	return read_in(directory, "memory.max", line, sizeof line) ? strtoull(line, NULL, 10) : 0;
}

static uint64_t memory_v1(const char *directory)
{
	uint64_t limit;
	char line[32];

	if (!read_in(directory, "memory.limit_in_bytes", line, sizeof line))
		return 0;
	limit = strtoull(line, NULL, 10);
	return limit < NO_LIMIT_V1 ? limit : 0;
}

static uint64_t lesser(uint64_t a, uint64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

uint32_t probe_milli_cpus(const char *root)
{
	return (uint32_t)lesser(least_limit(root, NULL, milli_cpus_v2),
				least_limit(root, "cpu", milli_cpus_v1));
}

uint64_t probe_memory(const char *root)
{
	return lesser(least_limit(root, NULL, memory_v2), least_limit(root, "memory", memory_v1));
}

/* --- processor, memory, disk ---------------------------------------------------------------------- */

/* The value of the first line of `file` that begins with `key`, behind its colon; NULL = none. */
static char *find_value(struct arena *arena, const char *file, const char *key)
{
	char line[512], shown[128];
	char *value = NULL;
	FILE *f = fopen(file, "re");

	while (f != NULL && value == NULL && fgets(line, sizeof line, f) != NULL) {
		char *p = strchr(line, ':');

		if (p == NULL || strncmp(line, key, strlen(key)) != 0)
			continue;
		p += 1 + strspn(p + 1, " \t");
		text_visible(shown, sizeof shown, p, strcspn(p, "\n"));
		value = arena_strdup(arena, shown);
	}
	if (f != NULL)
		fclose(f);
	return value;
}

static uint32_t count_milli_cpus(void)
{
	uint32_t limit = probe_milli_cpus("");
	uint32_t all = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN) * 1000;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof set, &set) == 0)
		all = (uint32_t)CPU_COUNT(&set) * 1000;
	/* the last digit is no more than noise of the quota's period, and tasks ask in steps of 10 */
	return (limit != 0 && limit < all ? limit : all) / 10 * 10;
}

static uint64_t count_memory(struct arena *arena)
{
	const char *kilobytes = find_value(arena, "/proc/meminfo", "MemTotal");
	uint64_t all = kilobytes != NULL ? strtoull(kilobytes, NULL, 10) * 1024 : 0;

	return lesser(all, probe_memory(""));
}

static uint64_t free_disk(const char *path)
{
	struct statvfs v;

	return statvfs(path, &v) == 0 ? (uint64_t)v.f_bavail * v.f_frsize : 0;
}

/* Names as in images. */
static const char *image_arch(const char *machine)
{
	static const char *const names[][2] = {{"x86_64", "amd64"},
					       {"aarch64", "arm64"},
					       {"armv7l", "arm"},
					       {"i686", "386"},
					       {"i386", "386"}};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (strcmp(machine, names[i][0]) == 0)
			return names[i][1];
	}
	return machine;
}

/* --- GPUs ----------------------------------------------------------------------------------------- */

/* Start nvidia-smi with its output in *from. 0 = it is not there. */
static pid_t start_smi(int *from)
{
	static const char *const words[] = {"nvidia-smi", "--query-gpu=uuid,name,memory.total",
					    "--format=csv,noheader,nounits", NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	int ends[2], result;
	pid_t pid = 0;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return 0;
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, ends[1], 1);
	posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
	result = posix_spawnp(&pid, words[0], &files, &attributes, (char *const *)words, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	close(ends[1]);
	if (result == 0) {
		*from = ends[0];
		return pid;
	}
	close(ends[0]);
	return 0;
}

/* All that comes within the deadline. false: it did not end, or said too much. */
static bool read_smi(int from, struct buf *out)
{
	int64_t until = clock_ms() + SMI_DEADLINE_MS, left;
	struct pollfd p = {.fd = from, .events = POLLIN};
	uint8_t *room;
	ssize_t n;

	while ((left = until - clock_ms()) > 0 && (room = buf_reserve(out, 4096)) != NULL) {
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		n = read(from, room, 4096);
		if (n == 0)
			return true;
		if (n > 0)
			out->n += (size_t)n;
		else if (errno != EINTR)
			return false;
	}
	return false;
}

/* "GPU-..., NVIDIA A100, 40960" */
static Pb__Gpu *read_gpu(struct arena *arena, char *line)
{
	char *uuid = strsep(&line, ","), *model = strsep(&line, ","), *memory = strsep(&line, ",");
	Pb__Gpu *gpu;

	if (memory == NULL || strncmp(uuid, "GPU-", 4) != 0 || strtoull(memory, NULL, 10) == 0)
		return NULL;
	model += strspn(model, " ");
	if (!text_is_visible(uuid) || strlen(uuid) > 64 || !text_is_visible(model) || strlen(model) > 128)
		return NULL;
	gpu = arena_alloc(arena, sizeof *gpu);
	pb__gpu__init(gpu);
	gpu->uuid = arena_strdup(arena, uuid);
	gpu->model = arena_strdup(arena, model);
	gpu->memory = strtoull(memory, NULL, 10) * (uint64_t)MiB;
	return gpu;
}

/* Wait for its end. false: it stays, as one does that hangs in a broken driver and that not even SIGKILL
 * ends; then it is left behind, for we must go on. */
static bool reap_smi(pid_t pid, int *status)
{
	int64_t until = clock_ms() + SMI_END_MS;

	while (waitpid(pid, status, WNOHANG) == 0) {
		if (clock_ms() > until)
			kill(-pid, SIGKILL);
		if (clock_ms() > until + SMI_END_MS)
			return false;
		poll(NULL, 0, 5);
	}
	return true;
}

static void find_gpus(Pb__Host *host, struct arena *arena)
{
	struct buf out = {.max = SMI_OUTPUT_MAX};
	char *text, *line;
	int from, status = 0;
	pid_t pid = start_smi(&from);
	bool ended;

	if (pid == 0)
		return;
	ended = read_smi(from, &out);
	close(from);
	if (!ended)
		kill(-pid, SIGKILL);
	ended = reap_smi(pid, &status) && ended;
	host->gpus = arena_alloc(arena, GPUS_MAX * sizeof *host->gpus);
	text = arena_strdup(arena, buf_text(&out));
	while (ended && WIFEXITED(status) && WEXITSTATUS(status) == 0 && host->n_gpus < GPUS_MAX &&
	       (line = strsep(&text, "\n")) != NULL) {
		Pb__Gpu *gpu = read_gpu(arena, line);

		if (gpu != NULL)
			host->gpus[host->n_gpus++] = gpu;
	}
	buf_release(&out);
}

Pb__Host *probe_host(struct arena *arena, const char *disk)
{
	Pb__Host *host = arena_alloc(arena, sizeof *host);
	struct utsname u = {0};

	pb__host__init(host);
	uname(&u);
	host->name = arena_strdup(arena, u.nodename);
	host->arch = arena_strdup(arena, image_arch(u.machine));
	host->kernel = arena_strdup(arena, u.release);
	host->cpu_model = find_value(arena, "/proc/cpuinfo", "model name");
	if (host->cpu_model == NULL)
		host->cpu_model = arena_strdup(arena, u.machine);
	find_gpus(host, arena);
	host->total = arena_alloc(arena, sizeof *host->total);
	pb__resources__init(host->total);
	host->total->milli_cpus = count_milli_cpus();
	host->total->memory = count_memory(arena);
	host->total->disk = free_disk(disk);
	host->total->gpus = (uint32_t)host->n_gpus;
	host->offered = arena_dup(arena, host->total, sizeof *host->total);
	return host;
}
