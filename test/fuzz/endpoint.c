/* test/fuzz/endpoint.c - join strings: what is read, written, is read as the same; with the pin too
 * (net/certificate's join_string()). */
#include "net/endpoint.h"

#include "net/certificate.h"
#include "test/fuzz/fuzz.h"

static void read_join_string(const struct endpoint *e)
{
	char text[JOIN_STRING_SIZE];
	struct endpoint again;

	must(endpoint_parse(&again, join_string(text, e->host, e->port, e->pin), NULL) == 0);
	must(strcmp(again.host, e->host) == 0 && again.port == e->port && strcmp(again.pin, e->pin) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = text_of(data, n), again_text[400];
	struct endpoint e, again;
	struct error err = {0};
	int status = endpoint_parse(&e, text, &err);

	must(status == err.status);
	if (status == 0) {
		endpoint_is_local(&e);
		must(e.port >= 0 && e.port <= 65535 && (e.host[0] == '\0') != (e.path[0] == '\0'));
		must(endpoint_parse(&again, endpoint_text(&e, again_text, sizeof again_text), &err) == 0);
		must(strcmp(e.host, again.host) == 0 && strcmp(e.path, again.path) == 0);
		must(e.port == again.port || e.path[0] != '\0');
		must(strpbrk(again_text, "\r\n") == NULL); /* it becomes a line of a file */
		if (e.pin[0] != '\0' && e.host[0] != '\0')
			read_join_string(&e);
	}
	free(text);
	return 0;
}
