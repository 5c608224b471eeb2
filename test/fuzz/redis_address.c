/* test/fuzz/redis_address.c - where Redis is, as people write it; a password in it is never repeated. */
#include "store/redis.h"
#include "test/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = text_of(data, n);
	struct redis_address a;
	struct error e = {0};

	if (redis_address_parse(&a, text, &e) == 0) {
		must((a.host[0] != '\0') != (a.path[0] != '\0'));
		must(a.port > 0 && a.port <= 65535 && a.db >= 0);
	} else {
		must(e.status != 0 && (strlen(text) < 12 || strstr(e.text, text) == NULL));
	}
	free(text);
	return 0;
}
