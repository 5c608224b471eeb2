/* net/grpc_client.c - one call of a client (grpc_client.h); its connection is in channel.c.
 *
 * start -> (waits for the connection) -> submit -> messages both ways -> END_STREAM with the status ->
 * finish. Other ends: reset by the peer, connection lost or not made, deadline, cancel. The first end
 * decides; on_done comes on a later turn. */
#include "net/grpc_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "net/channel.h"
#include "net/grpc.h"
#include "net/grpc_stream.h"
#include "net/memory.h"
#include "proto/limits.h"
#include "proto/status.h"

struct outgoing {
	struct grpc_stream gs; /* first member */
	struct grpc_call *call;
	struct grpc_channel *channel;
	struct arena arena;
	struct error error; /* the peer's words until finished, then the outcome */
	struct timer deadline;
	size_t fields, field_bytes;
	int http;   /* :status; 0 = has not come */
	int status; /* grpc-status; -1 = has not come */
	bool grpc;  /* content-type is gRPC's */
	bool headed; /* the answer has begun: what comes now are its trailers */
	bool submitted, half_closed, finished;
};

static struct outgoing *outgoing_of(const struct grpc_call *call)
{
	return (struct outgoing *)call->stream;
}

/* --- the end --------------------------------------------------------------------------------- */

static void finish(struct outgoing *o, const struct error *e)
{
	if (o->finished)
		return;
	o->finished = true;
	if (e != &o->error)
		o->error = *e;
	grpc_stream_deafen(&o->gs);
	grpc_stream_over(&o->gs);
}

static void fail(struct outgoing *o, int status, const char *words)
{
	struct error e;

	error_set(&e, status, "%s", words);
	finish(o, &e);
}

static void free_outgoing(struct timer *t)
{
	struct outgoing *o = container_of(t, struct outgoing, deadline);
	struct grpc_channel *ch = o->channel;

	free(o);
	ch->outgoing--;
	channel_check(ch);
}

static void on_over(struct grpc_stream *gs)
{
	struct outgoing *o = (struct outgoing *)gs;
	struct grpc_call *call = o->call;
	struct timer *t = &o->deadline;
	bool timed = call->timeout_ms > 0;

	h2_reset(&gs->h2, o->error.status == 0 ? NGHTTP2_NO_ERROR : NGHTTP2_CANCEL);
	DL_DELETE(o->channel->calls, call);
	call->stream = NULL;
	call->on_done(call, &o->error);
	grpc_stream_release_memory(gs);
	arena_release(&o->arena);
	if (timed)
		timer_close(t, free_outgoing);
	else
		free_outgoing(t);
}

/* --- in -------------------------------------------------------------------------------------- */

static void on_message(struct grpc_stream *gs, const ProtobufCMessage *m)
{
	struct grpc_call *call = ((struct outgoing *)gs)->call;

	if (call->on_message != NULL)
		call->on_message(call, m);
}

/* The words for an answer that is not gRPC's. */
static void explain_http(struct outgoing *o)
{
	if (o->http != 200)
		error_set(&o->error, grpc_status_from_http(o->http), "%s answered with HTTP status %d",
		          o->channel->authority, o->http);
	else
		error_set(&o->error, STATUS_UNKNOWN, "%s does not answer as a gRPC server",
		          o->channel->authority);
}

/* Everything has come: what does it say? */
static void on_end(struct grpc_stream *gs)
{
	struct outgoing *o = (struct outgoing *)gs;

	if (o->status < 0 && (o->http != 200 || !o->grpc))
		explain_http(o);
	else if (o->status < 0)
		error_set(&o->error, STATUS_INTERNAL, "%s ended the call without a status",
		          o->channel->authority);
	else if (o->status == 0 && !gs->many && gs->one == NULL)
		error_set(&o->error, STATUS_UNIMPLEMENTED, "%s answered without a message",
		          o->channel->authority);
	else
		o->error.status = o->status;
	if (o->error.status != 0 && o->error.text[0] == '\0')
		text_copy(o->error.text, sizeof o->error.text, status_name(o->error.status));
	if (o->error.status == 0 && !gs->many)
		on_message(gs, gs->one);
	finish(o, &o->error);
}

static void on_bad(struct grpc_stream *gs, const struct error *e)
{
	finish((struct outgoing *)gs, e);
}

static void on_space(struct grpc_stream *gs)
{
	struct grpc_call *call = ((struct outgoing *)gs)->call;

	if (call->on_space != NULL)
		call->on_space(call);
}

static const struct grpc_stream_events events = {on_message, on_end, on_bad, on_space, on_over};

void call_on_data(struct h2_stream *st, const uint8_t *data, size_t n)
{
	struct outgoing *o = (struct outgoing *)st;

	if (!o->grpc)
		grpc_stream_deafen(&o->gs); /* a page of HTML, say */
	grpc_stream_data(&o->gs, data, n);
}

