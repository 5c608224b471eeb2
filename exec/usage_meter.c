/* exec/usage_meter.c owns: which files of which cgroup hierarchy tell
 * CPU time, peak memory and memory kills. */
#include "exec/usage_meter.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX 4096

void usage_meter_init(struct usage_meter *m)
{
	*m = (struct usage_meter){.cpu = -1, .memory = -1, .oom = -1};
}

static int open_file(const char *root, const char *hierarchy, const char *group, const char *file)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/sys/fs/cgroup%s%s/%s", root, hierarchy, group, file) >=
	    (int)sizeof(path))
		return -1;
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* The path in a line "7:cpu,cpuacct:/docker/1f2e" when the named
 * controller is in it; "" stands for version 2. */
static bool group_of(char *line, const char *controller, const char **group)
{
	char *rest = line, *item, *names;

	strsep(&rest, ":");
	names = strsep(&rest, ":");
	if (names == NULL || rest == NULL)
		return false;
	rest[strcspn(rest, "\n")] = '\0';
	*group = rest;
	if (controller[0] == '\0')
		return names[0] == '\0';
	while ((item = strsep(&names, ",")) != NULL) {
		if (strcmp(item, controller) == 0)
			return true;
	}
	return false;
}

static bool find_group(const char *root, int pid, const char *controller, char *group, size_t size)
{
	char path[PATH_MAX], line[FILE_MAX];
	const char *found;
	bool is_found = false;
	FILE *f;

	snprintf(path, sizeof(path), "%s/proc/%d/cgroup", root, pid);
	f = fopen(path, "re");
	while (f != NULL && !is_found && fgets(line, sizeof(line), f) != NULL) {
		if (group_of(line, controller, &found))
			is_found = snprintf(group, size, "%s", found) < (int)size;
	}
	if (f != NULL)
		fclose(f);
	/* A process that is in the root group is in no container: it has not been moved yet. */
	return is_found && strcmp(group, "/") != 0;
}

void usage_meter_open(struct usage_meter *m, const char *root, int pid)
{
	char group[1024];

	if (find_group(root, pid, "cpuacct", group, sizeof(group)))
		m->cpu = open_file(root, "/cpuacct", group, "cpuacct.usage");
	if (find_group(root, pid, "memory", group, sizeof(group))) {
		m->memory = open_file(root, "/memory", group, "memory.max_usage_in_bytes");
		m->oom = open_file(root, "/memory", group, "memory.oom_control");
	}
	if (m->cpu >= 0 || m->memory >= 0 || !find_group(root, pid, "", group, sizeof(group)))
		return;
	m->second = true;
	m->cpu = open_file(root, "", group, "cpu.stat");
	m->memory = open_file(root, "", group, "memory.peak"); /* since Linux 5.19 */
	m->oom = open_file(root, "", group, "memory.events");
}

bool usage_meter_is_open(const struct usage_meter *m)
{
	return m->cpu >= 0 || m->memory >= 0;
}

/* The number after `key` and a space at the beginning of a line; after nothing: the file's only number. */
static void read_number(int fd, const char *key, uint64_t *value, uint64_t unit)
{
	char text[FILE_MAX];
	size_t n = strlen(key);
	ssize_t got = fd >= 0 ? pread(fd, text, sizeof(text) - 1, 0) : -1;
	char *line = text, *next;

	if (got <= 0)
		return;
	text[got] = '\0';
	for (; line != NULL; line = next) {
		if ((next = strchr(line, '\n')) != NULL)
			*next++ = '\0';
		if (strncmp(line, key, n) == 0 && (n == 0 || line[n] == ' ')) {
			*value = strtoull(line + n, NULL, 10) / unit;
			return;
		}
	}
}

void usage_meter_read(struct usage_meter *m)
{
	read_number(m->cpu, m->second ? "usage_usec" : "", &m->cpu_us, m->second ? 1 : 1000);
	read_number(m->memory, "", &m->peak_memory, 1);
	read_number(m->oom, "oom_kill", &m->oom_kills, 1);
}

void usage_meter_close(struct usage_meter *m)
{
	int *files[] = {&m->cpu, &m->memory, &m->oom};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (*files[i] >= 0)
			close(*files[i]);
		*files[i] = -1;
	}
}
