/* ui/json.h - write JSON as a stream into a buffer: no tree, no memory that grows with a list.
 *
 * Commas and quoting are its business. Text that is not UTF-8 is written with U+FFFD. Nesting mistakes are
 * asserted. Keys are NULL inside arrays. */
#ifndef UI_JSON_H
#define UI_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "net/buf.h"

struct json {
	struct buf *out;
	int depth;
	uint64_t has_items; /* bit d: level d has an item already */
	uint64_t is_array;
};

void json_init(struct json *j, struct buf *out);
/* The same, and the beginning of what every --json prints: an object
 * whose first member is its version, "v": 1. */
void json_document(struct json *j, struct buf *out);
void json_object(struct json *j, const char *key);
void json_array(struct json *j, const char *key);
void json_end(struct json *j); /* of the innermost object or array */
void json_text(struct json *j, const char *key, const char *value); /* NULL = null */
void json_text_n(struct json *j, const char *key, const void *value, size_t n);
void json_int(struct json *j, const char *key, int64_t value);
void json_uint(struct json *j, const char *key, uint64_t value);
void json_seconds(struct json *j, const char *key, int64_t ms); /* 1.234 */
/* An array; NAN and infinities = null. */
void json_floats(struct json *j, const char *key, const float *values, size_t n);
void json_bool(struct json *j, const char *key, bool value);
void json_null(struct json *j, const char *key);
void json_time(struct json *j, const char *key, int64_t ms); /* RFC 3339 UTC with milliseconds; 0 = null */

#endif
