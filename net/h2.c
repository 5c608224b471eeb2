/* net/h2.c - see h2.h.
 *
 * In:  stream -> on_data -> nghttp2_session_mem_recv -> the callbacks below -> the owner's events.
 * Out: h2_push, h2_reset, ... -> (deferred) flush: nghttp2_session_mem_send into one shared buffer,
 *      stream_write. While the socket does not take it all, nothing is pulled from the engine.
 * A peer that breaks a limit (guard.h) is told ENHANCE_YOUR_CALM first: h2_breach(); what callbacks find
 * waits in h2->breach until the engine has returned. End: the peer closes, a protocol error, h2_abort, or a
 * drained connection without streams: go_down(). */
#include "net/h2.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "net/clock.h"
#include "net/memory.h"
#include "proto/limits.h"

#define OUT_SIZE (64 * 1024)
#define FRAME_HEADER 9
#define WHOLE_SIZE 1024  /* a piece of an answer from which on its size was not a trick of the peer */
#define HEADERS_WORTH 16 /* bytes, about */

/* A flush is never interrupted by another, so one buffer serves every connection of a thread. */
static _Thread_local uint8_t out[OUT_SIZE];
static _Thread_local size_t out_n;
static _Thread_local bool out_full;

static void on_flush(struct deferred *d);

void h2_flush_later(struct h2 *h2)
{
	if (!h2->down)
		loop_defer(h2->loop, &h2->flush, on_flush);
}

static void go_down(struct h2 *h2, const char *why)
{
	assert(!h2->busy);
	if (h2->down)
		return;
	h2->down = true;
	h2->why = why;
	loop_undefer(h2->loop, &h2->flush);
	while (h2->streams != NULL) {
		struct h2_stream *st = h2->streams;

		h2_detach(st);
		h2->on->on_close(st, 0, true);
	}
	h2->on->on_down(h2, why);
}

/* --- out ------------------------------------------------------------------------------------- */

static void write_out(struct h2 *h2)
{
	stream_write(&h2->stream, out, out_n);
	out_n = 0;
	out_full = false;
}

static void put(struct h2 *h2, const uint8_t *data, size_t n)
{
	if (n > OUT_SIZE - out_n)
		write_out(h2);
	if (n > OUT_SIZE) {
		stream_write(&h2->stream, data, n);
		return;
	}
	memcpy(out + out_n, data, n);
	out_n += n;
}

static int on_send_data(nghttp2_session *ng, nghttp2_frame *frame, const uint8_t *head, size_t length,
                        nghttp2_data_source *source, void *user)
{
	struct h2_stream *st = nghttp2_session_get_stream_user_data(ng, frame->hd.stream_id);

	(void)source;
	(void)user;
	if (st == NULL || h2_queued(st) < length)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	if (FRAME_HEADER + length > OUT_SIZE - out_n) {
		out_full = true;
		return NGHTTP2_ERR_WOULDBLOCK;
	}
	memcpy(out + out_n, head, FRAME_HEADER);
	memcpy(out + out_n + FRAME_HEADER, st->out.data + st->out_at, length);
	out_n += FRAME_HEADER + length;
	guard_sent(&st->h2->guard, length, length == h2_queued(st) || length >= WHOLE_SIZE);
	h2_queue_sent(st, length);
	return 0;
}

