/* net/grpc_server.h - serve gRPC (grpc/doc/PROTOCOL-HTTP2.md) on the loop.
 *
 * A server listens on endpoints and answers the methods it was given a handler for. A call is a
 * struct rpc: it begins when its headers have come and lives until on_gone() has returned.
 *
 *     headers -> server->on_call (who is it?) -> on_message, on_message, ... -> on_half_close
 *             -> rpc_send, rpc_send, ... -> rpc_end -> on_gone
 *
 * Everything is asynchronous: a handler answers now or later, from any callback on the loop. Whatever
 * happens (peer gone, cancelled, deadline, server closing), on_gone() comes exactly once and last, and
 * never from inside a call of this file; until then rpc_* may be called, and do nothing once the call
 * is over.
 *
 * A connection is a stranger's until on_call has admitted one of its calls and set rpc->caller (without
 * on_call nobody is a stranger): see net/guard.h and net/strangers.h for what each may do.
 *
 * Answered by the server itself: UNIMPLEMENTED (no such method, unknown encoding), INVALID_ARGUMENT
 * (a message that cannot be read), RESOURCE_EXHAUSTED (a message above MESSAGE_MAX, metadata above
 * METADATA_MAX), DEADLINE_EXCEEDED (grpc-timeout has run out). */
#ifndef NET_GRPC_SERVER_H
#define NET_GRPC_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "net/arena.h"
#include "net/endpoint.h"
#include "net/guard.h"
#include "net/loop.h"
#include "net/metadata.h"
#include "proto/error.h"
#include "proto/rpc.h"

struct grpc_server;
struct rpc;
struct tls_config;

/* What a handler returns. 0: it has answered or will keep the call open for more messages.
 * RPC_LATER: the same, said aloud: the answer comes from a later callback.
 * A STATUS_ code: the call ends with it; words and hint are taken from
 * rpc->error when they are of that status. */
enum { RPC_LATER = -1 };

struct rpc_handler {
	const struct rpc_method *method;

	/* A message of the peer. `in` is valid until this returns; for a method with one request
	 * message until on_gone() (it lies in rpc->arena). Required. */
	int (*on_message)(struct rpc *rpc, const ProtobufCMessage *in);
	/* The peer will send no more. Only for methods that stream in; may be NULL. */
	void (*on_half_close)(struct rpc *rpc);
	/* rpc_queued() was above SEND_QUEUE_HIGH and has fallen below SEND_QUEUE_LOW. May be NULL. */
	void (*on_space)(struct rpc *rpc);
	/* The call is over. Free what rpc->user points to. May be NULL. */
	void (*on_gone)(struct rpc *rpc);
};

/* The visible part of a call. */
struct rpc {
	const struct rpc_handler *handler;
	struct grpc_server *server;
	void *user;           /* the handler's own; NULL at first */
	void *caller;         /* set by on_call or before rpc_admit(): who it is; lives in rpc->arena or
	                       * longer. Its connection is then a stranger's no more */
	struct arena arena;   /* lives as long as the call */
	const char *token;    /* of `authorization: Bearer TOKEN`; NULL = none. Valid in on_call only */
	char peer[64];        /* address, for the log */
	bool local;           /* the peer is on this machine */
	struct error error;   /* words for a status that a handler returns */
};

struct grpc_server_options {
	const struct rpc_handler *handlers; /* borrowed; must outlive the server */
	size_t handler_count;

	/* Before anything of a call is handled: may it? 0, a STATUS_ code, or RPC_LATER followed by
	 * rpc_admit(). Messages wait, under flow control, until then. NULL = every call may. */
	int (*on_call)(struct rpc *rpc);
	void *user; /* grpc_server_user() */

	/* Patience with a peer in each phase. NULL = guard_times_default. */
	const struct guard_times *times;

	/* What a browser or curl is told: one sentence. NULL = that this is a gRPC port. */
	const char *sentence;
};

/* Make a server. It stays valid until grpc_server_close() has called back. */
struct grpc_server *grpc_server_new(struct loop *loop, const struct grpc_server_options *options);

/* Speak TLS on new connections from now on; those open keep what they have, so that a certificate can be
 * renewed. Takes config over. Clear text then comes from this machine only: loopback and unix sockets. */
void grpc_server_set_tls(struct grpc_server *s, struct tls_config *config);

/* Listen. port 0 becomes the port that was given (in *at). May be called for several endpoints.
 *   ALREADY_EXISTS       the port or socket is in use      PERMISSION_DENIED, INVALID_ARGUMENT */
int grpc_server_listen(struct grpc_server *s, struct endpoint *at, struct error *err);

/* No new connections; GOAWAY(NO_ERROR) to all; calls in flight may finish for grace_ms, then they end
 * with UNAVAILABLE. closed() comes once, after the last on_gone(); s is freed when it returns. */
void grpc_server_close(struct grpc_server *s, uint64_t grace_ms, void (*closed)(void *user), void *user);

/* How often each limit was broken. */
const struct guard_stats *grpc_server_stats(const struct grpc_server *s);

void *grpc_server_user(const struct grpc_server *s);

/* --- a call -------------------------------------------------------------------------------- */

/* The answer to on_call's RPC_LATER: 0 = go on, else end with this status and rpc->error. */
void rpc_admit(struct rpc *rpc, int status);

/* Queue a message. It is packed before this returns. */
void rpc_send(struct rpc *rpc, const ProtobufCMessage *out);

/* A field that the peer sent with its request; NULL = none of that name. Lives as long as the call. */
const struct metadata *rpc_metadata(const struct rpc *rpc, const char *name);

/* Send this field too, copied: initial before the first message was sent, trailing before rpc_end(). False:
 * it is too late, or no field that may be sent (net/metadata.h). */
bool rpc_send_metadata(struct rpc *rpc, const struct metadata *m);

/* Bytes queued and not yet taken by the connection. Stop sending above SEND_QUEUE_HIGH, go on at on_space. */
size_t rpc_queued(const struct rpc *rpc);

/* No more messages: the status that ends the call. 0 = OK; else with rpc->error's words when they are
 * of that status. */
void rpc_end(struct rpc *rpc, int status);

/* rpc_send and rpc_end(0): the answer of a method with one reply message. */
void rpc_reply(struct rpc *rpc, const ProtobufCMessage *out);

/* Deliver no further message until rpc_resume(): the peer is held back by flow control. */
void rpc_pause(struct rpc *rpc);
void rpc_resume(struct rpc *rpc);

/* Has the call ended (for the peer or for us)? on_gone() is then on its way. */
bool rpc_over(const struct rpc *rpc);

#endif
