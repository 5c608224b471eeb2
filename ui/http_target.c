#include "ui/http_target.h"

#include <string.h>
#include <strings.h>

#include "net/utf8.h"

/* --- decoding ------------------------------------------------------------------------------------ */

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* text[0..n) with its %XX undone; NULL = it is no UTF-8, or has what must not be in it. */
static char *decode(const char *text, size_t n, bool form, struct arena *a)
{
	char *out = arena_alloc(a, n + 1), *o = out;

	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (c == '%') {
			if (n - i < 3 || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0)
				return NULL;
			c = (char)(hex(text[i + 1]) << 4 | hex(text[i + 2]));
			i += 2;
		} else if (c == '+' && form) {
			c = ' ';
		}
		if (c == '\0' || (!form && ((unsigned char)c < ' ' || c == 0x7f)))
			return NULL;
		*o++ = c;
	}
	return utf8_valid(out, (size_t)(o - out)) ? out : NULL;
}

/* Does a segment of it lead elsewhere? */
static bool has_dots(const char *path)
{
	for (const char *s = path; s != NULL; s = strchr(s, '/')) {
		size_t n;

		s += *s == '/';
		n = strcspn(s, "/");
		if ((n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.'))
			return true;
	}
	return false;
}

static const char *read_pair(struct http_target *t, const char *text, size_t n, struct arena *a)
{
	const char *equals = memchr(text, '=', n);
	size_t name_n = equals == NULL ? n : (size_t)(equals - text);
	struct http_pair *pair = &t->query[t->query_n];

	if (n == 0)
		return NULL;
	if (t->query_n == HTTP_QUERY_MAX)
		return "The query has too many parameters.";
	pair->name = decode(text, name_n, true, a);
	pair->value = equals == NULL ? "" : decode(equals + 1, n - name_n - 1, true, a);
	if (pair->name == NULL || pair->value == NULL || *pair->name == '\0')
		return "The query cannot be read: it is text in UTF-8 with %XX for what is special.";
	t->query_n++;
	return NULL;
}

static const char *read_query(struct http_target *t, const char *text, struct arena *a)
{
	const char *why = NULL;

	t->query = arena_alloc(a, HTTP_QUERY_MAX * sizeof *t->query);
	for (size_t n; why == NULL && *text != '\0'; text += n + (text[n] == '&')) {
		n = strcspn(text, "&");
		why = read_pair(t, text, n, a);
	}
	return why;
}

const char *http_target_read(struct http_target *t, const char *target, struct arena *a)
{
	const char *query;
	size_t n;

	memset(t, 0, sizeof *t);
	if (strncasecmp(target, "http://", 7) ==
	    0) { /* what a proxy is asked; the gate compares it with Host */
		n = strcspn(target + 7, "/?");
		t->authority = decode(target + 7, n, false, a);
		target += 7 + n;
		if (t->authority == NULL)
			return "The address cannot be read.";
	}
	if (*target != '/' || strpbrk(target, "#\"<>\\") != NULL)
		return "What is asked for does not begin with / or has characters that must not be in it.";
	n = strcspn(target, "?");
	query = target[n] == '?' ? target + n + 1 : "";
	t->path = decode(target, n, false, a);
	if (t->path == NULL || has_dots(t->path))
		return "The path cannot be read: it is text in UTF-8 with %XX for what is special, without . "
		       "and ..";
	return read_query(t, query, a);
}

/* --- routes -------------------------------------------------------------------------------------- */

enum { REST = 1, ANY, SAME }; /* of one segment: the higher, the nearer */

/* Of a route's segment: {x...}, {x}, or what is written out. */
static uint32_t kind_of(const char *segment, size_t n)
{
	if (n < 3 || segment[0] != '{' || segment[n - 1] != '}')
		return SAME;
	return n > 5 && memcmp(segment + n - 4, "...", 3) == 0 ? REST : ANY;
}

/* How near this route is to the path, two bits for each segment, the first highest; 0 = it has another path.
 */
static uint32_t nearness(const char *route, const char *path)
{
	uint32_t near = 0;
	int segments = 0;

	while (*route == '/' && *path == '/' && segments < HTTP_SEGMENTS_MAX) {
		size_t n = strcspn(++route, "/"), m = strcspn(++path, "/");
		uint32_t kind = kind_of(route, n);

		if ((kind == SAME && (n != m || memcmp(route, path, n) != 0)) || (kind == ANY && m == 0))
			return 0;
		near |= kind << (2 * (HTTP_SEGMENTS_MAX - 1 - segments++));
		if (kind == REST)
			return near;
		route += n;
		path += m;
	}
	return *route == '\0' && *path == '\0' ? near : 0;
}

static void take_params(struct http_found *f, const char *path, struct arena *a)
{
	const char *route = f->route->path;

	while (*route == '/') {
		size_t n = strcspn(++route, "/"), m = strcspn(++path, "/");
		uint32_t kind = kind_of(route, n);

		if (kind != SAME) {
			struct http_pair *p = &f->params[f->param_n++];

			p->name = arena_printf(a, "%.*s", (int)n - (kind == REST ? 5 : 2), route + 1);
			p->value =
			    kind == REST ? arena_strdup(a, path) : arena_printf(a, "%.*s", (int)m, path);
		}
		if (kind == REST)
			return;
		route += n;
		path += m;
	}
}

void http_route_find(struct http_found *f, const struct http_route *routes, size_t n, const char *method,
                     const char *path, struct arena *a)
{
	uint32_t best = 0, near;

	memset(f, 0, sizeof *f);
	if (strcmp(method, "HEAD") == 0)
		method = "GET";
	for (size_t i = 0; i < n; i++) {
		near = nearness(routes[i].path, path);
		if (near == 0 || near < best)
			continue;
		if (near > best) {
			f->best = &routes[i];
			f->route = NULL;
			best = near;
		}
		if (strcmp(routes[i].method, method) == 0)
			f->route = &routes[i];
	}
	if (f->route != NULL)
		take_params(f, path, a);
}

const char *http_route_allow(const struct http_found *f, const struct http_route *routes, size_t n,
                             struct arena *a)
{
	const char *allow = NULL;

	for (size_t i = 0; i < n; i++) {
		const char *more = strcmp(routes[i].method, "GET") == 0 ? "GET, HEAD" : routes[i].method;

		if (strcmp(routes[i].path, f->best->path) == 0)
			allow = allow == NULL ? more : arena_printf(a, "%s, %s", allow, more);
	}
	return allow;
}
