/* ui/http.h - serve HTTP/1.1 on the loop: the pages, their JSON API and streams of events.
 *
 * A server listens on endpoints of this machine and answers the routes it was given as rows. A request is a
 * struct http_request: it begins when its head has come and has passed the gate (ui/http_gate.h), and lives
 * until on_gone() has returned.
 *
 *     head -> route -> gate -> [body] -> route->handler
 *          -> http_answer()                                        -> on_gone
 *          or http_begin(), http_write()..., http_end()            -> on_gone
 *          or http_events_begin(), http_event()..., [http_end()]   -> on_gone
 *
 * Everything is asynchronous: a handler answers now or later, from any callback on the loop, once. Whatever
 * happens (client gone, late, server closing), on_gone() comes exactly once and last, and never from inside a
 * call of this file; until then http_*() may be called, and do nothing once the request is over.
 *
 * A connection has one request at a time: what a client sends ahead waits. HEAD is answered by the handler of
 * GET, whose body the server keeps back.
 *
 * Answered by the server itself, as application/problem+json: 304 and Range of files, 400 (what is not
 * HTTP/1.1 as RFC 9112 has it), 401 (no session), 403 (gate), 404, 405 with Allow, 408, 411, 413, 414, 415,
 * 417, 431, 501 (method, coding), 503 (too many connections), 505. */
#ifndef UI_HTTP_H
#define UI_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/arena.h"
#include "net/buf.h"
#include "net/embed.h"
#include "net/endpoint.h"
#include "net/loop.h"
#include "proto/error.h"
#include "proto/id.h"
#include "proto/limits.h"

struct http_server;
struct http_request;

/* --- routes -------------------------------------------------------------------------------------- */

/* The whole body has come (or, with HTTP_STREAM_BODY, the head). Answers, now or later. */
typedef void http_handler(struct http_request *r);

enum http_route_flags {
	HTTP_PUBLIC = 1 << 0,       /* needs no session */
	HTTP_STREAM_BODY = 1 << 1,  /* the handler runs at the head and sets r->on_body, r->on_body_end */
	HTTP_NEEDS_LENGTH = 1 << 2, /* a body says its length: 411 to one in chunks */
};

struct http_route {
	const char *method; /* "GET" (HEAD as well), "POST", "PUT", "PATCH", "DELETE" */
	const char *path;   /* "/api/v1/tasks/{id}"; {x} is one segment that is not empty, {x...} at the end
	                     * the rest, which may be. Written out goes before {x}, {x} before {x...} */
	http_handler *handler;
	unsigned flags;
	const char *takes; /* the media type of its body. NULL = application/json; "*" = any */
	int64_t body_max;  /* bytes of body, else 413. 0 = HTTP_BODY_MAX; HTTP_STRANGER_BODY_MAX from one
	                    * who has neither session nor token */
	const void *doc;   /* its owner's: what the OpenAPI document says of it. Not read here */
};

/* A file built into the program (Makefile: ui/page/...): GET and HEAD without a session, with ETag, 304,
 * Range and its gzip twin. Rows with HTTP_FILE(), so that size and twin are those of the file. */
struct http_file {
	const char *path; /* "/style.css" */
	const char *type; /* "text/css; charset=utf-8" */
	const void *data, *gzip;
	const uint64_t *size, *gzip_size;
};

