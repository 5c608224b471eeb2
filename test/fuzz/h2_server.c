/* test/fuzz/h2_server.c - a peer says anything to our gRPC server: every RPC of hivemind.v1 with handlers
 * that answer at once, later, much, or refuse.
 *
 * First byte: 1 the client's greeting comes with the input (else it is given); 2 a slow socket; 4 the whole
 * in one piece; 8 callers are admitted a turn later; 16 messages are paused for a turn. Then HTTP/2. */
#include "net/grpc_server.h"
#include "test/fuzz/wire.h"

#define LARGE (100 * 1024)
#define WAITING_MAX 256

enum { GREETED = 1, SLOW = 2, WHOLE = 4, LATE = 8, PAUSED = 16 };

static uint8_t flags;
static int begun, gone;
static struct rpc *waiting[WAITING_MAX], *paused[WAITING_MAX]; /* NULL where there is none */

static void keep(struct rpc **list, struct rpc *rpc)
{
	for (int i = 0; i < WAITING_MAX; i++) {
		if (list[i] == NULL) {
			list[i] = rpc;
			return;
		}
	}
}

static void forget(struct rpc **list, const struct rpc *rpc)
{
	for (int i = 0; i < WAITING_MAX; i++)
		if (list[i] == rpc)
			list[i] = NULL;
}

/* An empty answer, or a large chunk where the method gives chunks. */
static void answer(struct rpc *rpc)
{
	static uint8_t large[LARGE];
	const ProtobufCMessageDescriptor *type = rpc->handler->method->out;
	ProtobufCMessage *out = arena_alloc(&rpc->arena, type->sizeof_message);

	protobuf_c_message_init(type, out);
	if (type == &pb__download_chunk__descriptor)
		((Pb__DownloadChunk *)out)->data = (ProtobufCBinaryData){sizeof large, large};
	rpc_send(rpc, out);
}

static int on_message(struct rpc *rpc, const ProtobufCMessage *in)
{
	const struct rpc_method *method = rpc->handler->method;

	must(in->descriptor == method->in);
	answer(rpc);
	if (method->streams_in) {
		if (flags & PAUSED) {
			rpc_pause(rpc);
			keep(paused, rpc);
		}
		return 0;
	}
	for (int i = 0; i < 4 && method->streams_out; i++)
		answer(rpc);
	if (method == &rpc_methods[RPC_STOP_TASK])
		return error_hint(&rpc->error, "%d", error_set(&rpc->error, 5, "caf\xc3\xa9 \x01%%"));
	rpc_end(rpc, 0);
	return 0;
}

static void on_half_close(struct rpc *rpc)
{
	answer(rpc);
	rpc_end(rpc, 0);
}

static void on_space(struct rpc *rpc)
{
	must(!rpc_over(rpc));
}

static void on_gone(struct rpc *rpc)
{
	gone++;
	forget(waiting, rpc);
	forget(paused, rpc);
}

static int on_call(struct rpc *rpc)
{
	begun++;
	if (rpc->token != NULL && rpc->token[0] == 'x')
		return error_set(&rpc->error, 16, "no");
	if (!(flags & LATE))
		return 0;
	keep(waiting, rpc);
	return RPC_LATER;
}

static const struct rpc_handler *handlers(void)
{
	static struct rpc_handler rows[RPC_COUNT];

	for (int i = 0; i < RPC_COUNT; i++)
		rows[i] = (struct rpc_handler){&rpc_methods[i], on_message, on_half_close, on_space, on_gone};
	return rows;
}

static void turn(void)
{
	for (int i = 0; i < WAITING_MAX; i++) {
		if (waiting[i] != NULL)
			rpc_admit(waiting[i], 0);
		if (paused[i] != NULL)
			rpc_resume(paused[i]);
		waiting[i] = paused[i] = NULL;
	}
	wire_turn();
}

static void converse(const uint8_t *data, size_t n)
{
	static const char greeting[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
	uint32_t seed = (uint32_t)n;

	if (!(flags & GREETED))
		wire_feed((const uint8_t *)greeting, sizeof greeting - 1);
	while (n > 0) {
		size_t piece = flags & WHOLE ? n : next_piece(&seed, n);

		wire_feed(data, piece);
		turn();
		data += piece;
		n -= piece;
	}
	for (int i = 0; i < 4; i++)
		turn();
	wire_feed_end(0);
	turn();
}

static void on_closed(void *user)
{
	*(bool *)user = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct grpc_server_options options = {
	    .handlers = handlers(), .handler_count = RPC_COUNT, .on_call = on_call};
	struct endpoint at = {.path = "fuzz"};
	struct grpc_server *server;
	bool closed = false;

	if (n == 0)
		return 0;
	flags = data[0];
	begun = gone = 0;
	server = grpc_server_new(wire_begin(flags & SLOW), &options);
	must(grpc_server_listen(server, &at, NULL) == 0);
	wire.listener->on_connection(wire.listener);
	converse(data + 1, n - 1);
	grpc_server_close(server, 0, on_closed, &closed);
	wire_run_until(&closed);
	must(begun <= gone && wire.stream == NULL);
	return 0;
}
