/* store/blob.c - the directory of blobs, and writing one.
 *
 * A writer: open (what is there is read again, RESUME_PART at a time, so that others get their turn on the
 * thread pool) -> write, write, ... -> commit: fsync the file, rename it to its name, fsync that directory.
 * Until the rename nobody can see it, so a torn file never bears a hash.
 *
 * Each step runs on the thread pool with the writer on loan to it; only the loop touches struct blobs.
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
#include "net/crash.h"
#include "net/log.h"
#include "net/memory.h"
#include "proto/id.h"
#include "proto/status.h"
#include "store/blob_dir.h"

#define RESUME_PART (16 * MiB)

/* --- the directory ------------------------------------------------------------------------------- */

static int make_dir(const char *path, struct error *err)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return 0;
	return error_set(err, status_from_errno(errno), "%s cannot be made: %s", path, strerror(errno));
}

/* The kernel tells of an error once and may have dropped what it could not write: to ask again, now or at the next start,
 * would be to assume. So the file goes too; NULL = there is none. */
static int sync_or_end(int fd, const char *path, const char *file)
{
	int rc = fsync(fd), e = errno;

	if (rc == 0 || e == ENOSPC || e == EDQUOT)
		return rc;
	log_error("the disk fails: cannot make safe path=%s error=\"%s\"", path, strerror(e));
	fprintf(stderr, "hivemind: the disk under %s fails: %s. This process ends; look at the disk before the next start\n",
		path, strerror(e));
	if (file != NULL)
		unlink(file);
	_exit(EXIT_WRONG_STATE);
}

static int sync_dir(const char *path, const char *file)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

	if (fd < 0)
		return -1;
	rc = sync_or_end(fd, path, file);
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
	if (b->durable && (sync_dir(path, NULL) != 0 || sync_dir(b->dir, NULL) != 0))
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

static void upload_path(const struct blobs *b, const char *key, char path[PATH_SIZE])
{
	snprintf(path, PATH_SIZE, "%s/uploads/%s", b->dir, key);
}

static bool file_size(const char *path, uint64_t *size)
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
	return sha256_hex_valid(sha256) && file_size(path, size);
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
	error_set(err, STATUS_RESOURCE_EXHAUSTED, "the pool has no room on its disk for this blob: %llu MiB are free of %llu",
		  (unsigned long long)(free / MiB), (unsigned long long)(all / MiB));
	return error_hint(err, "send less, or ask who runs the pool to free space");
}

static bool key_valid(const char *key)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
	size_t n = strlen(key);

	return n > 0 && n < sizeof(((struct blob_writer *)0)->key) && key[0] != '.' &&
	       strspn(key, allowed) == n;
}

static struct blob_writer *find_writer(const struct blobs *b, const char *key)
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

	upload_path(b, key, path);
	if (key_valid(key))
		file_size(path, &size);
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
		    find_writer(b, entry->d_name) == NULL)
			unlinkat(dirfd(dir), entry->d_name, 0);
	}
	if (dir != NULL)
		closedir(dir);
}

size_t blobs_list(const struct blobs *b, unsigned part, int64_t older_than_ms, size_t skip, char (*sha256)[65],
		  size_t max)
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

/* --- a writer: steps on the thread pool ------------------------------------------------------------ */

static void forget_bytes(struct blob_writer *w)
{
	char path[PATH_SIZE];

	upload_path(w->blobs, w->key, path);
	unlink(path);
	w->offset = 0;
}

static void disk_error(struct blob_writer *w, const char *what)
{
	int e = errno;

	if (e == ENOSPC || e == EDQUOT || e == EFBIG) {
		error_set(&w->error, STATUS_RESOURCE_EXHAUSTED, "the pool has no room on its disk for this blob");
		error_hint(&w->error, "send less, or ask who runs the pool to free space");
	} else {
		error_set(&w->error, STATUS_INTERNAL, "the blob's file cannot be %s: %s", what, strerror(e));
	}
}

/* Bytes that are in the file now go through hash and filter. */
static int feed(struct blob_writer *w, const void *data, size_t n)
{
	sha256_update(&w->hash, data, n);
	w->offset += n;
	if (w->filter == NULL || w->filter->feed(w->filter, data, n, &w->error) == 0)
		return 0;
	forget_bytes(w);
	return w->error.status;
}

static void resume_part(struct blob_writer *w)
{
	uint8_t *data = xmalloc(CHUNK_SIZE);
	uint64_t end = w->there - w->offset > RESUME_PART ? w->offset + RESUME_PART : w->there;

	while (w->offset < end && w->error.status == 0) {
		uint64_t left = end - w->offset;
		ssize_t n = pread(w->fd, data, left < CHUNK_SIZE ? left : CHUNK_SIZE, (off_t)w->offset);

		if (n <= 0)
			disk_error(w, "read");
		else
			feed(w, data, (size_t)n);
	}
	free(data);
}

static void run_open(struct work *work)
{
	struct blob_writer *w = container_of(work, struct blob_writer, work);
	char path[PATH_SIZE];
	struct stat st;

	if (w->error.status != 0)
		return;
	if (w->fd < 0) {
		upload_path(w->blobs, w->key, path);
		w->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (w->fd < 0 || fstat(w->fd, &st) != 0) {
			disk_error(w, "opened");
			return;
		}
		/* More than it should be: it was begun with another size. Begin again. */
		w->there = (uint64_t)st.st_size <= w->size ? (uint64_t)st.st_size : 0;
		if (w->there == 0 && ftruncate(w->fd, 0) != 0)
			disk_error(w, "emptied");
	}
	if (w->error.status == 0)
		resume_part(w);
}

