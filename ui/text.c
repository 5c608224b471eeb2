#include "ui/text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "net/utf8.h"
#include "ui/term.h"

struct range {
	uint32_t from, to;
};

static bool in_ranges(uint32_t code, const struct range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (code >= ranges[i].from && code <= ranges[i].to)
			return true;
	return false;
}

#define IN(code, table) in_ranges(code, table, sizeof(table) / sizeof(table)[0])

static const struct range wide[] = {
	{0x1100, 0x115f}, {0x2e80, 0x303e}, {0x3041, 0x4dbf},   {0x4e00, 0xa4cf},   {0xa960, 0xa97c},
	{0xac00, 0xd7a3}, {0xf900, 0xfaff}, {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},
	{0x16fe0, 0x18cff}, {0x1b000, 0x1b2ff}, {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff},
	{0x20000, 0x3fffd},
};

static const struct range combining[] = {
	{0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},   {0x610, 0x61a},   {0x64b, 0x65f},
	{0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
};

static void append_visible(struct buf *out, uint32_t code)
{
	if (code < 0x20)
		buf_printf(out, "^%c", (char)(code + '@'));
	else if (code == 0x7f)
		buf_append(out, "^?", 2);
	else
		buf_printf(out, "<U+%04X>", code);
}

/* One character or one byte that is none; returns how many bytes it was. */
static size_t append_safe(struct buf *out, const uint8_t *p, size_t n, bool keep_lines, bool utf8)
{
	uint32_t code;
	size_t length = utf8_decode(p, n, &code);

	if (length == 0) {
		buf_append(out, utf8 ? "\xef\xbf\xbd" : "?", utf8 ? 3 : 1);
		return 1;
	}
	if (keep_lines && code == '\r') {
		if (n == 1 || p[1] != '\n')
			buf_append(out, "\n", 1);
	} else if (keep_lines && (code == '\n' || code == '\t')) {
		buf_append(out, p, 1);
	} else if (utf8_is_hidden(code)) {
		append_visible(out, code);
	} else if (code >= 0x80 && !utf8) {
		buf_append(out, "?", 1);
	} else {
		buf_append(out, p, length);
	}
	return length;
}

void term_safe(struct buf *out, const void *text, size_t n, bool keep_lines)
{
	const uint8_t *p = text;
	bool utf8 = term_is_utf8();

	for (size_t i = 0; i < n;)
		i += append_safe(out, p + i, n - i, keep_lines, utf8);
}

size_t text_incomplete(const void *text, size_t n)
{
	const uint8_t *p = text;

	if (n > 0 && p[n - 1] == '\r')
		return 1;
	for (size_t back = 1; back <= 3 && back <= n; back++) {
		uint8_t c = p[n - back];

		if (c >= 0xc0)
			return (c >= 0xf0 ? 4u : c >= 0xe0 ? 3u : 2u) > back ? back : 0;
		if (c < 0x80)
			return 0;
	}
	return 0;
}

int term_columns(const char *text)
{
	size_t n = strlen(text);
	int columns = 0;

	for (size_t i = 0; i < n;) {
		uint32_t code = 0;
		size_t length = utf8_decode(text + i, n - i, &code);

		columns += length == 0 ? 1 : IN(code, combining) ? 0 : IN(code, wide) ? 2 : 1;
		i += length > 0 ? length : 1;
	}
	return columns;
}

const char *format_bytes(uint64_t bytes, char *buf)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double value = (double)bytes;
	size_t unit = 0;

	for (; value >= 1023.95 && unit < 6; unit++)
		value /= 1024;
	snprintf(buf, 24, unit == 0 || value == (double)(int)value ? "%.0f %s" : "%.1f %s", value,
	         units[unit]);
	return buf;
}

const char *format_ms(int64_t ms, char *buf)
{
	int64_t s = ms / 1000;

	if (ms < 0)
		snprintf(buf, 24, "-");
	else if (ms < 10000)
		snprintf(buf, 24, "%.2fs", (double)ms / 1000);
	else if (s < 60)
		snprintf(buf, 24, "%ds", (int)s);
	else if (s < 3600)
		snprintf(buf, 24, "%dm%02ds", (int)(s / 60), (int)(s % 60));
	else if (s < 86400)
		snprintf(buf, 24, "%dh%02dm", (int)(s / 3600), (int)(s % 3600 / 60));
	else
		snprintf(buf, 24, "%lldd%02dh", (long long)(s / 86400), (int)(s % 86400 / 3600));
	return buf;
}

const char *format_age(int64_t ms, char *buf)
{
	if (ms >= 10000)
		return format_ms(ms, buf);
	snprintf(buf, 24, "%ds", ms > 0 ? (int)(ms / 1000) : 0);
	return buf;
}

const char *format_time(int64_t ms, char *buf)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm utc;
	size_t n;

	gmtime_r(&seconds, &utc);
	n = strftime(buf, 32, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(buf + n, 32 - n, ".%03dZ", (int)(ms % 1000));
	return buf;
}