/* A server that answered before the client had said all: the rest is not wanted. */
static int on_frame_send(nghttp2_session *ng, const nghttp2_frame *frame, void *user)
{
	struct h2 *h2 = user;
	struct h2_stream *st;

	if (frame->hd.type == NGHTTP2_RST_STREAM)
		h2_count_reset(h2, frame->rst_stream.error_code);
	if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR &&
	    h2->breach == GUARD_FINE && h2->on->on_breach != NULL)
		h2->on->on_breach(h2, GUARD_PROTOCOL); /* the engine ends it by itself */
	if (frame->hd.type == NGHTTP2_HEADERS)
		guard_sent(&h2->guard, HEADERS_WORTH, true);
	if (!h2->server || frame->hd.type != NGHTTP2_HEADERS || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		return 0;
	st = nghttp2_session_get_stream_user_data(ng, frame->hd.stream_id);
	if (st != NULL && !st->remote_ended)
		nghttp2_submit_rst_stream(ng, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
	return 0;
}

/* One turn's output. Returns false when the engine cannot go on. */
static bool pull(struct h2 *h2)
{
	const uint8_t *data;
	ssize_t n;

	while (!stream_pending(&h2->stream)) {
		n = nghttp2_session_mem_send(h2->ng, &data);
		if (n < 0)
			return false;
		if (n > 0)
			put(h2, data, (size_t)n);
		else if (!out_full)
			break;
		if (out_full)
			write_out(h2);
	}
	return true;
}

static bool write_all(struct h2 *h2)
{
	bool ok;

	h2->busy = true;
	ok = pull(h2);
	write_out(h2);
	h2->busy = false;
	return ok;
}

/* The peer has broken a limit: tell it so, and end. */
void h2_breach(struct h2 *h2, enum guard_kind kind)
{
	h2->breach = kind;
	if (h2->on->on_breach != NULL && kind != GUARD_IDLE)
		h2->on->on_breach(h2, kind);
	nghttp2_session_terminate_session(h2->ng, guard_code(kind));
	write_all(h2);
	if (stream_pending(&h2->stream))
		stream_give_up(&h2->stream);
	go_down(h2, "the peer broke a limit of its connection");
}

static void flush(struct h2 *h2)
{
	bool ok;

	if (h2->down)
		return;
	ok = write_all(h2);
	if (h2->breach == GUARD_FINE && h2->queued > (size_t)OUTPUT_HARD_MAX)
		h2->breach = GUARD_OUTPUT;
	if (h2->breach != GUARD_FINE)
		h2_breach(h2, h2->breach);
	else if (!ok)
		go_down(h2, "out of step with the peer");
	else if (h2->why != NULL)
		go_down(h2, h2->why);
	else if (!stream_pending(&h2->stream) && !nghttp2_session_want_read(h2->ng) &&
	         !nghttp2_session_want_write(h2->ng))
		go_down(h2, "the peer ended the connection");
	h2_watch(h2);
}

static void on_flush(struct deferred *d)
{
	flush(container_of(d, struct h2, flush));
}

/* --- in -------------------------------------------------------------------------------------- */

static int on_begin_headers(nghttp2_session *ng, const nghttp2_frame *frame, void *user)
{
	struct h2 *h2 = user;

	(void)ng;
	h2->fields = h2->field_bytes = 0;
	if (!h2->server || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	h2->last_opened = frame->hd.stream_id;
	h2->opened++;
	h2->on->on_open(h2, frame->hd.stream_id);
	return 0;
}

static int on_header(nghttp2_session *ng, const nghttp2_frame *frame, const uint8_t *name, size_t name_n,
                     const uint8_t *value, size_t value_n, uint8_t flags, void *user)
{
	struct h2 *h2 = user;
	struct h2_stream *st = nghttp2_session_get_stream_user_data(ng, frame->hd.stream_id);

	(void)flags;
	if (!h2_fields_bearable(h2, name_n + value_n))
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	if (st != NULL)
		h2->on->on_header(st, (const char *)name, name_n, (const char *)value, value_n);
	return 0;
}

static int on_data_chunk(nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *data, size_t n,
                         void *user)
{
	struct h2 *h2 = user;
	struct h2_stream *st = nghttp2_session_get_stream_user_data(ng, id);

	(void)flags;
	/* Each call is held back by a window of its own; one that is paused must not stop the others. */
	nghttp2_session_consume_connection(ng, n);
	if (st == NULL)
		return 0;
	st->owed += (uint32_t)n;
	h2->on->on_data(st, data, n);
	return 0;
}

static void remote_end(struct h2 *h2, struct h2_stream *st)
{
	st->remote_ended = true;
	if (st->id != 0)
		h2->on->on_remote_end(st);
}

static int on_frame_recv(nghttp2_session *ng, const nghttp2_frame *frame, void *user)
{
	struct h2 *h2 = user;
	struct h2_stream *st;
	bool ends = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;

	if (frame->hd.type == NGHTTP2_GOAWAY) {
		if (!h2->server)
			h2->on->on_goaway(h2);
		return 0;
	}
	if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
		return 0;
	st = nghttp2_session_get_stream_user_data(ng, frame->hd.stream_id);
	if (st == NULL)
		return 0;
	if (frame->hd.type == NGHTTP2_HEADERS) {
		st->remote_ended = ends;
		h2->on->on_headers(st);
	}
	if (ends)
		remote_end(h2, st);
	return 0;
}

static int on_stream_close(nghttp2_session *ng, int32_t id, uint32_t code, void *user)
{
	struct h2 *h2 = user;
	struct h2_stream *st = nghttp2_session_get_stream_user_data(ng, id);

	if (st == NULL)
		return 0;
	h2_detach(st);
	h2->on->on_close(st, code, false);
	return 0;
}

/* The socket takes nothing now. Refusals that cannot leave are memory, too; and an end that cannot be told
 * would wait while the peer goes on to send. */
static enum guard_kind beyond_help(const struct h2 *h2)
{
	if (nghttp2_session_get_outbound_queue_size(h2->ng) > FRAMES_QUEUE_MAX)
		return GUARD_OUTPUT;
	if (h2->streams != NULL && !nghttp2_session_want_read(h2->ng))
		return GUARD_PROTOCOL;
	return GUARD_FINE;
}

static void on_stream_data(struct stream *s, const uint8_t *data, size_t n)
{
	struct h2 *h2 = (struct h2 *)s;
	ssize_t rc;

	if (h2->down)
		return;
	h2->breach = guard_bytes(&h2->guard, data, n, clock_ms());
	if (h2->breach != GUARD_FINE) {
		h2_breach(h2, h2->breach);
		return;
	}
	h2->busy = true;
	rc = nghttp2_session_mem_recv(h2->ng, data, n);
	h2->busy = false;
	if (rc == NGHTTP2_ERR_FLOODED || rc == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS)
		h2->breach = GUARD_ENGINE;
	if (h2->breach == GUARD_FINE && rc >= 0 && stream_pending(&h2->stream))
		h2->breach = beyond_help(h2);
	if (h2->breach != GUARD_FINE)
		h2_breach(h2, h2->breach);
	else if (rc < 0)
		go_down(h2, rc == NGHTTP2_ERR_BAD_CLIENT_MAGIC ? "the peer does not speak HTTP/2"
		                                               : nghttp2_strerror((int)rc));
	else if (nghttp2_session_want_write(h2->ng) || !nghttp2_session_want_read(h2->ng))
		h2_flush_later(h2);
	h2_watch(h2);
}

static void on_stream_drained(struct stream *s)
{
	flush((struct h2 *)s);
}

static void on_stream_end(struct stream *s, int reason)
{
	go_down((struct h2 *)s, stream_why(reason));
}

const struct stream_events h2_stream_events = {on_stream_data, on_stream_drained, on_stream_end};

/* --- a connection ---------------------------------------------------------------------------- */

static nghttp2_session_callbacks *make_callbacks(void)
{
	nghttp2_session_callbacks *cb;

	if (nghttp2_session_callbacks_new(&cb) != 0)
		abort();
	nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	h2_guard_callbacks(cb);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data_chunk);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame_recv);
	nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_frame_send);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
	nghttp2_session_callbacks_set_send_data_callback(cb, on_send_data);
	return cb;
}

