#include "roles/result.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exec/unpack.h"
#include "net/crash.h"
#include "net/memory.h"
#include "proto/limits.h"
#include "proto/status.h"
#include "roles/blob_transfer.h"
#include "ui/term.h"

static int failed(struct client *c, const char *what, const char *path)
{
	return error_set(&c->error, status_from_errno(errno), "cannot %s %s: %s", what, path,
	                 strerror(errno));
}

/* The partial file, ours alone, positioned behind what it has. -1 = c->error says why. */
static int open_part(struct client *c, const char *path, uint64_t size, uint64_t *have)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stat st;

	if (fd < 0) {
		failed(c, "write", path);
		return -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		error_set(&c->error, STATUS_FAILED_PRECONDITION, "another hivemind get is writing %s", path);
	} else if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		error_set(&c->error, STATUS_FAILED_PRECONDITION, "%s is not a file", path);
	} else {
		*have = (uint64_t)st.st_size <= size ? (uint64_t)st.st_size : 0;
		if (ftruncate(fd, (off_t)*have) == 0 && lseek(fd, (off_t)*have, SEEK_SET) >= 0)
			return fd;
		failed(c, "write", path);
	}
	close(fd);
	return -1;
}

/* A partial file that turns out to be of something else is begun anew, once. */
static int fill_part(struct client *c, const Pb__Task *task, int fd, uint64_t have)
{
	int rc = blob_transfer_result(c, task, fd, have);

	if (rc == STATUS_DATA_LOSS && (ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0))
		return rc;
	return rc == STATUS_DATA_LOSS && have > 0 ? blob_transfer_result(c, task, fd, 0) : rc;
}

/* --- where it goes ------------------------------------------------------------------------------ */

static int to_file(struct client *c, const Pb__Task *task, const char *to)
{
	char *part = xasprintf("%s.part", to);
	uint64_t have;
	int fd = open_part(c, part, task->result_size, &have);

	if (fd >= 0 && fill_part(c, task, fd, have) == 0) {
		crash_point(CLIENT_RESULT_HERE);
		if (fchmod(fd, 0644) != 0 || fsync(fd) != 0 || rename(part, to) != 0)
			failed(c, "write", to);
	}
	if (fd >= 0)
		close(fd);
	free(part);
	return c->error.status;
}

static void on_unpacked(void *user, uint64_t bytes)
{
	progress_bytes(user, bytes, 0);
}

static int unpack(struct client *c, int part, int directory)
{
	struct progress progress;
	struct unpack u = {.directory = directory,
			   .max_bytes = BUNDLE_MAX,
			   .owner = UNPACK_NO_OWNER,
			   .on_progress = on_unpacked,
			   .user = &progress};
	int rc;

	progress_start(&progress, "Unpacking", c->globals.json || c->globals.quiet);
	rc = lseek(part, 0, SEEK_SET) < 0 ? failed(c, "read", "the result") : unpack_tar(&u, part, &c->error);
	progress_end(&progress, NULL);
	return rc;
}

static int to_directory(struct client *c, const Pb__Task *task, const char *to)
{
	char *part = xasprintf("%s/.hivemind-%.16s.part", to, task->result_sha256);
	uint64_t have;
	int directory, fd = -1;

	if (mkdir(to, 0777) != 0 && errno != EEXIST)
		failed(c, "make the directory", to);
	directory = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->error.status == 0 && directory < 0)
		failed(c, "write to", to);
	if (c->error.status == 0)
		fd = open_part(c, part, task->result_size, &have);
	if (fd >= 0 && fill_part(c, task, fd, have) == 0 && unpack(c, fd, directory) == 0)
		unlink(part);
	if (fd >= 0)
		close(fd);
	if (directory >= 0)
		close(directory);
	free(part);
	return c->error.status;
}

static bool is_tar(const char *to)
{
	size_t n = strlen(to);

	return n > 4 && strcmp(to + n - 4, ".tar") == 0;
}

int result_fetch(struct client *c, const Pb__Task *task, const char *to)
{
	if (strcmp(to, "-") == 0)
		return blob_transfer_result(c, task, STDOUT_FILENO, 0);
	return is_tar(to) ? to_file(c, task, to) : to_directory(c, task, to);
}
