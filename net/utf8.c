/* net/utf8.c - owns nothing: bytes in, a code point or "no" out. */
#include "net/utf8.h"

/* By the number of bytes: what the first one looks like, and the least code point that needs so many. */
static const struct {
	uint8_t mask, is;
	uint32_t least;
} shapes[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};

size_t utf8_decode(const void *text, size_t n, uint32_t *code)
{
	const uint8_t *p = text;
	size_t length = 1;

	while (length <= 4 && (p[0] & shapes[length - 1].mask) != shapes[length - 1].is)
		length++;
	if (length > 4 || length > n)
		return 0;
	*code = p[0] & (uint8_t)~shapes[length - 1].mask;
	for (size_t i = 1; i < length; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (p[i] & 0x3f);
	}
	if (*code < shapes[length - 1].least || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff))
		return 0;
	return length;
}

bool utf8_valid(const void *text, size_t n)
{
	const uint8_t *p = text;
	size_t length;
	uint32_t code;

	for (; n > 0; p += length, n -= length) {
		length = utf8_decode(p, n, &code);
		if (length == 0)
			return false;
	}
	return true;
}

bool utf8_is_hidden(uint32_t code)
{
	static const struct {
		uint32_t from, to;
	} hidden[] = {
		{0x00, 0x1f},     {0x7f, 0x9f},     {0xad, 0xad},     {0x61c, 0x61c},
		{0x180e, 0x180e}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},
		{0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f},
	};

	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (code >= hidden[i].from && code <= hidden[i].to)
			return true;
	return false;
}
