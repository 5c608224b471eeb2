/* test/interop/interop_server.c - grpc.testing.TestService on our net/ layer, for gRPC's standard interop
 * tests.
 *
 *     interop_server --port N [--tls CERT KEY]
 *
 * Prints its port and serves until SIGTERM. It accepts and sends identity only: a request for a compressed
 * answer ends in UNIMPLEMENTED, which says so, as does (by net/) a compressed message. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "net/certificate.h"
#include "net/grpc_server.h"
#include "net/memory.h"
#include "net/tls.h"
#include "proto/limits.h"
#include "proto/status.h"
#include "test/interop/interop.h"

#define ANSWERS_MAX 4096 /* asked for and not sent, on one call */

static uint8_t zeros[MESSAGE_MAX];
static struct loop loop;
static struct grpc_server *server;

/* --- what all methods do ----------------------------------------------------------------------- */

static void echo_field(struct rpc *rpc, const char *name, enum metadata_place place)
{
	const struct metadata *came = rpc_metadata(rpc, name);
	struct metadata back;

	if (came == NULL)
		return;
	back = *came;
	back.place = place;
	rpc_send_metadata(rpc, &back);
}

/* Once a call. */
static void echo_fields(struct rpc *rpc)
{
	echo_field(rpc, ECHO_INITIAL, METADATA_INITIAL);
	echo_field(rpc, ECHO_TRAILING, METADATA_TRAILING);
}

static int refuse_compression(struct rpc *rpc)
{
	return error_set(&rpc->error, STATUS_UNIMPLEMENTED,
	                 "nothing is compressed here; accepted encodings: identity");
}

static int no_compressed_message(struct rpc *rpc)
{
	return error_set(&rpc->error, STATUS_INVALID_ARGUMENT, "the message was to be compressed and was not");
}

static int fill(struct rpc *rpc, Testing__Payload *payload, int32_t size)
{
	if (size < 0 || size > MESSAGE_MAX)
		return error_set(&rpc->error, STATUS_INVALID_ARGUMENT, "a payload cannot have %d bytes", size);
	payload->body.data = zeros;
	payload->body.len = (size_t)size;
	return 0;
}

static int asked_status(struct rpc *rpc, const Testing__EchoStatus *status)
{
	int code;

	if (status == NULL || status->code == 0)
		return 0;
	code = status->code > 0 && status->code <= STATUS_UNAUTHENTICATED ? status->code : STATUS_UNKNOWN;
	return error_set(&rpc->error, code, "%s", status->message);
}

static bool is_true(const Testing__BoolValue *value)
{
	return value != NULL && value->value;
}

/* --- one message there and back ------------------------------------------------------------------ */

static int empty_call(struct rpc *rpc, const ProtobufCMessage *in)
{
	Testing__Empty reply = TESTING__EMPTY__INIT;

	(void)in;
	rpc_reply(rpc, &reply.base);
	return 0;
}

static int unary_call(struct rpc *rpc, const ProtobufCMessage *m)
{
	const Testing__SimpleRequest *in = (const Testing__SimpleRequest *)m;
	Testing__SimpleResponse reply = TESTING__SIMPLE_RESPONSE__INIT;
	Testing__Payload payload = TESTING__PAYLOAD__INIT;
	int rc;

	echo_fields(rpc);
	if (is_true(in->expect_compressed))
		return no_compressed_message(rpc);
	if (is_true(in->response_compressed))
		return refuse_compression(rpc);
	rc = asked_status(rpc, in->response_status);
	if (rc == 0)
		rc = fill(rpc, &payload, in->response_size);
	if (rc != 0)
		return rc;
	reply.payload = &payload;
	rpc_reply(rpc, &reply.base);
	return 0;
}

/* --- streaming in -------------------------------------------------------------------------------- */

static int streaming_input(struct rpc *rpc, const ProtobufCMessage *m)
{
	const Testing__StreamingInputCallRequest *in = (const Testing__StreamingInputCallRequest *)m;
	uint64_t *sum = rpc->user;

	if (sum == NULL)
		rpc->user = sum = arena_alloc(&rpc->arena, sizeof *sum);
	if (is_true(in->expect_compressed))
		return no_compressed_message(rpc);
	if (in->payload != NULL)
		*sum += in->payload->body.len;
	return 0;
}

static void streaming_input_end(struct rpc *rpc)
{
	Testing__StreamingInputCallResponse reply = TESTING__STREAMING_INPUT_CALL_RESPONSE__INIT;

	if (rpc->user != NULL)
		reply.aggregated_payload_size = (int32_t)*(uint64_t *)rpc->user;
	rpc_reply(rpc, &reply.base);
}

/* --- streaming out: a list of answers, each due some time after the one before --------------------- */

struct answer {
	struct answer *prev, *next;
	int32_t size;
	int32_t interval_us;
};

struct output {
	struct rpc *rpc;
	struct answer *answers;
	int count;
	struct timer timer;
	bool waited; /* the interval of the first answer is over */
	bool last;   /* no more will be asked for */
	bool kept;   /* nothing goes out before that (half duplex) */
};

static void send_due(struct output *o);

static void on_interval(struct timer *t)
{
	struct output *o = container_of(t, struct output, timer);

	o->waited = true;
	send_due(o);
}

static struct output *output_of(struct rpc *rpc)
{
	struct output *o = rpc->user;

	if (o != NULL)
		return o;
	o = rpc->user = xcalloc(1, sizeof *o);
	o->rpc = rpc;
	timer_init(&loop, &o->timer, on_interval);
	echo_fields(rpc);
	return o;
}