static nghttp2_option *make_options(void)
{
	nghttp2_option *o;

	if (nghttp2_option_new(&o) != 0)
		abort();
	nghttp2_option_set_no_auto_window_update(o, 1);
	nghttp2_option_set_no_closed_streams(o, 1);
	nghttp2_option_set_max_settings(o, SETTINGS_ENTRIES_MAX);
	nghttp2_option_set_stream_reset_rate_limit(o, RESETS_KNOWN_BURST, (uint64_t)RESETS_KNOWN_PER_SECOND);
	nghttp2_option_set_max_outbound_ack(o, CONTROL_QUEUE_MAX);
	return o;
}

static void make_session(struct h2 *h2)
{
	nghttp2_session_callbacks *cb = make_callbacks();
	nghttp2_option *o = make_options();
	int rc = h2->server ? nghttp2_session_server_new2(&h2->ng, cb, h2, o)
	                    : nghttp2_session_client_new2(&h2->ng, cb, h2, o);

	if (rc != 0)
		abort();
	nghttp2_option_del(o);
	nghttp2_session_callbacks_del(cb);
}

void h2_open(struct h2 *h2, struct loop *l, bool server, const struct h2_events *on)
{
	const nghttp2_settings_entry settings[] = {
	    {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, server ? STREAMS_MAX : 0},
	    {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW_CALL},
	    {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, METADATA_MAX},
	    {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
	    {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
	};
	size_t count = sizeof settings / sizeof settings[0];

	h2->loop = l;
	h2->on = on;
	h2->server = server;
	h2->breach = GUARD_FINE;
	guard_init(&h2->guard, server, clock_ms());
	make_session(h2);
	h2_watch(h2);
	nghttp2_submit_settings(h2->ng, NGHTTP2_FLAG_NONE, settings, server ? count - 1 : count);
	nghttp2_session_set_local_window_size(h2->ng, NGHTTP2_FLAG_NONE, 0, WINDOW_CONNECTION);
	h2_flush_later(h2);
}

static void on_closed(struct stream *s)
{
	struct h2 *h2 = (struct h2 *)s;

	nghttp2_session_del(h2->ng);
	h2->closed(h2);
}

void h2_close(struct h2 *h2, void (*closed)(struct h2 *h2))
{
	assert(!h2->busy);
	h2->down = true;
	h2->closed = closed;
	loop_undefer(h2->loop, &h2->flush);
	while (h2->streams != NULL)
		h2_detach(h2->streams);
	stream_close(&h2->stream, on_closed);
}

void h2_drain(struct h2 *h2)
{
	if (h2->down)
		return;
	nghttp2_submit_goaway(h2->ng, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(h2->ng),
	                      NGHTTP2_NO_ERROR, NULL, 0);
	h2_flush_later(h2);
}

void h2_abort(struct h2 *h2, const char *why)
{
	h2->why = why;
	h2_flush_later(h2);
}

bool h2_usable(const struct h2 *h2)
{
	return !h2->down && h2->why == NULL && nghttp2_session_check_request_allowed(h2->ng);
}
