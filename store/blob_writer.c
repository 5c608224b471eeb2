/* store/blob_writer.c - one blob being written.
 *
 * open (what is there is read again, RESUME_PART at a time, so that others get their turn on the thread pool)
 * -> write, write, ... -> commit: fsync the file, rename it to its name, fsync that directory.
 * Until the rename nobody can see it, so a torn file never bears a hash.
 *
 * Each step runs on the thread pool with the writer on loan to it; only the loop touches struct blobs. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#include "net/crash.h"
#include "net/memory.h"
#include "proto/id.h"
#include "proto/status.h"
#include "store/blob_dir.h"

#define RESUME_PART (16 * MiB)

/* --- steps on the thread pool -------------------------------------------------------------------- */

static void forget_bytes(struct blob_writer *w)
{
	char path[PATH_SIZE];

	blobs_upload_path(w->blobs, w->key, path);
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
		blobs_upload_path(w->blobs, w->key, path);
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

	if (w->blobs->durable && blobs_sync(w->fd, from, from) != 0)
		return -1;
	crash_point(POOL_BLOB_SYNCED);
	if (rename(from, to) != 0)
		return -1;
	crash_point(POOL_BLOB_RENAMED);
	snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(to, '/') - to), to);
	if (!w->blobs->durable || blobs_sync_dir(dir, to) == 0)
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
	blobs_upload_path(w->blobs, w->key, from);
	blobs_path(w->blobs, w->sha256, to, sizeof(to));
	w->replaced = 0;
	blobs_file_size(to, &w->replaced);
	w->complete = make_safe(w, from, to) == 0;
	if (!w->complete) {
		disk_error(w, "made safe");
		forget_bytes(w);
	}
}

/* --- on the loop --------------------------------------------------------------------------------- */

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
	if (!blobs_key_valid(key) || !sha256_hex_valid(sha256)) {
		error_set(&w->error, STATUS_INVALID_ARGUMENT, "an upload cannot have this name");
	} else if (blobs_find_writer(b, key) != NULL) {
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
