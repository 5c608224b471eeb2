/* ui/http_connection.c - one connection (http_server.h): its bytes in, its phases, its end.
 *
 *     accepted -> on_data -> http_parse_head -> http_request_begin -> http_parse_body -> the handler
 *     -> answered -> on_turn: on_gone, and the next */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <utlist.h>

#include "net/clock.h"
#include "net/log.h"
#include "net/memory.h"
#include "ui/http_server.h"

#define SLICE (16 * 1024) /* of a body, before it is looked whether its handler wants more */

/* --- the end ------------------------------------------------------------------------------------- */

/* The handler hears that it is over; what belongs to the request goes. */
static void request_ends(struct http_connection *c)
{
	bool live = c->live;

	c->live = false;
	if (live && c->request.on_gone != NULL)
		c->request.on_gone(&c->request);
	http_request_release(c);
	http_parse_release(&c->parse);
}

static void on_closed(struct stream *stream)
{
	struct http_connection *c = (struct http_connection *)stream;
	struct http_server *s = c->server;

	request_ends(c);
	buf_release(&c->in);
	buf_release(&c->out);
	DL_DELETE(s->connections, c);
	s->connection_n--;
	free(c);
	http_server_check(s);
}

void http_connection_end(struct http_connection *c, const char *why)
{
	if (c->phase == HTTP_CLOSED)
		return;
	log_debug("page connection ended peer=%s why=\"%s\"", c->peer, why);
	c->phase = HTTP_CLOSED;
	c->over = true;
	loop_undefer(c->server->loop, &c->turn);
	stream_close(&c->stream, on_closed);
}

static void on_end(struct stream *stream, int reason)
{
	http_connection_end((struct http_connection *)stream, stream_why(reason));
}

/* --- phases -------------------------------------------------------------------------------------- */

static void enter(struct http_connection *c, enum http_phase phase)
{
	c->phase = phase;
	c->since = clock_ms();
	if (phase == HTTP_QUIET)
		http_parse_begin(&c->parse);
}

static bool streams_body(const struct http_connection *c)
{
	return c->accepted && (c->request.route->flags & HTTP_STREAM_BODY);
}

/* Does some of a body that somebody wants have to come? */
static bool awaits_body(const struct http_connection *c)
{
	if (c->phase != HTTP_REQUEST_OPEN || c->parse.part != HTTP_IN_BODY || !c->accepted || c->over)
		return false;
	return !streams_body(c) || (!c->paused && c->request.on_body != NULL);
}

/* Tell a client that asked whether to go on. */
static void encourage(struct http_connection *c)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

	if (c->continued || c->answer != HTTP_NO_ANSWER || !awaits_body(c))
		return;
	c->continued = true;
	if (c->parse.head.expects)
		http_send(c, go_on, sizeof go_on - 1);
}

/* What it waits for, and since when; INT64_MAX = nothing. */
static int64_t patience_ends(const struct http_connection *c, const char **what)
{
	const struct http_times *t = c->server->times;

	*what = "reads too slowly";
	if (c->stall_since != 0)
		return c->stall_since + t->stall;
	switch (c->phase) {
	case HTTP_QUIET:
		*what = "quiet";
		return c->since + (c->first ? t->head : t->idle);
	case HTTP_HEAD_COMES:
		*what = "head too slow";
		return c->since + t->head;
	case HTTP_LINGERS:
		*what = "lingered";
		return c->since + t->linger;
	case HTTP_REQUEST_OPEN:
		*what = "body too slow";
		return awaits_body(c) ? c->since + t->body : INT64_MAX;
	case HTTP_CLOSED:
		break;
	}
	return INT64_MAX;
}

/* When it is to be looked at again. */
static int64_t look_at(const struct http_connection *c)
{
	const char *what;

	if (c->events && c->stall_since == 0)
		return c->said_at + c->server->times->keepalive;
	return patience_ends(c, &what);
}

static void watch(struct http_connection *c)
{
	if (c->phase == HTTP_CLOSED)
		return;
	encourage(c);
	http_server_watch(c->server, look_at(c));
}

