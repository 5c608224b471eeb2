/* exec/scratch.c - the directory of one attempt: made, filled from the bundle, measured, removed.
 *
 * Every name of the bundle has passed exec/tar.h, and it is still opened beneath work/ only, through no link. As root the files belong
 * to the container's user; otherwise that user is somebody we cannot name here, and the modes let everybody in: what keeps
 * others out is the 0700 directory above. */
#define _GNU_SOURCE
#include "exec/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "exec/tar.h"
#include "exec/tree.h"
#include "exec/visible.h"
#include "net/memory.h"
#include "proto/limits.h"
#include "proto/status.h"

#define READ_SIZE (128 * KiB)

static int fail(struct error *err, const char *what, const char *path)
{
	int e = errno;

	return error_set(err, status_from_errno(e), "cannot %s %s: %s", what, path, strerror(e));
}

static int open_beneath(int fd, const char *name, int flags, mode_t mode)
{
	struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC | O_NOFOLLOW),
			       .mode = mode,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};

	return (int)syscall(SYS_openat2, fd, name, &how, sizeof how);
}

/* --- making it ------------------------------------------------------------------------------------ */

/* A directory in the open one, for the container's user. It may be there. */
static int make_directory(const struct scratch *s, int fd, const char *name)
{
	if (mkdirat(fd, name, 0755) != 0)
		return errno == EEXIST ? 0 : -1;
	if (geteuid() == 0)
		return fchownat(fd, name, s->uid, s->uid, AT_SYMLINK_NOFOLLOW) != 0 ? -1 : fchmodat(fd, name, 0755, 0);
	return fchmodat(fd, name, 0777, 0);
}

int scratch_open(struct scratch *s, const char *parent, const char *attempt, uid_t uid, struct error *err)
{
	int n = snprintf(s->path, sizeof s->path, "%s/%s", parent, attempt);

	s->work_fd = -1;
	s->uid = uid;
	s->has_image_tar = false;
	if (n < 0 || (size_t)n >= sizeof s->path || strchr(attempt, '/') != NULL || attempt[0] == '.' || attempt[0] == '\0')
		return error_set(err, STATUS_INVALID_ARGUMENT, "\"%s\" is no name of an attempt", attempt);
	snprintf(s->work, sizeof s->work, "%s/work", s->path);
	if (mkdir(s->path, 0700) != 0 && errno == EEXIST) {
		scratch_remove(s); /* of an earlier process: a name is never used twice at once */
		if (mkdir(s->path, 0700) != 0)
			return fail(err, "make", s->path);
	} else if (access(s->path, F_OK) != 0) {
		return fail(err, "make", s->path);
	}
	if (make_directory(s, AT_FDCWD, s->work) != 0)
		return fail(err, "make", s->work);
	s->work_fd = open(s->work, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->work_fd < 0 || make_directory(s, s->work_fd, "out") != 0)
		return fail(err, "make", s->work);
	return 0;
}

/* --- unpacking ------------------------------------------------------------------------------------ */

struct unpacking {
	struct scratch *s;
	int file;                            /* -1 = none */
	int parent_fd;                       /* directory of the entry before; work_fd itself is not closed */
	char parent[ARCHIVE_PATH_MAX + 8];
	char name[ARCHIVE_PATH_MAX + 8];     /* of the entry */
};

static int entry_failed(struct unpacking *u, struct error *err)
{
	int e = errno;
	char shown[160];

	text_visible(shown, sizeof shown, u->name, strlen(u->name));
	if (e == EISDIR || e == ENOTDIR || e == EEXIST)
		return error_set(err, STATUS_INVALID_ARGUMENT, "\"%s\" is in the way: out is a directory of HiveMind's", shown);
	return error_set(err, status_from_errno(e), "cannot write \"%s\": %s", shown, strerror(e));
}

/* Make what is missing of directory `path` below work/, and open it. -1 with errno. */
static int open_directory(const struct scratch *s, const char *path)
{
	char part[ARCHIVE_NAME_MAX + 1];
	int fd = open_beneath(s->work_fd, path, O_PATH | O_DIRECTORY, 0), next;

	if (fd >= 0 || errno != ENOENT)
		return fd;
	fd = open_beneath(s->work_fd, ".", O_PATH | O_DIRECTORY, 0);
	while (fd >= 0 && *path != '\0') {
		size_t n = strcspn(path, "/");

		snprintf(part, sizeof part, "%.*s", (int)n, path);
		next = make_directory(s, fd, part) == 0 ? open_beneath(fd, part, O_PATH | O_DIRECTORY, 0) : -1;
		close(fd);
		fd = next;
		path += n + (path[n] == '/');
	}
	return fd;
}

static void close_parent(struct unpacking *u)
{
	if (u->parent_fd >= 0 && u->parent_fd != u->s->work_fd)
		close(u->parent_fd);
}

