/* net/strangers.h - how many connections of people we do not know yet, in all and from each network.
 *
 * A network is a /24 of IPv4 or a /56 of IPv6. This machine itself is not counted. */
#ifndef NET_STRANGERS_H
#define NET_STRANGERS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "net/guard.h"

struct network;

/* Zero-initialised: nobody. */
struct strangers {
	struct network *networks; /* with one or more, hashed by prefix */
	size_t count;
};

#define PREFIX_LOCAL 0 /* this machine: not counted */

/* What strangers_enter() and _leave() go by; NULL = a unix socket. */
uint64_t strangers_prefix(const struct sockaddr *address);

/* One more: GUARD_FINE, or the limit that says no. */
enum guard_kind strangers_enter(struct strangers *s, uint64_t prefix);

/* One that had entered is gone, or is known now. */
void strangers_leave(struct strangers *s, uint64_t prefix);

#endif
