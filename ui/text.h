/* ui/text.h - text of strangers made harmless, and how wide it is. */
#ifndef UI_TEXT_H
#define UI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/buf.h"

/* Append text made harmless: C0, C1, DEL, marks that turn the direction of writing, and invalid UTF-8 become
 * visible; newlines and tabs stay when keep_lines (then "\r\n" is a newline, and so is a "\r" alone). On a
 * terminal that is not UTF-8 everything beyond ASCII is a "?". */
void term_safe(struct buf *out, const void *text, size_t n, bool keep_lines);

/* How many bytes at the end of text must wait for what follows: the beginning of a character, or a "\r". 0
 * to 3. */
size_t text_incomplete(const void *text, size_t n);

/* Columns a UTF-8 text takes (wide characters count two, combining ones none). */
int term_columns(const char *text);

/* "3.2 MiB", "1m40s", "18s", "0.25s" for people; buf of 24 bytes. */
const char *format_bytes(uint64_t bytes, char *buf);
const char *format_ms(int64_t ms, char *buf);
const char *format_age(int64_t ms, char *buf); /* the same in whole seconds */

/* "2026-11-22T09:14:03.512Z"; buf of 32 bytes. */
const char *format_time(int64_t ms, char *buf);

#endif