/* The open directory that holds u->name; *last becomes the last part of the name. */
static int parent_of(struct unpacking *u, const char **last)
{
	const char *slash = strrchr(u->name, '/');
	size_t n = slash != NULL ? (size_t)(slash - u->name) : 0;

	*last = slash != NULL ? slash + 1 : u->name;
	if (strncmp(u->parent, u->name, n) == 0 && u->parent[n] == '\0')
		return u->parent_fd;
	close_parent(u);
	memcpy(u->parent, u->name, n);
	u->parent[n] = '\0';
	u->parent_fd = n == 0 ? u->s->work_fd : open_directory(u->s, u->parent);
	return u->parent_fd;
}

static int unpack_entry(void *user, const struct tar_entry *entry, struct error *err)
{
	struct unpacking *u = user;
	mode_t mode = entry->executable ? 0755 : 0644;
	const char *last;
	int fd;

	strcpy(u->name, entry->name);
	fd = parent_of(u, &last);
	if (fd < 0)
		return entry_failed(u, err);
	if (entry->directory)
		return make_directory(u->s, fd, last) == 0 ? 0 : entry_failed(u, err);
	u->file = open_beneath(fd, last, O_WRONLY | O_CREAT | O_EXCL, mode);
	if (u->file < 0)
		return entry_failed(u, err);
	if (geteuid() == 0 && fchown(u->file, u->s->uid, u->s->uid) != 0)
		return entry_failed(u, err);
	if (fchmod(u->file, geteuid() == 0 ? mode : mode | 0022) != 0)
		return entry_failed(u, err);
	if (strcmp(entry->name, "image.tar") == 0)
		u->s->has_image_tar = true;
	return 0;
}

static int unpack_data(void *user, const void *data, size_t n, struct error *err)
{
	struct unpacking *u = user;
	const char *p = data;

	while (n > 0) {
		ssize_t written = write(u->file, p, n);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return entry_failed(u, err);
		p += written;
		n -= (size_t)written;
	}
	return 0;
}

static int unpack_end(void *user, struct error *err)
{
	struct unpacking *u = user;
	int fd = u->file;

	u->file = -1;
	return fd >= 0 && close(fd) != 0 ? entry_failed(u, err) : 0;
}

static int feed_file(struct tar_reader *t, int fd, const char *path, struct error *err)
{
	char *buffer = xmalloc(READ_SIZE);
	int status = 0;
	ssize_t n;

	while (status == 0 && (n = read(fd, buffer, READ_SIZE)) != 0) {
		if (n > 0)
			status = tar_reader_feed(t, buffer, (size_t)n, err);
		else if (errno != EINTR)
			status = fail(err, "read", path);
	}
	free(buffer);
	if (status == 0)
		status = tar_reader_end(t, err);
	if (status == 0 && tar_reader_entries(t) == 0)
		status = error_set(err, STATUS_INVALID_ARGUMENT, "the archive has no files");
	return status;
}

int scratch_unpack(struct scratch *s, const char *bundle, uint64_t disk, struct error *err)
{
	struct unpacking u = {.s = s, .file = -1, .parent_fd = s->work_fd};
	struct tar_reader_events events = {unpack_entry, unpack_data, unpack_end, &u};
	int fd = open(bundle, O_RDONLY | O_CLOEXEC), status;
	struct tar_reader *t;

	if (fd < 0)
		return fail(err, "open", bundle);
	t = tar_reader_new(&events, disk);
	status = feed_file(t, fd, bundle, err);
	tar_reader_free(t);
	close(fd);
	if (u.file >= 0)
		close(u.file);
	close_parent(&u);
	return status;
}

/* --- measuring and removing ----------------------------------------------------------------------- */

uint64_t scratch_used(const struct scratch *s)
{
	return s->work_fd >= 0 ? tree_used(s->work_fd) : 0;
}

void scratch_remove(struct scratch *s)
{
	char *slash = strrchr(s->path, '/');
	int fd;

	if (s->work_fd >= 0)
		close(s->work_fd);
	s->work_fd = -1;
	if (slash == NULL || slash == s->path)
		return;
	*slash = '\0';
	fd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*slash = '/';
	if (fd < 0)
		return;
	tree_remove(fd, slash + 1);
	close(fd);
}

void scratch_sweep(const char *parent, const char *const *keep, size_t count)
{
	int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t n = 0, k;
	char **names;

	if (fd < 0)
		return;
	names = tree_names(fd, ARCHIVE_ENTRIES_MAX, &n);
	for (size_t i = 0; names != NULL && i < n; i++) {
		for (k = 0; k < count && strcmp(names[i], keep[k]) != 0; k++)
			;
		if (k == count)
			tree_remove(fd, names[i]);
	}
	free(names);
	close(fd);
}
