/* roles/upload.c - one file to the pool, machine and all. See the header for its drawing.
 *
 * Where it can end early: the pool has the blob already (ASKING); the pool refuses (any call); the file
 * cannot be read or is shorter than it was (READING); nothing moves for STALL_MS (the call is cancelled and
 * counts as lost). Whatever happens, the machine passes CLOSING once: no call open, no read under way, the
 * timer closed, then on_done(). */
#include "roles/upload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/memory.h"
#include "proto/limits.h"
#include "proto/status.h"

#define PIECE_MAX SEND_QUEUE_HIGH
#define ASK_TIMEOUT_MS 15000
#define STALL_MS 30000
#define CHECK_MS 300000 /* the pool flushes and checks what it has got */

enum { NEW, ASKING, READING, FULL, ENDING, RESTING, CLOSING };

static const struct state states[] = {
	[NEW] = {"NEW", TO(ASKING)},
	[ASKING] = {"ASKING", TO(READING) | TO(ENDING) | TO(RESTING) | TO(CLOSING)},
	[READING] = {"READING", TO(READING) | TO(FULL) | TO(ENDING) | TO(RESTING) | TO(CLOSING)},
	[FULL] = {"FULL", TO(READING) | TO(RESTING) | TO(CLOSING)},
	[ENDING] = {"ENDING", TO(RESTING) | TO(CLOSING)},
	[RESTING] = {"RESTING", TO(ASKING) | TO(CLOSING)},
	[CLOSING] = {"CLOSING", 0},
};

static void ask(struct upload *u);
static void move_on(struct upload *u);
static void end_try(struct upload *u);

static void await(struct upload *u, int state)
{
	step_to(&u->step, state, "upload");
}

static struct upload *upload_of(struct timer *t)
{
	return container_of(t, struct upload, timer);
}

static void on_closed(struct timer *t)
{
	struct upload *u = upload_of(t);

	free(u->piece);
	u->piece = NULL;
	u->on_done(u, &u->error);
}

static void finish(struct upload *u)
{
	await(u, CLOSING);
	timer_close(&u->timer, on_closed);
}

static void on_timer(struct timer *t)
{
	struct upload *u = upload_of(t);

	if (u->step.at == RESTING) {
		ask(u);
		return;
	}
	error_set(&u->error, STATUS_UNAVAILABLE, "the pool took nothing for %d s", STALL_MS / 1000);
	grpc_call_cancel(&u->call);
}

/* --- the words on the wire -------------------------------------------------------------------- */

static void fill_header(const struct upload *u, Pb__UploadHeader *header)
{
	pb__upload_header__init(header);
	header->sha256 = (char *)u->sha256;
	header->size = u->size;
	header->offset = u->offset;
	header->task = (char *)u->task;
	header->epoch = u->epoch;
}

static void on_reply(struct grpc_call *call, const ProtobufCMessage *out)
{
	struct upload *u = call->user;
	const Pb__UploadReply *reply = (const void *)out;

	if (reply->offset > u->size) {
		error_set(&u->error, STATUS_INTERNAL,
		          "the pool says that it has more of the file than there is");
		return;
	}
	u->offset = reply->offset;
	u->complete = reply->complete;
	if (!u->retry.answered || reply->offset > u->acknowledged)
		retry_moved(&u->retry);
	if (reply->offset > u->acknowledged)
		u->acknowledged = reply->offset;
}

static void send_piece(struct upload *u)
{
	Pb__UploadChunk chunk = PB__UPLOAD_CHUNK__INIT;

	for (int64_t sent = 0; sent < u->piece_size; sent += (int64_t)chunk.data.len) {
		int64_t left = u->piece_size - sent;

		chunk.data.data = u->piece + sent;
		chunk.data.len = (size_t)(left < CHUNK_SIZE ? left : CHUNK_SIZE);
		grpc_call_send(&u->call, &chunk.base);
	}
	u->offset += (uint64_t)u->piece_size;
	u->sent += (uint64_t)u->piece_size;
	if (u->on_progress != NULL)
		u->on_progress(u, u->offset);
}

/* --- one try: ask how much is there, send the rest -------------------------------------------- */

static void on_call_done(struct grpc_call *call, const struct error *e)
{
	struct upload *u = call->user;

	u->call_open = false;
	if (u->error.status == 0)
		u->error = *e;
	if (u->step.at != READING) /* there the thread still has the piece: on_read() goes on */
		end_try(u);
}

