/* net/rpc.c - one call on the server: headers, admission, messages, answer, end (grpc_server.h).
 *
 * on_open makes it; on_headers decides: refused (trailers only), or admitted by on_call, now or later,
 * and until then held. Ends: rpc_end() -> trailers -> the stream closes; or the peer resets it, or its
 * connection is lost, or its deadline passes. The closed stream schedules on_over: on_gone, free. */
#include "net/rpc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/clock.h"
#include "net/grpc.h"
#include "net/memory.h"
#include "net/metrics.h"
#include "net/request.h"
#include "proto/limits.h"
#include "proto/status.h"

struct call {
	struct grpc_stream gs; /* first member */
	struct rpc rpc;
	struct timer deadline;
	struct request request;
	struct metadata *sends;
	int status; /* the end's, once `ended` */
	int64_t begun_ms;
	bool timed; /* deadline was initialised */
	bool begun, admitted, responded, ended;
	bool refused; /* it is no gRPC */
};

static struct call *call_of(struct rpc *rpc)
{
	return container_of(rpc, struct call, rpc);
}

static const struct rpc_method *method_of(const struct call *c)
{
	return c->rpc.handler->method;
}

/* --- out ------------------------------------------------------------------------------------- */

/* The fields that say how it ended; returns their number. They borrow from `text` and c. */
struct end_text {
	char status[4];
	char message[3 * sizeof(((struct error *)0)->text)];
	char hint[3 * sizeof(((struct error *)0)->hint)];
};

static size_t end_fields(struct call *c, struct end_text *text, nghttp2_nv *fields)
{
	const struct error *e = &c->rpc.error;
	size_t n = 0;

	snprintf(text->status, sizeof text->status, "%d", c->status);
	fields[n++] = h2_field("grpc-status", text->status);
	if (c->gs.encoded)
		fields[n++] = h2_field("grpc-accept-encoding", "identity");
	if (c->status == 0 || e->status != c->status)
		return n;
	grpc_percent_encode(text->message, sizeof text->message, e->text);
	fields[n++] = h2_field("grpc-message", text->message);
	if (e->hint[0] != '\0') {
		grpc_percent_encode(text->hint, sizeof text->hint, e->hint);
		fields[n++] = h2_field("hivemind-hint", text->hint);
	}
	return n;
}

static size_t head_fields(nghttp2_nv *fields)
{
	fields[0] = h2_field(":status", "200");
	fields[1] = h2_field("content-type", "application/grpc");
	return 2;
}

static void respond(struct call *c)
{
	nghttp2_nv fields[2 + METADATA_SEND_MAX];
	size_t n;

	if (c->responded)
		return;
	c->responded = true;
	n = head_fields(fields);
	n += metadata_fields(c->sends, METADATA_INITIAL, &c->rpc.arena, fields + n);
	h2_respond(&c->gs.h2, fields, n, false);
}

static void respond_with_end(struct call *c)
{
	struct end_text text;
	nghttp2_nv fields[8];
	size_t n = head_fields(fields);

	c->responded = true;
	n += end_fields(c, &text, fields + n);
	h2_respond(&c->gs.h2, fields, n, true);
}

/* Not gRPC at all: a browser, say. */
static void refuse_http(struct call *c, const char *status)
{
	nghttp2_nv fields[] = {h2_field(":status", status),
	                       h2_field("content-type", "text/plain; charset=utf-8")};

	c->ended = c->responded = c->refused = true;
	grpc_stream_deafen(&c->gs);
	buf_printf(&c->gs.h2.out, "%s\n", c->rpc.server->options.sentence);
	c->gs.h2.out_ended = true;
	h2_respond(&c->gs.h2, fields, 2, false);
}

void rpc_on_trailers(struct h2_stream *st)
{
	struct call *c = (struct call *)st;
	struct end_text text;
	nghttp2_nv fields[6 + METADATA_SEND_MAX];
	size_t n = c->refused ? 0 : end_fields(c, &text, fields);

	n += metadata_fields(c->sends, METADATA_TRAILING, &c->rpc.arena, fields + n);
	h2_send_trailers(st, fields, n);
}

void rpc_end(struct rpc *rpc, int status)
{
	struct call *c = call_of(rpc);

	if (rpc_over(rpc))
		return;
	c->ended = true;
	c->status = status;
	grpc_stream_deafen(&c->gs);
	h2_take(&c->gs.h2);
	if (!c->responded && c->sends == NULL) {
		respond_with_end(c);
		return;
	}
	respond(c);
	c->gs.h2.out_ended = true;
	h2_push(&c->gs.h2);
}

void rpc_send(struct rpc *rpc, const ProtobufCMessage *out)
{
	struct call *c = call_of(rpc);

	if (rpc_over(rpc))
		return;
	if (grpc_stream_send(&c->gs, out) != 0) {
		error_set(&rpc->error, STATUS_RESOURCE_EXHAUSTED, "the answer is larger than %lld bytes",
		          MESSAGE_MAX);
		rpc_end(rpc, STATUS_RESOURCE_EXHAUSTED);
		return;
	}
	respond(c);
}

