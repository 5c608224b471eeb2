/* roles/free_port.h - a port of this machine that nobody listens on. Somebody may take it a moment later:
 * who listens then says so. */
#ifndef ROLES_FREE_PORT_H
#define ROLES_FREE_PORT_H

#include "net/endpoint.h"
#include "proto/error.h"

/* at->port, or the next above it that is free; 0 = any. A unix socket is left as it is.
 *   ALREADY_EXISTS  none of the next PORTS_TRIED is free */
int free_port_find(struct endpoint *at, struct error *err);

#endif
