/* net/embed.h - files built into the program (Makefile, EMBED):
 * EMBED(seccomp_json) declares exec/seccomp.json. */
#ifndef NET_EMBED_H
#define NET_EMBED_H

#include <stdint.h>

#define EMBED(name) \
	extern const char embed_##name[]; /* followed by a zero byte that does not count */ \
	extern const uint64_t embed_##name##_size

#endif