static void on_space(struct grpc_call *call)
{
	struct upload *u = call->user;

	if (u->step.at == FULL)
		move_on(u);
}

static void start_call(struct upload *u, enum rpc_id id)
{
	u->call = (struct grpc_call){
		.method = &rpc_methods[id],
		.timeout_ms = id == RPC_BLOB_OFFSET ? ASK_TIMEOUT_MS : 0,
		.on_message = on_reply,
		.on_space = on_space,
		.on_done = on_call_done,
		.user = u,
	};
	u->call_open = true;
}

static void ask(struct upload *u)
{
	Pb__UploadHeader header;

	await(u, ASKING);
	fill_header(u, &header);
	header.offset = 0;
	start_call(u, RPC_BLOB_OFFSET);
	grpc_call_unary(u->channel, &u->call, &header.base);
}

static void send_header(struct upload *u)
{
	Pb__UploadHeader header;
	Pb__UploadChunk chunk = PB__UPLOAD_CHUNK__INIT;

	fill_header(u, &header);
	chunk.header = &header;
	start_call(u, RPC_BLOB_UPLOAD);
	grpc_call_start(u->channel, &u->call);
	grpc_call_send(&u->call, &chunk.base);
	if (u->on_progress != NULL)
		u->on_progress(u, u->offset);
	move_on(u);
}

/* On the thread pool. */
static void read_piece(struct work *w)
{
	struct upload *u = container_of(w, struct upload, work);
	uint64_t left = u->size - u->offset;
	size_t n = left < PIECE_MAX ? (size_t)left : PIECE_MAX;
	ssize_t got;

	do
		got = pread(u->fd, u->piece, n, (off_t)u->offset);
	while (got < 0 && errno == EINTR);
	u->piece_size = got < 0 ? -errno : got;
}

static void read_failed(struct upload *u)
{
	if (u->piece_size == 0)
		error_set(&u->error, STATUS_DATA_LOSS, "the file became shorter while it was sent");
	else
		error_set(&u->error, status_from_errno((int)-u->piece_size),
		          "cannot read the file to send: %s", strerror((int)-u->piece_size));
	grpc_call_cancel(&u->call);
}

static void on_read(struct work *w)
{
	struct upload *u = container_of(w, struct upload, work);

	if (!u->call_open) {
		end_try(u);
		return;
	}
	if (u->error.status == 0 && u->piece_size > 0) {
		send_piece(u);
		move_on(u);
		return;
	}
	await(u, FULL); /* until the call that is being cancelled is over */
	if (u->error.status == 0)
		read_failed(u);
}

/* The call is open and nothing is being read: what next? */
static void move_on(struct upload *u)
{
	timer_set(&u->timer, STALL_MS);
	if (u->offset == u->size) {
		await(u, ENDING);
		timer_set(&u->timer, CHECK_MS);
		grpc_call_half_close(&u->call);
	} else if (grpc_call_queued(&u->call) >= SEND_QUEUE_HIGH) {
		await(u, FULL);
	} else {
		if (u->piece == NULL)
			u->piece = xmalloc(PIECE_MAX);
		await(u, READING);
		work_start(u->loop, &u->work, read_piece, on_read);
	}
}

/* No call is open and nothing is being read: was it the end? */
static void end_try(struct upload *u)
{
	uint64_t ms;

	timer_clear(&u->timer);
	if (u->complete)
		error_clear(&u->error);
	if (u->error.status == 0 && !u->complete && u->step.at == ASKING) {
		send_header(u);
		return;
	}
	if (u->error.status == 0 && !u->complete)
		error_set(&u->error, STATUS_INTERNAL, "the pool ended the upload at byte %llu of %llu",
			  (unsigned long long)u->offset, (unsigned long long)u->size);
	if (u->complete || !retry_again(&u->retry, u->error.status, &ms)) {
		finish(u);
		return;
	}
	error_clear(&u->error);
	await(u, RESTING);
	timer_set(&u->timer, ms);
}

void upload_start(struct upload *u)
{
	u->step = (struct step){states, NEW};
	timer_init(u->loop, &u->timer, on_timer);
	retry_start(&u->retry, u->patience_ms);
	ask(u);
}

void upload_cancel(struct upload *u)
{
	if (u->step.at == CLOSING || u->error.status != 0)
		return;
	error_set(&u->error, STATUS_CANCELLED, "the upload was cancelled");
	if (u->step.at == RESTING)
		finish(u);
	else if (u->call_open)
		grpc_call_cancel(&u->call);
}
