/* exec/json_keys.h - where the fields of a JSON text stand, and what cJSON lets through although JSON forbids
 * it.
 *
 * cJSON gives values without positions. This walks the same text for the names of fields down to the second
 * level, each with its line, and finds names that come twice, numbers that begin with zeros, zero characters
 * in strings and control characters between values. */
#ifndef EXEC_JSON_KEYS_H
#define EXEC_JSON_KEYS_H

#include <stddef.h>

#include "net/arena.h"

#define JSON_KEYS_MAX 1024 /* fields, variables and labels together; a manifest within its bounds has fewer  \
			    */

struct json_key {
	const char *text; /* as it stands there, n bytes */
	size_t n;
	int line, parent; /* index of the field whose value it stands in; -1 = none */
};

struct json_keys {
	const char *text;
	struct json_key *keys; /* JSON_KEYS_MAX of them */
	int count, line;       /* line: of the fault that json_keys_read() found */
	char words[200];
};

/* text is ended by a zero byte and must have passed cJSON before json_keys_read(). */
void json_keys_init(struct json_keys *k, struct arena *arena, const char *text);

/* NULL, or what is wrong as words that lie in k; k->line says where. */
const char *json_keys_read(struct json_keys *k);

/* The index of field `name` in the value of the field `parent` (-1: of the text itself); -1 = there is none.
 */
int json_keys_find(const struct json_keys *k, int parent, const char *name);

/* The line of a field; 1 when index is -1. */
int json_keys_line(const struct json_keys *k, int index);

/* The line that this place in the text is in. */
int json_keys_line_of(const struct json_keys *k, const char *place);

#endif
