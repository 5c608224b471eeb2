/* store/blob.h - bundles and results as files named by their SHA-256.
 *
 *   DIR/blobs/ab/abcd...     complete, hash checked, fsynced (file and directory) before anyone hears of it
 *   DIR/uploads/KEY          being written; its length is where an upload goes on
 *
 * All file work happens on the thread pool. Memory is constant whatever the size. Used by the pool for the
 * truth and by the worker for its cache of bundles and its finished results. */
#ifndef STORE_BLOB_H
#define STORE_BLOB_H

#include <stdbool.h>
#include <stdint.h>

#include "net/loop.h"
#include "net/sha256.h"
#include "proto/error.h"
#include "proto/limits.h"

struct blobs; /* the directory */

/* Open or make DIR's folders (0700). durable: fsync before commit says it is done (the pool's
 * way). When that fails for another reason than a full disk, nobody knows what is on it, of other
 * files too: the process says so and ends. */
struct blobs *blobs_open(struct loop *loop, const char *dir, bool durable, struct error *err);
void blobs_free(struct blobs *b);

/* The path of a complete blob; the caller may open it. */
void blobs_path(const struct blobs *b, const char *sha256, char *path, size_t n);
bool blobs_have(const struct blobs *b, const char *sha256, uint64_t *size);
void blobs_delete(struct blobs *b, const char *sha256);
uint64_t blobs_bytes(const struct blobs *b); /* all complete blobs together */

/* Is there room on the disk for so many bytes more, which leave what results need
 * (POOL_DISK_PERCENT, POOL_DISK_RESERVE)? RESOURCE_EXHAUSTED. */
int blobs_room(const struct blobs *b, uint64_t size, struct error *err);

/* Names of complete blobs in directory number `part` (0 to 255) that are older than older_than_ms, up to max,
 * without the first `skip` of them. To find those that nobody knows of: part by part, ask
 * store_blobs_known(), then blobs_delete(). Returns how many; fewer than max = that was all. */
size_t blobs_list(const struct blobs *b, unsigned part, int64_t older_than_ms, size_t skip,
		  char (*sha256)[65], size_t max);

/* Delete unfinished uploads not touched for older_than_ms and without a writer. */
void blobs_sweep(struct blobs *b, int64_t older_than_ms);

/* --- writing --------------------------------------------------------------------------------- */

/* A check that sees every byte in order while it is written, on the thread pool (the strict tar filter).
 * Returns 0 or a status with words: the upload is then refused and its bytes are deleted. */
struct blob_filter {
	int (*feed)(struct blob_filter *f, const void *data, size_t n, struct error *err);
	int (*end)(struct blob_filter *f, struct error *err);
};

struct blob_writer {
	void (*on_done)(struct blob_writer *w); /* answer to open, write, commit: w->error, w->offset */
	void *user;
	struct error error;
	uint64_t offset; /* bytes that are there */

	/* private */
	struct blobs *blobs;
	struct blob_writer *prev, *next;
	struct work work;
	struct blob_filter *filter;
	struct sha256 hash;
	char key[256], sha256[65];
	uint64_t size, there, replaced; /* bytes said, found at open, of the blob that had this name before */
	const void *data;
	size_t n;
	int fd;
	bool listed, on_loan, complete;
};

/* Begin or go on: key names the upload (letters, digits, . - _). Re-reads what is there to feed hash and
 * filter. One writer for a key at a time (ABORTED: another is at it). filter may be NULL. Whatever the answer
 * to open, write or commit is, blob_writer_close() follows in the end. */
void blob_writer_open(struct blob_writer *w, struct blobs *b, const char *key, const char *sha256,
		      uint64_t size, struct blob_filter *filter);
/* How much of an upload is there, without opening it. */
uint64_t blobs_upload_offset(const struct blobs *b, const char *key);
/* Append; data stays valid until on_done. One write at a time. RESOURCE_EXHAUSTED: the disk
 * is full; nothing of data was kept, the same write may be tried again. INVALID_ARGUMENT:
 * more than size, or the filter's own status. */
void blob_writer_write(struct blob_writer *w, const void *data, size_t n);
/* All is there: check size and hash, make it safe, give it its name. DATA_LOSS: another hash (deleted).
 * OUT_OF_RANGE: bytes are missing. Any failure of the disk deletes the bytes. A blob of this name that is
 * here already is replaced, which changes nothing. */
void blob_writer_commit(struct blob_writer *w);
/* Let go (the bytes stay for a later open) or, with forget, delete them. Not while a call is on loan. */
void blob_writer_close(struct blob_writer *w, bool forget);

/* --- reading --------------------------------------------------------------------------------- */

struct blob_reader {
	void (*on_data)(struct blob_reader *r); /* r->error; r->n bytes in r->data; n 0 = the end */
	void *user;
	struct error error;
	uint64_t offset, size;
	uint8_t *data;
	size_t n;
	/* private */
	struct blobs *blobs;
	struct work work;
	int fd;
};

/* Open a complete blob at an offset. NOT_FOUND, OUT_OF_RANGE. At once, no callback. */
int blob_reader_open(struct blob_reader *r, struct blobs *b, const char *sha256, uint64_t offset,
		     struct error *err);
/* Read the next part, CHUNK_SIZE at most. One at a time. */
void blob_reader_next(struct blob_reader *r);
void blob_reader_close(struct blob_reader *r); /* not while a read is on loan */

#endif
