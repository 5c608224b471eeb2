/* exec/private_directory.c owns: the traces that an engine leaves on a machine: processes that name its
 * directory, mounts below it, files. Only programs that engines consist of are ever killed, and only when
 * their command line names the directory: an editor that has its log open is left alone. */
#define _GNU_SOURCE
#include "exec/private_directory.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "net/memory.h"

#define COMMAND_LINE_MAX 16384
#define ROUNDS 50               /* of looking for processes, 10 ms apart */

static const char *const helpers[] = {"podman", "conmon", "dockerd", "containerd", "runc", "crun"};

/* --- processes --------------------------------------------------------------------------------- */
static ssize_t read_of_process(int pid, const char *file, char *text, size_t size)
{
	char path[64];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	got = read(fd, text, size - 1);
	close(fd);
	if (got >= 0)
		text[got] = '\0';
	return got;
}

static bool is_helper_of(int pid, const char *dir)
{
	char name[32], line[COMMAND_LINE_MAX];
	ssize_t got;
	bool known = false;

	if (read_of_process(pid, "comm", name, sizeof(name)) <= 0)
		return false;
	for (size_t i = 0; i < sizeof(helpers) / sizeof(helpers[0]); i++)
		known = known || strncmp(name, helpers[i], strlen(helpers[i])) == 0;
	got = known ? read_of_process(pid, "cmdline", line, sizeof(line)) : -1;
	return got > 0 && memmem(line, (size_t)got, dir, strlen(dir)) != NULL;
}

static int parent_of(int pid)
{
	char text[512];
	const char *after;
	int parent = 0;

	if (read_of_process(pid, "stat", text, sizeof(text)) <= 0 || (after = strrchr(text, ')')) == NULL ||
	    sscanf(after, ") %*c %d", &parent) != 1)
		return 0;
	return parent;
}

/* A container's first process is a child of its helper; with it, all of the container ends. */
static bool belongs_to(int pid, const char *dir)
{
	int parent;

	if (is_helper_of(pid, dir))
		return true;
	parent = parent_of(pid);
	return parent > 1 && parent != getpid() && is_helper_of(parent, dir);
}

static int kill_helpers(const char *dir)
{
	DIR *list = opendir("/proc");
	struct dirent *entry;
	int pids[4096], count = 0;

	while (list != NULL && count < 4096 && (entry = readdir(list)) != NULL) {
		int pid = isdigit((unsigned char)entry->d_name[0]) ? atoi(entry->d_name) : 0;

		if (pid > 1 && pid != getpid() && belongs_to(pid, dir))
			pids[count++] = pid;
	}
	if (list != NULL)
		closedir(list);
	for (int i = 0; i < count; i++)
		kill(pids[i], SIGKILL);
	return count;
}

/* --- mounts ------------------------------------------------------------------------------------ */

/* "\040" is how the kernel writes a blank. */
static void unescape(char *text)
{
	char *to = text;

	for (; *text != '\0'; text++) {
		unsigned code;

		if (*text == '\\' && sscanf(text + 1, "%3o", &code) == 1) {
			*to++ = (char)code;
			text += 3;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
}

static bool is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* The last that was mounted first. */
static void unmount_below(const char *dir)
{
	char *line = NULL, **mounts = NULL, *point;
	size_t size = 0, count = 0;
	FILE *f = fopen("/proc/self/mountinfo", "re");

	while (f != NULL && getline(&line, &size, f) > 0) {
		if (sscanf(line, "%*s %*s %*s %*s %ms", &point) != 1)
			continue;
		unescape(point);
		if (!is_below(point, dir)) {
			free(point);
			continue;
		}
		mounts = xrealloc(mounts, (count + 1) * sizeof(*mounts));
		mounts[count++] = point;
	}
	if (f != NULL)
		fclose(f);
	free(line);
	while (count > 0) {
		umount2(mounts[--count], MNT_DETACH | UMOUNT_NOFOLLOW);
		free(mounts[count]);
	}
	free(mounts);
}

/* --- files ------------------------------------------------------------------------------------- */
static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	remove(path);
	return 0;
}

void private_directory_clear(const char *dir)
{
	for (int round = 0; round < ROUNDS && kill_helpers(dir) > 0; round++)
		usleep(10000);
	unmount_below(dir);
	nftw(dir, remove_one, 64, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}
