/* net/utf8.h - UTF-8 read strictly, and which characters a person must never be shown as they are. */
#ifndef NET_UTF8_H
#define NET_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The character at text (n > 0 bytes there): its bytes, 1 to 4, and its code point. 0 = not UTF-8 (overlong
 * forms and surrogates are not); code is then untouched or meaningless. */
size_t utf8_decode(const void *text, size_t n, uint32_t *code);

/* Are all n bytes characters? */
bool utf8_valid(const void *text, size_t n);

/* Controls (C0, DEL, C1), separators of lines and paragraphs, and what turns the direction of writing or is
 * not seen at all. */
bool utf8_is_hidden(uint32_t code);

#endif
