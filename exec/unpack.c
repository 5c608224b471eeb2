/* exec/unpack.c - tar to files, beneath one directory. The tar reader calls back: an entry begins, a piece of
 * it, it ends.
 *
 * The parent directory of the last entry stays open, because archives name files in the order of their
 * directories. */
#define _GNU_SOURCE
#include "exec/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exec/tar.h"
#include "exec/visible.h"
#include "net/memory.h"
#include "proto/limits.h"
#include "proto/status.h"

/* A name without a slash (the reader has refused "..") leads nowhere else when it is no link. ELOOP: it is
 * one. */
static int open_step(int at, const char *name, int flags, mode_t mode)
{
	int fd = openat(at, name, flags | O_NOFOLLOW | O_CLOEXEC, mode);
	struct stat st;

	if (fd < 0 && errno == ENOTDIR)
		errno =
		    fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode) ? ELOOP : ENOTDIR;
	return fd;
}

static int failed(const char *what, const char *name, struct error *err)
{
	int reason = errno;
	char shown[200];

	text_visible(shown, sizeof shown, name, strlen(name));
	return error_set(err,
	                 reason == ELOOP || reason == ENOTDIR || reason == EISDIR ? STATUS_INVALID_ARGUMENT
	                                                                          : status_from_errno(reason),
	                 "cannot %s \"%s\": %s", what, shown,
	                 reason == ELOOP ? "a symbolic link is in the way" : strerror(reason));
}

static int own(const struct unpack *u, int fd, mode_t mode)
{
	if (u->owner != UNPACK_NO_OWNER && fchown(fd, u->owner, u->owner) != 0)
		return -1;
	if (u->shared)
		mode |= 0022;
	return u->owner != UNPACK_NO_OWNER || u->shared ? fchmod(fd, mode) : 0;
}

/* Open the directory `name` beneath `at`, make it when it is not there. -1 and errno. */
static int open_directory(const struct unpack *u, int at, const char *name)
{
	int fd = open_step(at, name, O_RDONLY | O_DIRECTORY, 0);
	bool made = fd < 0 && errno == ENOENT && mkdirat(at, name, 0755) == 0;

	if (made)
		fd = open_step(at, name, O_RDONLY | O_DIRECTORY, 0);
	if (made && fd >= 0 && own(u, fd, 0755) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The directory with this name, n bytes of it, each step made when it is not there. */
static int make_path(const struct unpack *u, const char *name, size_t n)
{
	int at = dup(u->directory);
	char step[ARCHIVE_NAME_MAX + 1];

	for (size_t i = 0; i < n && at >= 0;) {
		size_t length = strcspn(name + i, "/");
		int next;

		if (length > n - i)
			length = n - i;
		if (length > ARCHIVE_NAME_MAX)
			length = ARCHIVE_NAME_MAX; /* the reader refuses longer ones */
		memcpy(step, name + i, length);
		step[length] = '\0';
		next = open_directory(u, at, step);
		close(at);
		at = next;
		i += length + 1;
	}
	return at;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Make u->parent the directory that the first n bytes of name are. */
static int enter_parent(struct unpack *u, const char *name, size_t n, struct error *err)
{
	if (u->parent >= 0 && strlen(u->parent_name) == n && memcmp(u->parent_name, name, n) == 0)
		return 0;
	close_fd(&u->parent);
	free(u->parent_name);
	u->parent_name = xasprintf("%.*s", (int)n, name);
	u->parent = make_path(u, name, n);
	return u->parent < 0 ? failed("make the directory", u->parent_name, err) : 0;
}

static int create_file(struct unpack *u, const struct tar_entry *entry, const char *last, struct error *err)
{
	mode_t mode = entry->executable ? 0755 : 0644;

	if (unlinkat(u->parent, last, 0) != 0 && errno != ENOENT)
		return failed("replace", entry->name, err);
	u->file = open_step(u->parent, last, O_WRONLY | O_CREAT | O_EXCL, mode);
	if (u->file < 0 || own(u, u->file, mode) != 0)
		return failed("make", entry->name, err);
	u->files++;
	return 0;
}

static int on_entry(void *user, const struct tar_entry *entry, struct error *err)
{
	struct unpack *u = user;
	const char *slash = strrchr(entry->name, '/');
	int fd, rc;

	if (entry->directory) {
		fd = make_path(u, entry->name, strlen(entry->name));
		if (fd < 0)
			return failed("make the directory", entry->name, err);
		close(fd);
		return 0;
	}
	rc = enter_parent(u, entry->name, slash != NULL ? (size_t)(slash - entry->name) : 0, err);
	return rc != 0 ? rc : create_file(u, entry, slash != NULL ? slash + 1 : entry->name, err);
}

static int on_data(void *user, const void *data, size_t n, struct error *err)
{
	struct unpack *u = user;
	const char *p = data;

	while (n > 0) {
		ssize_t wrote = write(u->file, p, n);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0)
			return error_set(err, status_from_errno(errno), "cannot unpack: %s", strerror(errno));
		p += wrote;
		n -= (size_t)wrote;
		u->bytes += (uint64_t)wrote;
	}
	return 0;
}

static int on_entry_end(void *user, struct error *err)
{
	struct unpack *u = user;
	int fd = u->file;

	u->file = -1;
	if (fd >= 0 && close(fd) != 0)
		return error_set(err, status_from_errno(errno), "cannot unpack: %s", strerror(errno));
	return 0;
}

static int feed_all(struct unpack *u, struct tar_reader *reader, int fd, struct error *err)
{
	uint8_t piece[CHUNK_SIZE];
	uint64_t done = 0;
	ssize_t got;
	int rc = 0;

	while (rc == 0 && ((got = read(fd, piece, sizeof piece)) > 0 || (got < 0 && errno == EINTR))) {
		if (got < 0)
			continue;
		rc = tar_reader_feed(reader, piece, (size_t)got, err);
		done += (uint64_t)got;
		if (u->on_progress != NULL)
			u->on_progress(u->user, done);
	}
	if (rc == 0 && got < 0)
		return error_set(err, status_from_errno(errno), "cannot read the archive: %s",
		                 strerror(errno));
	return rc == 0 ? tar_reader_end(reader, err) : rc;
}

int unpack_tar(struct unpack *u, int fd, struct error *err)
{
	const struct tar_reader_events events = {on_entry, on_data, on_entry_end, u};
	struct tar_reader *reader = tar_reader_new(&events, u->max_bytes);
	int rc;

	u->parent = u->file = -1;
	rc = feed_all(u, reader, fd, err);
	tar_reader_free(reader);
	close_fd(&u->file);
	close_fd(&u->parent);
	free(u->parent_name);
	u->parent_name = NULL;
	return rc;
}
