/* net/arena.h - memory that goes in one call.
 *
 * What one RPC or one parse builds comes from its arena and dies with it. Zero-initialised it is
 * empty. arena_release() frees everything at once; single pieces are never freed. */
#ifndef NET_ARENA_H
#define NET_ARENA_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *blocks; /* newest first */
	size_t total;               /* bytes handed out */
	size_t max;                 /* ceiling of total for arena_try(); 0 = none */
	bool refused;               /* arena_try() has answered NULL */
};

/* zeroed, aligned for anything; ends the process when there is no memory */
void *arena_alloc(struct arena *a, size_t n);
void *arena_try(struct arena *a, size_t n);   /* not zeroed; NULL above the ceiling */
char *arena_strdup(struct arena *a, const char *text);
void *arena_dup(struct arena *a, const void *data, size_t n);
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
void arena_release(struct arena *a);

/* An allocator for protobuf-c that takes from a and frees nothing. Keep it no longer than a. */
ProtobufCAllocator arena_allocator(struct arena *a);

#endif
