/* net/grpc_server.c - a server and its listeners (grpc_server.h);
 * connections are in connection.c, calls in rpc.c.
 *
 * Close: listeners close; every connection says GOAWAY and goes down by itself when its last call has
 * ended; after the grace time the calls that are left end with UNAVAILABLE and the connections with
 * them. When listeners, connections, calls and the timer are gone, closed() comes. */
#include "net/grpc_server.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "net/memory.h"
#include "net/rpc.h"
#include "net/tls.h"

/* --- a server -------------------------------------------------------------------------------- */

static void on_grace_over(struct timer *t)
{
	struct grpc_server *s = container_of(t, struct grpc_server, grace);
	struct connection *conn;

	DL_FOREACH(s->connections, conn)
	{
		struct h2_stream *st;

		DL_FOREACH(conn->h2.streams, st)
		rpc_shut_down(st);
		h2_abort(&conn->h2, "the server is shutting down");
	}
}

static char *make_page(const char *sentence)
{
	return xasprintf("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
	                 "Content-Length: %zu\r\nConnection: close\r\n\r\n%s\n",
	                 strlen(sentence) + 1, sentence);
}

struct grpc_server *grpc_server_new(struct loop *loop, const struct grpc_server_options *options)
{
	struct grpc_server *s = xcalloc(1, sizeof *s);

	s->loop = loop;
	s->options = *options;
	if (s->options.sentence == NULL)
		s->options.sentence = "This is a gRPC port: it speaks HTTP/2 to gRPC clients only.";
	s->opening.otherwise = s->page = make_page(s->options.sentence);
	s->times = options->times != NULL ? options->times : &guard_times_default;
	timer_init(loop, &s->grace, on_grace_over);
	timer_init(loop, &s->patrol, connection_on_patrol);
	return s;
}

void grpc_server_set_tls(struct grpc_server *s, struct tls_config *config)
{
	tls_config_release(s->opening.tls);
	s->opening.tls = config;
}

void *grpc_server_user(const struct grpc_server *s)
{
	return s->options.user;
}

static void on_listener_closed(struct listener *ls)
{
	struct server_listener *sl = (struct server_listener *)ls;
	struct grpc_server *s = sl->server;

	DL_DELETE(s->listeners, sl);
	loop_undefer(s->loop, &sl->more);
	free(sl);
	grpc_server_check(s);
}

int grpc_server_listen(struct grpc_server *s, struct endpoint *at, struct error *err)
{
	struct server_listener *sl = xcalloc(1, sizeof *sl);

	sl->server = s;
	sl->listener.on_connection = connection_accept;
	DL_APPEND(s->listeners, sl);
	return listener_open(&sl->listener, s->loop, at, on_listener_closed, err);
}

const struct guard_stats *grpc_server_stats(const struct grpc_server *s)
{
	return &s->stats;
}

/* --- close ----------------------------------------------------------------------------------- */

static void on_patrol_closed(struct timer *t)
{
	struct grpc_server *s = container_of(t, struct grpc_server, patrol);

	if (s->closed != NULL)
		s->closed(s->closed_user);
	tls_config_release(s->opening.tls);
	free(s->page);
	free(s);
}

static void on_grace_closed(struct timer *t)
{
	timer_close(&container_of(t, struct grpc_server, grace)->patrol, on_patrol_closed);
}

static void on_check(struct deferred *d)
{
	struct grpc_server *s = container_of(d, struct grpc_server, check);

	if (s->timer_closed || s->listeners != NULL || s->connections != NULL || s->calls > 0)
		return;
	s->timer_closed = true;
	timer_close(&s->grace, on_grace_closed);
}

void grpc_server_check(struct grpc_server *s)
{
	if (s->closing)
		loop_defer(s->loop, &s->check, on_check);
}

void grpc_server_close(struct grpc_server *s, uint64_t grace_ms, void (*closed)(void *user), void *user)
{
	struct server_listener *sl;
	struct connection *conn;

	s->closing = true;
	s->closed = closed;
	s->closed_user = user;
	DL_FOREACH(s->listeners, sl)
	listener_close(&sl->listener);
	DL_FOREACH(s->connections, conn)
	h2_drain(&conn->h2);
	timer_set(&s->grace, grace_ms);
	grpc_server_check(s);
}
