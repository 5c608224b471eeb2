/* test/bench/grpc_ours.c - test.Echo on our net/ layer, to be measured: nobody is a stranger.
 *
 *     grpc_ours [CERT KEY]      prints its port, serves until SIGTERM */
#include <stdio.h>

#include "net/certificate.h"
#include "net/tls.h"
#include "test/tool/echo_service.h"

static struct grpc_server *server;

static void on_closed(void *user)
{
	loop_stop(user);
}

static void on_stop(struct loop *l, int number)
{
	(void)number;
	grpc_server_close(server, 0, on_closed, l);
}

int main(int argc, char **argv)
{
	struct grpc_server_options options = {.handlers = echo_handlers, .handler_count = ECHO_METHODS};
	struct endpoint at = {.host = "127.0.0.1"};
	struct certificate *own = NULL;
	struct error e = {0};
	struct loop loop;

	loop_init(&loop);
	loop_catch_signals(&loop, on_stop);
	options.user = &loop;
	server = grpc_server_new(&loop, &options);
	if ((argc > 2 && certificate_load(&own, argv[1], argv[2], &e) != 0) ||
	    grpc_server_listen(server, &at, &e) != 0) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	if (own != NULL)
		grpc_server_set_tls(server, tls_config_server(own));
	printf("%d\n", at.port);
	fflush(stdout);
	loop_run(&loop);
	loop_close(&loop);
	return 0;
}
