/* ui/http_parse.h - private to the front: a client's bytes -> heads and bodies. The one file that knows the
 * parsing library: llhttp where the system has it, else libhttp-parser.
 *
 * The library reads fields and chunks. What it lets pass and RFC 9112 does not, or only for the sake of old
 * clients, is refused before it sees it: a line that does not end with CR LF, obs-fold, control characters,
 * more or less than one space in the request line, a length said twice or beside chunks. */
#ifndef UI_HTTP_PARSE_H
#define UI_HTTP_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/buf.h"
#include "proto/limits.h"

struct http_library;

enum http_part {
	HTTP_IN_HEAD, /* more bytes of it are to come */
	HTTP_IN_BODY, /* the head is there; more of the body is to come */
	HTTP_DONE,    /* all is there */
	HTTP_BAD,     /* status and why say what is wrong; only release is left to do */
};

struct http_head {
	const char *method, *target; /* as they came */
	struct {
		const char *name, *value; /* in lower case; without blanks around it */
	} fields[HTTP_FIELDS_MAX];
	int field_n;
	int64_t length; /* of the body; -1 = in chunks */
	bool close;     /* Connection: close */
	bool expects;   /* 100-continue */
};

struct http_parse {
	enum http_part part;
	int status;            /* to refuse it with, */
	const char *why;       /* and a sentence */
	struct http_head head; /* from HTTP_IN_BODY on */

	/* private */
	struct buf raw;        /* the head */
	uint8_t last;          /* byte of it */
	int lines;             /* of it that are complete */
	size_t line;           /* where the one that comes begins, */
	size_t target, fields; /* and what is asked for, and the fields */
	int64_t left;          /* of a body with a length */
	int64_t framing;       /* bytes since the last piece of a body in chunks */
	struct http_library *library;
};

void http_parse_begin(struct http_parse *p);   /* of zeroes, or after release */
void http_parse_release(struct http_parse *p); /* what head points to goes */

/* Bytes of a head: the number of those that belong to it. */
size_t http_parse_head(struct http_parse *p, const uint8_t *data, size_t n);

/* Bytes of a body: the number of those that belong to it. body() may come several times, with bytes that are
 * valid until it returns. */
size_t http_parse_body(struct http_parse *p, const uint8_t *data, size_t n,
                       void (*body)(void *user, const uint8_t *data, size_t n), void *user);

/* A field by its name in lower case; NULL = it did not come. */
const char *http_head_field(const struct http_head *h, const char *name);

#endif
