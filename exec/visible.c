/* exec/visible.c - UTF-8 decoded strictly; what is none, or must not be shown, goes out as \xNN byte by byte. */
#include "exec/visible.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Length of the UTF-8 character at p, which becomes *c; 0 = it is none. */
static size_t decode(const unsigned char *p, size_t n, uint32_t *c)
{
	size_t length = p[0] < 0x80   ? 1
			: p[0] < 0xc2 ? 0
			: p[0] < 0xe0 ? 2
			: p[0] < 0xf0 ? 3
			: p[0] < 0xf5 ? 4
				      : 0;

	if (length == 0 || length > n)
		return 0;
	*c = length == 1 ? p[0] : p[0] & (0xff >> (length + 1));
	for (size_t i = 1; i < length; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (p[i] & 63);
	}
	if ((length == 3 && *c < 0x800) || (length == 4 && *c < 0x10000) || *c > 0x10ffff)
		return 0;
	return *c >= 0xd800 && *c < 0xe000 ? 0 : length;
}

/* The same of one that may be shown; 0 = show its first byte as \xNN. */
static size_t shown_length(const unsigned char *p, size_t n)
{
	uint32_t c;
	size_t length = decode(p, n, &c);

	if (length == 0 || c < 0x20 || (c >= 0x7f && c < 0xa0))
		return 0;
	/* marks of direction, separators of lines */
	if ((c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x2069) ||
	    c == 0xfeff)
		return 0;
	return length;
}

bool text_is_visible(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t n = strlen(text), length;

	for (; n > 0; p += length, n -= length) {
		length = shown_length(p, n);
		if (length == 0)
			return false;
	}
	return true;
}

bool text_is_utf8(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t n = strlen(text), length;
	uint32_t c;

	for (; n > 0; p += length, n -= length) {
		length = decode(p, n, &c);
		if (length == 0)
			return false;
	}
	return true;
}

void text_visible(char *out, size_t size, const char *text, size_t n)
{
	const unsigned char *p = (const unsigned char *)text, *end = p + n;
	size_t used = 0;

	while (p < end) {
		size_t length = shown_length(p, (size_t)(end - p)), width = length > 0 ? length : 4;

		if (used + width + 4 > size) {
			memcpy(out + used, "...", 4);
			return;
		}
		if (length > 0)
			memcpy(out + used, p, length);
		else
			snprintf(out + used, 5, "\\x%02x", *p);
		used += width;
		p += length > 0 ? length : 1;
	}
	out[used] = '\0';
}