static void too_late(struct http_connection *c, const char *what)
{
	bool head = c->phase == HTTP_HEAD_COMES;
	bool body = c->phase == HTTP_REQUEST_OPEN && c->answer == HTTP_NO_ANSWER && c->stall_since == 0;

	if (head || body)
		http_refuse(c, 408, "The request took too long to come.");
	else
		http_connection_end(c, what);
}

int64_t http_connection_late(struct http_connection *c, int64_t now)
{
	const char *what;
	int64_t at = patience_ends(c, &what);

	if (c->events && c->stall_since == 0 && now >= c->said_at + c->server->times->keepalive)
		http_put(c, ":\n\n", 3);
	else if (now >= at)
		too_late(c, what);
	at = look_at(c);
	return at > now ? at : now + 1;
}

/* --- bytes in ------------------------------------------------------------------------------------ */

static void on_piece(void *user, const uint8_t *data, size_t n)
{
	struct http_connection *c = user;

	c->body_came += (int64_t)n;
	if (c->over || n == 0)
		return;
	if (c->body_came > c->body_max)
		http_refuse(c, 413, "The body is larger than what is taken here.");
	else if (streams_body(c) && !c->paused && c->body.n == 0 && c->request.on_body != NULL)
		c->request.on_body(&c->request, data, n);
	else
		buf_append(&c->body, data, n);
}

/* What was held back while the handler paused. False: it wants no more just now. */
static bool hand_over(struct http_connection *c)
{
	struct buf held = c->body;

	if (!streams_body(c))
		return true;
	if (c->paused || c->request.on_body == NULL)
		return false;
	c->body = (struct buf){0};
	if (held.n > 0)
		c->request.on_body(&c->request, held.data, held.n);
	buf_release(&held);
	return !c->paused && !c->over;
}

/* Bytes of a body: those that were used; 0 = none can be just now. */
static size_t body_bytes(struct http_connection *c, const uint8_t *data, size_t n)
{
	size_t used;

	if (c->over || !c->accepted || !hand_over(c))
		return 0;
	used = http_parse_body(&c->parse, data, n < SLICE ? n : SLICE, on_piece, c);
	if (streams_body(c))
		c->since = clock_ms(); /* a collected one has its time in all */
	if (c->parse.part == HTTP_BAD && !c->over)
		http_refuse(c, c->parse.status, c->parse.why);
	return used;
}

/* The whole body has come: its handler hears of it, once. */
static void body_ends(struct http_connection *c)
{
	if (c->parse.part != HTTP_DONE || c->body_told || c->over || !c->accepted)
		return;
	if (streams_body(c)) {
		if (!hand_over(c))
			return;
		c->body_told = true;
		if (c->request.on_body_end != NULL)
			c->request.on_body_end(&c->request);
	} else {
		c->body_told = true;
		http_request_ready(c);
	}
}

static size_t head_bytes(struct http_connection *c, const uint8_t *data, size_t n)
{
	size_t used;

	if (c->phase == HTTP_QUIET)
		enter(c, HTTP_HEAD_COMES);
	c->first = false;
	used = http_parse_head(&c->parse, data, n);
	if (c->parse.part == HTTP_BAD)
		http_refuse(c, c->parse.status, c->parse.why);
	else if (c->parse.part != HTTP_IN_HEAD) {
		enter(c, HTTP_REQUEST_OPEN);
		http_request_begin(c);
		body_ends(c);
	}
	return used;
}

/* As much of it as can be used now. */
static size_t use(struct http_connection *c, const uint8_t *data, size_t n)
{
	size_t at = 0, used = 1;

	while (at < n && used > 0 && c->phase != HTTP_CLOSED) {
		if (c->phase == HTTP_LINGERS)
			return n;
		if (c->phase != HTTP_REQUEST_OPEN)
			used = head_bytes(c, data + at, n - at);
		else if (c->parse.part == HTTP_IN_BODY)
			used = body_bytes(c, data + at, n - at);
		else
			used = 0;
		at += used;
		if (c->phase == HTTP_REQUEST_OPEN)
			body_ends(c);
	}
	return at;
}

static void hold(struct http_connection *c)
{
	bool much = c->in.n > (c->parse.part == HTTP_IN_BODY ? 0 : HTTP_AHEAD_MAX);

	if (c->phase == HTTP_CLOSED || much == c->held)
		return;
	c->held = much;
	if (much)
		stream_pause(&c->stream);
	else
		stream_resume(&c->stream);
}

