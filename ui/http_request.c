/* ui/http_request.c - from a head to its handler: target, route, gate, what body it may have; and what
 * handlers ask of a request. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "net/clock.h"
#include "net/memory.h"
#include "ui/http_gate.h"
#include "ui/http_server.h"

/* --- begin --------------------------------------------------------------------------------------- */

static const char *field(const struct http_connection *c, const char *name)
{
	return http_head_field(&c->parse.head, name);
}

static bool has_bearer(const struct http_connection *c)
{
	const struct http_options *o = &c->server->options;
	const char *authorization = field(c, "authorization");

	return o->bearer != NULL && authorization != NULL && strncasecmp(authorization, "Bearer ", 7) == 0 &&
	       o->bearer(o->data, authorization + 7);
}

static bool changes(const char *method)
{
	return strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0 && strcmp(method, "OPTIONS") != 0;
}

/* Hold it against the gate. A path that nobody has is as public as can be: its 404 says nothing. */
static enum http_gate pass_gate(struct http_connection *c, const struct http_found *found,
                                const char *authority)
{
	struct http_request *r = &c->request;
	const struct http_route *route = found->route;
	struct http_gate_ask ask = {
	    .host = field(c, "host"),
	    .origin = field(c, "origin"),
	    .site = field(c, "sec-fetch-site"),
	    .mode = field(c, "sec-fetch-mode"),
	    .dest = field(c, "sec-fetch-dest"),
	    .csrf = field(c, "x-hivemind-csrf"),
	    .type = field(c, "content-type"),
	    .authority = authority,
	    .names = c->listener->hosts,
	    .takes = route == NULL          ? "*"
	             : route->takes == NULL ? "application/json"
	                                    : route->takes,
	    .changes = route != NULL && changes(r->method),
	    .has_body = c->parse.head.length != 0,
	    .is_public = route == NULL || (route->flags & HTTP_PUBLIC),
	    .session = r->session != 0,
	    .bearer = r->bearer,
	};

	return http_gate(&ask);
}

static void refuse_at_gate(struct http_connection *c, enum http_gate gate)
{
	const struct http_refusal *why = &http_gate_refusals[gate];
	struct http_problem p = {why->status, why->code, why->title, why->detail, why->hint, NULL, NULL};
	const char *takes = c->request.route != NULL ? c->request.route->takes : NULL;

	if (gate == GATE_SESSION)
		http_header(&c->request, "WWW-Authenticate", "Bearer");
	if (gate == GATE_TYPE)
		p.hint = arena_printf(&c->request.arena, "Send Content-Type: %s.",
				      takes != NULL && strcmp(takes, "*") != 0 ? takes : "application/json");
	http_problem(&c->request, &p);
}

/* A path that has no route: a file, or nothing. */
static void without_route(struct http_connection *c, const struct http_found *found)
{
	const struct http_options *o = &c->server->options;
	struct http_request *r = &c->request;
	bool reads = strcmp(r->method, "GET") == 0 || strcmp(r->method, "HEAD") == 0;
	const struct http_file *file = NULL;
	const char *allow;

	for (size_t i = 0; i < o->file_count && found->best == NULL; i++)
		if (strcmp(o->files[i].path, r->path) == 0)
			file = &o->files[i];
	if (file != NULL && reads && c->parse.head.length == 0) {
		http_answer_file(r, file);
		return;
	}
	if (found->best == NULL && file == NULL) {
		http_refuse(c, 404, "There is nothing at this path: is it spelled as in man hivemind-api?");
		return;
	}
	allow = file != NULL ? "GET, HEAD" : http_route_allow(found, o->routes, o->route_count, &r->arena);
	http_header(r, "Allow", "%s", allow);
	http_refuse(c, 405, arena_printf(&r->arena, "%s cannot be done here, only %s.", r->method, allow));
}

/* May it have the body that it says it has? If not, it has been refused. */
static bool body_is_right(struct http_connection *c)
{
	const struct http_route *route = c->request.route;
	bool none = !changes(route->method) || (strcmp(route->method, "DELETE") == 0 && route->takes == NULL);
	int64_t length = c->parse.head.length;

	c->body_max = route->body_max > 0                            ? route->body_max
	              : c->request.session != 0 || c->request.bearer ? HTTP_BODY_MAX
	                                                             : HTTP_STRANGER_BODY_MAX;
	if (length != 0 && none)
		http_refuse(c, 400, "This takes no body.");
	else if (length < 0 && (route->flags & HTTP_NEEDS_LENGTH))
		http_refuse(c, 411, "This needs to know the length of its body.");
	else if (length > c->body_max)
		http_refuse(c, 413, "The body is larger than what is taken here.");
	else
		return true;
	return false;
}

static void accept_it(struct http_connection *c)
{
	c->accepted = true;
	if (!(c->request.route->flags & HTTP_STREAM_BODY))
		return;
	c->live = true;
	c->request.route->handler(&c->request);
}

