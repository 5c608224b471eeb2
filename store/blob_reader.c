/* store/blob_reader.c - read a complete blob in parts, on the thread pool, with one buffer. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/memory.h"
#include "proto/status.h"
#include "store/blob_dir.h"

int blob_reader_open(struct blob_reader *r, struct blobs *b, const char *sha256, uint64_t offset,
		     struct error *err)
{
	char path[PATH_SIZE];

	r->blobs = b;
	r->fd = -1;
	r->data = NULL;
	r->n = 0;
	error_clear(&r->error);
	if (!blobs_have(b, sha256, &r->size))
		return error_set(err, STATUS_NOT_FOUND, "this blob is not here");
	if (offset > r->size)
		return error_set(err, STATUS_OUT_OF_RANGE,
				 "the blob has %llu bytes, it cannot be read from %llu on",
				 (unsigned long long)r->size, (unsigned long long)offset);
	blobs_path(b, sha256, path, sizeof(path));
	r->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (r->fd < 0)
		return error_set(err, status_from_errno(errno), "the blob cannot be opened: %s",
				 strerror(errno));
	r->offset = offset;
	r->data = xmalloc(CHUNK_SIZE);
	return 0;
}

static void run_read(struct work *work)
{
	struct blob_reader *r = container_of(work, struct blob_reader, work);
	uint64_t left = r->size - r->offset;
	ssize_t n;

	do
		n = pread(r->fd, r->data, left < CHUNK_SIZE ? left : CHUNK_SIZE, (off_t)r->offset);
	while (n < 0 && errno == EINTR);
	r->n = n > 0 ? (size_t)n : 0;
	r->offset += r->n;
	if (n < 0)
		error_set(&r->error, STATUS_INTERNAL, "the blob cannot be read: %s", strerror(errno));
	else if (n == 0 && left > 0)
		error_set(&r->error, STATUS_DATA_LOSS, "the blob is shorter than it was");
}

static void done_read(struct work *work)
{
	struct blob_reader *r = container_of(work, struct blob_reader, work);

	r->on_data(r);
}

void blob_reader_next(struct blob_reader *r)
{
	work_start(r->blobs->loop, &r->work, run_read, done_read);
}

void blob_reader_close(struct blob_reader *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
	free(r->data);
	r->data = NULL;
}
