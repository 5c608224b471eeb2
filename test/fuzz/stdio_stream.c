/* test/fuzz/stdio_stream.c - frames of the engine's output: whole and in pieces they give the same bytes on
 * the same streams. */
#include "exec/stdio_stream.h"
#include "test/fuzz/fuzz.h"

struct reading {
	struct stdio_stream s;
	uint64_t bytes, sum;
};

static void on_output(void *user, int stream, const void *data, size_t n)
{
	struct reading *r = user;
	const uint8_t *bytes = data;

	must(stream == 1 || stream == 2);
	must(n > 0);
	r->bytes += n;
	for (size_t i = 0; i < n; i++)
		r->sum = r->sum * 31 + bytes[i] + (uint64_t)stream * 256;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct reading whole = {0}, pieces = {0};
	uint32_t seed = (uint32_t)n;

	stdio_stream_feed(&whole.s, data, n, on_output, &whole);
	must(whole.bytes <= n);
	for (size_t piece; n > 0; data += piece, n -= piece) {
		uint8_t *bytes;

		piece = next_piece(&seed, n);
		bytes = bytes_of(data, piece);
		stdio_stream_feed(&pieces.s, bytes, piece, on_output, &pieces);
		free(bytes);
	}
	must(whole.bytes == pieces.bytes && whole.sum == pieces.sum && whole.s.left == pieces.s.left);
	return 0;
}
