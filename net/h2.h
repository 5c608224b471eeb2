/* net/h2.h - HTTP/2 on a stream, for both ends: one struct h2 per connection, one h2_stream per call.
 *
 * Nothing of the owner's is called back from inside h2_push() and the like, but its events come from
 * inside the HTTP/2 engine: they may send, reset and detach, and free nothing that an h2_stream lies in.
 *
 * Output is pulled: what is queued on a stream stays there until the peer's window and the socket take
 * it, so h2_stream.out is the whole queue. One flush a loop turn writes what all calls have to say. */
#ifndef NET_H2_H
#define NET_H2_H

#include <nghttp2/nghttp2.h>

#include "net/buf.h"
#include "net/guard.h"
#include "net/loop.h"
#include "net/stream.h"

struct h2;

/* Detached = the engine knows nothing of it (any more): id 0. Zero-initialise before use. */
struct h2_stream {
	struct h2 *h2;
	int32_t id;
	struct h2_stream *prev, *next;
	struct buf out; /* queued bytes, from out_at on */
	size_t out_at;
	size_t counted;    /* of the queue, in h2->queued */
	uint32_t owed;     /* bytes that came and h2_take() was not told of */
	bool out_ended;    /* no more is queued: after out comes the end */
	bool waiting;      /* the engine waits for more to send */
	bool remote_ended; /* the peer sends no more */
};

struct h2_events {
	/* Server: the peer opens a stream; answer h2_attach(). */
	void (*on_open)(struct h2 *h2, int32_t id);
	void (*on_header)(struct h2_stream *st, const char *name, size_t name_n, const char *value,
	                  size_t value_n);
	/* The block of fields is complete; remote_ended says if all is. */
	void (*on_headers)(struct h2_stream *st);
	void (*on_data)(struct h2_stream *st, const uint8_t *data, size_t n);
	void (*on_remote_end)(struct h2_stream *st);
	/* out became shorter */
	void (*on_sent)(struct h2_stream *st);
	/* Server: out is empty and ended: h2_send_trailers() now. */
	void (*on_trailers)(struct h2_stream *st);
	/* The stream is over and detached. code: of HTTP/2, 0 = in order; lost = with its connection. */
	void (*on_close)(struct h2_stream *st, uint32_t code, bool lost);
	/* Client: the peer will take no new streams. */
	void (*on_goaway)(struct h2 *h2);
	/* Time matters to it from here on: h2_late() now and then. May be NULL. */
	void (*on_watch)(struct h2 *h2);
	/* The peer has broken a limit: on_down follows. May be NULL. */
	void (*on_breach)(struct h2 *h2, enum guard_kind kind);
	/* The connection is over, every stream was told; `why` is for people. Only h2_close() is left. */
	void (*on_down)(struct h2 *h2, const char *why);
};

struct h2 {
	struct stream stream; /* dial or listener connects it; first member */
	struct loop *loop;
	const struct h2_events *on;
	nghttp2_session *ng;
	struct h2_stream *streams;
	struct deferred flush;
	void (*closed)(struct h2 *h2);
	struct guard guard;
	enum guard_kind breach; /* GUARD_FINE = none */
	int32_t last_opened;    /* server: of the peer's streams, */
	int32_t opened;         /* and their number */
	bool resetting;         /* we have reset a stream: frames for it may still be on their way */
	size_t queued;          /* bytes of answers or requests that the peer has not taken, over all streams */
	size_t fields, field_bytes; /* of the block that comes */
	const char *why; /* it ended, or must end; NULL = not so */
	bool server, busy, down, watched;
};

/* What the stream of an h2 is opened with. */
extern const struct stream_events h2_stream_events;

/* The stream is connected: begin. */
void h2_open(struct h2 *h2, struct loop *l, bool server, const struct h2_events *on);

/* Everything still there is dropped, without events; closed() comes when the memory is yours. */
void h2_close(struct h2 *h2, void (*closed)(struct h2 *h2));

/* Take no new streams, tell the peer so; on_down comes when those in flight have ended. */
void h2_drain(struct h2 *h2);

/* End now: every stream gets its on_close, then on_down comes; on a later turn. */
void h2_abort(struct h2 *h2, const char *why);

/* Has the peer run out of time? Then the connection ends, before this returns. False: it need not be asked
 * again until the next on_watch. */
bool h2_late(struct h2 *h2, const struct guard_times *times, int64_t now);

/* Can a new stream be asked for? */
bool h2_usable(const struct h2 *h2);

/* --- one stream ------------------------------------------------------------------------------- */

/* A field with a constant name. */
nghttp2_nv h2_field(const char *name, const char *value);

void h2_attach(struct h2 *h2, struct h2_stream *st, int32_t id);

/* Client: open st with these fields. 0 or -1 when the connection takes no more. */
int h2_request(struct h2 *h2, struct h2_stream *st, const nghttp2_nv *fields, size_t n);

/* Server: the first fields; end = nothing follows. */
void h2_respond(struct h2_stream *st, const nghttp2_nv *fields, size_t n, bool end);
void h2_send_trailers(struct h2_stream *st, const nghttp2_nv *fields, size_t n);

/* Something was appended to st->out, or out_ended was set. */
void h2_push(struct h2_stream *st);
size_t h2_queued(const struct h2_stream *st);

/* The bytes that came have been dealt with: the peer may send as many again. */
void h2_take(struct h2_stream *st);
/* Let the peer send this far ahead on the stream. */
void h2_widen(struct h2_stream *st, int32_t window);

/* End it with this code and detach it; on_close does not come. Nothing when it is detached. */
void h2_reset(struct h2_stream *st, uint32_t code);

/* --- between h2.c, h2_stream.c and h2_guard.c --------------------------------------------------- */

/* The peer has broken a limit: it is told, and the connection ends. Not from inside the engine. */
void h2_breach(struct h2 *h2, enum guard_kind kind);
/* Time may matter to it now. */
void h2_watch(struct h2 *h2);
/* We reset a stream. */
void h2_count_reset(struct h2 *h2, uint32_t code);
/* One more field of so many bytes. */
bool h2_fields_bearable(struct h2 *h2, size_t bytes);
void h2_guard_callbacks(nghttp2_session_callbacks *cb);

void h2_flush_later(struct h2 *h2);
void h2_detach(struct h2_stream *st);
void h2_count_queue(struct h2_stream *st);
void h2_queue_sent(struct h2_stream *st, size_t n); /* n bytes of the queue have gone */

#endif
