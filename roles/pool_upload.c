/* roles/pool_upload.c - Blobs.Upload: take a blob, check it while it is written, answer when it is safe.
 *
 *   HEADER -> CHECKING (may it? is it here?) -> OPENING -> READING <-> WRITING
 *                                                  |           |  (end of the stream, all is there)
 *                                                  |           v
 *                                                  +-----> COMMITTING -> RECORDING -> the answer
 *
 * One piece is written at a time; while it is, the stream is paused, and flow control holds the peer back:
 * memory is one piece for any size. The strict reader of exec/tar.h sees every byte; what it refuses is
 * deleted. A stream that breaks leaves its bytes for the next one, which asks Blobs.Offset where to go on. */
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "exec/tar.h"
#include "net/crash.h"
#include "net/memory.h"
#include "net/step.h"
#include "roles/pool.h"
#include "roles/pool_blob.h"

enum { HEADER, CHECKING, OPENING, READING, WRITING, COMMITTING, RECORDING };

static const struct state states[] = {
	[HEADER] = {"header", TO(CHECKING)},
	[CHECKING] = {"checking", TO(OPENING) | TO(RECORDING)},
	[OPENING] = {"opening", TO(READING) | TO(WRITING) | TO(COMMITTING)},
	[READING] = {"reading", TO(WRITING) | TO(COMMITTING)},
	[WRITING] = {"writing", TO(READING) | TO(COMMITTING)},
	[COMMITTING] = {"committing", TO(RECORDING)},
	[RECORDING] = {"recording", 0},
};

struct receiving {
	struct incoming in; /* begins with the call */
	struct step step;
	struct blob_writer writer;
	struct blob_filter filter;
	struct tar_reader *tar;
	uint8_t *piece;     /* what came last; CHUNK_MAX bytes */
	size_t piece_size;
	uint64_t offset;    /* where the peer goes on */
	bool open;          /* the writer must be closed */
	bool listed;        /* in pool->uploads */
	bool half_closed;
	UT_hash_handle hh;  /* by in.key */
};

/* --- the filter: on the writer's thread -------------------------------------------------------- */

static int feed(struct blob_filter *f, const void *data, size_t n, struct error *err)
{
	return tar_reader_feed(container_of(f, struct receiving, filter)->tar, data, n, err);
}

static int end(struct blob_filter *f, struct error *err)
{
	return tar_reader_end(container_of(f, struct receiving, filter)->tar, err);
}

/* --- the end ----------------------------------------------------------------------------------- */

/* A later Offset or Upload must not find it busy: let go now, not when the call's memory goes. What filled
 * the disk does not stay on it. */
static void close_writer(struct receiving *r)
{
	if (r->listed)
		HASH_DEL(r->in.call.pool->uploads, r);
	if (r->open)
		blob_writer_close(&r->writer, r->writer.error.status == STATUS_RESOURCE_EXHAUSTED);
	r->open = r->listed = false;
}

static void on_free(struct call *c)
{
	struct receiving *r = (struct receiving *)c;

	close_writer(r);
	if (r->tar != NULL)
		tar_reader_free(r->tar);
	free(r->piece);
}

static void refuse(struct receiving *r, const struct error *e)
{
	close_writer(r);
	incoming_refuse(&r->in, e);
}

/* --- writing ----------------------------------------------------------------------------------- */

static void go_on(struct receiving *r)
{
	struct error err;

	if (r->piece_size > 0) {
		step_to(&r->step, WRITING, r->in.key);
		call_wait(&r->in.call);
		blob_writer_write(&r->writer, r->piece, r->piece_size);
	} else if (r->writer.offset == r->in.size) {
		step_to(&r->step, COMMITTING, r->in.key);
		call_wait(&r->in.call);
		blob_writer_commit(&r->writer);
	} else if (r->half_closed) {
		error_set(&err, STATUS_INVALID_ARGUMENT, "the stream ended at byte %llu of %llu",
			  (unsigned long long)r->writer.offset, (unsigned long long)r->in.size);
		refuse(r, &err);
	} else {
		if (r->step.at != READING)
			step_to(&r->step, READING, r->in.key);
		rpc_resume(r->in.call.rpc);
	}
}

static void on_opened(struct receiving *r)
{
	struct error err;

	r->listed = true;
	HASH_ADD_STR(r->in.call.pool->uploads, in.key, r);
	if (r->writer.offset != r->offset) {
		error_set(&err, STATUS_OUT_OF_RANGE, "the pool has %llu bytes of it; go on from there",
			  (unsigned long long)r->writer.offset);
		refuse(r, &err);
		return;
	}
	go_on(r);
}

