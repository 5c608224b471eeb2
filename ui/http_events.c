/* ui/http_events.c - streams of events: one answer that does not end (WHATWG HTML, 9.2). */
#include <string.h>

#include "net/clock.h"
#include "ui/http_server.h"

void http_events_begin(struct http_request *r)
{
	static const char retry[] = "retry: 2000\n\n";
	struct http_connection *c = http_connection_of(r);

	http_begin(r, 200, "text/event-stream", -1);
	if (c->over)
		return;
	c->events = true;
	c->server->stream_n++;
	http_put(c, retry, sizeof retry - 1);
}

/* The lines of data, each with its name; CR ends one as well, and CR LF ends it once. */
static void put_lines(struct buf *b, const char *data, size_t n)
{
	for (size_t at = 0, line; at <= n; at += line + 1) {
		for (line = 0; at + line < n && data[at + line] != '\n' && data[at + line] != '\r'; line++)
			;
		buf_printf(b, "data: ");
		buf_append(b, data + at, line);
		buf_append(b, "\n", 1);
		if (at + line + 1 < n && memcmp(data + at + line, "\r\n", 2) == 0)
			at++;
	}
}

bool http_event(struct http_request *r, const char *id, const char *name, const void *data, size_t n)
{
	struct http_connection *c = http_connection_of(r);
	struct buf b = {0};
	bool room;

	if (c->over)
		return true;
	if (http_connection_queued(c) + n > HTTP_QUEUE_MAX) {
		http_connection_end(c, "reads no events");
		return false;
	}
	if (id != NULL)
		buf_printf(&b, "id: %s\n", id);
	if (name != NULL)
		buf_printf(&b, "event: %s\n", name);
	put_lines(&b, data, n);
	buf_append(&b, "\n", 1);
	room = http_put(c, b.data, b.n);
	buf_release(&b);
	return room;
}
