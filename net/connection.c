/* net/connection.c - one connection of a server (rpc.h): accepted, watched over, ended.
 *
 *     accept -> stranger -> connection_admitted(): known -> down -> closed, freed
 *
 * One timer of the server serves all of them: it runs while any is watched, which is one that could become
 * late (net/guard.h). Thousands of idle ones that are known cost
 * nothing; to end thousands is done in slices. */
#include <malloc.h>
#include <stdlib.h>
#include <utlist.h>

#include "net/clock.h"
#include "net/log.h"
#include "net/memory.h"
#include "net/rpc.h"
#include "proto/limits.h"

#define TRIM_AFTER 1000 /* connections */

/* What many connections leave in pieces stays with the allocator until it is asked. */
static void give_memory_back(struct grpc_server *s)
{
	if (++s->gone < TRIM_AFTER)
		return;
	s->gone = 0;
	malloc_trim(0);
}

/* --- the end ----------------------------------------------------------------------------------- */

static void on_closed(struct h2 *h2)
{
	struct connection *conn = (struct connection *)h2;
	struct grpc_server *s = conn->server;

	DL_DELETE(s->connections, conn);
	free(conn);
	give_memory_back(s);
	grpc_server_check(s);
}

static void stranger_no_more(struct connection *conn)
{
	if (conn->stranger)
		strangers_leave(&conn->server->strangers, conn->prefix);
	conn->stranger = false;
}

static void unwatch(struct connection *conn)
{
	if (conn->watched)
		DL_DELETE2(conn->server->watched, conn, watched_prev, watched_next);
	conn->watched = false;
}

static void end(struct connection *conn)
{
	stranger_no_more(conn);
	unwatch(conn);
	h2_close(&conn->h2, on_closed);
}

static void on_down(struct h2 *h2, const char *why)
{
	struct connection *conn = (struct connection *)h2;

	log_debug("connection ended peer=%s why=\"%s\"", conn->peer, why);
	end(conn);
}

/* --- watched ----------------------------------------------------------------------------------- */

static void on_watch(struct h2 *h2)
{
	struct connection *conn = (struct connection *)h2;
	struct grpc_server *s = conn->server;

	if (conn->watched)
		return;
	conn->watched = true;
	DL_APPEND2(s->watched, conn, watched_prev, watched_next);
	if (!timer_armed(&s->patrol))
		timer_set(&s->patrol, PATROL_MS);
}

void connection_on_patrol(struct timer *t)
{
	struct grpc_server *s = container_of(t, struct grpc_server, patrol);
	int64_t now = clock_ms();
	struct connection *conn, *next;
	bool tired = false;

	DL_FOREACH_SAFE2(s->watched, conn, next, watched_next)
	{
		if (h2_late(&conn->h2, s->times, now))
			continue;
		unwatch(conn);
		tired = clock_ms() - now > PATROL_SLICE_MS;
		if (tired)
			break;
	}
	if (s->watched != NULL)
		timer_set(&s->patrol, tired ? 1 : PATROL_MS);
}

static void on_breach(struct h2 *h2, enum guard_kind kind)
{
	struct connection *conn = (struct connection *)h2;

	guard_note(&conn->server->stats, kind, conn->peer, clock_ms());
}

/* --- accepted ---------------------------------------------------------------------------------- */

static const struct h2_events events = {
    .on_open = rpc_on_open,
    .on_header = rpc_on_header,
    .on_headers = rpc_on_headers,
    .on_data = rpc_on_data,
    .on_remote_end = rpc_on_remote_end,
    .on_sent = rpc_on_sent,
    .on_trailers = rpc_on_trailers,
    .on_close = rpc_on_close,
    .on_watch = on_watch,
    .on_breach = on_breach,
    .on_down = on_down,
};

static uint64_t prefix_of(const struct stream *s)
{
	struct sockaddr_storage address;
	int length = sizeof address;

	if (s->uv.handle.type != UV_TCP ||
	    uv_tcp_getpeername(&s->uv.tcp, (struct sockaddr *)&address, &length) != 0)
		return PREFIX_LOCAL;
	return strangers_prefix((struct sockaddr *)&address);
}

/* May there be one more of whom nothing is known? */
static bool enter(struct connection *conn)
{
	struct grpc_server *s = conn->server;
	enum guard_kind kind;

	conn->prefix = prefix_of(&conn->h2.stream);
	kind = strangers_enter(&s->strangers, conn->prefix);
	conn->stranger = kind == GUARD_FINE;
	if (kind != GUARD_FINE)
		guard_note(&s->stats, kind, conn->peer, clock_ms());
	return conn->stranger;
}

static void on_next_turn(struct deferred *d)
{
	struct server_listener *sl = container_of(d, struct server_listener, more);
	bool waits = sl->accepted > ACCEPT_TURN_MAX;

	sl->accepted = 0;
	if (waits && !sl->server->closing)
		connection_accept(&sl->listener);
}

/* Some at a time: thousands that come back at once wait in the kernel, not half-way through a handshake for
 * which their time runs. Not accepting one makes libuv hold the others back as well. */
static bool may_accept(struct server_listener *sl)
{
	if (sl->accepted++ == 0)
		loop_defer(sl->server->loop, &sl->more, on_next_turn);
	return sl->accepted <= ACCEPT_TURN_MAX;
}

void connection_accept(struct listener *ls)
{
	struct grpc_server *s = ((struct server_listener *)ls)->server;
	struct connection *conn;

	if (!may_accept((struct server_listener *)ls))
		return;
	conn = xcalloc(1, sizeof *conn);

	conn->server = s;
	conn->h2.loop = s->loop;
	DL_APPEND(s->connections, conn);
	if (listener_accept(ls, &conn->h2.stream, &h2_stream_events) != 0) {
		end(conn);
		return;
	}
	stream_peer(&conn->h2.stream, conn->peer, sizeof conn->peer);
	if (!enter(conn)) {
		end(conn);
		return;
	}
	conn->local = stream_is_local(&conn->h2.stream);
	stream_expect(&conn->h2.stream, &s->opening);
	h2_open(&conn->h2, s->loop, true, &events);
	conn->h2.guard.local = conn->local;
}

void connection_admitted(struct connection *conn)
{
	stranger_no_more(conn);
	guard_know(&conn->h2.guard);
}