static void run_write(struct work *work)
{
	struct blob_writer *w = container_of(work, struct blob_writer, work);
	size_t written = 0;

	if (w->error.status != 0)
		return;
	while (written < w->n) {
		ssize_t n = pwrite(w->fd, (const char *)w->data + written, w->n - written,
				   (off_t)(w->offset + written));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			disk_error(w, "written");
			if (ftruncate(w->fd, (off_t)w->offset) != 0)
				forget_bytes(w);
			return;
		}
		written += (size_t)n;
	}
	crash_point(POOL_BLOB_PIECE);
	feed(w, w->data, w->n);
}

static int check_content(struct blob_writer *w)
{
	char hex[SHA256_HEX_SIZE];

	if (w->offset != w->size)
		return error_set(&w->error, STATUS_OUT_OF_RANGE, "%llu of %llu bytes are here",
				 (unsigned long long)w->offset, (unsigned long long)w->size);
	sha256_hex(&w->hash, hex);
	if (strcmp(hex, w->sha256) != 0)
		error_set(&w->error, STATUS_DATA_LOSS, "the bytes that came have the SHA-256 %s, not %s", hex,
			  w->sha256);
	else if (w->filter != NULL)
		w->filter->end(w->filter, &w->error);
	if (w->error.status != 0)
		forget_bytes(w);
	return w->error.status;
}

/* Bytes, name, directory: each safe before the next step. */
static int make_safe(struct blob_writer *w, const char *from, const char *to)
{
	char dir[PATH_SIZE];

	if (w->blobs->durable && sync_or_end(w->fd, from, from) != 0)
		return -1;
	crash_point(POOL_BLOB_SYNCED);
	if (rename(from, to) != 0)
		return -1;
	crash_point(POOL_BLOB_RENAMED);
	snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(to, '/') - to), to);
	if (!w->blobs->durable || sync_dir(dir, to) == 0)
		return 0;
	unlink(to); /* nobody has heard of it, and nobody may find it by chance */
	return -1;
}

static void run_commit(struct work *work)
{
	struct blob_writer *w = container_of(work, struct blob_writer, work);
	char from[PATH_SIZE], to[PATH_SIZE];

	if (w->error.status != 0 || check_content(w) != 0)
		return;
	upload_path(w->blobs, w->key, from);
	blobs_path(w->blobs, w->sha256, to, sizeof(to));
	w->replaced = 0;
	file_size(to, &w->replaced);
	w->complete = make_safe(w, from, to) == 0;
	if (!w->complete) {
		disk_error(w, "made safe");
		forget_bytes(w);
	}
}

/* --- a writer: on the loop ---------------------------------------------------------------------------- */

static void done_open(struct work *work)
{
	struct blob_writer *w = container_of(work, struct blob_writer, work);

	if (w->error.status == 0 && w->offset < w->there) {
		work_start(w->blobs->loop, work, run_open, done_open);
		return;
	}
	w->on_loan = false;
	w->on_done(w);
}

static void done_step(struct work *work)
{
	struct blob_writer *w = container_of(work, struct blob_writer, work);

	w->on_loan = false;
	w->on_done(w);
}

static void done_commit(struct work *work)
{
	struct blob_writer *w = container_of(work, struct blob_writer, work);

	if (w->complete)
		w->blobs->bytes += w->size - w->replaced;
	done_step(work);
}

void blob_writer_open(struct blob_writer *w, struct blobs *b, const char *key, const char *sha256,
		      uint64_t size, struct blob_filter *filter)
{
	w->blobs = b;
	w->filter = filter;
	w->size = size;
	w->offset = w->there = 0;
	w->fd = -1;
	w->listed = w->complete = false;
	w->on_loan = true;
	error_clear(&w->error);
	sha256_init(&w->hash);
	if (!key_valid(key) || !sha256_hex_valid(sha256)) {
		error_set(&w->error, STATUS_INVALID_ARGUMENT, "an upload cannot have this name");
	} else if (find_writer(b, key) != NULL) {
		error_set(&w->error, STATUS_ABORTED, "another connection is sending this upload");
		error_hint(&w->error, "wait until it has ended, then go on where it stopped");
	} else {
		text_copy(w->key, sizeof(w->key), key);
		text_copy(w->sha256, sizeof(w->sha256), sha256);
		w->listed = true;
		DL_APPEND(b->writers, w);
	}
	work_start(b->loop, &w->work, run_open, done_open);
}

void blob_writer_write(struct blob_writer *w, const void *data, size_t n)
{
	assert(!w->on_loan && w->fd >= 0);
	w->on_loan = true;
	w->data = data;
	w->n = n;
	error_clear(&w->error);
	if (n > w->size - w->offset)
		error_set(&w->error, STATUS_INVALID_ARGUMENT,
			  "more bytes came than the %llu that were announced", (unsigned long long)w->size);
	work_start(w->blobs->loop, &w->work, run_write, done_step);
}

void blob_writer_commit(struct blob_writer *w)
{
	assert(!w->on_loan && w->fd >= 0 && !w->complete);
	w->on_loan = true;
	error_clear(&w->error);
	work_start(w->blobs->loop, &w->work, run_commit, done_commit);
}

void blob_writer_close(struct blob_writer *w, bool forget)
{
	assert(!w->on_loan);
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
	if (!w->listed)
		return;
	if (forget && !w->complete)
		forget_bytes(w);
	DL_DELETE(w->blobs->writers, w);
	w->listed = false;
}
