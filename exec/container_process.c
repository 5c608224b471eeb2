/* exec/container_process.c - a pidfd is taken first and compared then, so that
 * a number that is used again hits nobody. */
#include "exec/container_process.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ID_LENGTH_MIN 32 /* of what the engines call a container: 64 hexadecimal digits */

static bool read_of(int pid, const char *file, char *text, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd >= 0 ? read(fd, text, size - 1) : -1;
	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* Field 22 of stat, the 20th after the name; 0 = there is no such process,
 * or it has ended and waits for its parent. */
static uint64_t started_of(int pid)
{
	char text[1024], *at;

	if (!read_of(pid, "stat", text, sizeof text) || (at = strrchr(text, ')')) == NULL ||
	    strncmp(at, ") Z", 3) == 0)
		return 0;
	for (int field = 2; at != NULL && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at != NULL ? strtoull(at, NULL, 10) : 0;
}

struct container_process container_process_find(int pid, const char *id)
{
	struct container_process p = {.pid = pid, .started = pid > 1 ? started_of(pid) : 0};
	char groups[8192];

	if (p.started == 0 || strlen(id) < ID_LENGTH_MIN || !read_of(pid, "cgroup", groups, sizeof groups) ||
	    strstr(groups, id) == NULL)
		return (struct container_process){0};
	return p;
}

bool container_process_runs(struct container_process p)
{
	return p.pid != 0 && started_of(p.pid) == p.started;
}

bool container_process_kill(struct container_process p)
{
	int fd = p.pid != 0 ? (int)syscall(SYS_pidfd_open, p.pid, 0) : -1;
	bool sent = fd >= 0 && container_process_runs(p) &&
		    syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) == 0;

	if (fd >= 0)
		close(fd);
	return sent;
}
