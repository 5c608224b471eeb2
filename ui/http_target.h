/* ui/http_target.h - private to the front: what a request asks for, decoded, and the route that has it. */
#ifndef UI_HTTP_TARGET_H
#define UI_HTTP_TARGET_H

#include "net/arena.h"
#include "ui/http.h"

#define HTTP_SEGMENTS_MAX 16 /* of a route's path */

struct http_target {
	const char *path;      /* decoded; no segment is "." or ".." */
	const char *authority; /* of "http://AUTHORITY/path"; NULL = it came without */
	struct http_pair *query;
	int query_n;
};

/* Read it, into a. NULL, or a sentence that says what is wrong. Texts are UTF-8 without control characters,
 * those of the query without NUL. */
const char *http_target_read(struct http_target *t, const char *target, struct arena *a);

struct http_found {
	const struct http_route *route; /* NULL = none has this method */
	const struct http_route *best;  /* one that has the path; NULL = none has */
	struct http_pair params[HTTP_SEGMENTS_MAX];
	int param_n;
};

/* The route for method ("HEAD" = "GET") and path. */
void http_route_find(struct http_found *f, const struct http_route *routes, size_t n, const char *method,
                     const char *path, struct arena *a);

/* "GET, HEAD, POST": what routes with this path can do. */
const char *http_route_allow(const struct http_found *f, const struct http_route *routes, size_t n,
                             struct arena *a);

#endif