void call_on_remote_end(struct h2_stream *st)
{
	struct outgoing *o = (struct outgoing *)st;

	if (!o->grpc && !o->finished)
		on_end(&o->gs);
	grpc_stream_remote_end(&o->gs);
}

void call_on_sent(struct h2_stream *st)
{
	grpc_stream_sent((struct grpc_stream *)st);
}

void call_on_close(struct h2_stream *st, uint32_t code, bool lost)
{
	struct outgoing *o = (struct outgoing *)st;
	struct error tls = stream_error(&st->h2->stream);
	char words[300];

	if (o->finished || (st->remote_ended && o->gs.held))
		return; /* the outcome is known, or will be when the owner has read all */
	if (lost && tls.status == STATUS_UNAUTHENTICATED) {
		finish(o, &tls);
	} else if (lost) {
		snprintf(words, sizeof words, "connection to %.180s lost: %.80s", o->channel->authority,
		         tls.status != 0 ? tls.text : st->h2->why);
		fail(o, STATUS_UNAVAILABLE, words);
	} else {
		snprintf(words, sizeof words, "%.200s ended the call: %s", o->channel->authority,
		         nghttp2_http2_strerror(code));
		fail(o, grpc_status_from_reset(code), words);
	}
}

/* --- header fields of the answer ------------------------------------------------------------- */

static void take_number(int *number, const char *value, size_t n)
{
	*number = 0;
	for (size_t i = 0; i < n && i < 4; i++)
		*number = value[i] >= '0' && value[i] <= '9' ? *number * 10 + (value[i] - '0') : 1000;
}

static void take_http(struct outgoing *o, const char *value, size_t n)
{
	take_number(&o->http, value, n);
}

static void take_status(struct outgoing *o, const char *value, size_t n)
{
	take_number(&o->status, value, n);
	if (o->status > STATUS_UNAUTHENTICATED)
		o->status = STATUS_UNKNOWN;
}

static void take_content_type(struct outgoing *o, const char *value, size_t n)
{
	o->grpc = n >= 16 && memcmp(value, "application/grpc", 16) == 0;
}

static void take_message(struct outgoing *o, const char *value, size_t n)
{
	grpc_percent_decode(o->error.text, sizeof o->error.text, value, n);
}

static void take_hint(struct outgoing *o, const char *value, size_t n)
{
	grpc_percent_decode(o->error.hint, sizeof o->error.hint, value, n);
}

static void take_encoding(struct outgoing *o, const char *value, size_t n)
{
	o->gs.encoded = n != 8 || memcmp(value, "identity", 8) != 0;
}

static const struct {
	const char *name;
	size_t n;
	void (*take)(struct outgoing *o, const char *value, size_t n);
} known_fields[] = {
    {":status", 7, take_http},
    {"grpc-status", 11, take_status},
    {"content-type", 12, take_content_type},
    {"grpc-message", 12, take_message},
    {"hivemind-hint", 13, take_hint},
    {"grpc-encoding", 13, take_encoding},
};

void call_on_header(struct h2_stream *st, const char *name, size_t name_n, const char *value, size_t value_n)
{
	struct outgoing *o = (struct outgoing *)st;

	if (o->finished)
		return;
	o->fields++;
	o->field_bytes += name_n + value_n + 32;
	if (o->fields > 2 * METADATA_FIELDS_MAX || o->field_bytes > 2 * (size_t)METADATA_MAX) {
		fail(o, STATUS_RESOURCE_EXHAUSTED, "the answer has too much metadata");
		return;
	}
	for (size_t i = 0; i < sizeof known_fields / sizeof known_fields[0]; i++)
		if (known_fields[i].n == name_n && memcmp(known_fields[i].name, name, name_n) == 0)
			known_fields[i].take(o, value, value_n);
	metadata_keep(&o->call->received, &o->arena, o->headed ? METADATA_TRAILING : METADATA_INITIAL, name, name_n,
	              value, value_n);
}

void call_on_headers(struct h2_stream *st)
{
	struct outgoing *o = (struct outgoing *)st;
	struct metadata *m;

	if (st->remote_ended && !o->headed) /* beginning and end in one */
		LL_FOREACH(o->call->received, m)
		m->place = METADATA_TRAILING;
	o->headed = o->headed || o->http / 100 != 1;
	if (o->gs.many)
		grpc_stream_widen(&o->gs);
}

const struct metadata *grpc_call_metadata(const struct grpc_call *call, enum metadata_place place,
                                          const char *name)
{
	return metadata_find(call->received, place, name);
}

/* --- out ------------------------------------------------------------------------------------- */

