/* net/grpc_client.h - make gRPC calls on the loop.
 *
 * A channel is one HTTP/2 connection to one endpoint, made when the first call needs it and made again
 * when a call needs it after it was lost. It never retries a call: a call that cannot be sent, or whose
 * connection breaks, ends with UNAVAILABLE and words that say why; only its caller knows whether
 * asking again is safe.
 *
 * A call is embedded in its owner and on loan from grpc_call_start() to on_done(), which comes exactly
 * once, on the loop, also after cancel and after the channel is closed. */
#ifndef NET_GRPC_CLIENT_H
#define NET_GRPC_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "net/arena.h"
#include "net/endpoint.h"
#include "net/loop.h"
#include "net/metadata.h"
#include "proto/error.h"
#include "proto/rpc.h"

struct grpc_channel;
struct tls_config;
struct grpc_stream; /* private: the messages on one HTTP/2 stream */

/* The channel keeps a copy of the endpoint and of the token; token NULL = none is sent. */
struct grpc_channel *grpc_channel_new(struct loop *loop, const struct endpoint *to);
/* Before the first call: speak TLS. Takes config over. What it trusts is checked before anything is sent. */
void grpc_channel_set_tls(struct grpc_channel *ch, struct tls_config *config);
void grpc_channel_set_token(struct grpc_channel *ch, const char *token);

/* Nothing comes through its connections any more: end them. Calls on them
 * end with UNAVAILABLE, the next call dials. */
void grpc_channel_hang_up(struct grpc_channel *ch, const char *why);

/* Every call in flight ends with CANCELLED; then closed() comes and ch is freed. closed may be NULL. */
void grpc_channel_close(struct grpc_channel *ch, void (*closed)(void *user), void *user);

struct grpc_call {
	/* set by the owner before grpc_call_start() */
	const struct rpc_method *method;
	int64_t timeout_ms; /* sent as grpc-timeout and kept by us; 0 = none */
	const struct metadata *metadata; /* sent with the request, METADATA_SEND_MAX at most; NULL = none */
	/* A message of the server. `out` is valid until this returns, for a method with one reply
	 * message until on_done() has returned. May be NULL. */
	void (*on_message)(struct grpc_call *call, const ProtobufCMessage *out);
	/* grpc_call_queued() has fallen below SEND_QUEUE_LOW after it was above HIGH. May be NULL. */
	void (*on_space)(struct grpc_call *call);
	/* The call is over: e->status 0 is success. e is valid until this returns. The memory is the
	 * owner's again. Required. */
	void (*on_done)(struct grpc_call *call, const struct error *e);
	void *user;

	/* private */
	struct grpc_channel *channel;
	struct grpc_stream *stream;
	struct metadata *received; /* in the stream's arena */
	struct grpc_call *prev, *next;
};

/* Start a call. For a method with one request message use grpc_call_unary(). */
void grpc_call_start(struct grpc_channel *ch, struct grpc_call *call);

/* Start a call, send `in`, send no more. */
void grpc_call_unary(struct grpc_channel *ch, struct grpc_call *call, const ProtobufCMessage *in);

/* Queue a message (packed before this returns) / say that no more come. Nothing after the call is over. */
void grpc_call_send(struct grpc_call *call, const ProtobufCMessage *in);
void grpc_call_half_close(struct grpc_call *call);
size_t grpc_call_queued(const struct grpc_call *call);

/* A field that came with the answer's beginning or with its status; NULL = none of that name (yet). Until
 * on_done() has returned. */
const struct metadata *grpc_call_metadata(const struct grpc_call *call, enum metadata_place place,
                                          const char *name);

/* Deliver no further message until grpc_call_resume(): the server is held back by flow control. */
void grpc_call_pause(struct grpc_call *call);
void grpc_call_resume(struct grpc_call *call);

/* Ask for an early end: on_done() comes with CANCELLED, unless the call has ended otherwise before. */
void grpc_call_cancel(struct grpc_call *call);

#endif
