#include "net/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/memory.h"

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	alignas(max_align_t) uint8_t data[];
};

/* With its head a block of this size is the largest that malloc keeps at hand for its thread: the arena of
 * one message costs a few instructions. */
#define BLOCK_MIN (1024 - sizeof(struct arena_block))
#define ALIGN(n) (((n) + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1))

static void add_block(struct arena *a, size_t n)
{
	size_t size = a->blocks == NULL ? BLOCK_MIN : a->blocks->size * 2;
	struct arena_block *b;

	if (size > 64 * 1024)
		size = 64 * 1024;
	if (size < n)
		size = n;
	b = xmalloc(sizeof *b + size);
	b->used = 0;
	b->size = size;
	b->next = a->blocks;
	a->blocks = b;
}

static void *take(struct arena *a, size_t n)
{
	void *p;

	n = ALIGN(n > 0 ? n : 1);
	if (a->blocks == NULL || a->blocks->size - a->blocks->used < n)
		add_block(a, n);
	p = a->blocks->data + a->blocks->used;
	a->blocks->used += n;
	a->total += n;
	return p;
}

void *arena_alloc(struct arena *a, size_t n)
{
	return memset(take(a, n), 0, n);
}

void *arena_try(struct arena *a, size_t n)
{
	if (a->max > 0 && (n > a->max || a->total > a->max - n)) {
		a->refused = true;
		return NULL;
	}
	return take(a, n);
}

void *arena_dup(struct arena *a, const void *data, size_t n)
{
	void *p = take(a, n);

	return n > 0 ? memcpy(p, data, n) : p;
}

char *arena_strdup(struct arena *a, const char *text)
{
	return arena_dup(a, text, strlen(text) + 1);
}

char *arena_printf(struct arena *a, const char *format, ...)
{
	va_list args;
	char *text;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	text = arena_alloc(a, (size_t)n + 1);
	va_start(args, format);
	vsnprintf(text, (size_t)n + 1, format, args);
	va_end(args);
	return text;
}

void arena_release(struct arena *a)
{
	while (a->blocks != NULL) {
		struct arena_block *next = a->blocks->next;

		free(a->blocks);
		a->blocks = next;
	}
	a->total = 0;
}

static void *allocator_alloc(void *a, size_t n)
{
	return arena_try(a, n);
}

static void allocator_free(void *a, void *p)
{
	(void)a;
	(void)p;
}

ProtobufCAllocator arena_allocator(struct arena *a)
{
	return (ProtobufCAllocator){allocator_alloc, allocator_free, a};
}