/* Go on with what waits. */
static void go_on(struct http_connection *c)
{
	struct buf in = c->in;
	size_t used;

	c->in = (struct buf){0};
	used = use(c, in.data, in.n);
	if (used < in.n && c->phase != HTTP_CLOSED) {
		buf_consume(&in, used);
		c->in = in;
	} else {
		buf_release(&in);
	}
	if (c->phase == HTTP_REQUEST_OPEN)
		body_ends(c);
	hold(c);
	watch(c);
}

static void on_data(struct stream *stream, const uint8_t *data, size_t n)
{
	struct http_connection *c = (struct http_connection *)stream;
	size_t used = c->in.n > 0 ? 0 : use(c, data, n);

	if (c->phase == HTTP_CLOSED)
		return;
	buf_append(&c->in, data + used, n - used);
	hold(c);
	watch(c);
}

/* --- after an answer ----------------------------------------------------------------------------- */

/* All is said. What still comes is not looked at, but taken, so that no reset overtakes the answer. */
static void linger(struct http_connection *c)
{
	uv_os_fd_t fd;

	enter(c, HTTP_LINGERS);
	buf_release(&c->in);
	if (uv_fileno(&c->stream.uv.handle, &fd) == 0)
		shutdown(fd, SHUT_WR);
}

static void on_turn(struct deferred *d)
{
	struct http_connection *c = container_of(d, struct http_connection, turn);
	bool waits = http_connection_queued(c) > 0;

	if (c->phase == HTTP_REQUEST_OPEN && c->answer == HTTP_ANSWERED) {
		if (waits) /* http_connection_drained() comes back here */
			return;
		request_ends(c);
		if (c->phase == HTTP_CLOSED) /* by on_gone */
			return;
		if (c->last)
			linger(c);
		else
			enter(c, HTTP_QUIET);
	}
	go_on(c);
}

void http_connection_turn(struct http_connection *c)
{
	if (c->phase != HTTP_CLOSED)
		loop_defer(c->server->loop, &c->turn, on_turn);
}

static void on_drained(struct stream *stream)
{
	struct http_connection *c = (struct http_connection *)stream;

	http_connection_drained(c);
	watch(c);
}

/* --- accepted ------------------------------------------------------------------------------------ */

static const struct stream_events events = {on_data, on_drained, on_end};

/* A client that stalls is to cost little in the kernel too. */
static void tune(struct stream *stream)
{
	int out = HTTP_SEND_BUFFER, in = HTTP_RECEIVE_BUFFER;

	uv_send_buffer_size(&stream->uv.handle, &out);
	uv_recv_buffer_size(&stream->uv.handle, &in);
}

/* There are as many as there may be: the one that has been quiet for longest makes room. */
static bool make_room(struct http_server *s)
{
	struct http_connection *c, *oldest = NULL;

	if (s->connection_n < HTTP_CONNECTIONS_MAX)
		return true;
	DL_FOREACH(s->connections, c)
		if (c->phase == HTTP_QUIET && !c->first && (oldest == NULL || c->since < oldest->since))
			oldest = c;
	if (oldest != NULL)
		http_connection_end(oldest, "makes room");
	return oldest != NULL;
}

void http_connection_accept(struct http_listener *l)
{
	struct http_server *s = l->server;
	struct http_connection *c = xcalloc(1, sizeof *c);
	bool room = make_room(s);

	c->server = s;
	c->listener = l;
	c->first = true;
	DL_APPEND(s->connections, c);
	s->connection_n++;
	enter(c, HTTP_QUIET);
	if (listener_accept(&l->listener, &c->stream, &events) != 0) {
		http_connection_end(c, "cannot be accepted");
		return;
	}
	stream_peer(&c->stream, c->peer, sizeof c->peer);
	tune(&c->stream);
	if (!room && s->connection_n > HTTP_CONNECTIONS_MAX + HTTP_REFUSED_MAX)
		http_connection_end(c, "too many");
	else if (!room)
		http_refuse(c, 503, "There are too many connections.");
	watch(c);
}
