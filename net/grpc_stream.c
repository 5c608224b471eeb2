#include "net/grpc_stream.h"

#include "net/grpc.h"
#include "net/memory.h"
#include "net/message.h"
#include "proto/limits.h"
#include "proto/status.h"

#define LARGE_SIZE (32 * KiB)         /* a message of which this much has come is a large one */
#define KEEP_SIZE ((size_t)CHUNK_MAX) /* a buffer up to this stays with its stream */

static void on_later(struct deferred *d);

void grpc_stream_init(struct grpc_stream *gs, struct loop *l, const struct grpc_stream_events *on)
{
	gs->loop = l;
	gs->on = on;
	gs->h2.out.max = BUF_MAX_DEFAULT;
}

/* --- in -------------------------------------------------------------------------------------- */

static void bad(struct grpc_stream *gs, const struct error *e)
{
	grpc_stream_deafen(gs);
	gs->on->on_bad(gs, e);
}

static void keep_one(struct grpc_stream *gs, const uint8_t *data, size_t n)
{
	struct error e; /* is large, and set where it is read */

	if (gs->one != NULL) {
		error_set(&e, STATUS_UNIMPLEMENTED, "more than one message where one was expected");
		bad(gs, &e);
		return;
	}
	gs->one = message_read(gs->type, data, n, gs->arena, &e);
	if (gs->one == NULL)
		bad(gs, &e);
}

static void deliver_message(struct grpc_stream *gs, const uint8_t *data, size_t n)
{
	struct arena arena = {0};
	const ProtobufCMessage *m;
	struct error e;

	if (!gs->many) {
		keep_one(gs, data, n);
		return;
	}
	m = message_read(gs->type, data, n, &arena, &e);
	if (m != NULL)
		gs->on->on_message(gs, m);
	else
		bad(gs, &e);
	arena_release(&arena);
}

static int check_prefix(const struct grpc_stream *gs, struct grpc_prefix prefix, struct error *e)
{
	if (prefix.flags == 1 && gs->encoded)
		return error_set(e, STATUS_UNIMPLEMENTED,
		                 "the message is compressed; only identity is accepted");
	if (prefix.flags != 0)
		return error_set(e, STATUS_INTERNAL,
		                 "the message's flags are %d without an encoding that says why",
		                 prefix.flags);
	if (prefix.length > (uint32_t)MESSAGE_MAX)
		return error_set(e, STATUS_RESOURCE_EXHAUSTED, "a message of %u bytes is larger than %lld",
		                 prefix.length, MESSAGE_MAX);
	return 0;
}

static bool deliverable(const struct grpc_stream *gs)
{
	return !gs->held && !gs->deaf && !gs->over;
}

/* Deliver the whole messages at data; returns the bytes they took. */
static size_t deliver(struct grpc_stream *gs, const uint8_t *data, size_t n)
{
	size_t used = 0;

	while (deliverable(gs) && n - used >= GRPC_PREFIX) {
		struct grpc_prefix prefix = grpc_prefix_read(data + used);
		struct error e;

		if (check_prefix(gs, prefix, &e) != 0) {
			bad(gs, &e);
			break;
		}
		if (n - used - GRPC_PREFIX < prefix.length)
			break;
		used += GRPC_PREFIX + prefix.length;
		deliver_message(gs, data + used - prefix.length, prefix.length);
	}
	return used;
}

static void drop_input(struct grpc_stream *gs)
{
	buf_release(&gs->in);
	gs->in_at = 0;
}

static void deliver_kept(struct grpc_stream *gs)
{
	if (gs->in.n == 0)
		return;
	gs->in_at += deliver(gs, gs->in.data + gs->in_at, gs->in.n - gs->in_at);
	if (gs->in_at < gs->in.n)
		return;
	gs->in_at = gs->in.n = 0;
	if (gs->in.size > KEEP_SIZE)
		buf_release(&gs->in);
}

static void keep(struct grpc_stream *gs, const uint8_t *data, size_t n)
{
	struct error e;

	if (gs->in_at > gs->in.n / 2) {
		buf_consume(&gs->in, gs->in_at);
		gs->in_at = 0;
	}
	if (buf_append(&gs->in, data, n) != 0) {
		error_set(&e, STATUS_RESOURCE_EXHAUSTED, "too many bytes wait to be read");
		bad(gs, &e);
	}
}

