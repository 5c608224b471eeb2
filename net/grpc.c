#include "net/grpc.h"

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "proto/status.h"

struct grpc_prefix grpc_prefix_read(const uint8_t b[GRPC_PREFIX])
{
	return (struct grpc_prefix){b[0],
	                            (uint32_t)b[1] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 8 | b[4]};
}

void grpc_prefix_write(uint8_t b[GRPC_PREFIX], uint32_t length)
{
	b[0] = 0;
	b[1] = (uint8_t)(length >> 24);
	b[2] = (uint8_t)(length >> 16);
	b[3] = (uint8_t)(length >> 8);
	b[4] = (uint8_t)length;
}

/* --- timeouts -------------------------------------------------------------------------------- */

static const struct {
	char letter;
	int64_t ns;
} units[] = {
    {'n', 1}, {'u', 1000}, {'m', 1000000}, {'S', 1000000000}, {'M', 60000000000}, {'H', 3600000000000},
};

#define UNIT_COUNT (sizeof units / sizeof units[0])
#define NS_PER_MS 1000000
#define DIGITS_MAX 99999999

int64_t grpc_timeout_parse(const char *text, size_t n)
{
	int64_t value = 0;

	if (n < 2 || n > 9)
		return -1;
	for (size_t i = 0; i < n - 1; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		value = value * 10 + (text[i] - '0');
	}
	for (size_t i = 0; i < UNIT_COUNT; i++) {
		if (text[n - 1] != units[i].letter)
			continue;
		if (units[i].ns >= NS_PER_MS) /* 99,999,999 hours are too many nanoseconds for 63 bits */
			return value * (units[i].ns / NS_PER_MS);
		return (value * units[i].ns + NS_PER_MS - 1) / NS_PER_MS;
	}
	return -1;
}

void grpc_timeout_format(char text[GRPC_TIMEOUT_SIZE], int64_t ms)
{
	if (ms < 1)
		ms = 1;
	for (size_t i = 2; i < UNIT_COUNT; i++) {
		int64_t unit = units[i].ns / NS_PER_MS;
		int64_t value = ms / unit + (ms % unit != 0);

		if (value <= DIGITS_MAX) {
			snprintf(text, GRPC_TIMEOUT_SIZE, "%d%c", (int)value, units[i].letter);
			return;
		}
	}
	snprintf(text, GRPC_TIMEOUT_SIZE, "%dH", DIGITS_MAX);
}

/* --- percent encoding ------------------------------------------------------------------------ */

static const char hex_digits[] = "0123456789ABCDEF";

void grpc_percent_encode(char *out, size_t n, const char *text)
{
	size_t used = 0;

	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;
		bool plain = c >= 0x20 && c <= 0x7e && c != '%';

		if (used + (plain ? 1 : 3) >= n)
			break;
		if (plain) {
			out[used++] = (char)c;
		} else {
			out[used++] = '%';
			out[used++] = hex_digits[c >> 4];
			out[used++] = hex_digits[c & 15];
		}
	}
	out[used] = '\0';
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* Tabs and ends of lines are words' own. */
static bool is_control(unsigned char c)
{
	return c == 0x7f || (c < 0x20 && c != '\t' && c != '\n' && c != '\r');
}

void grpc_percent_decode(char *out, size_t n, const char *text, size_t text_n)
{
	size_t used = 0;

	for (size_t i = 0; i < text_n && used + 1 < n; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '%' && i + 2 < text_n && hex_value(text[i + 1]) >= 0 &&
		    hex_value(text[i + 2]) >= 0) {
			c = (unsigned char)(hex_value(text[i + 1]) << 4 | hex_value(text[i + 2]));
			i += 2;
		}
		out[used++] = is_control(c) ? ' ' : (char)c;
	}
	out[used] = '\0';
}

/* --- statuses (grpc/doc/http-grpc-status-mapping.md, PROTOCOL-HTTP2.md) ------------------------ */

int grpc_status_from_http(int http)
{
	switch (http) {
	case 400:
		return STATUS_INTERNAL;
	case 401:
		return STATUS_UNAUTHENTICATED;
	case 403:
		return STATUS_PERMISSION_DENIED;
	case 404:
		return STATUS_UNIMPLEMENTED;
	case 429:
	case 502:
	case 503:
	case 504:
		return STATUS_UNAVAILABLE;
	default:
		return STATUS_UNKNOWN;
	}
}

int grpc_status_from_reset(uint32_t code)
{
	switch (code) {
	case NGHTTP2_REFUSED_STREAM:
		return STATUS_UNAVAILABLE;
	case NGHTTP2_CANCEL:
		return STATUS_CANCELLED;
	case NGHTTP2_ENHANCE_YOUR_CALM:
		return STATUS_RESOURCE_EXHAUSTED;
	case NGHTTP2_INADEQUATE_SECURITY:
		return STATUS_PERMISSION_DENIED;
	default:
		return STATUS_INTERNAL;
	}
}
