#include "exec/visible.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Length of the UTF-8 character at p that may be shown; 0 = show its first byte as \xNN. */
static size_t shown_length(const unsigned char *p, size_t n)
{
	size_t length = p[0] < 0x80 ? 1 : p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc2 ? 2 : 0;
	uint32_t c = length == 1 ? p[0] : length == 2 ? p[0] & 31 : length == 3 ? p[0] & 15 : p[0] & 7;

	if (length == 0 || length > n || p[0] >= 0xf5)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 63);
	}
	if (c < 0x20 || (c >= 0x7f && c < 0xa0) || (length == 3 && c < 0x800) || (length == 4 && c < 0x10000))
		return 0;
	if ((c >= 0xd800 && c < 0xe000) || c > 0x10ffff)
		return 0;
	/* marks of direction, separators of lines */
	if ((c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x2069) || c == 0xfeff)
		return 0;
	return length;
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
