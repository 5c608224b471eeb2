/* test/fuzz/grpc_text.c - gRPC's small texts: timeouts and percent encoding (net/grpc). First byte: the room
 * there is. */
#include "net/grpc.h"
#include "test/fuzz/fuzz.h"

static void fuzz_timeout(const char *text, size_t n)
{
	int64_t ms = grpc_timeout_parse(text, n);
	char again[GRPC_TIMEOUT_SIZE];

	must(ms >= -1);
	if (ms < 1)
		return;
	grpc_timeout_format(again, ms);
	must(grpc_timeout_parse(again, strlen(again)) >= ms); /* never a shorter one */
}

/* Terminated, without control characters but tabs and ends of lines. */
static bool is_words(char *text, size_t size)
{
	for (char *p = text; *p != '\0'; p++)
		if (*p == '\t' || *p == '\n' || *p == '\r')
			*p = ' ';
	return is_shown(text, size);
}

static void fuzz_percent(const char *text, size_t n, size_t room)
{
	char *decoded = xmalloc(n + 1), *encoded = xmalloc(3 * n + 1), *again = xmalloc(n + 1),
	     *small = xmalloc(room);

	grpc_percent_decode(small, room, text, n);
	must(is_words(small, room));
	grpc_percent_encode(small, room, text);
	must(is_shown(small, room));
	grpc_percent_decode(decoded, n + 1, text, n);
	grpc_percent_encode(encoded, 3 * n + 1, decoded);
	grpc_percent_decode(again, n + 1, encoded, strlen(encoded));
	must(strcmp(decoded, again) == 0 && is_words(again, n + 1));
	free(decoded);
	free(encoded);
	free(again);
	free(small);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text;

	if (n == 0)
		return 0;
	text = text_of(data + 1, n - 1);
	fuzz_timeout(text, n - 1);
	fuzz_percent(text, n - 1, 1u + data[0]);
	free(text);
	return 0;
}