/* Known before anything is decided, so that every answer can be told apart. */
static void identify(struct http_connection *c)
{
	struct http_request *r = &c->request;

	memset(r, 0, sizeof *r);
	r->server = c->server;
	random_id(r->id);
	c->began_at = clock_ms();
}

void http_request_blank(struct http_connection *c)
{
	identify(c);
	c->phase = HTTP_REQUEST_OPEN;
}

void http_request_begin(struct http_connection *c)
{
	struct http_request *r = &c->request;
	struct http_target target;
	struct http_found found;
	const char *why;
	enum http_gate gate;

	identify(c);
	r->method = c->parse.head.method;
	r->target = c->parse.head.target;
	r->length = c->parse.head.length;
	c->head_only = strcmp(r->method, "HEAD") == 0;
	c->last = c->parse.head.close;
	why = http_target_read(&target, r->target, &r->arena);
	if (why != NULL) {
		http_refuse(c, 400, why);
		return;
	}
	r->path = target.path;
	r->query = target.query;
	r->query_n = target.query_n;
	r->session =
	    http_sessions_find(&c->server->sessions, field(c, "cookie"), c->listener->cookie, c->began_at);
	r->bearer = has_bearer(c);
	http_route_find(&found, c->server->options.routes, c->server->options.route_count, r->method, r->path,
	                &r->arena);
	memcpy(c->params, found.params, sizeof c->params);
	c->param_n = found.param_n;
	r->route = found.route;
	gate = pass_gate(c, &found, target.authority);
	if (gate != GATE_OPEN)
		refuse_at_gate(c, gate);
	else if (r->route == NULL)
		without_route(c, &found);
	else if (body_is_right(c))
		accept_it(c);
}

void http_request_ready(struct http_connection *c)
{
	buf_append(&c->body, "", 1);
	c->request.body = c->body.data;
	c->request.body_n = c->body.n - 1;
	c->live = true;
	c->request.route->handler(&c->request);
}

void http_request_release(struct http_connection *c)
{
	arena_release(&c->request.arena);
	buf_release(&c->fields);
	buf_release(&c->body);
	memset(&c->request, 0, sizeof c->request);
	wipe(c->secret, sizeof c->secret);
	if (c->events)
		c->server->stream_n--;
	c->answer = HTTP_NO_ANSWER;
	c->body_max = c->body_came = c->left = 0;
	c->accepted = c->live = c->over = c->body_told = c->paused = c->continued = false;
	c->head_only = c->events = c->wants_space = c->cookie_set = false;
}

/* --- what handlers ask --------------------------------------------------------------------------- */

void *http_data(const struct http_request *r)
{
	return r->server->options.data;
}

const char *http_param(const struct http_request *r, const char *name)
{
	const struct http_connection *c = http_connection_of(r);

	for (int i = 0; i < c->param_n; i++)
		if (strcmp(c->params[i].name, name) == 0)
			return c->params[i].value;
	assert(!"a parameter that the route has not");
	return NULL;
}

const char *http_query(const struct http_request *r, const char *name)
{
	for (int i = 0; i < r->query_n; i++)
		if (strcmp(r->query[i].name, name) == 0)
			return r->query[i].value;
	return NULL;
}

const char *http_field(const struct http_request *r, const char *name)
{
	return field(http_connection_of(r), name);
}

/* Does one member of an Accept field match `type`, by itself or by a star? */
static bool member_takes(const char *member, size_t n, const char *type)
{
	size_t major = strcspn(type, "/") + 1;

	if (memchr(member, ';', n) != NULL) {
		const char *weight = memchr(member, ';', n);
		size_t rest = n - (size_t)(weight - member);

		if (rest >= 4 && strspn(weight, "; q=0.") >= rest)
			return false; /* q=0: anything but this */
		n = (size_t)(weight - member);
	}
	while (n > 0 && member[n - 1] == ' ')
		n--;
	if (n == 3 && memcmp(member, "*/*", 3) == 0)
		return true;
	if (n == major + 1 && strncasecmp(member, type, major) == 0 && member[major] == '*')
		return true;
	return n == strlen(type) && strncasecmp(member, type, n) == 0;
}

bool http_accepts(const struct http_request *r, const char *type)
{
	const char *accept = http_field(r, "accept");

	if (accept == NULL)
		return true;
	for (size_t n; *accept != '\0'; accept += n) {
		accept += strspn(accept, ", \t");
		n = strcspn(accept, ",");
		if (n > 0 && member_takes(accept, n, type))
			return true;
	}
	return false;
}

const char *http_last_event_id(const struct http_request *r)
{
	return http_field(r, "last-event-id");
}

void http_pause(struct http_request *r)
{
	http_connection_of(r)->paused = true;
}

void http_resume(struct http_request *r)
{
	struct http_connection *c = http_connection_of(r);

	c->paused = false;
	c->since = clock_ms();
	http_connection_turn(c);
}

bool http_over(const struct http_request *r)
{
	return http_connection_of(r)->over;
}
