/* net/strangers.c - see strangers.h. At most STRANGERS_MAX networks, so that the table stays small. */
#include "net/strangers.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "net/memory.h"
#include "proto/limits.h"

struct network {
	uint64_t prefix;
	size_t count;
	UT_hash_handle hh;
};

static uint64_t prefix_of_ipv4(uint32_t address)
{
	return address >> 24 == 127 ? PREFIX_LOCAL : 1ull << 63 | address >> 8;
}

/* The first 56 bits; the lowest bit set, so that it is never PREFIX_LOCAL. */
static uint64_t prefix_of_ipv6(const struct in6_addr *address)
{
	uint64_t prefix = 0;
	uint32_t four;

	if (IN6_IS_ADDR_LOOPBACK(address))
		return PREFIX_LOCAL;
	if (IN6_IS_ADDR_V4MAPPED(address)) {
		memcpy(&four, address->s6_addr + 12, sizeof four);
		return prefix_of_ipv4(ntohl(four));
	}
	for (int i = 0; i < 7; i++)
		prefix = prefix << 8 | address->s6_addr[i];
	return prefix << 1 | 1;
}

uint64_t strangers_prefix(const struct sockaddr *address)
{
	if (address == NULL)
		return PREFIX_LOCAL;
	if (address->sa_family == AF_INET)
		return prefix_of_ipv4(ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr));
	return prefix_of_ipv6(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

static struct network *find(struct strangers *s, uint64_t prefix)
{
	struct network *n;

	HASH_FIND(hh, s->networks, &prefix, sizeof prefix, n);
	return n;
}

static struct network *find_or_add(struct strangers *s, uint64_t prefix)
{
	struct network *n = find(s, prefix);

	if (n != NULL)
		return n;
	n = xcalloc(1, sizeof *n);
	n->prefix = prefix;
	HASH_ADD(hh, s->networks, prefix, sizeof n->prefix, n);
	return n;
}

enum guard_kind strangers_enter(struct strangers *s, uint64_t prefix)
{
	struct network *n;

	if (prefix == PREFIX_LOCAL)
		return GUARD_FINE;
	if (s->count >= STRANGERS_MAX)
		return GUARD_STRANGERS;
	n = find_or_add(s, prefix);
	if (n->count >= STRANGERS_PREFIX_MAX)
		return GUARD_STRANGERS_PREFIX;
	n->count++;
	s->count++;
	return GUARD_FINE;
}

void strangers_leave(struct strangers *s, uint64_t prefix)
{
	struct network *n;

	if (prefix == PREFIX_LOCAL)
		return;
	n = find(s, prefix);
	s->count--;
	if (--n->count > 0)
		return;
	HASH_DELETE(hh, s->networks, n);
	free(n);
}
