/* net/endpoint.h - where a peer is: "HOST[:PORT]", "[::1]:PORT" or "unix:PATH". */
#ifndef NET_ENDPOINT_H
#define NET_ENDPOINT_H

#include <stdbool.h>

#include "proto/error.h"

#define PORT_DEFAULT 50051

struct endpoint {
	char host[256];  /* name or address without brackets; "" for a unix socket */
	int port;        /* 0 = any free one (listening) */
	char path[108];  /* of a unix socket; "" for TCP */
	char pin[65];    /* SHA-256 of the key expected there, hexadecimal, from "#sha256:..."; "" = none */
};

/* Read text; a missing port becomes PORT_DEFAULT. INVALID_ARGUMENT says what is wrong. */
int endpoint_parse(struct endpoint *e, const char *text, struct error *err);

/* As endpoint_parse reads it, without the pin. */
const char *endpoint_text(const struct endpoint *e, char *buf, unsigned long n);

/* Is this host written in brackets before its port: an address with colons, or one named "unix", which is not
 * unix:PATH? */
bool endpoint_host_in_brackets(const char *host);

/* Does traffic to it stay on this machine: a unix socket, 127/8, ::1, "localhost"? */
bool endpoint_is_local(const struct endpoint *e);

#endif
