#include "net/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/memory.h"
#include "proto/status.h"

uint8_t *buf_reserve(struct buf *b, size_t n)
{
	size_t max = b->max > 0 ? b->max : BUF_MAX_DEFAULT;
	size_t size = b->size > 0 ? b->size : 256;

	if (n > max || b->n > max - n)
		return NULL;
	while (size < b->n + n)
		size *= 2;
	if (size > b->size) {
		b->data = xrealloc(b->data, size);
		b->size = size;
	}
	return b->data + b->n;
}

int buf_append(struct buf *b, const void *data, size_t n)
{
	uint8_t *room = buf_reserve(b, n);

	if (room == NULL)
		return STATUS_RESOURCE_EXHAUSTED;
	if (n > 0)
		memcpy(room, data, n);
	b->n += n;
	return 0;
}

int buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n < 0 || buf_reserve(b, (size_t)n + 1) == NULL)
		return STATUS_RESOURCE_EXHAUSTED;
	va_start(args, format);
	vsnprintf((char *)b->data + b->n, (size_t)n + 1, format, args);
	va_end(args);
	b->n += (size_t)n;
	return 0;
}

void buf_consume(struct buf *b, size_t n)
{
	memmove(b->data, b->data + n, b->n - n);
	b->n -= n;
}

const char *buf_text(struct buf *b)
{
	if (b->size == b->n) {
		b->data = xrealloc(b->data, b->n + 1);
		b->size = b->n + 1;
	}
	b->data[b->n] = '\0';
	return (const char *)b->data;
}

void buf_release(struct buf *b)
{
	free(b->data);
	b->data = NULL;
	b->n = b->size = 0;
}