/* HTTP_FILE_EMBED(style_css); at file level, then HTTP_FILE("/style.css", "text/css", style_css) as a row. */
#define HTTP_FILE_EMBED(name)                                                                                \
	EMBED(name);                                                                                         \
	EMBED(name##_gz)
#define HTTP_FILE(path, type, name)                                                                          \
	{                                                                                                    \
		path, type, embed_##name, embed_##name##_gz, &embed_##name##_size, &embed_##name##_gz_size   \
	}

/* --- the server ---------------------------------------------------------------------------------- */

/* Patience with a client in each phase, in milliseconds. */
struct http_times {
	int64_t head;      /* from the first byte of a head to its last, and from the accept to the first */
	int64_t idle;      /* between two requests of one connection */
	int64_t body;      /* a body that is awaited sends some of it */
	int64_t stall;     /* HTTP_PIECE bytes of an answer are taken */
	int64_t keepalive; /* a comment goes out on a stream of events that had nothing to say */
	int64_t linger;    /* after a last answer, for the client to read it */
};
extern const struct http_times http_times_default;

struct http_options {
	const struct http_route *routes; /* borrowed, as all here */
	size_t route_count;
	const struct http_file *files; /* looked at when no route has the path */
	size_t file_count;
	const char *name; /* of the session's cookie, with the port behind it: "hivemind" */
	void *data;       /* http_data() */
	bool anywhere;    /* may listen beyond this machine. It is then said in the log, once */
	const char *const *hosts; /* more names "HOST:PORT" by which it may be called, NULL at the end */

	/* Who sends `authorization: Bearer TOKEN` needs neither session nor CSRF header. Is it one?
	 * Compare with http_secret_equal(). NULL = none is. */
	bool (*bearer)(void *data, const char *token);

	/* An answer has begun, for metrics: route is NULL where there is none; ms since the head came. May
	 * be NULL. */
	void (*on_answered)(void *data, const struct http_route *route, int status, int64_t ms);

	const struct http_times *times; /* NULL = http_times_default */
};

struct http_server *http_server_new(struct loop *loop, const struct http_options *options);

/* Listen at *at, whose port 0 becomes the one that was given; may be called for several endpoints. The
 * port decides which Host names are right: 127.0.0.1, localhost and [::1] with it, and http_options.hosts.
 *   INVALID_ARGUMENT  not this machine (unless options.anywhere), or cannot be bound
 *   ALREADY_EXISTS    in use      PERMISSION_DENIED */
int http_server_listen(struct http_server *s, struct endpoint *at, struct error *err);

/* No new connections; those there end, whatever they do. closed() comes once, after the last on_gone(); s
 * is freed when it returns. */
void http_server_close(struct http_server *s, void (*closed)(void *user), void *user);

/* How many there are just now. */
int http_server_connections(const struct http_server *s);
int http_server_event_streams(const struct http_server *s);

/* --- sessions (ui/http_session.h) ---------------------------------------------------------------- */

#define HTTP_KEY_SIZE 33 /* 128 random bits in hexadecimal, with the zero */

/* A key that opens one session, once: for the fragment of an address, http://127.0.0.1:5001/#k=KEY, which
 * browsers send to nobody. A sixteenth one that was not used replaces the oldest. */
void http_server_key(struct http_server *s, char key[HTTP_KEY_SIZE]);

/* Is it one that was given and not used? It is used now. */
bool http_key_use(struct http_request *r, const char *key);

/* The answer to r will carry the cookie of a new session; r->session is it. Before http_answer() or
 * http_begin(). */
void http_session_begin(struct http_request *r);

/* The session of r ends, and with it the event streams it has open; its cookie is taken away by the
 * answer. */
void http_session_end(struct http_request *r);

/* Handlers for rows {"POST", "/session", http_session_post, HTTP_PUBLIC} (body {"key":"..."}; 204, or 401
 * for a key that is none), {"DELETE", "/session", http_session_delete} (204). */
http_handler http_session_post, http_session_delete;

/* Are these two secrets the same? In a time that says nothing of where they differ. */
bool http_secret_equal(const char *a, const char *b);

/* --- a request ----------------------------------------------------------------------------------- */

struct http_pair {
	const char *name, *value;
};

struct http_request {
	const struct http_route *route;
	struct http_server *server;
	void *user;                    /* the handler's own; NULL at first */
	struct arena arena;            /* lives as long as the request */
	const char *method;            /* "GET", "HEAD", ... */
	const char *path;              /* decoded: "/api/v1/tasks/7kq2" */
	const char *target;            /* as it came: "/api/v1/tasks/7kq2?x=1" */
	const struct http_pair *query; /* decoded, in the order in which they came; UTF-8 without NUL */
	int query_n;
	uint64_t session;    /* number of its session; 0 = has none (public route, or a bearer) */
	bool bearer;         /* came with a token that options.bearer knows */
	int64_t length;      /* of the body, as its head says; -1 = it comes in chunks */
	const uint8_t *body; /* the whole of it, followed by a zero byte; NULL with HTTP_STREAM_BODY */
	size_t body_n;
	char id[ID_SIZE]; /* fresh for each; sent as X-Request-Id, and in a problem */

	/* HTTP_STREAM_BODY, set by the handler: bytes of the body (valid until this returns), and its end.
	 * A client that asked (Expect: 100-continue) is told to go on when the handler has set on_body and
	 * has not answered. Set later than in the handler, they need http_resume(). */
	void (*on_body)(struct http_request *r, const uint8_t *data, size_t n);
	void (*on_body_end)(struct http_request *r);
	/* http_write() or http_event() answered false; now there is room again. May be NULL. */
	void (*on_space)(struct http_request *r);
	/* It is over. Free what r->user points to. May be NULL. */
	void (*on_gone)(struct http_request *r);
};

void *http_data(const struct http_request *r); /* http_options.data */

/* What {name} of the route's path stood for, decoded. The name must be one of the path. */
const char *http_param(const struct http_request *r, const char *name);

/* The first parameter of that name in the query; NULL = there is none. */
const char *http_query(const struct http_request *r, const char *name);

/* A header field, by its name in lower case; NULL = it did not come. Those that may come once only did. */
const char *http_field(const struct http_request *r, const char *name);

/* Does the client take this media type, as its Accept says? */
bool http_accepts(const struct http_request *r, const char *type);

/* Deliver no more of the body until http_resume(): the client is held back. */
void http_pause(struct http_request *r);
void http_resume(struct http_request *r);

/* Is it over (for the client or for us)? on_gone() is then on its way. */
bool http_over(const struct http_request *r);

/* --- answering ----------------------------------------------------------------------------------- */

/* A header field of the answer, before it begins. It replaces what the server itself would send under that
 * name (Cache-Control: no-store; Retry-After: 1 of 429 and 503; the ones of http_gate.h).
 * Control characters in the value become "?". */
void http_header(struct http_request *r, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A whole answer, copied; text of 1 KiB and more is packed for clients that take gzip, unless it has a strong
 * ETag. For bodies of some KiB; more than HTTP_QUEUE_MAX is streamed with http_write(). */
void http_answer(struct http_request *r, int status, const char *type, const void *body, size_t n);

/* The same of what ui/json.h has written, as application/json. b is released. */
void http_answer_json(struct http_request *r, int status, struct buf *b);

/* RFC 9457: what was wrong and what to do. more() adds members of its own; "" and NULL are left out. */
struct json;
struct http_problem {
	int status;         /* of HTTP */
	const char *code;   /* "NOT_ENOUGH_CPT"; the type is made of it: /problems/not-enough-cpt */
	const char *title;  /* "Not enough CPT" */
	const char *detail; /* a sentence */
	const char *hint;   /* what to do next */
	void (*more)(struct json *j, void *data);
	void *data;
};
void http_problem(struct http_request *r, const struct http_problem *p);

/* The head of an answer whose body comes with http_write(): of so many bytes, or -1 = in chunks. */
void http_begin(struct http_request *r, int status, const char *type, int64_t length);

/* Bytes of the body, at most HTTP_PIECE at once. True: there is room for more. False: these were taken,
 * and on_space() will come; nothing more until then. Of more bytes than http_begin() said, the process is
 * ended. */
bool http_write(struct http_request *r, const void *data, size_t n);

/* The body is complete. With fewer bytes than were said the client sees that it was cut short. */
void http_end(struct http_request *r);

/* Break off: the client sees that the answer was cut short. */
void http_abort(struct http_request *r);

/* --- parts of files, and whether they have changed ------------------------------------------------ */

/* If If-None-Match names this tag (with its quotes: "\"7f...\"", or weak: "W/\"7f...\""), 304 is answered and
 * true returned. Else the tag becomes a header of the answer to come. */
bool http_unchanged(struct http_request *r, const char *etag);

/* What the client wants of `size` bytes: 206 with *from and *n set and Content-Range a header of the
 * answer to come; 200 for the whole (no Range, several, one not understood, or an If-Range that is not
 * this tag). Of what does not exist it is told 416: answered, and 416 returned. */
int http_range(struct http_request *r, int64_t size, const char *etag, int64_t *from, int64_t *n);

/* Answer with a file of the program, one of http_options.files. */
void http_answer_file(struct http_request *r, const struct http_file *f);

/* --- events (text/event-stream) ------------------------------------------------------------------ */

/* The head; comments keep it alive. It ends with http_end(), or when the client goes. */
void http_events_begin(struct http_request *r);

/* One event: id and name may be NULL; data may have lines, and is UTF-8. True: there is room for more.
 * False: it was taken, and on_space() will come. Until then what happens is the owner's to keep or to
 * drop: what is sent all the same is queued up to HTTP_QUEUE_MAX, beyond which the client is let go. */
bool http_event(struct http_request *r, const char *id, const char *name, const void *data, size_t n);

/* Bytes queued for it that its socket has not taken. */
size_t http_queued(const struct http_request *r);

/* The id of the last event that the client has seen, as it says; NULL = it has seen none. */
const char *http_last_event_id(const struct http_request *r);

#endif
