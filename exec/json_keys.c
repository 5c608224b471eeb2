/* exec/json_keys.c - one walk over the text, field by field; it ends at the first fault. */
#include "exec/json_keys.h"

#include <stdio.h>
#include <string.h>

#include "exec/visible.h"

void json_keys_init(struct json_keys *k, struct arena *arena, const char *text)
{
	*k = (struct json_keys){.text = text, .line = 1};
	k->keys = arena_alloc(arena, JSON_KEYS_MAX * sizeof *k->keys);
}

int json_keys_line_of(const struct json_keys *k, const char *place)
{
	int line = 1;

	for (const char *p = k->text; p < place; p++)
		line += *p == '\n';
	return line;
}

static const char *skip_blanks(const char *p, int *line)
{
	for (; *p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'; p++)
		*line += *p == '\n';
	return p;
}

/* From the quote that opens a string to the one that closes it; NULL = a zero character is in it. */
static const char *string_end(const char *p, int *line)
{
	for (p++; *p != '"' && *p != '\0'; p++) {
		*line += *p == '\n';
		if (*p != '\\')
			continue;
		if (strncmp(p, "\\u0000", 6) == 0)
			return NULL;
		if (p[1] != '\0')
			p++;
	}
	return p;
}

static const char *add_key(struct json_keys *k, struct json_key key)
{
	char shown[80];

	if (memchr(key.text, '\\', key.n) != NULL)
		return "the name of a field has a backslash in it";
	if (k->count == JSON_KEYS_MAX)
		return "there are more than 1024 fields";
	for (int i = 0; i < k->count; i++) {
		if (k->keys[i].parent != key.parent || k->keys[i].n != key.n ||
		    memcmp(k->keys[i].text, key.text, key.n) != 0)
			continue;
		text_visible(shown, sizeof shown, key.text, key.n);
		snprintf(k->words, sizeof k->words, "\"%s\" is there twice, first in line %d", shown,
			 k->keys[i].line);
		return k->words;
	}
	k->keys[k->count++] = key;
	return NULL;
}

/* What is at p, past its end then; depth 1 is inside of the outermost object. */
struct place {
	const char *p;
	int depth, parent;
};

static const char *read_string(struct json_keys *k, struct place *at)
{
	struct json_key key = {at->p + 1, 0, k->line, at->depth == 2 ? at->parent : -1};

	at->p = string_end(at->p, &k->line);
	if (at->p == NULL)
		return "a string has a zero character in it (\\u0000)";
	key.n = (size_t)(at->p - key.text);
	at->p += *at->p == '"';
	if (*skip_blanks(at->p, &(int){0}) != ':' || at->depth > 2)
		return NULL;
	if (at->depth == 1)
		at->parent = k->count;
	return add_key(k, key);
}

static const char *read_number(struct place *at)
{
	at->p += *at->p == '-';
	if (at->p[0] == '0' && at->p[1] >= '0' && at->p[1] <= '9')
		return "a number begins with a zero";
	at->p += strspn(at->p, "0123456789.eE+-");
	return NULL;
}

const char *json_keys_read(struct json_keys *k)
{
	struct place at = {.p = k->text, .parent = -1};
	const char *fault = NULL;

	k->line = 1;
	while (fault == NULL && *(at.p = skip_blanks(at.p, &k->line)) != '\0') {
		if (*at.p == '"') {
			fault = read_string(k, &at);
		} else if (*at.p == '-' || (*at.p >= '0' && *at.p <= '9')) {
			fault = read_number(&at);
		} else if ((unsigned char)*at.p < ' ') {
			fault = "a control character stands between the values"; /* for cJSON it is a blank */
		} else {
			at.depth += *at.p == '{' || *at.p == '[';
			at.depth -= *at.p == '}' || *at.p == ']';
			at.p++;
		}
	}
	return fault;
}

int json_keys_find(const struct json_keys *k, int parent, const char *name)
{
	for (int i = 0; i < k->count; i++) {
		if (k->keys[i].parent == parent && k->keys[i].n == strlen(name) &&
		    memcmp(k->keys[i].text, name, k->keys[i].n) == 0)
			return i;
	}
	return -1;
}

int json_keys_line(const struct json_keys *k, int index)
{
	return index < 0 ? 1 : k->keys[index].line;
}