void grpc_stream_widen(struct grpc_stream *gs)
{
	if (!gs->wide)
		h2_widen(&gs->h2, WINDOW_STREAM);
	gs->wide = true;
}

/* Bytes of a message that is not complete are taken from the peer's window, those that are held are
 * not: so a message may be larger than the window, and a paused call costs no more than one window. */
static void settle(struct grpc_stream *gs)
{
	if (gs->deaf || gs->over)
		drop_input(gs);
	if (gs->held && !gs->deaf)
		return;
	if (gs->in.n > (size_t)LARGE_SIZE)
		grpc_stream_widen(gs);
	h2_take(&gs->h2);
}

void grpc_stream_data(struct grpc_stream *gs, const uint8_t *data, size_t n)
{
	size_t used = 0;

	if (gs->in.n == 0)
		used = deliver(gs, data, n);
	if (used < n && !gs->deaf && !gs->over) {
		keep(gs, data + used, n - used);
		if (used == 0)
			deliver_kept(gs);
	}
	settle(gs);
}

static void tell_end(struct grpc_stream *gs)
{
	struct error e;

	if (!gs->h2.remote_ended || gs->end_told || !deliverable(gs))
		return;
	if (gs->in.n > gs->in_at) {
		error_set(&e, STATUS_INTERNAL, "the stream ended in the middle of a message");
		bad(gs, &e);
		return;
	}
	gs->end_told = true;
	gs->on->on_end(gs);
}

void grpc_stream_remote_end(struct grpc_stream *gs)
{
	/* Released a moment ago, and what was held is not yet delivered: it comes before the end. */
	if (deliverable(gs))
		deliver_kept(gs);
	tell_end(gs);
	settle(gs);
}

void grpc_stream_hold(struct grpc_stream *gs)
{
	gs->held = true;
}

void grpc_stream_release(struct grpc_stream *gs)
{
	gs->held = false;
	if (!gs->over)
		loop_defer(gs->loop, &gs->later, on_later);
}

void grpc_stream_deafen(struct grpc_stream *gs)
{
	gs->deaf = true;
}

/* --- out ------------------------------------------------------------------------------------- */

static bool crowded(const struct grpc_stream *gs)
{
	return gs->h2.h2 != NULL && gs->h2.h2->queued > (size_t)OUTPUT_MAX;
}

int grpc_stream_send(struct grpc_stream *gs, const ProtobufCMessage *m)
{
	int rc = message_write(&gs->h2.out, m);

	if (rc != 0)
		return rc;
	h2_push(&gs->h2);
	if (h2_queued(&gs->h2) > (size_t)SEND_QUEUE_HIGH || crowded(gs))
		gs->full = true;
	return 0;
}

size_t grpc_stream_queued(const struct grpc_stream *gs)
{
	size_t queued = h2_queued(&gs->h2);

	return gs->full && queued > 0 && queued <= (size_t)SEND_QUEUE_HIGH ? SEND_QUEUE_HIGH + 1 : queued;
}

void grpc_stream_sent(struct grpc_stream *gs)
{
	if (!gs->full || gs->over || h2_queued(&gs->h2) > (size_t)SEND_QUEUE_LOW)
		return;
	gs->full = false;
	gs->space = true;
	loop_defer(gs->loop, &gs->later, on_later);
}

/* --- later ----------------------------------------------------------------------------------- */

static void on_later(struct deferred *d)
{
	struct grpc_stream *gs = container_of(d, struct grpc_stream, later);

	if (!gs->over && gs->space) {
		gs->space = false;
		gs->on->on_space(gs);
	}
	if (deliverable(gs)) {
		deliver_kept(gs);
		tell_end(gs);
		settle(gs);
	}
	if (gs->over && !gs->later.waiting)
		gs->on->on_over(gs);
}

void grpc_stream_over(struct grpc_stream *gs)
{
	if (gs->over)
		return;
	gs->over = true;
	loop_defer(gs->loop, &gs->later, on_later);
}

void grpc_stream_release_memory(struct grpc_stream *gs)
{
	loop_undefer(gs->loop, &gs->later);
	drop_input(gs);
	buf_release(&gs->h2.out);
}