void rpc_reply(struct rpc *rpc, const ProtobufCMessage *out)
{
	rpc_send(rpc, out);
	rpc_end(rpc, 0);
}

const struct metadata *rpc_metadata(const struct rpc *rpc, const char *name)
{
	const struct call *c = container_of(rpc, struct call, rpc);

	return metadata_find(c->request.metadata, METADATA_INITIAL, name);
}

bool rpc_send_metadata(struct rpc *rpc, const struct metadata *m)
{
	struct call *c = call_of(rpc);

	if (rpc_over(rpc) || (c->responded && m->place == METADATA_INITIAL))
		return false;
	return metadata_add(&c->sends, &rpc->arena, m);
}

size_t rpc_queued(const struct rpc *rpc)
{
	return grpc_stream_queued(&container_of(rpc, struct call, rpc)->gs);
}

bool rpc_over(const struct rpc *rpc)
{
	const struct call *c = container_of(rpc, struct call, rpc);

	return c->ended || c->gs.over;
}

/* --- in -------------------------------------------------------------------------------------- */

void rpc_pause(struct rpc *rpc)
{
	grpc_stream_hold(&call_of(rpc)->gs);
}

void rpc_resume(struct rpc *rpc)
{
	struct call *c = call_of(rpc);

	if (c->admitted && !rpc_over(rpc))
		grpc_stream_release(&c->gs);
}

static void hand_over(struct call *c, const ProtobufCMessage *m)
{
	int rc = c->rpc.handler->on_message(&c->rpc, m);

	if (rc > 0)
		rpc_end(&c->rpc, rc);
}

static void on_message(struct grpc_stream *gs, const ProtobufCMessage *m)
{
	hand_over((struct call *)gs, m);
}

static void on_end(struct grpc_stream *gs)
{
	struct call *c = (struct call *)gs;

	if (gs->many) {
		if (c->rpc.handler->on_half_close != NULL)
			c->rpc.handler->on_half_close(&c->rpc);
	} else if (gs->one != NULL) {
		hand_over(c, gs->one);
	} else {
		error_set(&c->rpc.error, STATUS_UNIMPLEMENTED, "%s takes one message, none came",
		          method_of(c)->path);
		rpc_end(&c->rpc, STATUS_UNIMPLEMENTED);
	}
}

static void on_bad(struct grpc_stream *gs, const struct error *e)
{
	struct call *c = (struct call *)gs;

	c->rpc.error = *e;
	rpc_end(&c->rpc, e->status);
}

static void on_space(struct grpc_stream *gs)
{
	struct call *c = (struct call *)gs;

	if (c->rpc.handler->on_space != NULL && !rpc_over(&c->rpc))
		c->rpc.handler->on_space(&c->rpc);
}

void rpc_on_data(struct h2_stream *st, const uint8_t *data, size_t n)
{
	grpc_stream_data((struct grpc_stream *)st, data, n);
}

void rpc_on_remote_end(struct h2_stream *st)
{
	grpc_stream_remote_end((struct grpc_stream *)st);
}

void rpc_on_sent(struct h2_stream *st)
{
	grpc_stream_sent((struct grpc_stream *)st);
}

void rpc_on_header(struct h2_stream *st, const char *name, size_t name_n, const char *value, size_t value_n)
{
	struct call *c = (struct call *)st;

	if (!c->begun)
		request_field(&c->request, name, name_n, value, value_n);
}

/* --- deadline -------------------------------------------------------------------------------- */

static void on_deadline(struct timer *t)
{
	struct call *c = container_of(t, struct call, deadline);

	if (c->ended ||
	    h2_queued(&c->gs.h2) > 0) { /* the peer does not take what is there: no words either */
		h2_reset(&c->gs.h2, NGHTTP2_CANCEL);
		grpc_stream_over(&c->gs);
		return;
	}
	error_set(&c->rpc.error, STATUS_DEADLINE_EXCEEDED, "not done within %lld ms",
	          (long long)c->request.timeout_ms);
	rpc_end(&c->rpc, STATUS_DEADLINE_EXCEEDED);
	timer_set(t, PEER_TIMEOUT_MS); /* for the peer to take that */
}

static void start_deadline(struct call *c)
{
	if (c->request.timeout_ms == 0)
		return;
	timer_init(c->rpc.server->loop, &c->deadline, on_deadline);
	timer_set(&c->deadline, (uint64_t)c->request.timeout_ms);
	c->timed = true;
}

/* --- begin ----------------------------------------------------------------------------------- */

