/* ui/http_server.c - see http.h: listeners, the timer that looks for late clients, the end. */
#include "ui/http_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "net/clock.h"
#include "net/log.h"
#include "net/memory.h"
#include "net/sha256.h"
#include "proto/status.h"

const struct http_times http_times_default = {
    .head = HTTP_HEAD_TIMEOUT_MS,
    .idle = HTTP_IDLE_TIMEOUT_MS,
    .body = HTTP_BODY_TIMEOUT_MS,
    .stall = HTTP_STALL_TIMEOUT_MS,
    .keepalive = HTTP_KEEPALIVE_MS,
    .linger = HTTP_LINGER_MS,
};

/* --- who is late --------------------------------------------------------------------------------- */

void http_server_watch(struct http_server *s, int64_t at)
{
	int64_t wait = at - clock_ms();

	if (at >= s->patrol_at || s->closing)
		return;
	s->patrol_at = at;
	timer_set(&s->patrol, wait > 0 ? (uint64_t)wait : 1);
}

static void on_patrol(struct timer *t)
{
	struct http_server *s = container_of(t, struct http_server, patrol);
	struct http_connection *c, *next;
	int64_t now = clock_ms(), soonest = INT64_MAX, at;

	s->patrol_at = INT64_MAX;
	DL_FOREACH_SAFE(s->connections, c, next)
	{
		at = http_connection_late(c, now);
		soonest = at < soonest ? at : soonest;
	}
	http_server_watch(s, soonest);
}

/* --- listening ----------------------------------------------------------------------------------- */

static void on_listener_closed(struct listener *ls)
{
	struct http_listener *l = container_of(ls, struct http_listener, listener);

	l->closed = true;
	http_server_check(l->server);
}

static void on_connection(struct listener *ls)
{
	http_connection_accept(container_of(ls, struct http_listener, listener));
}

/* The names by which clients call it, now that the port is known. */
static void name_it(struct http_listener *l, const struct endpoint *at)
{
	static const char *const here[] = {"127.0.0.1", "localhost", "[::1]"};
	bool bare = at->path[0] != '\0' || at->port == 80;
	const struct http_options *o = &l->server->options;
	int n = 0;

	for (int i = 0; i < 3; i++) {
		snprintf(l->names[i], sizeof l->names[i], bare ? "%s" : "%s:%d", here[i], at->port);
		l->hosts[n++] = l->names[i];
	}
	for (int i = 0; o->hosts != NULL && o->hosts[i] != NULL && n < 15; i++)
		l->hosts[n++] = o->hosts[i];
	snprintf(l->cookie, sizeof l->cookie, "%.30s_%d", o->name, at->port);
}

int http_server_listen(struct http_server *s, struct endpoint *at, struct error *err)
{
	struct http_listener *l;
	char where[300];
	int status;

	endpoint_text(at, where, sizeof where);
	if (!s->options.anywhere && !endpoint_is_local(at)) {
		error_set(err, STATUS_INVALID_ARGUMENT,
		          "the page is for this machine only, and %s is reached from others", where);
		return error_hint(err, "listen on 127.0.0.1:%d, and come through ssh -L from elsewhere",
		                  at->port);
	}
	l = xcalloc(1, sizeof *l);
	l->server = s;
	LL_PREPEND(s->listeners, l);
	l->listener.on_connection = on_connection;
	status = listener_open(&l->listener, s->loop, at, on_listener_closed, err);
	if (status != 0)
		return status;
	name_it(l, at);
	if (!endpoint_is_local(at))
		log_warn("the page can be reached from other machines, in clear text listen=%s", where);
	return 0;
}

/* --- begin and end ------------------------------------------------------------------------------- */

struct http_server *http_server_new(struct loop *loop, const struct http_options *options)
{
	struct http_server *s = xcalloc(1, sizeof *s);

	s->loop = loop;
	s->options = *options;
	s->times = options->times != NULL ? options->times : &http_times_default;
	s->etags = xcalloc(options->file_count + 1, sizeof *s->etags);
	s->patrol_at = INT64_MAX;
	timer_init(loop, &s->patrol, on_patrol);
	return s;
}

static void release(struct deferred *d)
{
	struct http_server *s = container_of(d, struct http_server, end);
	struct http_listener *l, *next;
	void (*closed)(void *) = s->closed;
	void *user = s->user;

	LL_FOREACH_SAFE(s->listeners, l, next)
		free(l);
	free(s->etags);
	wipe(&s->sessions, sizeof s->sessions);
	free(s);
	closed(user);
}

void http_server_check(struct http_server *s)
{
	const struct http_listener *l;

	if (!s->closing || !s->timer_closed || s->connections != NULL)
		return;
	LL_FOREACH(s->listeners, l)
		if (!l->closed)
			return;
	loop_defer(s->loop, &s->end, release);
}

static void on_timer_closed(struct timer *t)
{
	struct http_server *s = container_of(t, struct http_server, patrol);

	s->timer_closed = true;
	http_server_check(s);
}

void http_server_close(struct http_server *s, void (*closed)(void *user), void *user)
{
	struct http_listener *l;
	struct http_connection *c, *next;

	s->closing = true;
	s->closed = closed;
	s->user = user;
	LL_FOREACH(s->listeners, l)
		listener_close(&l->listener);
	DL_FOREACH_SAFE(s->connections, c, next)
		http_connection_end(c, "the program ends");
	timer_close(&s->patrol, on_timer_closed);
}

/* --- what is asked of it ------------------------------------------------------------------------- */

int http_server_connections(const struct http_server *s)
{
	return s->connection_n;
}

int http_server_event_streams(const struct http_server *s)
{
	return s->stream_n;
}

void http_server_key(struct http_server *s, char key[HTTP_KEY_SIZE])
{
	http_sessions_key(&s->sessions, key);
}

void http_server_hang_up(struct http_server *s, uint64_t session)
{
	struct http_connection *c, *next;

	DL_FOREACH_SAFE(s->connections, c, next)
		if (c->events && c->request.session == session)
			http_connection_end(c, "its session has ended");
}

/* Strong: of the bytes themselves. */
const char *http_server_etag(struct http_server *s, size_t file)
{
	const struct http_file *f = &s->options.files[file];
	char hex[65];

	if (s->etags[file][0] == '\0') {
		sha256_hex_of(f->data, *f->size, hex);
		snprintf(s->etags[file], sizeof s->etags[file], "\"%.32s\"", hex);
	}
	return s->etags[file];
}
