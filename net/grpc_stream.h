/* net/grpc_stream.h - the messages on one HTTP/2 stream: what a call is on either end.
 *
 * In: bytes -> whole messages -> unpacked -> on_message, held back by flow control while held. The
 * message of a method that has just one is kept in `one` until on_end. Out: messages -> queue.
 * on_space and on_over never come from inside a call of this file. */
#ifndef NET_GRPC_STREAM_H
#define NET_GRPC_STREAM_H

#include "net/arena.h"
#include "net/buf.h"
#include "net/h2.h"
#include "net/loop.h"
#include "proto/error.h"

struct grpc_stream;

struct grpc_stream_events {
	/* One of many messages, valid until this returns. */
	void (*on_message)(struct grpc_stream *gs, const ProtobufCMessage *m);
	/* The peer sends no more and every message was delivered. */
	void (*on_end)(struct grpc_stream *gs);
	/* What came cannot be read: nothing is delivered any more. */
	void (*on_bad)(struct grpc_stream *gs, const struct error *e);
	/* The queue had risen above SEND_QUEUE_HIGH and is now below SEND_QUEUE_LOW. */
	void (*on_space)(struct grpc_stream *gs);
	/* grpc_stream_over() was called: the last event; gs may be freed. */
	void (*on_over)(struct grpc_stream *gs);
};

struct grpc_stream {
	struct h2_stream h2; /* first member */
	const struct grpc_stream_events *on;
	struct loop *loop;
	const ProtobufCMessageDescriptor *type; /* of what comes in */
	struct arena *arena;                    /* where `one` is unpacked */
	const ProtobufCMessage *one;
	struct buf in; /* bytes not delivered, from in_at on */
	size_t in_at;
	struct deferred later;
	bool many;     /* more than one message may come */
	bool wide;     /* the peer may send WINDOW_STREAM ahead */
	bool encoded;  /* grpc-encoding is something other than identity */
	bool held;     /* deliver nothing now */
	bool deaf;     /* deliver nothing ever again */
	bool end_told; /* on_end has come */
	bool full;     /* on_space is owed */
	bool space;    /* and due */
	bool over;
};

void grpc_stream_init(struct grpc_stream *gs, struct loop *l, const struct grpc_stream_events *on);

/* The events of its HTTP/2 stream. */
void grpc_stream_data(struct grpc_stream *gs, const uint8_t *data, size_t n);
void grpc_stream_remote_end(struct grpc_stream *gs);
void grpc_stream_sent(struct grpc_stream *gs);

/* Queue a message. A status when it is larger than it may be; then nothing was queued. */
int grpc_stream_send(struct grpc_stream *gs, const ProtobufCMessage *m);

/* Bytes queued. A stream that sent while the whole connection had more than OUTPUT_MAX of them has
 * too many until it has fewer than SEND_QUEUE_LOW. */
size_t grpc_stream_queued(const struct grpc_stream *gs);

void grpc_stream_hold(struct grpc_stream *gs);
void grpc_stream_release(struct grpc_stream *gs); /* delivers on a later turn */
void grpc_stream_deafen(struct grpc_stream *gs);

/* Much will come on it, and is welcome. */
void grpc_stream_widen(struct grpc_stream *gs);

/* on_over is due, and nothing else any more. */
void grpc_stream_over(struct grpc_stream *gs);

/* Free what it holds (not gs). It must be detached. */
void grpc_stream_release_memory(struct grpc_stream *gs);

#endif
