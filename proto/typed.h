/* proto/typed.h - what people type: sizes, durations, and words with a slip in them. */
#ifndef PROTO_TYPED_H
#define PROTO_TYPED_H

#include <stdint.h>

/* "512MiB", "2G" (both 1024's powers), "1.5GiB", "1000" -> bytes; -1 = not one. */
int64_t parse_size(const char *text);

/* "90s", "5m", "2h", "3d", "1h30m", "250ms", "90" (seconds) -> milliseconds; -1 = not one. */
int64_t parse_duration_ms(const char *text);

/* The same in whole seconds; -1 also when it is not a whole number of them. */
int64_t parse_duration(const char *text);

/* The nearest of `words` (NULL-ended) to what was typed, or NULL when none is near. */
const char *nearest_word(const char *typed, const char *const *words);

#endif