static size_t request_fields(struct outgoing *o, char timeout[GRPC_TIMEOUT_SIZE], nghttp2_nv *fields)
{
	const struct grpc_channel *ch = o->channel;
	size_t n = 0;

	fields[n++] = h2_field(":method", "POST");
	fields[n++] = h2_field(":scheme", ch->tls != NULL ? "https" : "http");
	fields[n++] = h2_field(":path", o->call->method->path);
	fields[n++] = h2_field(":authority", ch->authority);
	fields[n++] = h2_field("te", "trailers");
	fields[n++] = h2_field("content-type", "application/grpc");
	fields[n++] = h2_field("user-agent", "grpc-c-hivemind");
	if (ch->authorization != NULL)
		fields[n++] = h2_field("authorization", ch->authorization);
	if (o->call->timeout_ms > 0) {
		grpc_timeout_format(timeout, o->call->timeout_ms);
		fields[n++] = h2_field("grpc-timeout", timeout);
	}
	n += metadata_fields(o->call->metadata, METADATA_INITIAL, &o->arena, fields + n);
	return n;
}

static void submit(struct outgoing *o, struct h2 *h2)
{
	char timeout[GRPC_TIMEOUT_SIZE];
	nghttp2_nv fields[10 + METADATA_SEND_MAX];
	size_t n = request_fields(o, timeout, fields);

	o->submitted = true;
	if (h2_request(h2, &o->gs.h2, fields, n) != 0)
		fail(o, STATUS_UNAVAILABLE, "the connection takes no more calls");
}

void channel_calls_send(struct grpc_channel *ch)
{
	struct grpc_call *call;

	DL_FOREACH(ch->calls, call)
	{
		struct outgoing *o = outgoing_of(call);
		struct h2 *h2 = o->submitted || o->finished ? NULL : channel_connection(ch);

		if (h2 != NULL)
			submit(o, h2);
	}
}

void channel_calls_fail(struct grpc_channel *ch, const struct error *e)
{
	struct grpc_call *call;

	DL_FOREACH(ch->calls, call)
	if (!outgoing_of(call)->submitted)
		finish(outgoing_of(call), e);
}

void channel_calls_cancel(struct grpc_channel *ch)
{
	struct grpc_call *call;

	DL_FOREACH(ch->calls, call)
	grpc_call_cancel(call);
}

static void on_deadline(struct timer *t)
{
	struct outgoing *o = container_of(t, struct outgoing, deadline);
	char words[80];

	snprintf(words, sizeof words, "no answer within %lld ms", (long long)o->call->timeout_ms);
	fail(o, STATUS_DEADLINE_EXCEEDED, words);
}

static struct outgoing *make_outgoing(struct grpc_channel *ch, struct grpc_call *call)
{
	struct outgoing *o = xcalloc(1, sizeof *o);

	grpc_stream_init(&o->gs, ch->loop, &events);
	o->gs.type = call->method->out;
	o->gs.many = call->method->streams_out;
	o->gs.arena = &o->arena;
	o->call = call;
	o->channel = ch;
	o->status = -1;
	call->channel = ch;
	call->stream = &o->gs;
	call->received = NULL;
	ch->outgoing++;
	DL_APPEND(ch->calls, call);
	return o;
}

void grpc_call_start(struct grpc_channel *ch, struct grpc_call *call)
{
	struct outgoing *o = make_outgoing(ch, call);
	struct h2 *h2;

	if (call->timeout_ms > 0) {
		timer_init(ch->loop, &o->deadline, on_deadline);
		timer_set(&o->deadline, (uint64_t)call->timeout_ms);
	}
	if (ch->closing) {
		fail(o, STATUS_CANCELLED, "the channel is closed");
		return;
	}
	h2 = channel_connection(ch);
	if (h2 != NULL)
		submit(o, h2);
}

void grpc_call_unary(struct grpc_channel *ch, struct grpc_call *call, const ProtobufCMessage *in)
{
	grpc_call_start(ch, call);
	grpc_call_send(call, in);
	grpc_call_half_close(call);
}

void grpc_call_send(struct grpc_call *call, const ProtobufCMessage *in)
{
	struct outgoing *o = outgoing_of(call);

	if (o == NULL || o->finished || o->half_closed)
		return;
	if (grpc_stream_send(&o->gs, in) != 0)
		fail(o, STATUS_RESOURCE_EXHAUSTED, "the message is larger than a message may be");
}

void grpc_call_half_close(struct grpc_call *call)
{
	struct outgoing *o = outgoing_of(call);

	if (o == NULL || o->finished || o->half_closed)
		return;
	o->half_closed = true;
	o->gs.h2.out_ended = true;
	h2_push(&o->gs.h2);
}

size_t grpc_call_queued(const struct grpc_call *call)
{
	return call->stream != NULL ? h2_queued(&call->stream->h2) : 0;
}

void grpc_call_pause(struct grpc_call *call)
{
	if (call->stream != NULL)
		grpc_stream_hold(call->stream);
}

void grpc_call_resume(struct grpc_call *call)
{
	if (call->stream != NULL)
		grpc_stream_release(call->stream);
}

void grpc_call_cancel(struct grpc_call *call)
{
	if (call->stream != NULL)
		fail(outgoing_of(call), STATUS_CANCELLED, "cancelled");
}
