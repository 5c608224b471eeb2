/* roles/api_table.h - a JSON API as a table: the master's (roles/api_rows.c) and the worker's
 * (roles/worker_page_rows.c).
 *
 * A row says everything of its route: what it takes, what it answers, an example. Three things are made of it,
 * so that none can say what another does not: the routes of ui/http.h, the strict check of what comes
 * (roles/api_check.c) and the OpenAPI document (roles/api_document.c).
 *
 *     ui/http.h -> are query and body as the row says? -> row->run(), row->serve() */
#ifndef ROLES_API_TABLE_H
#define ROLES_API_TABLE_H

#include <cjson/cJSON.h>

#include "net/buf.h"
#include "proto/error.h"
#include "ui/http.h"

struct api;

/* What a value of a query or of a body may be. */
enum api_kind {
	API_END,
	API_TEXT,
	API_COUNT,    /* a whole number, min to max */
	API_AMOUNT,   /* body: a number above 0, at most max */
	API_FLAG,     /* true, false; in a query also 1, 0 */
	API_ONE_OF,   /* one of `words`, separated by | */
	API_CPT,      /* "12.5" */
	API_SHA256,   /* 64 hexadecimal digits, with or without sha256: before them */
	API_TEXTS,    /* body: an array of texts */
	API_PAIRS,    /* body: an object of texts */
	API_MANIFEST, /* body: an object, or its text */
	API_BLOB,     /* body: {"sha256", "bytes"} */
};

struct api_field {
	const char *name;
	enum api_kind kind;
	bool required;
	int64_t min, max; /* of API_COUNT; API_TEXT: most bytes, 0 = 4096 */
	const char *words;
	const char *text; /* for people */
};

struct api_row {
	const char *id;       /* operationId: "listTasks" */
	const char *method, *path;
	void (*run)(struct api *a); /* of the master; others have serve or handler */
	unsigned flags;       /* of ui/http.h */
	enum { API_ANY, API_SIGNED_IN } who;
	const char *tag, *summary, *text;
	const struct api_field *query;   /* ended by a row without name; NULL = takes none */
	const struct api_field *body;    /* of a JSON object; NULL = none */
	const struct api_field *headers; /* that it reads; for the document */
	const char *takes;               /* media type of a body that is no JSON object; NULL */
	int64_t body_max;
	int status;                      /* of success */
	const char *gives;               /* media type; NULL = application/json */
	const char *gives_too;           /* another, for who asks for it by Accept; NULL */
	const char *schema;              /* of the answer; NULL = it has no body, or is no JSON */
	const char *example;             /* a query "?state=RUNNING", or a body; NULL = neither is needed */
	http_handler *handler;           /* unchecked: one of ui/http.h's own */
	void (*serve)(struct http_request *r, const cJSON *body); /* body: NULL when the row has none; lent */
};

struct api_table {
	const struct api_row *rows;
	size_t count;
	const char *title, *summary, *text; /* of the whole; for the document */
	const char *bearer, *cookie;        /* where a program finds its key; the cookie's name */
	const char *const (*tags)[2];       /* name and what it says; ended by {NULL} */
	const char *const (*params)[2];     /* {name} of paths, likewise */
	const char *schemas;                /* an object of JSON schemas, as text */
	const uint64_t *schemas_size;
};

/* The routes for ui/http.h, one for each row, to be freed with free(). run: checks and calls row->run(). */
struct http_route *api_table_routes(const struct api_table *t, http_handler *run);

/* The OpenAPI 3.1 document. */
void api_document(const struct api_table *t, struct buf *out);

/* What is the matter with this query or body? 0, or err says it. *body is to be deleted. */
int api_check_query(const struct api_row *row, const struct http_request *r, struct error *err);
int api_check_body(const struct api_row *row, const char *text, size_t n, cJSON **body, struct error *err);
/* Both of a request, as far as the row has them. 0, or the problem was answered. */
int api_check_request(const struct api_row *row, struct http_request *r, cJSON **body);

/* Both versions of sha256 that are taken; "" = it is none. */
const char *api_sha256(const char *text);

/* Answer with what went wrong (RFC 9457). Statuses are translated: see api_problem.c. */
void api_problem(struct http_request *r, const struct error *e);

#endif
