/* net/sha256.h - SHA-256 as a stream, and as hexadecimal text. */
#ifndef NET_SHA256_H
#define NET_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct sha256 {
	uint64_t state[16]; /* libnettle's; its own names would clash with ours here */
};

void sha256_init(struct sha256 *s);
void sha256_update(struct sha256 *s, const void *data, size_t n);
void sha256_hex(struct sha256 *s, char hex[65]); /* ends the stream; init again before reuse */

/* Of one piece of memory. */
void sha256_hex_of(const void *data, size_t n, char hex[65]);

#endif
