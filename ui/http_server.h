/* ui/http_server.h - private to the front: the server and its connections.
 *
 * A connection is a session in the sense of hivemind-internals(7):
 *
 *     HTTP_QUIET -> HTTP_HEAD -> HTTP_REQUEST -> HTTP_QUIET, for the next
 *                                             -> HTTP_LINGER, after its last answer -> closed
 *
 * and ends from each state when its client goes or is late. It holds at most one request; what comes ahead
 * waits in `in`, and the client is held back before that is much. */
#ifndef UI_HTTP_SERVER_H
#define UI_HTTP_SERVER_H

#include "net/listener.h"
#include "net/memory.h"
#include "net/stream.h"
#include "ui/http.h"
#include "ui/http_parse.h"
#include "ui/http_session.h"
#include "ui/http_target.h"

struct http_listener {
	struct listener listener;
	struct http_server *server;
	struct http_listener *next;
	char names[3][64];     /* "127.0.0.1:5001", ... */
	const char *hosts[16]; /* these and those of the options, NULL at the end */
	char cookie[48];
	int connections; /* that came through it: they read what is here */
	bool closed;
};

enum http_phase { HTTP_QUIET, HTTP_HEAD_COMES, HTTP_REQUEST_OPEN, HTTP_LINGERS, HTTP_CLOSED };
enum http_answering { HTTP_NO_ANSWER, HTTP_ANSWER_OPEN, HTTP_ANSWERED };

struct http_connection {
	struct stream stream; /* first */
	struct http_server *server;
	struct http_listener *listener;
	struct http_connection *prev, *next;
	char peer[64];
	enum http_phase phase;
	struct http_parse parse;
	struct buf in;  /* came and was not looked at yet */
	struct buf out; /* to be said and not handed to the stream yet */
	struct deferred turn;
	int64_t since;       /* the phase began, or some of a body came */
	int64_t stall_since; /* bytes wait for the client since; 0 = none do */
	int64_t said_at;     /* the last byte of a stream of events */
	bool first;          /* no request yet */
	bool last;           /* after this answer no other */
	bool held;           /* reading is paused */

	/* of the request that is open */
	struct http_request request;
	struct http_pair params[HTTP_SEGMENTS_MAX];
	int param_n;
	enum http_answering answer;
	struct buf fields; /* header fields of its handler */
	struct buf body;   /* collected, or held back */
	int64_t body_max, body_came;
	int64_t began_at; /* clock_ms() */
	int64_t left;     /* of the answer's body as its head said; -1 = in chunks */
	bool accepted;    /* it has a route and has passed the gate */
	bool live;        /* the handler has it: on_gone is owed */
	bool over;        /* nothing is done for it any more */
	bool body_told;   /* on_body_end was called, or the handler of a collected one */
	bool paused;      /* http_pause() */
	bool continued;   /* 100 Continue was said, or is not asked for */
	bool head_only, events, wants_space;
	bool cookie_set; /* by this answer */
	char secret[HTTP_SECRET_SIZE]; /* "" = take the cookie away */
};

struct http_server {
	struct loop *loop;
	struct http_options options;
	const struct http_times *times;
	struct http_listener *listeners;
	struct http_connection *connections;
	int connection_n, stream_n;
	struct http_sessions sessions;
	char (*etags)[40]; /* of options.files; "" = not made yet */
	struct timer patrol;
	int64_t patrol_at; /* INT64_MAX = not armed */
	bool closing, timer_closed;
	struct deferred end;
	void (*closed)(void *user);
	void *user;
};

/* --- ui/http_connection.c ------------------------------------------------------------------------ */

void http_connection_accept(struct http_listener *l);
/* The client is let go of, now. */
void http_connection_end(struct http_connection *c, const char *why);
/* On a later turn of the loop: go on after an answer, or after http_resume(). */
void http_connection_turn(struct http_connection *c);
/* Is it late? When it can be late next, in clock_ms(); INT64_MAX = never, as things are. */
int64_t http_connection_late(struct http_connection *c, int64_t now);

static inline struct http_connection *http_connection_of(const struct http_request *r)
{
	return container_of((struct http_request *)r, struct http_connection, request);
}

/* --- ui/http_request.c: a head has come ----------------------------------------------------------- */

/* Find its route and hold it against the gate; it is open then, or answered. */
void http_request_begin(struct http_connection *c);
/* One of which nothing can be known, to be refused. */
void http_request_blank(struct http_connection *c);
/* The body of a collected one is there. */
void http_request_ready(struct http_connection *c);
void http_request_release(struct http_connection *c);

/* --- ui/http_answer.c ----------------------------------------------------------------------------- */

/* Refuse what has no route: the last answer of its connection. */
void http_refuse(struct http_connection *c, int status, const char *why);
/* Bytes for the client. */
void http_send(struct http_connection *c, const void *data, size_t n);
/* What was handed to the stream has gone. */
void http_connection_drained(struct http_connection *c);
size_t http_connection_queued(const struct http_connection *c);
/* Bytes of the answer's body, as many as there are. Is there room for more? */
bool http_put(struct http_connection *c, const void *data, size_t n);

/* --- ui/http_gzip.c ------------------------------------------------------------------------------ */

bool http_takes_gzip(const struct http_request *r);
/* Pack it into out. False: it stays as it is, and out may have been used. */
bool http_gzip(const struct http_request *r, const char *type, const void *body, size_t n, struct buf *out);

/* --- ui/http_server.c ----------------------------------------------------------------------------- */

/* Look after c again no later than that. */
void http_server_watch(struct http_server *s, int64_t at);
void http_server_check(struct http_server *s); /* is everything closed? */
const char *http_server_etag(struct http_server *s, size_t file);
/* End the streams of events of a session. */
void http_server_hang_up(struct http_server *s, uint64_t session);

#endif
