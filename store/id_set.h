/* store/id_set.h - which ids have come before? Of each 128 bits of its hash are kept, so that millions fit in
 * memory. */
#ifndef STORE_ID_SET_H
#define STORE_ID_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* {0} is the empty one. */
struct id_set {
	uint64_t (*slots)[2]; /* {0, 0} = free */
	size_t count, size;   /* size: a power of two */
};

/* Put it in. True: it was there already. */
bool id_set_put(struct id_set *set, const char *id);

void id_set_release(struct id_set *set);

#endif
