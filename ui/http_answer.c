/* ui/http_answer.c - what is said to a client: heads, bodies, problems, streams of events; and the queue in
 * front of the socket. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "net/clock.h"
#include "net/memory.h"
#include "ui/http_gate.h"
#include "ui/http_server.h"
#include "ui/json.h"

/* --- the queue ----------------------------------------------------------------------------------- */

size_t http_connection_queued(const struct http_connection *c)
{
	return c->out.n + (stream_pending(&c->stream) ? c->stream.flying.n + 1 : 0);
}

/* Hand the stream a piece, and another as long as the kernel takes them: those in data, none of which waited.
 */
static size_t hand_pieces(struct http_connection *c, const uint8_t *data, size_t n)
{
	size_t used = 0;

	while (used < n && !stream_pending(&c->stream)) {
		size_t piece = n - used < HTTP_PIECE ? n - used : HTTP_PIECE;

		stream_write(&c->stream, data + used, piece);
		used += piece;
	}
	c->said_at = clock_ms();
	c->stall_since = stream_pending(&c->stream) ? c->said_at : 0;
	return used;
}

void http_send(struct http_connection *c, const void *data, size_t n)
{
	size_t used = 0;

	if (c->phase == HTTP_CLOSED)
		return;
	if (c->out.n == 0 && !stream_pending(&c->stream))
		used = hand_pieces(c, data, n);
	buf_append(&c->out, (const uint8_t *)data + used, n - used);
}

void http_connection_drained(struct http_connection *c)
{
	struct http_request *r = &c->request;

	if (c->phase == HTTP_CLOSED)
		return;
	c->stall_since = 0;
	if (c->out.n > 0)
		buf_consume(&c->out, hand_pieces(c, c->out.data, c->out.n));
	if (http_connection_queued(c) > 0)
		return;
	buf_release(&c->out);
	if (c->answer == HTTP_ANSWERED) {
		http_connection_turn(c);
	} else if (c->wants_space && c->live && !c->over) {
		c->wants_space = false;
		if (r->on_space != NULL)
			r->on_space(r);
	}
}

size_t http_queued(const struct http_request *r)
{
	return http_connection_queued(http_connection_of(r));
}

/* --- the head ------------------------------------------------------------------------------------ */

