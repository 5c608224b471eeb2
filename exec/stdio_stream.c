/* exec/stdio_stream.c owns: the reader of attach's frames. It holds a header at most, never output. */
#include "exec/stdio_stream.h"

#include <string.h>

static size_t read_header(struct stdio_stream *s, const uint8_t *p, size_t n)
{
	size_t take = sizeof(s->header) - s->have;

	if (take > n)
		take = n;
	memcpy(s->header + s->have, p, take);
	s->have += (uint32_t)take;
	if (s->have == sizeof(s->header))
		s->left = (uint32_t)s->header[4] << 24 | (uint32_t)s->header[5] << 16 |
			  (uint32_t)s->header[6] << 8 | s->header[7];
	return take;
}

void stdio_stream_feed(struct stdio_stream *s, const void *data, size_t n,
		       void (*output)(void *user, int stream, const void *data, size_t n), void *user)
{
	const uint8_t *p = data;

	while (n > 0) {
		size_t take;

		if (s->have < sizeof(s->header)) {
			take = read_header(s, p, n);
		} else {
			take = s->left < n ? s->left : n;
			s->left -= (uint32_t)take;
			output(user, s->header[0] == 2 ? 2 : 1, p, take);
		}
		if (s->have == sizeof(s->header) && s->left == 0)
			s->have = 0;
		p += take;
		n -= take;
	}
}
