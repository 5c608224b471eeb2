/* test/fuzz/grpc_frames.c - the bytes of one call cut into messages: fed whole and in pieces, they give the
 * same messages and the same end. First byte: 1 many messages; 2 an encoding was named; the rest of it
 * chooses the pieces. */
#include "net/grpc_stream.h"
#include "test/fuzz/fuzz.h"

#include "hivemind.pb-c.h"

struct reading {
	struct grpc_stream gs; /* first member */
	struct arena arena;
	int messages, ended, bad;
	uint64_t sum;
};

static void on_message(struct grpc_stream *gs, const ProtobufCMessage *m)
{
	struct reading *r = (struct reading *)gs;
	const Pb__UploadChunk *chunk = (const Pb__UploadChunk *)m;

	must(m->descriptor == &pb__upload_chunk__descriptor);
	r->messages++;
	for (size_t i = 0; i < chunk->data.len; i++)
		r->sum = r->sum * 31 + chunk->data.data[i];
}

static void on_end(struct grpc_stream *gs)
{
	((struct reading *)gs)->ended++;
}

static void on_bad(struct grpc_stream *gs, const struct error *e)
{
	must(e->status > 0);
	((struct reading *)gs)->bad += 1000 + e->status;
}

static void never(struct grpc_stream *gs)
{
	(void)gs;
	abort();
}

static const struct grpc_stream_events events = {on_message, on_end, on_bad, never, never};

/* seed 0 = the whole at once */
static void read_all(struct reading *r, struct loop *l, uint8_t flags, const uint8_t *data, size_t n,
                     uint32_t seed)
{
	bool whole = seed == 0;

	memset(r, 0, sizeof *r);
	grpc_stream_init(&r->gs, l, &events);
	r->gs.type = &pb__upload_chunk__descriptor;
	r->gs.arena = &r->arena;
	r->gs.many = flags & 1;
	r->gs.encoded = flags & 2;
	while (n > 0) {
		size_t piece = whole ? n : next_piece(&seed, n);
		uint8_t *bytes = bytes_of(data, piece);

		grpc_stream_data(&r->gs, bytes, piece);
		free(bytes);
		data += piece;
		n -= piece;
	}
	r->gs.h2.remote_ended = true;
	grpc_stream_remote_end(&r->gs);
	grpc_stream_release_memory(&r->gs);
	arena_release(&r->arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct loop loop;
	struct reading whole, pieces;

	if (n == 0)
		return 0;
	read_all(&whole, &loop, data[0], data + 1, n - 1, 0);
	read_all(&pieces, &loop, data[0], data + 1, n - 1, 1u + data[0]);
	must(whole.messages == pieces.messages && whole.sum == pieces.sum);
	must(whole.ended == pieces.ended && whole.bad == pieces.bad);
	must(whole.ended + (whole.bad > 0) == 1);
	return 0;
}
