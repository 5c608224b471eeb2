/* exec/name_set.c - a hash table of names, keyed with SipHash-2-4 (Aumasson and Bernstein, 2012). */
#include "exec/name_set.h"

#include <stdlib.h>
#include <string.h>

#include "net/clock.h"
#include "net/memory.h"
#include "proto/limits.h"

enum { FILE_NAME = 1, DIRECTORY_IMPLIED = 2, DIRECTORY_NAMED = 3, KIND_MASK = 3 };

static uint64_t rotate(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1], v[1] = rotate(v[1], 13) ^ v[0], v[0] = rotate(v[0], 32);
	v[2] += v[3], v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3], v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1], v[1] = rotate(v[1], 17) ^ v[2], v[2] = rotate(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	sip_round(v);
	v[0] ^= word;
}

static uint64_t sip_hash(const uint64_t key[2], const char *data, size_t n)
{
	uint64_t v[4] = {key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
			 key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573};
	uint64_t word, last = (uint64_t)n << 56;
	size_t i;

	for (i = 0; i + 8 <= n; i += 8) {
		memcpy(&word, data + i, 8);
		sip_word(v, word);
	}
	for (int shift = 0; i < n; i++, shift += 8)
		last |= (uint64_t)(unsigned char)data[i] << shift;
	sip_word(v, last);
	v[2] ^= 0xff;
	for (i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void name_set_init(struct name_set *s)
{
	*s = (struct name_set){.size = 64};
	s->slots = xcalloc(s->size, sizeof *s->slots);
	random_bytes(s->key, sizeof s->key);
}

void name_set_release(struct name_set *s)
{
	free(s->slots);
	s->slots = NULL;
}

/* The slot that holds this hash, or the empty one where it belongs. */
static uint64_t *find_slot(const struct name_set *s, uint64_t hash)
{
	size_t i = (hash >> 2) & (s->size - 1);

	while (s->slots[i] != 0 && ((s->slots[i] ^ hash) & ~(uint64_t)KIND_MASK) != 0)
		i = (i + 1) & (s->size - 1);
	return &s->slots[i];
}

static void grow(struct name_set *s)
{
	uint64_t *old = s->slots;
	size_t old_size = s->size;

	s->size *= 2;
	s->slots = xcalloc(s->size, sizeof *s->slots);
	for (size_t i = 0; i < old_size; i++) {
		if (old[i] != 0)
			*find_slot(s, old[i]) = old[i];
	}
	free(old);
}

static enum name_verdict add_one(struct name_set *s, const char *name, size_t n, unsigned kind)
{
	uint64_t hash = sip_hash(s->key, name, n) & ~(uint64_t)KIND_MASK;
	uint64_t *slot = find_slot(s, hash);
	unsigned was = *slot & KIND_MASK;

	if (*slot == 0) {
		if (s->count >= ARCHIVE_ENTRIES_MAX)
			return NAME_TOO_MANY;
		*slot = hash | kind;
		if (++s->count * 4 > s->size * 3)
			grow(s);
		return NAME_NEW;
	}
	if (kind == DIRECTORY_IMPLIED)
		return was == FILE_NAME ? NAME_BELOW_FILE : NAME_NEW;
	if (was == DIRECTORY_IMPLIED && kind == DIRECTORY_NAMED) {
		*slot = hash | kind;
		return NAME_NEW;
	}
	return was != FILE_NAME && kind == FILE_NAME ? NAME_IS_DIRECTORY : NAME_DUPLICATE;
}

enum name_verdict name_set_add(struct name_set *s, const char *name, bool directory)
{
	const char *last = strrchr(name, '/');
	size_t parent = last != NULL ? (size_t)(last - name) : 0;
	enum name_verdict verdict = NAME_NEW;

	/* Archives list a directory's files together: what is above them was looked up for the first. */
	if (parent >= sizeof s->parent || strncmp(s->parent, name, parent) != 0 ||
	    s->parent[parent] != '\0') {
		for (const char *p = name; verdict == NAME_NEW && (p = strchr(p, '/')) != NULL; p++)
			verdict = add_one(s, name, (size_t)(p - name), DIRECTORY_IMPLIED);
		if (verdict != NAME_NEW)
			return verdict;
		if (parent < sizeof s->parent) {
			memcpy(s->parent, name, parent);
			s->parent[parent] = '\0';
		}
	}
	return add_one(s, name, strlen(name), directory ? DIRECTORY_NAMED : FILE_NAME);
}
