/* net/grpc.h - the small encodings of gRPC over HTTP/2: no I/O, used by both ends. */
#ifndef NET_GRPC_H
#define NET_GRPC_H

#include <stddef.h>
#include <stdint.h>

/* --- a message on the wire: one byte of flags, four of length, the message ------------------- */
#define GRPC_PREFIX 5

struct grpc_prefix {
	uint8_t flags; /* 1 = compressed; no other is defined */
	uint32_t length;
};

struct grpc_prefix grpc_prefix_read(const uint8_t bytes[GRPC_PREFIX]);
void grpc_prefix_write(uint8_t bytes[GRPC_PREFIX], uint32_t length);

/* --- grpc-timeout: up to eight digits and a unit (H M S m u n) -------------------------------- */
#define GRPC_TIMEOUT_SIZE 12

/* Milliseconds, rounded up; -1 = not a timeout. */
int64_t grpc_timeout_parse(const char *text, size_t n);
/* The exact text if there is one, else the next longer that fits. */
void grpc_timeout_format(char text[GRPC_TIMEOUT_SIZE], int64_t ms);

/* --- grpc-message: what is not printable ASCII, and %, is written %XX -------------------------- */

/* out has n bytes, is terminated and cut at the end of a character or escape when too small. */
void grpc_percent_encode(char *out, size_t n, const char *text);
/* Never fails: what is no escape is taken as it stands; no control character comes
 * out but tabs and ends of lines. */
void grpc_percent_decode(char *out, size_t n, const char *text, size_t text_n);

/* --- what other outcomes mean ------------------------------------------------------------------ */

/* The status of an answer that has an HTTP status and no grpc-status. */
int grpc_status_from_http(int http);
/* The status of a stream that was reset with this HTTP/2 code. */
int grpc_status_from_reset(uint32_t code);

#endif
