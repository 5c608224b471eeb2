/* exec/stdio_stream.h - takes the engine's output stream apart: frames of eight bytes {stream, 0, 0, 0, size}
 * and then `size` bytes of that stream, cut anywhere on the way here. */
#ifndef EXEC_STDIO_STREAM_H
#define EXEC_STDIO_STREAM_H

#include <stddef.h>
#include <stdint.h>

struct stdio_stream {
	uint8_t header[8];
	uint32_t have; /* bytes of header; 8 = inside a frame */
	uint32_t left; /* bytes of the frame that are still to come */
};

/* Zero-initialised it is ready. Calls output for each piece, as it is. */
void stdio_stream_feed(struct stdio_stream *s, const void *data, size_t n,
		       void (*output)(void *user, int stream, const void *data, size_t n), void *user);

#endif
