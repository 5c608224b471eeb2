/* net/secret_file.h - small files that only their owner may read: keys, known pools.
 *
 * Writing is atomic and durable: whoever reads, also after a crash, finds the whole old content or
 * the whole new one. These functions block for an fsync; call them at start or on the thread pool. */
#ifndef NET_SECRET_FILE_H
#define NET_SECRET_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "net/buf.h"
#include "proto/error.h"

/* Append what the file holds to out. NOT_FOUND: there is none. PERMISSION_DENIED: it belongs to somebody
 * else or others may read or write it. INVALID_ARGUMENT: no regular file, or larger than SECRET_FILE_MAX. */
int secret_file_read(const char *path, struct buf *out, struct error *err);

/* The same for a file that is no secret (a certificate): whoever may read it may. */
int public_file_read(const char *path, struct buf *out, struct error *err);

/* Replace what the file holds; mode is 0600 for a secret. */
int secret_file_write(const char *path, mode_t mode, const void *data, size_t n, struct error *err);

/* Overwrite the bytes, then free them. */
void secret_buf_release(struct buf *b);

#endif
