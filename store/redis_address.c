/* store/redis_address.c - where Redis is, as people write it: redis://[:PASSWORD@]HOST[:PORT][/DB] or
 * unix:PATH. */
#include <stdlib.h>
#include <string.h>

#include "proto/status.h"
#include "store/redis.h"

#define REDIS_PORT 6379

/* A number from 0 to max that is all of text. */
static int number_parse(int *n, const char *text, int max)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end != '\0' || value > max)
		return STATUS_INVALID_ARGUMENT;
	*n = (int)value;
	return 0;
}

static int copy(char *to, size_t size, const char *from, size_t n)
{
	if (n == 0 || n >= size)
		return STATUS_INVALID_ARGUMENT;
	memcpy(to, from, n);
	to[n] = '\0';
	return 0;
}

/* HOST[:PORT] or [ADDRESS][:PORT]. */
static int host_parse(struct redis_address *a, const char *text)
{
	const char *end, *port;

	if (text[0] == '[') {
		end = strchr(++text, ']');
		if (end == NULL)
			return STATUS_INVALID_ARGUMENT;
		port = end + 1;
	} else {
		end = text + strcspn(text, ":");
		port = end;
	}
	if (copy(a->host, sizeof(a->host), text, (size_t)(end - text)) != 0)
		return STATUS_INVALID_ARGUMENT;
	if (port[0] == '\0')
		return 0;
	return port[0] == ':' && number_parse(&a->port, port + 1, 65535) == 0 && a->port > 0
		       ? 0
		       : STATUS_INVALID_ARGUMENT;
}

static int tcp_parse(struct redis_address *a, const char *text)
{
	char rest[512], *slash;
	const char *at = strrchr(text, '@');

	if (at != NULL) {
		if (text[0] != ':' ||
		    copy(a->password, sizeof(a->password), text + 1, (size_t)(at - text - 1)) != 0)
			return STATUS_INVALID_ARGUMENT;
		text = at + 1;
	}
	if (copy(rest, sizeof(rest), text, strlen(text)) != 0)
		return STATUS_INVALID_ARGUMENT;
	slash = strchr(rest, '/');
	if (slash != NULL) {
		*slash = '\0';
		if (slash[1] != '\0' && number_parse(&a->db, slash + 1, 1000000) != 0)
			return STATUS_INVALID_ARGUMENT;
	}
	return host_parse(a, rest);
}

int redis_address_parse(struct redis_address *a, const char *url, struct error *err)
{
	int rc = STATUS_INVALID_ARGUMENT;

	*a = (struct redis_address){.port = REDIS_PORT};
	if (strncmp(url, "unix:", 5) == 0)
		rc = copy(a->path, sizeof(a->path), url + 5, strlen(url + 5));
	else if (strncmp(url, "redis://", 8) == 0)
		rc = tcp_parse(a, url + 8);
	if (rc == 0)
		return 0;
	/* The text is not repeated: it may hold a password. */
	error_set(err, rc, "the address of Redis cannot be read");
	return error_hint(err, "write redis://[:PASSWORD@]HOST[:PORT][/DB] or unix:PATH");
}
