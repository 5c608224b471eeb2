/* roles/api_problem.c - what went wrong, in the words of HTTP (RFC 9457). */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "roles/api.h"

/* before one who was told 429 tries again: the pool's limits are of seconds and minutes */
#define TOO_MUCH_S 10

/* Each status of proto/status.h as a problem. */
static const struct problem {
	int http;
	const char *code, *title;
} problems[] = {
	[STATUS_CANCELLED] = {503, "CANCELLED", "It was cancelled"},
	[STATUS_UNKNOWN] = {502, "UNKNOWN", "The pool said something unexpected"},
	[STATUS_INVALID_ARGUMENT] = {400, "INVALID_ARGUMENT", "Something in the request is wrong"},
	[STATUS_DEADLINE_EXCEEDED] = {504, "DEADLINE_EXCEEDED", "The pool took too long"},
	[STATUS_NOT_FOUND] = {404, "NOT_FOUND", "There is no such thing"},
	[STATUS_ALREADY_EXISTS] = {409, "ALREADY_EXISTS", "It is there already"},
	[STATUS_PERMISSION_DENIED] = {403, "PERMISSION_DENIED", "Not allowed"},
	[STATUS_RESOURCE_EXHAUSTED] = {429, "RESOURCE_EXHAUSTED", "Too much"},
	[STATUS_FAILED_PRECONDITION] = {409, "FAILED_PRECONDITION", "Not in this state"},
	[STATUS_ABORTED] = {409, "ABORTED", "Something else came between"},
	[STATUS_OUT_OF_RANGE] = {409, "OUT_OF_RANGE", "Not where it goes on"},
	[STATUS_UNIMPLEMENTED] = {501, "UNIMPLEMENTED", "The pool cannot do that"},
	[STATUS_INTERNAL] = {500, "INTERNAL", "A fault of HiveMind"},
	[STATUS_UNAVAILABLE] = {503, "UNAVAILABLE", "The pool cannot be reached"},
	[STATUS_DATA_LOSS] = {422, "DATA_LOSS", "The bytes are not what they should be"},
	[STATUS_UNAUTHENTICATED] = {401, "NOT_SIGNED_IN", "Not signed in at the pool"},
};
static const struct problem not_enough = {402, "NOT_ENOUGH_CPT", "Not enough CPT"};

static const struct problem *problem_of(const struct error *e)
{
	if (e->status == STATUS_RESOURCE_EXHAUSTED && strstr(e->text, " CPT") != NULL)
		return &not_enough;
	if (e->status <= 0 || (size_t)e->status >= sizeof problems / sizeof problems[0])
		return &problems[STATUS_UNKNOWN];
	return &problems[e->status];
}

void api_problem(struct http_request *r, const struct error *e)
{
	const struct problem *p = problem_of(e);

	if (p->http == 429)
		http_header(r, "Retry-After", "%d", TOO_MUCH_S);
	http_problem(r, &(struct http_problem){
		.status = p->http, .code = p->code, .title = p->title, .detail = e->text,
		.hint = e->hint[0] != '\0' ? e->hint
			: p->http == 503 ? "Is the pool running? The request can be repeated."
			: p->http == 404 ? "Lists say what there is (/api/v1/tasks, /workers, /projects); "
					   "what is somebody else's is in none"
					 : "/api/v1/openapi.json says what each request takes"});
}

void api_fail(struct api *a, const struct error *e)
{
	api_problem(a->r, e);
}

void api_refuse(struct api *a, int status, const char *format, ...)
{
	struct error err;
	char text[sizeof err.text];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	error_set(&err, status, "%s", text);
	api_fail(a, &err);
}
