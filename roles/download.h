/* roles/download.h - fetch one blob of a task, its bundle or its result, into a file. Resumes by itself.
 *
 *     REREADING (what the file has already) -> FETCHING -> DRAINING -> CLOSING -> on_done()
 *                                              ^            |
 *                                              +- RESTING <-+   the connection broke: back-off, go on
 *
 * Each break costs only what was not yet written: the next try asks for the blob from that offset. Bytes are
 * hashed and written on the thread pool while the next ones come in; when the disk is slower, the pool is
 * held back by flow control, so that memory is the same for any size. At the end the SHA-256 of all bytes,
 * also of those that an earlier run had left in the file, is compared with what the pool says and, when set,
 * with `expect`.
 *
 * A struct download is embedded in its owner and on loan from download_start() to on_done(), which comes
 * exactly once, on the loop, also after download_cancel(). Used by client verbs and by the worker. */
#ifndef ROLES_DOWNLOAD_H
#define ROLES_DOWNLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "net/buf.h"
#include "net/grpc_client.h"
#include "net/loop.h"
#include "net/sha256.h"
#include "net/step.h"
#include "proto/error.h"
#include "proto/id.h"
#include "roles/retry.h"

struct download {
	/* set by the owner; zero all else */
	struct loop *loop;
	struct grpc_channel *channel;
	char task[TASK_ID_SIZE];
	int kind;                     /* PB__BLOB_KIND__BUNDLE or PB__BLOB_KIND__RESULT */
	uint32_t epoch;               /* a worker's, when it fetches a bundle; 0 for the owner */
	/* Written in order with write() from its present position, which a pipe can too; not fsynced; it
	 * stays the owner's. */
	int fd;
	/* Bytes it has already from an earlier run: they are read back with pread() from 0, and the position
	 * must stand behind them. 0 for a new file or a pipe. */
	uint64_t have;
	char expect[SHA256_HEX_SIZE]; /* "" = believe the pool */
	uint64_t max;                 /* refuse a larger blob; 0 = BUNDLE_MAX */
	int64_t patience_ms;          /* see struct retry; 0 = RETRY_PATIENCE_MS, RETRY_FOR_EVER */
	/* total is 0 until the first message has come. May be NULL. */
	void (*on_progress)(struct download *d, uint64_t done, uint64_t total);
	/* Status 0: all of it is written and its hash is right. Else:
	 *   DATA_LOSS    the hash is another: throw the file away (what it had may be of another blob)
	 *   UNAVAILABLE  no connection for longer than patience_ms; a later run may go on from `done`
	 *   RESOURCE_EXHAUSTED  larger than max, or the disk is full     CANCELLED  download_cancel()
	 *   NOT_FOUND, PERMISSION_DENIED, ...  as the pool said */
	void (*on_done)(struct download *d, const struct error *err);
	void *user;

	/* set when on_done() comes */
	uint64_t done;                /* bytes in the file, those it had counted */
	uint64_t received;            /* bytes that came over the wire */
	uint64_t size;                /* of the whole blob */
	char sha256[SHA256_HEX_SIZE];

	/* private */
	struct step step;
	struct grpc_call call;
	struct timer timer;
	struct work work;
	struct retry retry;
	struct error error;
	struct sha256 hash;
	struct buf incoming, writing;
	int write_errno;
	bool call_open, paused, busy; /* busy: the thread pool has `writing` and `hash` */
};

void download_start(struct download *d);

/* Ask for an early end: on_done() comes with CANCELLED, unless it has ended otherwise before. */
void download_cancel(struct download *d);

#endif
