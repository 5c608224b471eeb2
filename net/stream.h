/* net/stream.h - one byte stream on the loop: a TCP connection or a unix socket.
 *
 * Embed it, stream_init() it, let dial or listener connect it, stream_start() it. Reading goes into one
 * buffer that all streams of a thread share; what is written goes out at once as far as the kernel
 * takes it, and only the rest is copied. Whoever writes looks at stream_pending() first and waits for
 * on_drained(), so that the rest stays small.
 *
 * TLS belongs between these functions and the handle: bytes_in() and bytes_out() in stream.c. */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "net/buf.h"
#include "net/loop.h"

struct stream;

struct stream_events {
	/* Bytes, valid until this returns. */
	void (*on_data)(struct stream *s, const uint8_t *data, size_t n);
	/* What was pending has been written. */
	void (*on_drained)(struct stream *s);
	/* The peer sent its last byte (reason 0) or the connection broke (a UV_E code). Comes once, not
	 * from inside a call of this file; then only stream_close() is left to do. */
	void (*on_end)(struct stream *s, int reason);
};

struct stream {
	union {
		uv_handle_t handle;
		uv_stream_t io;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} uv;
	struct loop *loop;
	const struct stream_events *on;
	void (*closed)(struct stream *s);
	uv_write_t write;
	struct buf flying;  /* what the kernel has not taken yet; on loan to libuv while write_open */
	struct buf waiting; /* what was written since */
	struct deferred fail;
	int reason;
	bool write_open, ended, closing;
};

void stream_init(struct stream *s, struct loop *l, bool unix_socket, const struct stream_events *on);

/* It is connected: begin to read. */
void stream_start(struct stream *s);

/* Hold the peer back / go on. */
void stream_pause(struct stream *s);
void stream_resume(struct stream *s);

/* Send n bytes, after what is pending. Nothing once the stream has ended. */
void stream_write(struct stream *s, const void *data, size_t n);

/* Is there something written that the kernel has not taken? */
bool stream_pending(const struct stream *s);

/* No event comes any more, what is pending is dropped. The memory is yours again in closed(). */
void stream_close(struct stream *s, void (*closed)(struct stream *s));

/* "192.0.2.1:4321", "[2001:db8::1]:4321" or "unix". */
void stream_peer(const struct stream *s, char *text, size_t n);

#endif
