/* net/stream.h - one byte stream on the loop: a TCP connection or a unix socket.
 *
 * Embed it, stream_init() it, let dial or listener connect it, stream_start() it. Reading goes into one
 * buffer that all streams of a thread share; what is written goes out at once as far as the kernel
 * takes it, and only the rest is copied. Whoever writes looks at stream_pending() first and waits for
 * on_drained(), so that the rest stays small.
 *
 * TCP is told to be persistent where packets are lost (stream.c): at 30 % loss both ways a heartbeat a
 * second, and its answer, arrive within 7 s; by itself its back-off would be silent for 10 s and more,
 * several times an hour.
 *
 * With stream_secure() everything passes through TLS (net/tls.h) and nobody else sees a difference, but that
 * the stream is pending until the handshake is done (then on_drained comes), and that it may end with
 * STREAM_TLS; stream_error() has the words. */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "net/buf.h"
#include "net/loop.h"
#include "proto/error.h"

struct stream;
struct tls;
struct tls_config;

/* Reasons of our own; stream_why() has words for all. */
#define STREAM_TLS UV_EPROTO               /* TLS failed, see stream_error() */
#define STREAM_STRANGER UV_EPROTONOSUPPORT /* a listener's peer that speaks neither TLS nor HTTP/2 */

/* What may come first on a stream that a listener accepted. */
struct stream_opening {
	struct tls_config *tls; /* NULL = no TLS here */
	const char *otherwise;  /* sent to a stranger, and to who speaks clear text from another machine */
};

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
	struct tls *tls;                      /* NULL = clear text */
	const struct stream_opening *opening; /* what may come first; NULL = it has come, or we came first */
	struct timer patience; /* of TLS: for a handshake that we began; later for tls_rest() */
	const struct stream_events *on;
	void (*closed)(struct stream *s);
	uv_write_t write;
	struct buf flying;  /* what the kernel has not taken yet; on loan to libuv while write_open */
	struct buf waiting; /* what was written since */
	struct deferred fail;
	int reason;
	int handles; /* to be closed */
	bool write_open, ended, closing;
};

void stream_init(struct stream *s, struct loop *l, bool unix_socket, const struct stream_events *on);

/* Speak TLS, as the client of `config`; before stream_start(). The handshake has CONNECT_TIMEOUT_MS. */
void stream_secure(struct stream *s, struct tls_config *config);

/* Let the peer's first bytes decide: TLS, or clear text that begins as HTTP/2 does and comes from this
 * machine (or anywhere, where there is no TLS). Until then the stream is pending; who is late is its owner's
 * affair. Directly after listener_accept(); `opening` is borrowed until the stream is closed. */
void stream_expect(struct stream *s, const struct stream_opening *opening);

/* Is the other end on this machine? */
bool stream_is_local(const struct stream *s);

/* Why TLS ended it. status 0: it did not. */
struct error stream_error(struct stream *s);

/* Words for a reason of on_end. */
const char *stream_why(int reason);

/* It is connected: begin to read. */
void stream_start(struct stream *s);

/* Hold the peer back / go on. */
void stream_pause(struct stream *s);
void stream_resume(struct stream *s);

/* Send n bytes, after what is pending. Nothing once the stream has ended. */
void stream_write(struct stream *s, const void *data, size_t n);

/* Is there something written that the kernel has not taken, or something to wait for before anything can be?
 */
bool stream_pending(const struct stream *s);

/* When it closes, let the kernel not try to deliver what its peer does not take. */
void stream_give_up(struct stream *s);

/* No event comes any more, what is pending is dropped. The memory is yours again in closed(). */
void stream_close(struct stream *s, void (*closed)(struct stream *s));

/* "192.0.2.1:4321", "[2001:db8::1]:4321" or "unix". */
void stream_peer(const struct stream *s, char *text, size_t n);

#endif
