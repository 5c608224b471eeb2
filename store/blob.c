/* store/blob.c - the directory of blobs.
 *
 * The 256 directories are made at open: a commit then costs two fsyncs and no look-around. */
#include "store/blob.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <utlist.h>

#include "net/clock.h"
#include "net/log.h"
#include "net/memory.h"
#include "proto/id.h"
#include "proto/status.h"
#include "store/blob_dir.h"

static int make_dir(const char *path, struct error *err)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return 0;
	return error_set(err, status_from_errno(errno), "%s cannot be made: %s", path, strerror(errno));
}

int blobs_sync(int fd, const char *path, const char *file)
{
	int rc = fsync(fd), e = errno;

	if (rc == 0 || e == ENOSPC || e == EDQUOT)
		return rc;
	log_error("the disk fails: cannot make safe path=%s error=\"%s\"", path, strerror(e));
	fprintf(stderr,
		"hivemind: the disk under %s fails: %s. "
		"This process ends; look at the disk before the next start\n",
		path, strerror(e));
	if (file != NULL)
		unlink(file);
	_exit(EXIT_WRONG_STATE);
}

int blobs_sync_dir(const char *path, const char *file)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

	if (fd < 0)
		return -1;
	rc = blobs_sync(fd, path, file);
	close(fd);
	return rc;
}

/* What the complete blobs of one directory weigh together. */
static uint64_t dir_bytes(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	struct stat st;
	uint64_t bytes = 0;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
			bytes += (uint64_t)st.st_size;
	}
	if (dir != NULL)
		closedir(dir);
	return bytes;
}

static int make_dirs(struct blobs *b, struct error *err)
{
	char path[PATH_SIZE];
	int rc;

	snprintf(path, sizeof(path), "%s/uploads", b->dir);
	if ((rc = make_dir(b->dir, err)) != 0 || (rc = make_dir(path, err)) != 0)
		return rc;
	snprintf(path, sizeof(path), "%s/blobs", b->dir);
	if ((rc = make_dir(path, err)) != 0)
		return rc;
	for (int i = 0; i < 256; i++) {
		snprintf(path, sizeof(path), "%s/blobs/%02x", b->dir, i);
		if ((rc = make_dir(path, err)) != 0)
			return rc;
		b->bytes += dir_bytes(path);
	}
	snprintf(path, sizeof(path), "%s/blobs", b->dir);
	if (b->durable && (blobs_sync_dir(path, NULL) != 0 || blobs_sync_dir(b->dir, NULL) != 0))
		return error_set(err, status_from_errno(errno), "%s cannot be made safe: %s", path,
				 strerror(errno));
	return 0;
}

struct blobs *blobs_open(struct loop *loop, const char *dir, bool durable, struct error *err)
{
	struct blobs *b = xcalloc(1, sizeof(*b));

	b->loop = loop;
	b->durable = durable;
	if ((size_t)snprintf(b->dir, sizeof(b->dir), "%s", dir) >= sizeof(b->dir)) {
		error_set(err, STATUS_INVALID_ARGUMENT, "the name of the directory is too long");
	} else if (make_dirs(b, err) == 0) {
		return b;
	}
	free(b);
	return NULL;
}

void blobs_free(struct blobs *b)
{
	assert(b->writers == NULL);
	free(b);
}

void blobs_path(const struct blobs *b, const char *sha256, char *path, size_t n)
{
	snprintf(path, n, "%s/blobs/%.2s/%s", b->dir, sha256, sha256);
}

void blobs_upload_path(const struct blobs *b, const char *key, char path[PATH_SIZE])
{
	snprintf(path, PATH_SIZE, "%s/uploads/%s", b->dir, key);
}

bool blobs_file_size(const char *path, uint64_t *size)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return false;
	*size = (uint64_t)st.st_size;
	return true;
}

bool blobs_have(const struct blobs *b, const char *sha256, uint64_t *size)
{
	char path[PATH_SIZE];

	blobs_path(b, sha256, path, sizeof(path));
	return sha256_hex_valid(sha256) && blobs_file_size(path, size);
}

void blobs_delete(struct blobs *b, const char *sha256)
{
	char path[PATH_SIZE];
	uint64_t size;

	if (!blobs_have(b, sha256, &size))
		return;
	blobs_path(b, sha256, path, sizeof(path));
	if (unlink(path) == 0)
		b->bytes -= size;
}

uint64_t blobs_bytes(const struct blobs *b)
{
	return b->bytes;
}

int blobs_room(const struct blobs *b, uint64_t size, struct error *err)
{
	struct statvfs fs;
	uint64_t all, free, reserve;

	if (statvfs(b->dir, &fs) != 0)
		return error_set(err, status_from_errno(errno), "cannot look at the disk: %s", strerror(errno));
	free = (uint64_t)fs.f_bavail * fs.f_frsize;
	all = (uint64_t)(fs.f_blocks - fs.f_bfree) * fs.f_frsize + free;
	reserve = all / 100 * (100 - POOL_DISK_PERCENT);
	if (reserve > (uint64_t)POOL_DISK_RESERVE)
		reserve = (uint64_t)POOL_DISK_RESERVE;
	if (size <= free && free - size >= reserve)
		return 0;
	error_set(err, STATUS_RESOURCE_EXHAUSTED,
		  "the pool has no room on its disk for this blob: %llu MiB are free of %llu",
		  (unsigned long long)(free / MiB), (unsigned long long)(all / MiB));
	return error_hint(err, "send less, or ask who runs the pool to free space");
}

bool blobs_key_valid(const char *key)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
	size_t n = strlen(key);

	return n > 0 && n < sizeof(((struct blob_writer *)0)->key) && key[0] != '.' &&
	       strspn(key, allowed) == n;
}

struct blob_writer *blobs_find_writer(const struct blobs *b, const char *key)
{
	struct blob_writer *w;

	DL_FOREACH(b->writers, w)
	{
		if (strcmp(w->key, key) == 0)
			return w;
	}
	return NULL;
}

uint64_t blobs_upload_offset(const struct blobs *b, const char *key)
{
	char path[PATH_SIZE];
	uint64_t size = 0;

	blobs_upload_path(b, key, path);
	if (blobs_key_valid(key))
		blobs_file_size(path, &size);
	return size;
}

void blobs_sweep(struct blobs *b, int64_t older_than_ms)
{
	char path[PATH_SIZE];
	struct dirent *entry;
	struct stat st;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/uploads", b->dir);
	dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
			continue;
		if (clock_wall_ms() - (int64_t)st.st_mtime * 1000 > older_than_ms &&
		    blobs_find_writer(b, entry->d_name) == NULL)
			unlinkat(dirfd(dir), entry->d_name, 0);
	}
	if (dir != NULL)
		closedir(dir);
}

size_t blobs_list(const struct blobs *b, unsigned part, int64_t older_than_ms, size_t skip,
		  char (*sha256)[65], size_t max)
{
	char path[PATH_SIZE];
	struct dirent *entry;
	struct stat st;
	size_t n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/blobs/%02x", b->dir, part & 255);
	dir = opendir(path);
	while (dir != NULL && n < max && (entry = readdir(dir)) != NULL) {
		if (!sha256_hex_valid(entry->d_name) ||
		    fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		if (clock_wall_ms() - (int64_t)st.st_mtime * 1000 <= older_than_ms)
			continue;
		if (skip > 0)
			skip--;
		else
			text_copy(sha256[n++], sizeof(*sha256), entry->d_name);
	}
	if (dir != NULL)
		closedir(dir);
	return n;
}
