/* store/id_set.c - a hash table with open addressing, half full at the most. */
#include "store/id_set.h"

#include <stdlib.h>

#include "net/memory.h"

static uint64_t mix(uint64_t h, uint64_t factor)
{
	h ^= h >> 31;
	h *= factor;
	return h ^ (h >> 29);
}

static void id_hash(const char *id, uint64_t hash[2])
{
	uint64_t a = 0x9e3779b97f4a7c15ull, b = 0xc2b2ae3d27d4eb4full;

	for (const char *c = id; *c != '\0'; c++) {
		a = mix(a ^ (unsigned char)*c, 0xbf58476d1ce4e5b9ull);
		b = mix(b + (unsigned char)*c, 0x94d049bb133111ebull);
	}
	hash[0] = a | 1; /* never the free slot */
	hash[1] = b;
}

/* Was it there already? */
static bool slot_put(uint64_t (*slots)[2], size_t size, const uint64_t hash[2])
{
	size_t i = (hash[0] ^ hash[1]) & (size - 1);

	while (slots[i][0] != 0) {
		if (slots[i][0] == hash[0] && slots[i][1] == hash[1])
			return true;
		i = (i + 1) & (size - 1);
	}
	slots[i][0] = hash[0];
	slots[i][1] = hash[1];
	return false;
}

bool id_set_put(struct id_set *set, const char *id)
{
	uint64_t hash[2];

	if (set->count * 2 >= set->size) {
		size_t size = set->size > 0 ? 2 * set->size : 1024;
		uint64_t(*slots)[2] = xcalloc(size, sizeof(*slots));

		for (size_t i = 0; i < set->size; i++) {
			if (set->slots[i][0] != 0)
				slot_put(slots, size, set->slots[i]);
		}
		free(set->slots);
		set->slots = slots;
		set->size = size;
	}
	id_hash(id, hash);
	if (slot_put(set->slots, set->size, hash))
		return true;
	set->count++;
	return false;
}

void id_set_release(struct id_set *set)
{
	free(set->slots);
	*set = (struct id_set){0};
}
