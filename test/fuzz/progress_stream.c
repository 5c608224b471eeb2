/* test/fuzz/progress_stream.c - what an engine says while it pulls: whole and in pieces it comes to the same.
 */
#include "exec/progress_stream.h"
#include "test/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct progress_stream whole = {0}, pieces = {0};
	uint32_t seed = (uint32_t)n;

	progress_stream_feed(&whole, data, n);
	progress_stream_end(&whole);
	for (size_t piece; n > 0; data += piece, n -= piece) {
		uint8_t *bytes;

		piece = next_piece(&seed, n);
		bytes = bytes_of(data, piece);
		progress_stream_feed(&pieces, bytes, piece);
		free(bytes);
	}
	progress_stream_end(&pieces);
	must(whole.done == pieces.done && whole.total == pieces.total && whole.count == pieces.count);
	must(strcmp(whole.status, pieces.status) == 0 && strcmp(whole.error.text, pieces.error.text) == 0);
	must(whole.count <= LAYERS_MAX);
	must(whole.total <= (uint64_t)LAYERS_MAX * 1000000000000000); /* no layer has more */
	progress_stream_release(&whole);
	progress_stream_release(&pieces);
	return 0;
}
