/* net/buf.h - bytes that grow, up to a ceiling.
 *
 * Zero-initialised it is an empty buffer that may grow to BUF_MAX_DEFAULT. Appending beyond the
 * ceiling appends nothing and returns STATUS_RESOURCE_EXHAUSTED; out of memory ends the process. */
#ifndef NET_BUF_H
#define NET_BUF_H

#include <stddef.h>
#include <stdint.h>

#define BUF_MAX_DEFAULT ((size_t)64 << 20)

struct buf {
	uint8_t *data; /* NULL while nothing was appended */
	size_t n;      /* bytes in use */
	size_t size;   /* bytes allocated */
	size_t max;    /* ceiling of n; 0 = BUF_MAX_DEFAULT */
};

int buf_append(struct buf *b, const void *data, size_t n);
int buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Room for n more bytes at data + n; the caller then adds what it used to b->n. NULL = too big. */
uint8_t *buf_reserve(struct buf *b, size_t n);

/* Take the first n bytes away. */
void buf_consume(struct buf *b, size_t n);

/* The content as a C string; valid until the next change. */
const char *buf_text(struct buf *b);

/* Free the memory; b is an empty buffer again (its ceiling stays). */
void buf_release(struct buf *b);

#endif
