/* exec/visible.c - what is no UTF-8, or must not be shown, goes out as \xNN byte by byte. */
#include "exec/visible.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "net/utf8.h"

/* Length of the character at p if it may be shown; 0 = show its first byte as \xNN. */
static size_t shown_length(const unsigned char *p, size_t n)
{
	uint32_t code;
	size_t length = utf8_decode(p, n, &code);

	return length > 0 && !utf8_is_hidden(code) ? length : 0;
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
