/* roles/dev_home.c - nothing is removed but the names that dev itself makes, and never across a mount. */
#define _GNU_SOURCE
#include "roles/dev_home.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/status.h"
#include "roles/worker_home.h"

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)at;
	if (type == FTW_DP ? rmdir(path) != 0 : unlink(path) != 0)
		return 0; /* the rest may still go */
	return 0;
}

static void remove_name(const struct dev *d, const char *name)
{
	char path[400];

	snprintf(path, sizeof path, "%s/%s", d->data, name);
	nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static void remove_ours(const struct dev *d)
{
	static const char *const names[] = {"env", "token", "worker-token", "api-key", "demo",
					    "run", "log",   "pool",         "master",  "engine"};
	char name[32];

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		remove_name(d, names[i]);
	for (int i = 1; i <= DEV_WORKERS_MAX; i++) {
		snprintf(name, sizeof name, "worker-%d", i);
		remove_name(d, name);
	}
}

static int choose(struct dev *d, struct error *err)
{
	const char *tmp = getenv("TMPDIR"); /* taken unless it is too long for a socket's path */
	struct stat st;

	if (d->options.data == NULL) {
		snprintf(d->data, sizeof d->data, "%.200s/hivemind-XXXXXX",
			 tmp != NULL && tmp[0] == '/' && strlen(tmp) < 50 ? tmp : "/tmp");
		d->made_data = mkdtemp(d->data) != NULL;
		return d->made_data ? 0
				    : error_set(err, status_from_errno(errno),
						"cannot make a directory %s: %s", d->data, strerror(errno));
	}
	text_copy(d->data, sizeof d->data, d->options.data);
	d->made_data = stat(d->data, &st) != 0;
	return make_directories(d->data, err);
}

/* Unix sockets lie in it, and their paths may have 107 bytes. */
static int make_absolute(struct dev *d, struct error *err)
{
	char *path = realpath(d->data, NULL);
	int rc = 0;

	if (path == NULL)
		rc = error_set(err, status_from_errno(errno), "cannot use %s: %s", d->data, strerror(errno));
	else if (strlen(path) > 70)
		rc = error_set(err, STATUS_INVALID_ARGUMENT, "the path %s is too long: sockets are made in it", path);
	else
		text_copy(d->data, sizeof d->data, path);
	free(path);
	return rc;
}

static int take_lock(struct dev *d, struct error *err)
{
	d->lock = open(d->data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->lock >= 0 && flock(d->lock, LOCK_EX | LOCK_NB) == 0)
		return 0;
	error_set(err, STATUS_ABORTED, "another hivemind dev runs in %s", d->data);
	return error_hint(err, "use it:  . %s/env   or take another directory: --data DIR", d->data);
}

static int make_folders(const struct dev *d, struct error *err)
{
	static const char *const names[] = {"run", "log"};
	char path[400];
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof names / sizeof names[0]; i++) {
		snprintf(path, sizeof path, "%s/%s", d->data, names[i]);
		rc = make_directories(path, err);
	}
	return rc;
}

int dev_home_open(struct dev *d, struct error *err)
{
	int rc;

	d->lock = -1;
	rc = choose(d, err);
	if (rc == 0)
		rc = make_absolute(d, err);
	if (rc == 0)
		rc = take_lock(d, err);
	if (rc != 0)
		return rc;
	remove_ours(d);
	return make_folders(d, err);
}

int dev_home_write(const struct dev *d, const char *name, const char *text, struct error *err)
{
	char path[400], part[410];
	size_t n = strlen(text);
	int fd;
	bool ok;

	snprintf(path, sizeof path, "%s/%s", d->data, name);
	snprintf(part, sizeof part, "%s.part", path);
	fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ok = fd >= 0 && write(fd, text, n) == (ssize_t)n && rename(part, path) == 0;
	if (!ok)
		error_set(err, status_from_errno(errno), "cannot write %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return ok ? 0 : err->status;
}

void dev_home_remove(struct dev *d)
{
	remove_ours(d);
	if (d->made_data)
		rmdir(d->data);
	if (d->lock >= 0)
		close(d->lock);
	d->lock = -1;
}
