/* test/tool/echo_server.c - test.Echo on 127.0.0.1; prints its port and serves until SIGTERM. */
#include <stdio.h>

#include "net/loop.h"
#include "test/tool/echo_service.h"

static struct grpc_server *server;

static void on_closed(void *user)
{
	loop_stop(user);
}

static void on_stop(struct loop *l, int number)
{
	(void)number;
	grpc_server_close(server, 2000, on_closed, l);
}

int main(int argc, char **argv)
{
	struct loop loop;
	struct endpoint at;
	struct error e = {0};
	struct grpc_server_options options = {
	    .handlers = echo_handlers, .handler_count = ECHO_METHODS, .on_call = echo_count, .user = &loop};

	loop_init(&loop);
	loop_catch_signals(&loop, on_stop);
	server = grpc_server_new(&loop, &options);
	if (endpoint_parse(&at, argc > 1 ? argv[1] : "127.0.0.1:0", &e) != 0 ||
	    grpc_server_listen(server, &at, &e) != 0) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	printf("%d\n", at.port);
	fflush(stdout);
	loop_run(&loop);
	loop_close(&loop);
	return echo.begun == echo.gone ? 0 : 3;
}