static void send_one(struct output *o)
{
	Testing__StreamingOutputCallResponse out = TESTING__STREAMING_OUTPUT_CALL_RESPONSE__INIT;
	Testing__Payload payload = TESTING__PAYLOAD__INIT;
	struct answer *first = o->answers;
	int rc = fill(o->rpc, &payload, first->size);

	DL_DELETE(o->answers, first);
	o->count--;
	o->waited = false;
	free(first);
	out.payload = &payload;
	if (rc == 0)
		rpc_send(o->rpc, &out.base);
	else
		rpc_end(o->rpc, rc);
}

static void send_due(struct output *o)
{
	if (timer_armed(&o->timer) || (o->kept && !o->last))
		return;
	while (o->answers != NULL && !rpc_over(o->rpc)) {
		if (rpc_queued(o->rpc) > (size_t)SEND_QUEUE_HIGH)
			return; /* until on_space */
		if (o->answers->interval_us > 0 && !o->waited) {
			timer_set(&o->timer, (uint64_t)(o->answers->interval_us + 999) / 1000);
			return;
		}
		send_one(o);
	}
	if (o->last)
		rpc_end(o->rpc, 0);
}

static int ask(struct output *o, const Testing__StreamingOutputCallRequest *in)
{
	for (size_t i = 0; i < in->n_response_parameters; i++) {
		const Testing__ResponseParameters *p = in->response_parameters[i];
		struct answer *a;

		if (is_true(p->compressed))
			return refuse_compression(o->rpc);
		if (++o->count > ANSWERS_MAX)
			return error_set(&o->rpc->error, STATUS_RESOURCE_EXHAUSTED, "more than %d answers are due",
			                 ANSWERS_MAX);
		a = xcalloc(1, sizeof *a);
		a->size = p->size;
		a->interval_us = p->interval_us;
		DL_APPEND(o->answers, a);
	}
	return asked_status(o->rpc, in->response_status);
}

static int streaming_output(struct rpc *rpc, const ProtobufCMessage *in)
{
	struct output *o = output_of(rpc);
	int rc = ask(o, (const Testing__StreamingOutputCallRequest *)in);

	o->last = true;
	if (rc == 0)
		send_due(o);
	return rc;
}

static int full_duplex(struct rpc *rpc, const ProtobufCMessage *in)
{
	struct output *o = output_of(rpc);
	int rc = ask(o, (const Testing__StreamingOutputCallRequest *)in);

	if (rc == 0)
		send_due(o);
	return rc;
}

static int half_duplex(struct rpc *rpc, const ProtobufCMessage *in)
{
	output_of(rpc)->kept = true;
	return full_duplex(rpc, in);
}

static void output_end(struct rpc *rpc)
{
	struct output *o = output_of(rpc);

	o->last = true;
	send_due(o);
}

static void output_space(struct rpc *rpc)
{
	send_due(output_of(rpc));
}

static void free_output(struct timer *t)
{
	free(container_of(t, struct output, timer));
}

static void output_gone(struct rpc *rpc)
{
	struct output *o = rpc->user;
	struct answer *a, *next;

	if (o == NULL)
		return;
	DL_FOREACH_SAFE(o->answers, a, next)
	free(a);
	timer_close(&o->timer, free_output);
}

static const struct rpc_handler handlers[INTEROP_SERVED] = {
	{&interop_methods[EMPTY_CALL], empty_call, NULL, NULL, NULL},
	{&interop_methods[UNARY_CALL], unary_call, NULL, NULL, NULL},
	{&interop_methods[STREAMING_OUTPUT_CALL], streaming_output, NULL, output_space, output_gone},
	{&interop_methods[STREAMING_INPUT_CALL], streaming_input, streaming_input_end, NULL, NULL},
	{&interop_methods[FULL_DUPLEX_CALL], full_duplex, output_end, output_space, output_gone},
	{&interop_methods[HALF_DUPLEX_CALL], half_duplex, output_end, output_space, output_gone},
};

/* --- the program ---------------------------------------------------------------------------------- */

static void on_closed(void *user)
{
	loop_stop(user);
}

static void on_stop(struct loop *l, int number)
{
	(void)number;
	grpc_server_close(server, 1000, on_closed, l);
}

static int serve(const char *port, const char *chain, const char *key, struct error *e)
{
	struct grpc_server_options options = {.handlers = handlers, .handler_count = INTEROP_SERVED};
	struct endpoint at = {.host = "127.0.0.1", .port = atoi(port)};
	struct certificate *certificate = NULL;

	if (chain != NULL && certificate_load(&certificate, chain, key, e) != 0)
		return e->status;
	server = grpc_server_new(&loop, &options);
	if (certificate != NULL)
		grpc_server_set_tls(server, tls_config_server(certificate));
	if (grpc_server_listen(server, &at, e) != 0)
		return e->status;
	printf("%d\n", at.port);
	return fflush(stdout);
}

int main(int argc, char **argv)
{
	bool tls = argc == 6 && strcmp(argv[3], "--tls") == 0;
	struct error e = {0};

	if (argc < 3 || strcmp(argv[1], "--port") != 0 || (argc > 3 && !tls)) {
		fprintf(stderr, "usage: interop_server --port N [--tls CERT KEY]\n");
		return EXIT_USAGE;
	}
	loop_init(&loop);
	if (serve(argv[2], tls ? argv[4] : NULL, tls ? argv[5] : NULL, &e) != 0) {
		fprintf(stderr, "interop_server: %s\n", e.text);
		return 1;
	}
	loop_catch_signals(&loop, on_stop);
	loop_run(&loop);
	loop_close(&loop);
	return 0;
}
