/* roles/upload.h - bring one file to the pool: a bundle, or the result of a task. Resumes by itself.
 *
 *     ASKING (Blobs.Offset) -> READING <-> FULL -> ENDING -> CLOSING -> on_done()
 *        ^                          any of them
 *        +------------- RESTING <--------+   the connection broke: back-off, then ask again
 *
 * Only what the pool does not have yet is sent: the pool is asked first, and again after each break, so
 * nothing goes over the wire twice from the start. The file is read on the thread pool in pieces of
 * SEND_QUEUE_HIGH, the call's queue is kept below SEND_QUEUE_HIGH: memory is the same for any size.
 *
 * A struct upload is embedded in its owner and on loan from upload_start() to on_done(), which comes exactly
 * once, on the loop, also after upload_cancel(). Used by client verbs and by the worker. */
#ifndef ROLES_UPLOAD_H
#define ROLES_UPLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "net/grpc_client.h"
#include "net/loop.h"
#include "net/step.h"
#include "proto/error.h"
#include "proto/id.h"
#include "roles/retry.h"

struct upload {
	/* set by the owner; zero all else */
	struct loop *loop;
	struct grpc_channel *channel;
	int fd;                       /* read with pread() from 0 to size; stays the owner's */
	char sha256[SHA256_HEX_SIZE];
	uint64_t size;
	char task[TASK_ID_SIZE];      /* "" = a bundle of the caller; else the result of this task */
	uint32_t epoch;               /* of the result */
	int64_t patience_ms;          /* see struct retry; 0 = RETRY_PATIENCE_MS, RETRY_FOR_EVER */
	/* The pool has `done` bytes, or they are on their way. May be NULL. */
	void (*on_progress)(struct upload *u, uint64_t done);
	/* Status 0: the pool has all of it, checked and safe. Else what asking again does not heal:
	 *   UNAVAILABLE  no connection for longer than patience_ms    CANCELLED  upload_cancel()
	 *   INVALID_ARGUMENT, DATA_LOSS, FAILED_PRECONDITION, ...  as the pool said */
	void (*on_done)(struct upload *u, const struct error *err);
	void *user;

	/* set when on_done() comes */
	uint64_t sent;                /* bytes that went over the wire in all tries; 0 = it was there */

	/* private */
	struct step step;
	struct grpc_call call;
	struct timer timer;
	struct work work;
	struct retry retry;
	struct error error;
	uint8_t *piece;               /* what was read last; NULL before the first read */
	int64_t piece_size;           /* its bytes; negative errno */
	uint64_t offset;              /* everything before it is at the pool or on its way */
	uint64_t acknowledged;        /* the furthest that the pool has ever said it has */
	bool call_open, complete;
};

void upload_start(struct upload *u);

/* Ask for an early end: on_done() comes with CANCELLED, unless it has ended otherwise before. */
void upload_cancel(struct upload *u);

#endif