static void on_done(struct blob_writer *w)
{
	struct receiving *r = w->user;

	if (!call_waited(&r->in.call))
		return;
	if (w->error.status == STATUS_ABORTED) /* another stream writes it at this moment: asking again helps */
		w->error.status = STATUS_UNAVAILABLE;
	if (w->error.status != 0) {
		refuse(r, &w->error);
		return;
	}
	if (r->step.at == OPENING) {
		on_opened(r);
	} else if (r->step.at == WRITING) {
		r->piece_size = 0;
		go_on(r);
	} else {
		crash_point(POOL_BLOB_SAFE);
		close_writer(r);
		step_to(&r->step, RECORDING, r->in.key);
		incoming_finish(&r->in);
	}
}

/* The connection of an earlier stream may be dead without our knowing: who comes later takes over. */
static void end_earlier(struct receiving *r)
{
	struct receiving *earlier;
	struct error err;

	HASH_FIND_STR(r->in.call.pool->uploads, r->in.key, earlier);
	if (earlier == NULL || earlier->step.at != READING || earlier->in.call.rpc == NULL)
		return;
	error_set(&err, STATUS_ABORTED, "another stream goes on with this upload");
	refuse(earlier, &err);
}

static void on_ready(struct incoming *in)
{
	struct receiving *r = (struct receiving *)in;

	if (in->complete) {
		step_to(&r->step, RECORDING, in->key);
		incoming_finish(in);
		return;
	}
	step_to(&r->step, OPENING, in->key);
	end_earlier(r);
	r->tar = tar_reader_new(NULL, in->content_max);
	r->filter = (struct blob_filter){feed, end};
	r->writer.user = r;
	r->writer.on_done = on_done;
	r->open = true;
	call_wait(&in->call);
	blob_writer_open(&r->writer, in->call.pool->blobs, in->key, in->sha256, in->size, &r->filter);
}

/* --- messages ---------------------------------------------------------------------------------- */

static int take_piece(struct receiving *r, const Pb__UploadChunk *chunk, uint64_t at)
{
	struct error *e = &r->in.call.rpc->error;

	if (chunk->data.len > (size_t)CHUNK_MAX)
		return error_set(e, STATUS_INVALID_ARGUMENT, "a chunk has at most %lld bytes", CHUNK_MAX);
	if (chunk->data.len > r->in.size - at)
		return error_set(e, STATUS_INVALID_ARGUMENT, "more bytes came than the header said");
	if (r->piece == NULL)
		r->piece = xmalloc(CHUNK_MAX);
	if (chunk->data.len > 0)
		memcpy(r->piece, chunk->data.data, chunk->data.len);
	r->piece_size = chunk->data.len;
	return 0;
}

static int begin(struct rpc *rpc, const Pb__UploadChunk *chunk)
{
	struct receiving *r;
	int status;

	if (chunk->header == NULL)
		return error_set(&rpc->error, STATUS_INVALID_ARGUMENT, "the first message must carry a header");
	r = call_new(rpc, sizeof *r);
	r->step = (struct step){states, HEADER};
	r->in.call.on_free = on_free;
	r->in.on_ready = on_ready;
	r->offset = chunk->header->offset;
	if (chunk->header->offset > chunk->header->size)
		return error_set(&rpc->error, STATUS_OUT_OF_RANGE, "the offset is behind the end");
	step_to(&r->step, CHECKING, "upload");
	rpc_pause(rpc);
	status = incoming_start(&r->in, chunk->header, &rpc->error);
	if (status == 0)
		status = take_piece(r, chunk, r->offset);
	return status != 0 ? status : RPC_LATER;
}

int pool_blob_upload(struct rpc *rpc, const ProtobufCMessage *message)
{
	const Pb__UploadChunk *chunk = (const Pb__UploadChunk *)message;
	struct receiving *r = call_of(rpc);
	int status;

	if (r == NULL)
		return begin(rpc, chunk);
	if (r->step.at != READING)
		return 0; /* the answer is on its way */
	status = take_piece(r, chunk, r->writer.offset);
	if (status != 0) {
		close_writer(r);
		return status;
	}
	if (r->piece_size > 0) {
		rpc_pause(rpc);
		go_on(r);
	}
	return RPC_LATER;
}

void pool_blob_upload_end(struct rpc *rpc)
{
	struct receiving *r = call_of(rpc);

	if (r == NULL) {
		error_set(&rpc->error, STATUS_INVALID_ARGUMENT, "an upload begins with a header");
		rpc_end(rpc, STATUS_INVALID_ARGUMENT);
		return;
	}
	r->half_closed = true;
	if (r->step.at == READING)
		go_on(r);
}
