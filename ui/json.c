#include "ui/json.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "net/utf8.h"
#include "ui/text.h"

#define DEPTH_MAX 63

void json_init(struct json *j, struct buf *out)
{
	*j = (struct json){.out = out};
}

static void put(struct json *j, const char *text)
{
	buf_append(j->out, text, strlen(text));
}

static void put_escaped(struct json *j, uint32_t code, const uint8_t *p, size_t length)
{
	static const char short_forms[] = "\bb\tt\nn\ff\rr\"\"\\\\";

	for (const char *s = short_forms; *s != '\0'; s += 2)
		if (code == (uint32_t)*s) {
			buf_printf(j->out, "\\%c", s[1]);
			return;
		}
	if (code < 0x20 || code == 0x7f)
		buf_printf(j->out, "\\u%04x", code);
	else
		buf_append(j->out, p, length);
}

static void put_quoted(struct json *j, const void *value, size_t n)
{
	const uint8_t *p = value;

	put(j, "\"");
	for (size_t i = 0; i < n;) {
		uint32_t code;
		size_t length = utf8_decode(p + i, n - i, &code);

		if (length == 0)
			put(j, "\xef\xbf\xbd");
		else
			put_escaped(j, code, p + i, length);
		i += length > 0 ? length : 1;
	}
	put(j, "\"");
}

/* The comma and the key that stand before a value. */
static void begin(struct json *j, const char *key)
{
	uint64_t level = (uint64_t)1 << j->depth;

	assert(j->depth == 0 ? !(j->has_items & level) && key == NULL
	                     : (key == NULL) == !!(j->is_array & level));
	if (j->has_items & level)
		put(j, ",");
	j->has_items |= level;
	if (key != NULL) {
		put_quoted(j, key, strlen(key));
		put(j, ":");
	}
}

static void open_level(struct json *j, const char *key, bool array)
{
	uint64_t level;

	begin(j, key);
	put(j, array ? "[" : "{");
	j->depth++;
	assert(j->depth < DEPTH_MAX);
	level = (uint64_t)1 << j->depth;
	j->has_items &= ~level;
	j->is_array = array ? j->is_array | level : j->is_array & ~level;
}

void json_object(struct json *j, const char *key)
{
	open_level(j, key, false);
}

void json_array(struct json *j, const char *key)
{
	open_level(j, key, true);
}

void json_document(struct json *j, struct buf *out)
{
	json_init(j, out);
	json_object(j, NULL);
	json_int(j, "v", 1);
}

void json_end(struct json *j)
{
	assert(j->depth > 0);
	put(j, j->is_array >> j->depth & 1 ? "]" : "}");
	j->depth--;
}

void json_text_n(struct json *j, const char *key, const void *value, size_t n)
{
	begin(j, key);
	put_quoted(j, value, n);
}

void json_text(struct json *j, const char *key, const char *value)
{
	if (value == NULL)
		json_null(j, key);
	else
		json_text_n(j, key, value, strlen(value));
}

void json_int(struct json *j, const char *key, int64_t value)
{
	begin(j, key);
	buf_printf(j->out, "%" PRId64, value);
}

void json_uint(struct json *j, const char *key, uint64_t value)
{
	begin(j, key);
	buf_printf(j->out, "%" PRIu64, value);
}

void json_seconds(struct json *j, const char *key, int64_t ms)
{
	uint64_t size = ms < 0 ? (uint64_t)-ms : (uint64_t)ms;

	begin(j, key);
	buf_printf(j->out, "%s%" PRIu64 ".%03d", ms < 0 ? "-" : "", size / 1000, (int)(size % 1000));
}

void json_floats(struct json *j, const char *key, const float *values, size_t n)
{
	json_array(j, key);
	for (size_t i = 0; i < n; i++) {
		begin(j, NULL);
		if (isfinite(values[i]))
			buf_printf(j->out, "%.7g", (double)values[i]);
		else
			put(j, "null");
	}
	json_end(j);
}

void json_bool(struct json *j, const char *key, bool value)
{
	begin(j, key);
	put(j, value ? "true" : "false");
}

void json_null(struct json *j, const char *key)
{
	begin(j, key);
	put(j, "null");
}

void json_time(struct json *j, const char *key, int64_t ms)
{
	char text[32];

	json_text(j, key, ms > 0 ? format_time(ms, text) : NULL);
}
