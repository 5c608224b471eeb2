/* test/tool/echo_client.c - calls test.Echo: echo_client ENDPOINT METHOD WORDS NUMBER BYTES TIMEOUT_MS
 * [TOKEN]
 *
 * An ENDPOINT with a pin (HOST:PORT#sha256:HEX) is spoken to over TLS.
 *
 * METHOD unary collect repeat chat; sends NUMBER (unary, repeat: one) messages of BYTES bytes. Prints
 * "status messages bytes number", then text and hint on lines of their own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/grpc_client.h"
#include "net/memory.h"
#include "net/tls.h"
#include "proto/limits.h"
#include "test/tool/echo.h"

static struct loop loop;
static struct grpc_call call;
static Item item = ITEM_INIT;
static uint64_t left, messages, bytes, number;

static void on_message(struct grpc_call *c, const ProtobufCMessage *m)
{
	(void)c;
	messages++;
	bytes += ((const Item *)m)->data.len;
	number = ((const Item *)m)->size;
}

static void send_more(struct grpc_call *c)
{
	for (; left > 0 && grpc_call_queued(c) <= (size_t)SEND_QUEUE_HIGH; left--)
		grpc_call_send(c, &item.base);
	if (left == 0)
		grpc_call_half_close(c);
}

static void on_closed(void *user)
{
	(void)user;
	loop_stop(&loop);
}

static void on_done(struct grpc_call *c, const struct error *e)
{
	printf("%d %llu %llu %llu\n%s\n%s\n", e->status, (unsigned long long)messages,
	       (unsigned long long)bytes, (unsigned long long)number, e->text, e->hint);
	grpc_channel_close(c->channel, on_closed, NULL);
}

static int method_named(const char *name)
{
	static const char *const names[ECHO_METHODS] = {"unary", "collect", "repeat", "chat"};

	for (int i = 0; i < ECHO_METHODS; i++)
		if (strcmp(name, names[i]) == 0)
			return i;
	return -1;
}

int main(int argc, char **argv)
{
	struct grpc_channel *channel;
	struct tls_config *tls = NULL;
	struct endpoint to;
	struct error e = {0};
	int method = argc >= 7 ? method_named(argv[2]) : -1;

	if (method < 0 || endpoint_parse(&to, argv[1], &e) != 0) {
		fprintf(stderr, "usage: echo_client ENDPOINT METHOD WORDS NUMBER BYTES TIMEOUT_MS [TOKEN]\n");
		return 2;
	}
	loop_init(&loop);
	channel = grpc_channel_new(&loop, &to);
	if (to.pin[0] != '\0' && tls_config_client(&tls, to.host, to.pin, NULL, &e) == 0)
		grpc_channel_set_tls(channel, tls);
	grpc_channel_set_token(channel, argc > 7 ? argv[7] : NULL);
	item.sha256 = argv[3];
	item.size = left = strtoull(argv[4], NULL, 10);
	item.data.len = strtoul(argv[5], NULL, 10);
	item.data.data = xcalloc(1, item.data.len);
	call = (struct grpc_call){.method = &echo_methods[method],
	                          .timeout_ms = atoi(argv[6]),
	                          .on_message = on_message,
	                          .on_space = send_more,
	                          .on_done = on_done};
	grpc_call_start(channel, &call);
	if (!call.method->streams_in)
		left = 1;
	send_more(&call);
	loop_run(&loop);
	loop_close(&loop);
	free(item.data.data);
	return 0;
}
