/* exec/pax.c - what a tar says of its next entry: pax records, or the long name of GNU tar. */
#include "exec/pax.h"

#include <stdio.h>
#include <string.h>

#include "exec/visible.h"

static const char *take_path(struct pax *x, const char *value, size_t n)
{
	if (x->has_path)
		return "gives one entry two names";
	if (n == 0)
		return "gives an entry an empty name";
	if (memchr(value, '\0', n) != NULL)
		return "gives an entry a name with a zero byte in it";
	if (n > ARCHIVE_PATH_MAX)
		return "gives an entry a name of more than 1024 bytes";
	memcpy(x->path, value, n);
	x->path[n] = '\0';
	x->has_path = true;
	return NULL;
}

static const char *take_size(struct pax *x, const char *value, size_t n)
{
	uint64_t size = 0;

	if (x->has_size)
		return "gives one entry two sizes";
	if (n == 0 || n > 18)
		return "has a pax size that is not a number";
	for (size_t i = 0; i < n; i++) {
		if (value[i] < '0' || value[i] > '9')
			return "has a pax size that is not a number";
		size = size * 10 + (uint64_t)(value[i] - '0');
	}
	x->size = size;
	x->has_size = true;
	return NULL;
}

/* Records about owners, times and attributes are of no use here and change nothing; vendors' own begin with a
 * capital. */
static bool pax_harmless(const char *key)
{
	static const char *const keys[] = {"mtime", "atime", "ctime",   "uid",        "gid",
					   "uname", "gname", "comment", "hdrcharset", "charset"};

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		if (strcmp(key, keys[i]) == 0)
			return true;
	}
	return key[0] >= 'A' && key[0] <= 'Z' && strncmp(key, "GNU.", 4) != 0;
}

static const char *take_record(struct pax *x, char type, const char *key, const char *value, size_t n)
{
	bool global = type == 'g';
	char shown[64];

	if (pax_harmless(key))
		return NULL;
	if (strcmp(key, "path") == 0 && !global)
		return take_path(x, value, n);
	if (strcmp(key, "size") == 0 && !global)
		return take_size(x, value, n);
	if (strncmp(key, "GNU.sparse.", 11) == 0)
		return "makes an entry a sparse file; make the archive without --sparse";
	if (strcmp(key, "linkpath") == 0)
		return "makes an entry a link; only files and directories may be in it";
	text_visible(shown, sizeof shown, key, strlen(key));
	snprintf(x->words, sizeof x->words, "overrides \"%s\"%s, which is not allowed", shown,
		 global ? " for all entries" : "");
	return x->words;
}

/* "LENGTH KEY=VALUE\n", one after the other. */
static const char *read_records(struct pax *x, char type, char *p, size_t n)
{
	const char *end = p + n, *fault = NULL;

	while (fault == NULL && p < end) {
		char *start = p, *equals;
		size_t length = 0;

		for (; p < end && *p >= '0' && *p <= '9' && length < PAX_MAX; p++)
			length = length * 10 + (size_t)(*p - '0');
		if (p == start || p == end || *p != ' ' || length > (size_t)(end - start) ||
		    length < (size_t)(p - start) + 4 || start[length - 1] != '\n')
			return "has a pax record of wrong length";
		equals = memchr(p + 1, '=', length - (size_t)(p + 1 - start));
		if (equals == NULL || equals == p + 1)
			return "has a pax record without a keyword";
		*equals = '\0';
		if (strlen(p + 1) != (size_t)(equals - (p + 1)))
			return "has a pax keyword with a zero byte in it";
		fault = take_record(x, type, p + 1, equals + 1, (size_t)(start + length - 1 - (equals + 1)));
		p = start + length;
	}
	return fault;
}

const char *pax_take(struct pax *x, char type, char *data, size_t n)
{
	if (type != 'L')
		return read_records(x, type, data, n);
	if (n > 0 && data[n - 1] == '\0')
		n--;
	return take_path(x, data, n);
}