static const struct {
	int status;
	const char *text;
} reasons[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {303, "See Other"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {499, "Client Closed Request"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

static const char *reason(int status)
{
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return "Unknown";
}

/* The value of a field that the handler has set, with the rest of the head behind it; NULL = it has not. */
static const char *value_of(struct http_connection *c, const char *name)
{
	size_t n = strlen(name);

	if (c->fields.n == 0)
		return NULL;
	for (const char *line = buf_text(&c->fields); *line != '\0'; line += strcspn(line, "\n") + 1)
		if (strncasecmp(line, name, n) == 0 && line[n] == ':')
			return line + n + 2;
	return NULL;
}

void http_header(struct http_request *r, const char *name, const char *format, ...)
{
	struct http_connection *c = http_connection_of(r);
	char value[2048];
	va_list args;

	va_start(args, format);
	vsnprintf(value, sizeof value, format, args);
	va_end(args);
	for (char *p = value; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	if (c->answer == HTTP_NO_ANSWER && !c->over)
		buf_printf(&c->fields, "%s: %s\r\n", name, value);
}

static void put_cookie(struct http_connection *c, struct buf *b)
{
	if (c->cookie_set)
		buf_printf(b, "Set-Cookie: %s=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%lld\r\n",
		           c->listener->cookie, c->secret,
		           c->secret[0] == '\0' ? 0ll : HTTP_SESSION_IDLE_MS / 1000);
}

static void put_date(struct buf *b)
{
	time_t now = (time_t)(clock_wall_ms() / 1000);
	struct tm tm;
	char text[40];

	gmtime_r(&now, &tm);
	strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm); /* the C locale: names in English */
	buf_printf(b, "Date: %s\r\n", text);
}

static void put_length(struct http_connection *c, struct buf *b, int status)
{
	if (status == 204 || status == 304)
		return;
	if (c->left >= 0)
		buf_printf(b, "Content-Length: %lld\r\n", (long long)c->left);
	else
		buf_printf(b, "Transfer-Encoding: chunked\r\n");
}

static void send_head(struct http_connection *c, int status, const char *type)
{
	const struct http_options *o = &c->server->options;
	struct buf b = {0};

	if (c->parse.part != HTTP_DONE)
		c->last = true; /* of a body that nobody reads the end is not found */
	buf_printf(&b, "HTTP/1.1 %d %s\r\n", status, reason(status));
	put_date(&b);
	for (const struct http_pair *h = http_gate_headers; h->name != NULL; h++)
		if (value_of(c, h->name) == NULL)
			buf_printf(&b, "%s: %s\r\n", h->name, h->value);
	if ((status == 429 || status == 503) && value_of(c, "Retry-After") == NULL)
		buf_printf(&b, "Retry-After: 1\r\n");
	buf_append(&b, c->fields.data, c->fields.n);
	buf_printf(&b, "X-Request-Id: %s\r\n", c->request.id);
	put_cookie(c, &b);
	if (type != NULL)
		buf_printf(&b, "Content-Type: %s\r\n", type);
	put_length(c, &b, status);
	if (c->last)
		buf_printf(&b, "Connection: close\r\n");
	buf_append(&b, "\r\n", 2);
	http_send(c, b.data, b.n);
	buf_release(&b);
	if (o->on_answered != NULL)
		o->on_answered(o->data, c->request.route, status, clock_ms() - c->began_at);
}

/* --- bodies -------------------------------------------------------------------------------------- */

static void answered(struct http_connection *c)
{
	c->answer = HTTP_ANSWERED;
	c->over = true;
	http_connection_turn(c);
}

void http_begin(struct http_request *r, int status, const char *type, int64_t length)
{
	struct http_connection *c = http_connection_of(r);

	if (c->over)
		return;
	assert(c->answer == HTTP_NO_ANSWER);
	c->answer = HTTP_ANSWER_OPEN;
	c->left = length;
	send_head(c, status, type);
	if (c->head_only || status == 204 || status == 304)
		answered(c); /* what more the handler says is not heard */
}

/* In one piece, so that small ones are one packet. */
static void send_chunk(struct http_connection *c, const void *data, size_t n)
{
	struct buf b = {0};

	buf_printf(&b, "%zx\r\n", n);
	buf_append(&b, data, n);
	buf_append(&b, "\r\n", 2);
	http_send(c, b.data, b.n);
	buf_release(&b);
}

bool http_put(struct http_connection *c, const void *data, size_t n)
{
	assert(c->answer == HTTP_ANSWER_OPEN && (c->left < 0 || (int64_t)n <= c->left));
	if (c->left >= 0)
		c->left -= (int64_t)n;
	if (n > 0 && c->left < 0)
		send_chunk(c, data, n);
	else if (n > 0)
		http_send(c, data, n);
	c->wants_space = http_connection_queued(c) >= HTTP_QUEUE_HIGH;
	return !c->wants_space;
}

bool http_write(struct http_request *r, const void *data, size_t n)
{
	struct http_connection *c = http_connection_of(r);

	assert(n <= HTTP_PIECE);
	return c->over || http_put(c, data, n);
}

void http_end(struct http_request *r)
{
	struct http_connection *c = http_connection_of(r);

	if (c->over)
		return;
	if (c->left > 0) {
		http_connection_end(c, "its answer was cut short");
		return;
	}
	if (c->left < 0)
		http_send(c, "0\r\n\r\n", 5);
	answered(c);
}

void http_abort(struct http_request *r)
{
	struct http_connection *c = http_connection_of(r);

	if (!c->over)
		http_connection_end(c, "its answer was broken off");
}

void http_answer(struct http_request *r, int status, const char *type, const void *body, size_t n)
{
	struct http_connection *c = http_connection_of(r);
	const char *etag = value_of(c, "ETag");
	struct buf packed = {0};

	/* Packed it would be another thing under the same tag, unless that is weak. */
	if (!c->over && (etag == NULL || etag[0] == 'W') && http_gzip(r, type, body, n, &packed)) {
		http_header(r, "Content-Encoding", "gzip");
		http_header(r, "Vary", "Accept-Encoding");
		body = packed.data;
		n = packed.n;
	}
	http_begin(r, status, type, (int64_t)n);
	if (!c->over) {
		http_put(c, body, n);
		http_end(r);
	}
	buf_release(&packed);
}

void http_answer_json(struct http_request *r, int status, struct buf *b)
{
	http_answer(r, status, "application/json", b->data, b->n);
	buf_release(b);
}

/* --- problems ------------------------------------------------------------------------------------ */

/* "NOT_ENOUGH_CPT" -> "/problems/not-enough-cpt" */
static void problem_type(char *type, size_t size, const char *code)
{
	size_t n = (size_t)snprintf(type, size, "/problems/%s", code);

	for (size_t i = 0; i < n && i < size; i++)
		type[i] =
		    type[i] == '_' ? '-' : (char)(type[i] >= 'A' && type[i] <= 'Z' ? type[i] + 32 : type[i]);
}

static void text_unless_empty(struct json *j, const char *key, const char *value)
{
	if (value != NULL && *value != '\0')
		json_text(j, key, value);
}

void http_problem(struct http_request *r, const struct http_problem *p)
{
	struct buf b = {0};
	struct json j;
	char type[80];

	problem_type(type, sizeof type, p->code);
	json_init(&j, &b);
	json_object(&j, NULL);
	json_text(&j, "type", type);
	json_text(&j, "title", p->title);
	json_int(&j, "status", p->status);
	json_text(&j, "code", p->code);
	text_unless_empty(&j, "detail", p->detail);
	text_unless_empty(&j, "instance", r->path);
	text_unless_empty(&j, "hint", p->hint);
	if (p->more != NULL)
		p->more(&j, p->data);
	json_text(&j, "request_id", r->id);
	json_end(&j);
	http_answer(r, p->status, "application/problem+json", b.data, b.n);
	buf_release(&b);
}

/* "Bad Request" -> "BAD_REQUEST" */
static void code_of(char *code, size_t size, const char *title)
{
	snprintf(code, size, "%s", title);
	for (char *p = code; *p != '\0'; p++)
		*p = *p == ' ' ? '_' : (char)(*p >= 'a' && *p <= 'z' ? *p - 32 : *p);
}

void http_refuse(struct http_connection *c, int status, const char *why)
{
	struct http_problem p = {.status = status, .title = reason(status), .detail = why};
	char code[48];

	if (c->answer != HTTP_NO_ANSWER) {
		http_connection_end(c, why);
		return;
	}
	if (c->phase != HTTP_REQUEST_OPEN)
		http_request_blank(c);
	code_of(code, sizeof code, p.title);
	p.code = code;
	http_problem(&c->request, &p);
}
