/* net/fetch.h - HTTP/1.1 requests by libcurl's multi interface on the loop.
 *
 * Used for the container engine's socket. One struct fetch holds the connections (kept alive between
 * requests); a request is embedded in its owner and on loan from fetch_start() to on_done(), which comes
 * exactly once, on the loop, never from inside fetch_start(), also after fetch_cancel(). */
#ifndef NET_FETCH_H
#define NET_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/buf.h"
#include "net/loop.h"
#include "proto/error.h"

struct fetch; /* a libcurl multi handle on the loop */

struct fetch *fetch_new(struct loop *loop);

/* All requests must be over (asserted). closed may be NULL. */
void fetch_close(struct fetch *f, void (*closed)(void *user), void *user);

struct fetch_request {
	/* set by the owner */
	const char *method;      /* "GET", "POST", "PUT", "DELETE", "HEAD" */
	const char *socket;      /* path of a unix socket; NULL = TCP by the URL */
	const char *url;         /* "http://docker/v1.41/containers/create?name=x"; copied */
	const char *type;        /* Content-Type of the body; NULL = none */
	const void *body;        /* borrowed until on_done(); NULL = none or read_body */
	size_t body_size;
	/* A body made while it is sent: put up to n bytes at p; 0 = the end; -1 = fail the request;
	 * FETCH_PAUSE = nothing yet, fetch_resume() follows. body_size is then its length, or 0 = chunked. */
	long (*read_body)(struct fetch_request *r, void *p, size_t n);
	/* A 2xx answer has begun (its headers are here): what was asked for is under way. May be NULL. */
	void (*on_headers)(struct fetch_request *r);
	/* Part of the answer's body (only of a 2xx answer). NULL = it is collected in `answer` up to answer_max.
	 * Return false to pause; fetch_resume() then delivers the same part again. */
	bool (*on_data)(struct fetch_request *r, const void *data, size_t n);
	size_t answer_max;       /* 0 = 1 MiB */
	int64_t timeout_ms;      /* of the whole request; 0 = none (it may follow something for hours) */
	bool own_connection;     /* never shares or reuses one: for requests that stay open */
	void (*on_done)(struct fetch_request *r);
	void *user;

	/* set when on_done() comes */
	struct error error;      /* status 0 for 2xx and 304; else with the engine's own message */
	int http;                /* status of the answer; 0 = there was none */
	struct buf answer;       /* also of a failed request; released by the owner */

	/* private */
	struct fetch_transfer *transfer;
};

#define FETCH_PAUSE (-2L)

void fetch_start(struct fetch *f, struct fetch_request *r);
void fetch_resume(struct fetch_request *r);

/* Ask for an early end: on_done() comes with CANCELLED. */
void fetch_cancel(struct fetch_request *r);

#endif
