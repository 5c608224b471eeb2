#include "net/request.h"

#include <string.h>
#include <strings.h>

#include "net/grpc.h"
#include "proto/limits.h"
#include "proto/status.h"

void request_init(struct request *r, const struct grpc_server_options *options, struct arena *arena)
{
	r->options = options;
	r->arena = arena;
}

static void take_path(struct request *r, const char *value, size_t n)
{
	for (size_t i = 0; i < r->options->handler_count; i++) {
		const char *known = r->options->handlers[i].method->path;

		if (strlen(known) == n && memcmp(known, value, n) == 0) {
			r->handler = &r->options->handlers[i];
			return;
		}
	}
	grpc_percent_decode(r->unknown, sizeof r->unknown, value, n);
}

static void take_method(struct request *r, const char *value, size_t n)
{
	r->post = n == 4 && memcmp(value, "POST", 4) == 0;
}

/* "application/grpc", "application/grpc+proto", each perhaps with parameters. */
static void take_content_type(struct request *r, const char *value, size_t n)
{
	static const char base[] = "application/grpc";
	static const char proto[] = "+proto";

	if (n < sizeof base - 1 || memcmp(value, base, sizeof base - 1) != 0)
		return;
	value += sizeof base - 1;
	n -= sizeof base - 1;
	if (n >= sizeof proto - 1 && memcmp(value, proto, sizeof proto - 1) == 0) {
		value += sizeof proto - 1;
		n -= sizeof proto - 1;
	}
	r->grpc = n == 0 || *value == ';';
}

static void take_timeout(struct request *r, const char *value, size_t n)
{
	r->timeout_ms = grpc_timeout_parse(value, n);
	if (r->timeout_ms == 0)
		r->timeout_ms = 1; /* it has passed */
}

static void take_encoding(struct request *r, const char *value, size_t n)
{
	r->encoded = n != 8 || memcmp(value, "identity", 8) != 0;
}

static void take_authorization(struct request *r, const char *value, size_t n)
{
	static const char bearer[] = "Bearer ";
	size_t length = sizeof bearer - 1;

	if (n <= length || strncasecmp(value, bearer, length) != 0 || r->token != NULL)
		return;
	r->token = arena_alloc(r->arena, n - length + 1);
	memcpy(r->token, value + length, n - length);
}

static const struct {
	const char *name;
	size_t n;
	void (*take)(struct request *r, const char *value, size_t n);
} known_fields[] = {
    {":path", 5, take_path},
    {":method", 7, take_method},
    {"content-type", 12, take_content_type},
    {"grpc-timeout", 12, take_timeout},
    {"grpc-encoding", 13, take_encoding},
    {"authorization", 13, take_authorization},
};

static bool too_large(const struct request *r)
{
	return r->fields > METADATA_FIELDS_MAX || r->bytes > (size_t)METADATA_MAX;
}

void request_field(struct request *r, const char *name, size_t name_n, const char *value, size_t value_n)
{
	r->fields++;
	r->bytes += name_n + value_n + 32;
	if (too_large(r))
		return;
	for (size_t i = 0; i < sizeof known_fields / sizeof known_fields[0]; i++)
		if (known_fields[i].n == name_n && memcmp(known_fields[i].name, name, name_n) == 0)
			known_fields[i].take(r, value, value_n);
	metadata_keep(&r->metadata, r->arena, METADATA_INITIAL, name, name_n, value, value_n);
}

const char *request_http_refusal(const struct request *r)
{
	if (too_large(r))
		return NULL; /* what is missing may be among the fields that were not read */
	if (!r->post)
		return "405";
	return r->grpc ? NULL : "415";
}

int request_check(const struct request *r, struct error *e)
{
	if (too_large(r))
		return error_set(e, STATUS_RESOURCE_EXHAUSTED,
		                 "more than %lld bytes or %d fields of metadata", METADATA_MAX,
		                 METADATA_FIELDS_MAX);
	if (r->handler == NULL)
		return error_set(e, STATUS_UNIMPLEMENTED, "there is no method %s", r->unknown);
	if (r->timeout_ms < 0)
		return error_set(e, STATUS_INVALID_ARGUMENT, "grpc-timeout is not a number and a unit");
	return 0;
}
