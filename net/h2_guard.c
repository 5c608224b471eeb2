/* net/h2_guard.c - where an HTTP/2 connection (h2.h) meets its guard (guard.h): what is counted beside the
 * bytes, what the engine overlooks, and time.
 *
 * Callbacks set h2->breach and fail; who had called the engine then ends the connection with h2_breach(). */
#include <utlist.h>

#include "net/clock.h"
#include "net/h2.h"
#include "proto/limits.h"

/* --- counted ------------------------------------------------------------------------------------ */

/* What we reset in the peer's place costs as much as what it resets (MadeYouReset). */
void h2_count_reset(struct h2 *h2, uint32_t code)
{
	h2->resetting = true;
	if (code == NGHTTP2_FLOW_CONTROL_ERROR && h2->breach == GUARD_FINE)
		h2->breach = GUARD_FLOW_CONTROL; /* by SETTINGS it must end the connection, else it may */
	if (!h2->server || code == NGHTTP2_NO_ERROR || code == NGHTTP2_CANCEL || h2->breach != GUARD_FINE)
		return;
	h2->breach = guard_count(&h2->guard, GUARD_RESET_SENT, clock_ms());
}

/* Some fields too many are for the owner to refuse; very many are an attack on the table of fields. */
bool h2_fields_bearable(struct h2 *h2, size_t bytes)
{
	h2->field_bytes += bytes + 32;
	if (++h2->fields > 4 * METADATA_FIELDS_MAX || h2->field_bytes > (size_t)(4 * METADATA_MAX))
		h2->breach = GUARD_FIELDS;
	return h2->breach == GUARD_FINE;
}

/* --- wrong --------------------------------------------------------------------------------------- */

/* The engine forgets streams that are closed, and ignores fields for them. They are in order only when we
 * closed the stream first; else its number was used up by the peer itself, or skipped (RFC 9113, 5.1
 * and 5.1.1). */
static int on_begin_frame(nghttp2_session *ng, const nghttp2_frame_hd *head, void *user)
{
	struct h2 *h2 = user;

	if (!h2->server || head->type != NGHTTP2_HEADERS || head->stream_id > h2->last_opened ||
	    h2->resetting || head->stream_id == 0 || nghttp2_session_find_stream(ng, head->stream_id) != NULL)
		return 0;
	h2->breach = h2->opened < (h2->last_opened + 1) / 2 ? GUARD_PROTOCOL : GUARD_STREAM_CLOSED;
	return NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* A field that may not be: the stream is reset with PROTOCOL_ERROR. */
static int on_invalid_header(nghttp2_session *ng, const nghttp2_frame *frame, const uint8_t *name,
                             size_t name_n, const uint8_t *value, size_t value_n, uint8_t flags, void *user)
{
	(void)ng;
	(void)frame;
	(void)name;
	(void)name_n;
	(void)value;
	(void)value_n;
	(void)flags;
	(void)user;
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static int on_invalid_frame(nghttp2_session *ng, const nghttp2_frame *frame, int error, void *user)
{
	struct h2 *h2 = user;

	(void)ng;
	(void)frame;
	if (error ==
	    NGHTTP2_ERR_REFUSED_STREAM) /* more calls than may be, before it knew: counted as resets */
		return 0;
	h2->breach = guard_count(&h2->guard, GUARD_INVALID_FRAME, clock_ms());
	return h2->breach == GUARD_FINE ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

void h2_guard_callbacks(nghttp2_session_callbacks *cb)
{
	nghttp2_session_callbacks_set_on_begin_frame_callback(cb, on_begin_frame);
	nghttp2_session_callbacks_set_on_invalid_header_callback(cb, on_invalid_header);
	nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(cb, on_invalid_frame);
}

/* --- time ---------------------------------------------------------------------------------------- */

static bool answers_wait(const struct h2 *h2)
{
	return h2->queued > 0 || stream_pending(&h2->stream);
}

static struct guard_load load_of(const struct h2 *h2)
{
	struct guard_load load = {.calls = h2->streams != NULL, .answers = answers_wait(h2)};
	const struct h2_stream *st;

	DL_FOREACH(h2->streams, st)
	load.request |= !st->remote_ended;
	return load;
}

bool h2_late(struct h2 *h2, const struct guard_times *times, int64_t now)
{
	struct guard_load load;
	enum guard_kind late;

	if (h2->down)
		return false;
	load = load_of(h2);
	late = guard_late(&h2->guard, times, load, now);
	if (late != GUARD_FINE)
		h2_breach(h2, late);
	h2->watched = !h2->down && guard_waits(&h2->guard, load);
	return h2->watched;
}

/* Often, so it looks at no stream: h2_late() does. */
void h2_watch(struct h2 *h2)
{
	const struct guard_load most = {h2->streams != NULL, h2->streams != NULL, answers_wait(h2)};

	if (h2->watched || h2->down || h2->on->on_watch == NULL || !guard_waits(&h2->guard, most))
		return;
	h2->watched = true;
	h2->on->on_watch(h2);
}
