/* test/fuzz/tls.c - TLS records from anybody: our server, and our client with a pin, take bytes in pieces and
 * never open. First byte: 1 the client, else the server; 2 the first flight of a real client (or server)
 * comes before the input. */
#include "net/tls.h"

#include "net/certificate.h"
#include "test/fuzz/fuzz.h"

static struct tls_config *server, *client;

static void begin(void)
{
	char dir[] = "/tmp/hivemind-fuzz.XXXXXX", command[64];
	struct certificate *own = NULL;
	struct error e;
	char pin[65];

	if (server != NULL)
		return;
	must(mkdtemp(dir) != NULL);
	must(certificate_open(&own, dir, NULL, 0, &e) == 0);
	snprintf(command, sizeof command, "rm -rf %s", dir);
	must(system(command) == 0);
	strcpy(pin, certificate_pin(own));
	server = tls_config_server(own);
	must(tls_config_client(&client, "localhost", pin, NULL, &e) == 0);
}

static void feed(struct tls *t, const uint8_t *data, size_t n)
{
	uint8_t *bytes = bytes_of(data, n);
	char plain[300];
	struct error e = {0};
	size_t got, out;
	int status = tls_in(t, bytes, n, &e);

	if (status == 0)
		status = tls_read(t, plain, sizeof plain, &got, &e);
	must(status == e.status && (status == 0 || tls_state(t) == TLS_FAILED));
	must(status != 0 || got == 0); /* nothing plain from a stranger */
	tls_out(t, &out);
	tls_sent(t, out);
	free(bytes);
}

/* What a real other end says first. */
static void feed_first_flight(struct tls *t, bool to_client)
{
	struct tls *other = tls_new(to_client ? server : client);
	const uint8_t *data;
	size_t n;

	if (to_client) {
		data = tls_out(t, &n);
		tls_in(other, data, n, NULL);
		tls_read(other, &(char){0}, 1, &(size_t){0}, NULL);
	}
	data = tls_out(other, &n);
	feed(t, data, n);
	tls_free(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint32_t seed = (uint32_t)n;
	struct tls *t;

	if (n == 0)
		return 0;
	begin();
	t = tls_new(data[0] & 1 ? client : server);
	if (n > 1)
		tls_is_hello(data + 1, n - 1);
	if (data[0] & 2)
		feed_first_flight(t, data[0] & 1);
	data++;
	n--;
	for (size_t piece; n > 0; data += piece, n -= piece) {
		piece = next_piece(&seed, n);
		feed(t, data, piece);
		must(tls_state(t) != TLS_OPEN);
	}
	tls_end(t, NULL);
	tls_close(t);
	tls_free(t);
	return 0;
}
