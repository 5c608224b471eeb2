/* net/h2_stream.c - one stream of an HTTP/2 connection (h2.h): its queue, its fields, its end. */
#include <string.h>
#include <utlist.h>

#include "net/h2.h"
#include "proto/limits.h"

nghttp2_nv h2_field(const char *name, const char *value)
{
	return (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value),
	                    NGHTTP2_NV_FLAG_NO_COPY_NAME};
}

/* --- in the list of its connection ------------------------------------------------------------- */

static void adopt(struct h2 *h2, struct h2_stream *st, int32_t id)
{
	st->h2 = h2;
	st->id = id;
	DL_APPEND(h2->streams, st);
}

void h2_attach(struct h2 *h2, struct h2_stream *st, int32_t id)
{
	adopt(h2, st, id);
	nghttp2_session_set_stream_user_data(h2->ng, id, st);
}

void h2_detach(struct h2_stream *st)
{
	struct h2 *h2 = st->h2;

	DL_DELETE(h2->streams, st);
	nghttp2_session_set_stream_user_data(h2->ng, st->id, NULL);
	st->id = 0;
	buf_release(&st->out);
	st->out_at = 0;
	h2_count_queue(st);
}

/* What was queued or sent since shows in the sum. */
void h2_count_queue(struct h2_stream *st)
{
	size_t queued = h2_queued(st);

	st->h2->queued += queued - st->counted;
	st->counted = queued;
}

/* --- its queue ---------------------------------------------------------------------------------- */

/* The engine asks how much of the queue it may frame; the bytes themselves go in on_send_data(). */
static ssize_t on_read_queue(nghttp2_session *ng, int32_t id, uint8_t *buf, size_t length, uint32_t *flags,
                             nghttp2_data_source *source, void *user)
{
	struct h2_stream *st = nghttp2_session_get_stream_user_data(ng, id);
	size_t queued;

	(void)buf;
	(void)source;
	(void)user;
	if (st == NULL)
		return NGHTTP2_ERR_DEFERRED; /* detached: its RST_STREAM is on the way */
	queued = h2_queued(st);
	if (queued == 0 && !st->out_ended) {
		st->waiting = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	if (length > queued)
		length = queued;
	if (length > 0)
		*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	if (length == queued && st->out_ended) {
		*flags |= NGHTTP2_DATA_FLAG_EOF;
		if (st->h2->server) {
			*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
			st->h2->on->on_trailers(st);
		}
	}
	return (ssize_t)length;
}

void h2_queue_sent(struct h2_stream *st, size_t n)
{
	st->out_at += n;
	if (st->out_at == st->out.n) {
		st->out_at = st->out.n = 0;
		if (st->out.size > CHUNK_SIZE + 1024)
			buf_release(&st->out);
	} else if (st->out_at >= (size_t)SEND_QUEUE_LOW && st->out_at * 2 >= st->out.n) {
		buf_consume(&st->out, st->out_at);
		st->out_at = 0;
	}
	h2_count_queue(st);
	st->h2->on->on_sent(st);
}

/* --- what the owner says ------------------------------------------------------------------------ */

int h2_request(struct h2 *h2, struct h2_stream *st, const nghttp2_nv *fields, size_t n)
{
	const nghttp2_data_provider queue = {.read_callback = on_read_queue};
	int32_t id = nghttp2_submit_request(h2->ng, NULL, fields, n, &queue, st);

	if (id < 0)
		return -1;
	adopt(h2, st, id);
	h2_count_queue(st);
	h2_flush_later(h2);
	return 0;
}

void h2_respond(struct h2_stream *st, const nghttp2_nv *fields, size_t n, bool end)
{
	const nghttp2_data_provider queue = {.read_callback = on_read_queue};

	if (st->id == 0)
		return;
	nghttp2_submit_response(st->h2->ng, st->id, fields, n, end ? NULL : &queue);
	h2_flush_later(st->h2);
}

void h2_send_trailers(struct h2_stream *st, const nghttp2_nv *fields, size_t n)
{
	nghttp2_submit_trailer(st->h2->ng, st->id, fields, n);
}

void h2_push(struct h2_stream *st)
{
	if (st->id == 0)
		return;
	h2_count_queue(st);
	if (st->waiting) {
		st->waiting = false;
		nghttp2_session_resume_data(st->h2->ng, st->id);
	}
	h2_flush_later(st->h2);
}

size_t h2_queued(const struct h2_stream *st)
{
	return st->out.n - st->out_at;
}

void h2_take(struct h2_stream *st)
{
	if (st->id != 0 && st->owed > 0) {
		nghttp2_session_consume_stream(st->h2->ng, st->id, st->owed);
		if (!st->h2->busy && nghttp2_session_want_write(st->h2->ng))
			h2_flush_later(st->h2);
	}
	st->owed = 0;
}

void h2_widen(struct h2_stream *st, int32_t window)
{
	if (st->id == 0)
		return;
	nghttp2_session_set_local_window_size(st->h2->ng, NGHTTP2_FLAG_NONE, st->id, window);
	h2_flush_later(st->h2);
}

void h2_reset(struct h2_stream *st, uint32_t code)
{
	struct h2 *h2 = st->h2;
	int32_t id = st->id;

	if (id == 0)
		return;
	h2_detach(st);
	nghttp2_submit_rst_stream(h2->ng, NGHTTP2_FLAG_NONE, id, code);
	h2_flush_later(h2);
}
