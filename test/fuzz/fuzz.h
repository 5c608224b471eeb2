/* test/fuzz/fuzz.h - what the fuzz targets share. A target is one file with LLVMFuzzerTestOneInput(): bytes
 * go into one reader of ours, and what it must hold whatever they are is said with must().
 *
 *     make fuzz                  every target with libFuzzer, FUZZ_SECONDS=60 each; FUZZ="tar h2_server" some
 *     make test                  replays test/fuzz/corpus/TARGET/ under gcc's sanitizers (replay.c)
 *
 * A target may include the .c file under test, to reach what is static. What libFuzzer finds it leaves in
 * build/fuzz/found/TARGET/; minimised and named after the fault it goes into the corpus. */
#ifndef TEST_FUZZ_H
#define TEST_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* An assertion that stays in every build. */
#define must(condition)                                                                                      \
	do {                                                                                                 \
		if (!(condition)) {                                                                          \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);              \
			abort();                                                                             \
		}                                                                                            \
	} while (0)

/* A copy of exactly n bytes and a zero byte: a read beyond it is seen. */
static inline char *text_of(const void *data, size_t n)
{
	char *text = xmalloc(n + 1);

	if (n > 0)
		memcpy(text, data, n);
	text[n] = '\0';
	return text;
}

/* A copy of exactly n bytes. */
static inline uint8_t *bytes_of(const void *data, size_t n)
{
	uint8_t *bytes = xmalloc(n);

	if (n > 0)
		memcpy(bytes, data, n);
	return bytes;
}

/* The sizes in which an input is cut into pieces: odd, from 1 to some hundred, the same for the same seed. */
static inline size_t next_piece(uint32_t *seed, size_t left)
{
	size_t piece;

	*seed = *seed * 1664525 + 1013904223;
	piece = *seed >> 30 == 0 ? 1 + (*seed >> 8) % 700 : 1 + (*seed >> 8) % 7;
	return piece < left ? piece : left;
}

/* Are these terminated text of fewer than size bytes, without control characters? */
static inline bool is_shown(const char *text, size_t size)
{
	size_t n = strnlen(text, size);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return false;
	return n < size;
}

#endif
