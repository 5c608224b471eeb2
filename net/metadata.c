/* net/metadata.c - see metadata.h. */
#include "net/metadata.h"

#include <string.h>
#include <utlist.h>

#include "proto/limits.h"

/* --- base64, with or without the padding -------------------------------------------------------- */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static char *encode(struct arena *a, const uint8_t *p, size_t n)
{
	char *text = arena_alloc(a, (n * 4 + 2) / 3 + 1);
	uint32_t bits = 0;
	unsigned have = 0;
	size_t used = 0;

	for (size_t i = 0; i < n; i++) {
		bits = bits << 8 | p[i];
		for (have += 8; have >= 6; have -= 6)
			text[used++] = digits[bits >> (have - 6) & 63];
	}
	if (have > 0)
		text[used++] = digits[bits << (6 - have) & 63];
	return text;
}

/* Returns the bytes written to out, which has room; -1 = not base64. */
static ssize_t decode(uint8_t *out, const char *text, size_t n)
{
	uint32_t bits = 0;
	unsigned have = 0;
	ssize_t used = 0;

	while (n > 0 && text[n - 1] == '=')
		n--;
	for (size_t i = 0; i < n; i++) {
		const char *digit = memchr(digits, text[i], sizeof digits - 1);

		if (digit == NULL)
			return -1;
		bits = bits << 6 | (uint32_t)(digit - digits);
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[used++] = (uint8_t)(bits >> have);
		}
	}
	return used;
}

/* --- whose is a field? -------------------------------------------------------------------------- */

static bool begins(const char *name, size_t n, const char *with)
{
	return n >= strlen(with) && memcmp(name, with, strlen(with)) == 0;
}

static bool of_application(const char *name, size_t n)
{
	static const char *const theirs[] = {"te",     "content-type",    "user-agent", "authorization",
	                                     "accept", "accept-encoding", "host"};

	if (n == 0 || name[0] == ':' || begins(name, n, "grpc-"))
		return false;
	for (size_t i = 0; i < sizeof theirs / sizeof theirs[0]; i++)
		if (strlen(theirs[i]) == n && memcmp(theirs[i], name, n) == 0)
			return false;
	return true;
}

static bool is_bytes(const char *name, size_t n)
{
	return n > 4 && memcmp(name + n - 4, "-bin", 4) == 0;
}

/* --- in ----------------------------------------------------------------------------------------- */

static struct metadata *append(struct metadata **list, struct arena *a, enum metadata_place place,
                               const char *name, size_t name_n)
{
	struct metadata *m = arena_alloc(a, sizeof *m);
	char *copy = arena_alloc(a, name_n + 1);

	memcpy(copy, name, name_n);
	m->name = copy;
	m->place = place;
	LL_APPEND(*list, m);
	return m;
}

void metadata_keep(struct metadata **list, struct arena *a, enum metadata_place place, const char *name,
                   size_t name_n, const char *value, size_t value_n)
{
	uint8_t *copy;
	ssize_t n = (ssize_t)value_n;
	struct metadata *m;

	if (!of_application(name, name_n))
		return;
	copy = arena_alloc(a, value_n + 1);
	if (is_bytes(name, name_n))
		n = decode(copy, value, value_n);
	else
		memcpy(copy, value, value_n);
	if (n < 0)
		return;
	copy[n] = '\0';
	m = append(list, a, place, name, name_n);
	m->value = copy;
	m->n = (size_t)n;
}

const struct metadata *metadata_find(const struct metadata *list, enum metadata_place place, const char *name)
{
	for (; list != NULL; list = list->next)
		if (list->place == place && strcmp(list->name, name) == 0)
			return list;
	return NULL;
}

/* --- out ---------------------------------------------------------------------------------------- */

static bool text_sendable(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] < 0x20 || p[i] > 0x7e)
			return false;
	return n == 0 || (p[0] != ' ' && p[n - 1] != ' ');
}

bool metadata_add(struct metadata **list, struct arena *a, const struct metadata *m)
{
	size_t name_n = strlen(m->name), count = 0;
	struct metadata *each;

	LL_COUNT(*list, each, count);
	if (count >= METADATA_SEND_MAX || m->n > (size_t)METADATA_MAX || !of_application(m->name, name_n) ||
	    !(is_bytes(m->name, name_n) || text_sendable(m->value, m->n)))
		return false;
	each = append(list, a, m->place, m->name, name_n);
	each->value = arena_dup(a, m->value, m->n);
	each->n = m->n;
	return true;
}

size_t metadata_fields(const struct metadata *list, enum metadata_place place, struct arena *a,
                       nghttp2_nv *fields)
{
	size_t count = 0;

	for (; list != NULL && count < METADATA_SEND_MAX; list = list->next) {
		size_t name_n = strlen(list->name);
		const char *text = list->value;
		size_t n = list->n;

		if (list->place != place)
			continue;
		if (is_bytes(list->name, name_n)) {
			text = encode(a, list->value, list->n);
			n = strlen(text);
		}
		fields[count++] =
		    (nghttp2_nv){(uint8_t *)list->name, (uint8_t *)text, name_n, n, NGHTTP2_NV_FLAG_NONE};
	}
	return count;
}
