/* test/fuzz/h2_client.c - a server says anything to our gRPC client, which has one call of each kind going.
 *
 * First byte: 1 a call is cancelled half-way; 2 a slow socket; 4 the whole in one piece; 8 a call is paused
 * for a turn; 16 another call starts half-way; 32 the peer's end comes before the channel is closed. Then
 * HTTP/2 as a server speaks it. */
#include "net/grpc_client.h"
#include "test/fuzz/wire.h"

enum { CANCEL = 1, SLOW = 2, WHOLE = 4, PAUSE = 8, ANOTHER = 16, CUT = 32 };

static const int ids[] = {RPC_GET_TASK, RPC_BLOB_DOWNLOAD, RPC_BLOB_UPLOAD, RPC_LINK, RPC_INFO};

#define CALLS (int)(sizeof ids / sizeof ids[0])

static struct grpc_call calls[CALLS];
static int done[CALLS];

static void on_message(struct grpc_call *call, const ProtobufCMessage *out)
{
	must(done[call - calls] == 0);
	must(out->descriptor == call->method->out);
}

static void on_space(struct grpc_call *call)
{
	must(done[call - calls] == 0);
}

static void on_done(struct grpc_call *call, const struct error *e)
{
	done[call - calls]++;
	must(e->status >= 0 && e->status <= 16);
	must(strnlen(e->text, sizeof e->text) < sizeof e->text);
}

/* A call with one empty message. */
static void start(struct grpc_channel *ch, int i)
{
	const struct rpc_method *method = &rpc_methods[ids[i]];
	ProtobufCMessage *in = xcalloc(1, method->in->sizeof_message);

	calls[i] = (struct grpc_call){
	    .method = method, .on_message = on_message, .on_space = on_space, .on_done = on_done};
	done[i] = 0;
	protobuf_c_message_init(method->in, in);
	if (method->streams_in) {
		grpc_call_start(ch, &calls[i]);
		grpc_call_send(&calls[i], in);
	} else {
		grpc_call_unary(ch, &calls[i], in);
	}
	free(in);
}

static void interfere(struct grpc_channel *ch, uint8_t flags)
{
	if (flags & CANCEL && done[0] == 0)
		grpc_call_cancel(&calls[0]);
	if (flags & PAUSE && done[1] == 0)
		grpc_call_pause(&calls[1]);
	if (flags & ANOTHER)
		start(ch, CALLS - 1);
	if (done[2] == 0)
		grpc_call_half_close(&calls[2]);
}

static void converse(struct grpc_channel *ch, uint8_t flags, const uint8_t *data, size_t n)
{
	uint32_t seed = (uint32_t)n;
	size_t half = n / 2;
	bool interfered = false;

	while (n > 0) {
		size_t piece = flags & WHOLE ? n : next_piece(&seed, n);

		wire_feed(data, piece);
		wire_turn();
		data += piece;
		n -= piece;
		if (n <= half && !interfered)
			interfere(ch, flags);
		interfered = interfered || n <= half;
	}
	wire_turn();
	if (flags & PAUSE && done[1] == 0)
		grpc_call_resume(&calls[1]);
	for (int i = 0; i < 4; i++)
		wire_turn();
}

static void on_closed(void *user)
{
	*(bool *)user = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct endpoint to = {.path = "fuzz"};
	struct grpc_channel *ch;
	bool closed = false;

	if (n == 0)
		return 0;
	ch = grpc_channel_new(wire_begin(data[0] & SLOW), &to);
	done[CALLS - 1] = 1; /* not started */
	for (int i = 0; i < CALLS - 1; i++)
		start(ch, i);
	wire_turn();
	wire_turn();
	converse(ch, data[0], data + 1, n - 1);
	if (data[0] & CUT)
		wire_feed_end(UV_ECONNRESET);
	grpc_channel_close(ch, on_closed, &closed);
	wire_run_until(&closed);
	for (int i = 0; i < CALLS; i++)
		must(done[i] == 1);
	return 0;
}
