#include "net/endpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/id.h"
#include "proto/status.h"

static int bad(struct error *err, const char *text, const char *why)
{
	error_set(err, STATUS_INVALID_ARGUMENT, "\"%.100s\" is not an address: %s", text, why);
	error_hint(err, "write HOST, HOST:PORT, [::1]:PORT or unix:PATH");
	return STATUS_INVALID_ARGUMENT;
}

/* "#sha256:HEX" at the end of `text`, which is cut there. */
static int take_pin(struct endpoint *e, char *text, struct error *err)
{
	static const char mark[] = "#sha256:";
	char *at = strchr(text, '#');

	if (at == NULL)
		return 0;
	if (strncmp(at, mark, sizeof mark - 1) != 0 || !sha256_hex_valid(at + sizeof mark - 1))
		return bad(err, text, "after # comes sha256: and 64 hexadecimal digits");
	memcpy(e->pin, at + sizeof mark - 1, sizeof e->pin);
	*at = '\0';
	return 0;
}

static int take_path(struct endpoint *e, const char *text, struct error *err)
{
	const char *path = text + strlen("unix:");

	if (*path == '\0' || strlen(path) >= sizeof e->path)
		return bad(err, text, "the path of a unix socket has 1 to 107 bytes");
	for (const char *p = path; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return bad(err, text, "a path with control characters cannot be kept as a line of a file");
	strcpy(e->path, path);
	return 0;
}

static int take_port(struct endpoint *e, const char *text, const char *digits, struct error *err)
{
	char *end;
	long port = strtol(digits, &end, 10);

	if (*digits < '0' || *digits > '9' || *end != '\0' || port > 65535)
		return bad(err, text, "a port is a number from 0 to 65535");
	e->port = (int)port;
	return 0;
}

static int take_host(struct endpoint *e, const char *text, const char *host, size_t n, struct error *err)
{
	if (n == 0)
		return bad(err, text, "the host is missing");
	if (n >= sizeof e->host)
		return bad(err, text, "the host is too long");
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)host[i] <= ' ' || strchr("/[]\x7f", host[i]) != NULL)
			return bad(err, text, "a host has no spaces, slashes, brackets or control characters");
	memcpy(e->host, host, n);
	e->host[n] = '\0';
	return 0;
}

static int take_host_and_port(struct endpoint *e, const char *text, struct error *err)
{
	const char *host = text, *end, *colon;
	int rc;

	if (*text == '[') {
		host = text + 1;
		end = strchr(host, ']');
		if (end == NULL || (end[1] != '\0' && end[1] != ':'))
			return bad(err, text, "after [ comes an address and ]");
		colon = end[1] == ':' ? end + 1 : NULL;
	} else {
		colon = strchr(text, ':');
		if (colon != NULL && strchr(colon + 1, ':') != NULL)
			colon = NULL; /* an IPv6 address without a port */
		end = colon != NULL ? colon : text + strlen(text);
	}
	rc = take_host(e, text, host, (size_t)(end - host), err);
	e->port = PORT_DEFAULT;
	return rc == 0 && colon != NULL ? take_port(e, text, colon + 1, err) : rc;
}

int endpoint_parse(struct endpoint *e, const char *text, struct error *err)
{
	char copy[512];
	int rc;

	*e = (struct endpoint){0};
	if (strlen(text) >= sizeof copy)
		return bad(err, text, "it is too long");
	strcpy(copy, text);
	rc = take_pin(e, copy, err);
	if (rc != 0)
		return rc;
	if (strncmp(copy, "unix:", strlen("unix:")) == 0)
		return take_path(e, copy, err);
	return take_host_and_port(e, copy, err);
}

bool endpoint_host_in_brackets(const char *host)
{
	return strchr(host, ':') != NULL || strcmp(host, "unix") == 0;
}

const char *endpoint_text(const struct endpoint *e, char *buf, unsigned long n)
{
	if (e->path[0] != '\0')
		snprintf(buf, n, "unix:%s", e->path);
	else
		snprintf(buf, n, endpoint_host_in_brackets(e->host) ? "[%s]:%d" : "%s:%d", e->host, e->port);
	return buf;
}

bool endpoint_is_local(const struct endpoint *e)
{
	return e->path[0] != '\0' || strcmp(e->host, "localhost") == 0 || strcmp(e->host, "::1") == 0 ||
	       (strncmp(e->host, "127.", 4) == 0 && strspn(e->host, "0123456789.") == strlen(e->host));
}