static void admit(struct call *c)
{
	c->admitted = true;
	if (c->rpc.caller != NULL || c->rpc.server->options.on_call == NULL)
		connection_admitted((struct connection *)c->gs.h2.h2);
	c->gs.held = false;
	if (c->gs.many)
		grpc_stream_widen(&c->gs);
}

void rpc_admit(struct rpc *rpc, int status)
{
	struct call *c = call_of(rpc);

	if (rpc_over(rpc))
		return;
	if (status != 0) {
		rpc_end(rpc, status);
		return;
	}
	admit(c);
	grpc_stream_release(&c->gs);
}

static void ask_admission(struct call *c)
{
	struct rpc *rpc = &c->rpc;
	int rc = 0;

	c->gs.type = method_of(c)->in;
	c->gs.many = method_of(c)->streams_in;
	c->gs.held = true;
	if (rpc->server->options.on_call != NULL) {
		rpc->token = c->request.token;
		rc = rpc->server->options.on_call(rpc);
		rpc->token = NULL;
	}
	if (c->request.token != NULL)
		wipe(c->request.token, strlen(c->request.token));
	if (rc == 0 && !rpc_over(rpc) && !c->admitted)
		admit(c);
	else if (rc > 0)
		rpc_end(rpc, rc);
}

/* May it begin? 0, or the status that it ends with. */
static int check(struct call *c)
{
	int rc = request_check(&c->request, &c->rpc.error);

	if (rc == 0 && c->rpc.server->closing)
		rc = error_set(&c->rpc.error, STATUS_UNAVAILABLE, "the server is shutting down");
	if (rc == 0 && c->gs.h2.h2->queued > (size_t)OUTPUT_MAX)
		rc = error_set(&c->rpc.error, STATUS_RESOURCE_EXHAUSTED,
		               "%zu bytes of answers wait on this connection: read them first",
		               c->gs.h2.h2->queued);
	return rc;
}

void rpc_on_headers(struct h2_stream *st)
{
	struct call *c = (struct call *)st;
	const char *http;
	int rc;

	if (c->begun)
		return; /* trailers of the client: there is nothing in them */
	c->begun = true;
	c->gs.encoded = c->request.encoded;
	http = request_http_refusal(&c->request);
	if (http != NULL) {
		refuse_http(c, http);
		return;
	}
	rc = check(c);
	if (rc != 0) {
		rpc_end(&c->rpc, rc);
		return;
	}
	c->rpc.handler = c->request.handler;
	start_deadline(c);
	ask_admission(c);
}

/* --- birth and end --------------------------------------------------------------------------- */

static void free_call(struct timer *t)
{
	struct call *c = container_of(t, struct call, deadline);
	struct grpc_server *s = c->rpc.server;

	free(c);
	s->calls--;
	grpc_server_check(s);
}

/* One that its client broke off has no status of ours. */
static void measure(const struct call *c)
{
	size_t method = (size_t)(c->rpc.handler - c->rpc.server->options.handlers);

	metrics_add(METRIC_RPC_REQUESTS, method, (size_t)(c->ended ? c->status : STATUS_CANCELLED), 1);
	metrics_observe(METRIC_RPC_DURATION, method, (double)(clock_ms() - c->begun_ms) / 1000);
}

static void on_over(struct grpc_stream *gs)
{
	struct call *c = (struct call *)gs;

	if (c->rpc.handler != NULL)
		measure(c);
	if (c->rpc.handler != NULL && c->rpc.handler->on_gone != NULL)
		c->rpc.handler->on_gone(&c->rpc);
	grpc_stream_release_memory(gs);
	arena_release(&c->rpc.arena);
	if (c->timed)
		timer_close(&c->deadline, free_call);
	else
		free_call(&c->deadline);
}

static const struct grpc_stream_events events = {on_message, on_end, on_bad, on_space, on_over};

void rpc_on_open(struct h2 *h2, int32_t id)
{
	struct connection *conn = (struct connection *)h2;
	struct call *c = xcalloc(1, sizeof *c);

	grpc_stream_init(&c->gs, conn->server->loop, &events);
	c->gs.arena = &c->rpc.arena;
	c->rpc.server = conn->server;
	c->begun_ms = clock_ms();
	request_init(&c->request, &conn->server->options, &c->rpc.arena);
	memcpy(c->rpc.peer, conn->peer, sizeof c->rpc.peer);
	c->rpc.local = conn->local;
	conn->server->calls++;
	h2_attach(h2, &c->gs.h2, id);
}

void rpc_on_close(struct h2_stream *st, uint32_t code, bool lost)
{
	(void)code;
	(void)lost;
	grpc_stream_over((struct grpc_stream *)st);
}

void rpc_shut_down(struct h2_stream *st)
{
	struct call *c = (struct call *)st;

	error_set(&c->rpc.error, STATUS_UNAVAILABLE, "the server is shutting down");
	rpc_end(&c->rpc, STATUS_UNAVAILABLE);
}
