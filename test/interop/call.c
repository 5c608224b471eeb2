/* test/interop/call.c - see call.h. */
#include "test/interop/call.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/memory.h"
#include "net/tls.h"
#include "proto/limits.h"
#include "proto/status.h"

uint8_t interop_zeros[MESSAGE_MAX];

static struct loop loop;
static struct grpc_channel *channel;
static bool closed;

void fail_case(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("FAILED: ", stderr);
	vfprintf(stderr, format, args);
	fputs("\n", stderr);
	va_end(args);
	exit(1);
}

/* --- waiting ------------------------------------------------------------------------------------- */

bool call_wait_messages(struct interop_call *c, int count)
{
	while (c->messages < count && !c->done)
		uv_run(&loop.uv, UV_RUN_ONCE);
	return c->messages >= count;
}

void call_wait_done(struct interop_call *c)
{
	while (!c->done)
		uv_run(&loop.uv, UV_RUN_ONCE);
}

static bool rang;

static void on_ring(struct timer *t)
{
	(void)t;
	rang = true;
}

void wait_ms(uint64_t ms)
{
	static struct timer timer;

	rang = false;
	timer_init(&loop, &timer, on_ring);
	timer_set(&timer, ms);
	while (!rang)
		uv_run(&loop.uv, UV_RUN_ONCE);
	timer_close(&timer, NULL);
	uv_run(&loop.uv, UV_RUN_NOWAIT);
}

/* --- one call ------------------------------------------------------------------------------------ */

static size_t size_of(const Testing__Payload *payload)
{
	return payload != NULL ? payload->body.len : 0;
}

static void on_message(struct grpc_call *call, const ProtobufCMessage *m)
{
	struct interop_call *c = (struct interop_call *)call;

	c->messages++;
	if (m->descriptor == &testing__simple_response__descriptor)
		c->size = size_of(((const Testing__SimpleResponse *)m)->payload);
	else if (m->descriptor == &testing__streaming_output_call_response__descriptor)
		c->size = size_of(((const Testing__StreamingOutputCallResponse *)m)->payload);
	else if (m->descriptor == &testing__streaming_input_call_response__descriptor)
		c->size = (size_t)((const Testing__StreamingInputCallResponse *)m)->aggregated_payload_size;
	c->total += c->size;
}

static size_t take_field(struct grpc_call *call, enum metadata_place place, const char *name, char *out,
                         size_t n)
{
	const struct metadata *m = grpc_call_metadata(call, place, name);

	if (m == NULL || m->n > n)
		return 0;
	memcpy(out, m->value, m->n);
	return m->n;
}

static void on_done(struct grpc_call *call, const struct error *e)
{
	struct interop_call *c = (struct interop_call *)call;

	c->done = true;
	c->error = *e;
	take_field(call, METADATA_INITIAL, ECHO_INITIAL, c->initial, sizeof c->initial - 1);
	c->trailing_n = take_field(call, METADATA_TRAILING, ECHO_TRAILING, c->trailing, sizeof c->trailing);
}

static void prepare(struct interop_call *c, enum interop_method method)
{
	struct grpc_call wanted = c->call;

	*c = (struct interop_call){.call = {.method = &interop_methods[method],
	                                    .timeout_ms = wanted.timeout_ms,
	                                    .metadata = wanted.metadata,
	                                    .on_message = on_message,
	                                    .on_done = on_done}};
}

void call_start(struct interop_call *c, enum interop_method method)
{
	prepare(c, method);
	grpc_call_start(channel, &c->call);
}

void call_unary(struct interop_call *c, enum interop_method method, const ProtobufCMessage *in)
{
	prepare(c, method);
	grpc_call_unary(channel, &c->call, in);
}

static Testing__Payload payload_of(size_t size)
{
	Testing__Payload payload = TESTING__PAYLOAD__INIT;

	payload.body.data = interop_zeros;
	payload.body.len = size;
	return payload;
}

void unary_start(struct interop_call *c, size_t size, int32_t response_size)
{
	Testing__SimpleRequest in = TESTING__SIMPLE_REQUEST__INIT;
	Testing__Payload payload = payload_of(size);

	in.payload = &payload;
	in.response_size = response_size;
	call_unary(c, UNARY_CALL, &in.base);
}

void input_send(struct interop_call *c, size_t size)
{
	Testing__StreamingInputCallRequest in = TESTING__STREAMING_INPUT_CALL_REQUEST__INIT;
	Testing__Payload payload = payload_of(size);

	in.payload = &payload;
	grpc_call_send(&c->call, &in.base);
}

void output_send(struct interop_call *c, size_t size, int32_t response_size)
{
	Testing__StreamingOutputCallRequest in = TESTING__STREAMING_OUTPUT_CALL_REQUEST__INIT;
	Testing__ResponseParameters wanted = TESTING__RESPONSE_PARAMETERS__INIT, *list = &wanted;
	Testing__Payload payload = payload_of(size);

	wanted.size = response_size;
	in.payload = &payload;
	in.n_response_parameters = 1;
	in.response_parameters = &list;
	grpc_call_send(&c->call, &in.base);
}

void expect_status(const struct interop_call *c, int status)
{
	expect(c->done, "the call is not over");
	expect(c->error.status == status, "status %s and \"%s\", not %s", status_name(c->error.status),
	       c->error.text, status_name(status));
}

/* --- the channel ---------------------------------------------------------------------------------- */

void interop_open(const struct interop_target *to)
{
	struct endpoint at = {.port = to->port};
	struct tls_config *tls;
	struct error e;

	text_copy(at.host, sizeof at.host, to->host);
	loop_init(&loop);
	channel = grpc_channel_new(&loop, &at);
	if (to->ca == NULL)
		return;
	expect(tls_config_client(&tls, to->host, "", to->ca, &e) == 0, "%s", e.text);
	grpc_channel_set_tls(channel, tls);
}

static void on_closed(void *user)
{
	(void)user;
	closed = true;
}

void interop_close(void)
{
	grpc_channel_close(channel, on_closed, NULL);
	while (!closed)
		uv_run(&loop.uv, UV_RUN_ONCE);
	loop_close(&loop);
}
