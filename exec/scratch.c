/* exec/scratch.c - the directory of one attempt: made, filled from the bundle, measured, removed.
 *
 * As root the files belong to the container's user; otherwise that user is somebody whom we cannot name here,
 * and the modes let everybody in: what keeps others out is the 0700 directory above. */
#define _GNU_SOURCE
#include "exec/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exec/tree.h"
#include "exec/unpack.h"
#include "proto/limits.h"
#include "proto/status.h"

static int fail(struct error *err, const char *what, const char *path)
{
	int e = errno;

	return error_set(err, status_from_errno(e), "cannot %s %s: %s", what, path, strerror(e));
}

/* --- making it ------------------------------------------------------------------------------------ */

/* A directory in the open one, for the container's user. It may be there. */
static int make_directory(const struct scratch *s, int fd, const char *name)
{
	if (mkdirat(fd, name, 0755) != 0)
		return errno == EEXIST ? 0 : -1;
	if (geteuid() == 0)
		return fchownat(fd, name, s->uid, s->uid, AT_SYMLINK_NOFOLLOW) != 0
			       ? -1
			       : fchmodat(fd, name, 0755, 0);
	return fchmodat(fd, name, 0777, 0);
}

static int name_it(struct scratch *s, const char *parent, const char *attempt, uid_t uid, struct error *err)
{
	int n = snprintf(s->path, sizeof s->path, "%s/%s", parent, attempt);

	s->work_fd = -1;
	s->uid = uid;
	s->has_image_tar = false;
	if (n < 0 || (size_t)n >= sizeof s->path || strchr(attempt, '/') != NULL || attempt[0] == '.' ||
	    attempt[0] == '\0')
		return error_set(err, STATUS_INVALID_ARGUMENT, "\"%s\" is no name of an attempt", attempt);
	snprintf(s->work, sizeof s->work, "%s/work", s->path);
	return 0;
}

static void look_for_image(struct scratch *s)
{
	struct stat st;

	s->has_image_tar =
		fstatat(s->work_fd, "image.tar", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

int scratch_adopt(struct scratch *s, const char *parent, const char *attempt, uid_t uid, struct error *err)
{
	int rc = name_it(s, parent, attempt, uid, err);

	if (rc != 0)
		return rc;
	s->work_fd = open(s->work, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->work_fd < 0)
		return fail(err, "open", s->work);
	look_for_image(s);
	return 0;
}

int scratch_open(struct scratch *s, const char *parent, const char *attempt, uid_t uid, struct error *err)
{
	int rc = name_it(s, parent, attempt, uid, err);

	if (rc != 0)
		return rc;
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

/* --- filling it ----------------------------------------------------------------------------------- */

int scratch_unpack(struct scratch *s, const char *bundle, uint64_t disk, struct error *err)
{
	struct unpack u = {.directory = s->work_fd, .max_bytes = disk};
	int fd = open(bundle, O_RDONLY | O_CLOEXEC), status;

	if (fd < 0)
		return fail(err, "open", bundle);
	u.owner = geteuid() == 0 ? s->uid : UNPACK_NO_OWNER;
	u.shared = geteuid() != 0;
	status = unpack_tar(&u, fd, err);
	close(fd);
	look_for_image(s);
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
