#define _GNU_SOURCE
#include "net/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/file.h"
#include "net/memory.h"
#include "proto/limits.h"
#include "proto/status.h"

static int failed(struct error *err, const char *what, const char *path)
{
	int e = errno;

	return error_set(err, status_from_errno(e), "cannot %s %s: %s", what, path, strerror(e));
}

static int check_private(const struct stat *s, const char *path, struct error *err)
{
	if (s->st_uid != geteuid() && s->st_uid != 0)
		return error_set(err, STATUS_PERMISSION_DENIED, "%s belongs to another user (uid %u)", path,
		                 (unsigned)s->st_uid);
	if ((s->st_mode & 077) != 0) {
		error_set(err, STATUS_PERMISSION_DENIED,
		          "%s holds a secret, but its mode is %04o: others can get at it", path,
		          (unsigned)(s->st_mode & 07777));
		error_hint(err, "chmod 600 %s", path);
		return STATUS_PERMISSION_DENIED;
	}
	return 0;
}

static int read_all(int fd, size_t size, struct buf *out)
{
	uint8_t *room =
	    buf_reserve(out, size + 1); /* one allocation, so that no copy of a secret stays behind */
	size_t got = 0;

	while (got < size) {
		ssize_t r = read(fd, room + got, size - got);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -1;
		if (r == 0)
			break;
		got += (size_t)r;
	}
	out->n += got;
	return 0;
}

static int read_file(const char *path, int secret, struct buf *out, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hold us */
	struct stat s;
	int rc = 0;

	if (fd < 0)
		return failed(err, "open", path);
	if (fstat(fd, &s) < 0)
		rc = failed(err, "read", path);
	else if (!S_ISREG(s.st_mode))
		rc = error_set(err, STATUS_INVALID_ARGUMENT, "%s is not a file", path);
	else if (s.st_size > SECRET_FILE_MAX)
		rc = error_set(err, STATUS_INVALID_ARGUMENT, "%s is larger than %lld bytes", path,
		               SECRET_FILE_MAX);
	else if (secret)
		rc = check_private(&s, path, err);
	if (rc == 0 && read_all(fd, (size_t)s.st_size, out) < 0)
		rc = failed(err, "read", path);
	close(fd);
	return rc;
}

int secret_file_read(const char *path, struct buf *out, struct error *err)
{
	return read_file(path, 1, out, err);
}

int public_file_read(const char *path, struct buf *out, struct error *err)
{
	return read_file(path, 0, out, err);
}

int secret_file_write(const char *path, mode_t mode, const void *data, size_t n, struct error *err)
{
	char *fresh = xasprintf("%s.XXXXXX", path);
	int fd = mkostemp(fresh, O_CLOEXEC); /* 0600 from the first moment */
	int rc = 0;

	if (fd < 0) {
		rc = failed(err, "write", path);
		free(fresh);
		return rc;
	}
	if (file_write_all(fd, data, n) < 0 || fchmod(fd, mode) < 0 || fsync(fd) < 0)
		rc = failed(err, "write", path);
	close(fd);
	if (rc == 0 && rename(fresh, path) < 0)
		rc = failed(err, "write", path);
	if (rc != 0)
		unlink(fresh);
	else if (file_sync_directory(path) < 0)
		rc = failed(err, "write the directory of", path);
	free(fresh);
	return rc;
}

void secret_buf_release(struct buf *b)
{
	if (b->data != NULL)
		wipe(b->data, b->size);
	buf_release(b);
}
