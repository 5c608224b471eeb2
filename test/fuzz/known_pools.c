/* test/fuzz/known_pools.c - the file of known pools: a pin that is found is one, and after a line is added it
 * is found. Input: HOST:PORT, a line break, the file. */
#include "net/known_pools.c"

#include "test/fuzz/fuzz.h"

#define PIN "5f70bf18a08600701b2cd7b8f3f5a3a5c3d2e1f0a9b8c7d6e5f4a3b2c1d0e9f8"

static int find_text(const void *data, size_t n, const char *endpoint, char pin[65])
{
	struct buf content = {0};
	struct error e = {0};
	int status;

	buf_append(&content, data, n);
	status = find_in(&content, "known_pools", endpoint, pin, &e);
	must(status == e.status);
	buf_release(&content);
	return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const uint8_t *end = n > 0 ? memchr(data, '\n', n) : NULL;
	char *endpoint, *rest, pin[65];
	struct buf more = {0};
	size_t rest_n;
	int status;

	if (end == NULL)
		return 0;
	endpoint = text_of(data, (size_t)(end - data));
	rest_n = n - (size_t)(end - data) - 1;
	rest = text_of(end + 1, rest_n);
	status = find_text(rest, rest_n, endpoint, pin);
	must(status != 0 || sha256_hex_valid(pin));
	if (status == STATUS_NOT_FOUND && endpoint[0] != '\0' && strpbrk(endpoint, " \t\r\n#") == NULL) {
		buf_append(&more, rest, rest_n);
		buf_printf(&more, "\n%s " PIN_PREFIX PIN "\n", endpoint);
		must(find_text(more.data, more.n, endpoint, pin) == 0 && strcmp(pin, PIN) == 0);
	}
	buf_release(&more);
	free(endpoint);
	free(rest);
	return 0;
}
