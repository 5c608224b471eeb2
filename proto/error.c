#include "proto/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proto/status.h"

/* A text that filled its array may end inside a UTF-8 character: take that character away. */
static void cut_at_character(char *text, size_t size)
{
	size_t n = strlen(text);

	if (n + 1 < size)
		return;
	while (n > 0 && ((unsigned char)text[n - 1] & 0xc0) == 0x80)
		n--;
	if (n > 0 && (unsigned char)text[n - 1] >= 0xc0)
		n--;
	text[n] = '\0';
}

int error_set(struct error *e, int status, const char *format, ...)
{
	va_list args;

	if (e == NULL)
		return status;
	e->status = status;
	e->hint[0] = '\0';
	va_start(args, format);
	vsnprintf(e->text, sizeof e->text, format, args);
	va_end(args);
	cut_at_character(e->text, sizeof e->text);
	return status;
}

int error_hint(struct error *e, const char *format, ...)
{
	va_list args;

	if (e == NULL)
		return STATUS_UNKNOWN;
	va_start(args, format);
	vsnprintf(e->hint, sizeof e->hint, format, args);
	va_end(args);
	cut_at_character(e->hint, sizeof e->hint);
	return e->status;
}

void error_clear(struct error *e)
{
	*e = (struct error){0};
}

void text_copy(char *dst, unsigned long n, const char *src)
{
	size_t len = strlen(src);

	if (len < n) {
		memcpy(dst, src, len + 1);
		return;
	}
	memcpy(dst, src, n - 1);
	dst[n - 1] = '\0';
	cut_at_character(dst, n);
}
