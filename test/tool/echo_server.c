/* test/tool/echo_server.c - test.Echo: echo_server [ENDPOINT [PATIENCE [DIR]]]; prints its port and serves
 * until SIGTERM.
 *
 * PATIENCE is percent of guard_times_default. With DIR it also speaks TLS with the certificate there, made if
 * there is none, and prints the pin too. Everyone is a stranger; at the end it prints which limits were
 * broken, "name count" on a line each. */
#include <stdio.h>
#include <stdlib.h>

#include "net/certificate.h"
#include "net/loop.h"
#include "net/tls.h"
#include "test/tool/echo_service.h"

static struct grpc_server *server;

static void on_closed(void *user)
{
	loop_stop(user);
}

static void print_stats(const struct guard_stats *stats)
{
	for (int kind = 0; kind < GUARD_KINDS; kind++)
		if (stats->count[kind] > 0)
			printf("%s %llu\n", guard_name(kind), (unsigned long long)stats->count[kind]);
}

static void on_stop(struct loop *l, int number)
{
	(void)number;
	print_stats(grpc_server_stats(server));
	grpc_server_close(server, 2000, on_closed, l);
}

static struct guard_times patience(int percent)
{
	struct guard_times t = guard_times_default;
	int64_t *each[] = {&t.opening, &t.headers, &t.frame, &t.body, &t.idle, &t.stall, &t.stall_known};

	for (size_t i = 0; i < sizeof each / sizeof each[0]; i++)
		*each[i] = *each[i] * percent / 100;
	return t;
}

int main(int argc, char **argv)
{
	struct loop loop;
	struct endpoint at;
	struct error e = {0};
	struct certificate *own = NULL;
	char pin[65] = "";
	struct guard_times times = patience(argc > 2 ? atoi(argv[2]) : 100);
	struct grpc_server_options options = {.handlers = echo_handlers,
	                                      .handler_count = ECHO_METHODS,
	                                      .on_call = echo_count,
	                                      .times = &times,
	                                      .user = &loop};

	loop_init(&loop);
	loop_catch_signals(&loop, on_stop);
	server = grpc_server_new(&loop, &options);
	if (endpoint_parse(&at, argc > 1 ? argv[1] : "127.0.0.1:0", &e) != 0 ||
	    (argc > 3 && certificate_open(&own, argv[3], NULL, 0, &e) != 0) ||
	    grpc_server_listen(server, &at, &e) != 0) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	if (own != NULL) {
		text_copy(pin, sizeof pin, certificate_pin(own));
		grpc_server_set_tls(server, tls_config_server(own));
	}
	printf(own != NULL ? "%d %s\n" : "%d\n", at.port, pin);
	fflush(stdout);
	loop_run(&loop);
	loop_close(&loop);
	return echo.begun == echo.gone ? 0 : 3;
}
