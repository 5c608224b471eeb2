/* test/fuzz/guard.c - the frames that the guard counts (net/guard): whole and in pieces it comes to the same
 * verdict. First byte: 1 the server's end; 2 a peer that is known. */
#include "net/guard.h"

#include "test/fuzz/fuzz.h"

static struct guard watch(uint8_t flags)
{
	struct guard g;

	memset(&g, 0, sizeof g);
	guard_init(&g, flags & 1, 1000);
	if (flags & 2)
		guard_know(&g);
	return g;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct guard_load load = {.calls = true, .request = true};
	enum guard_kind whole, pieces = GUARD_FINE;
	struct guard one, other;
	uint32_t seed = (uint32_t)n;

	if (n == 0)
		return 0;
	one = watch(data[0]);
	other = watch(data[0]);
	whole = guard_bytes(&one, data + 1, n - 1, 2000);
	data++;
	n--;
	for (size_t piece; n > 0 && pieces == GUARD_FINE; data += piece, n -= piece) {
		uint8_t *bytes;

		piece = next_piece(&seed, n);
		bytes = bytes_of(data, piece);
		pieces = guard_bytes(&other, bytes, piece, 2000);
		free(bytes);
	}
	must(whole == pieces);
	must(whole != GUARD_FINE || one.skip == other.skip);
	must(whole != GUARD_FINE || memcmp(one.tokens, other.tokens, sizeof one.tokens) == 0);
	must(guard_late(&one, &guard_times_default, load, 3000) <= GUARD_KINDS &&
	     *guard_name(whole % GUARD_KINDS) != '\0');
	return 0;
}
