/* net/memory.h - small allocations that cannot fail: out of memory ends the process.
 *
 * For sizes that we choose ourselves. A size from outside is compared with proto/limits.h first. */
#ifndef NET_MEMORY_H
#define NET_MEMORY_H

#include <stddef.h>

void *xmalloc(size_t n);
void *xcalloc(size_t count, size_t n); /* zeroed */
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *text);
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Overwrite secrets before the memory goes; the compiler does not remove it. */
void wipe(void *p, size_t n);

#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

#endif
