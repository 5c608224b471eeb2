/* net/rpc.h - private to the server: what grpc_server.c, connection.c and rpc.c (calls) share. */
#ifndef NET_RPC_H
#define NET_RPC_H

#include "net/grpc_server.h"
#include "net/grpc_stream.h"
#include "net/h2.h"
#include "net/listener.h"
#include "net/strangers.h"

struct connection {
	struct h2 h2; /* first member */
	struct grpc_server *server;
	struct connection *prev, *next;
	struct connection *watched_prev, *watched_next;
	uint64_t prefix;        /* the network it comes from */
	bool stranger, watched; /* counted as one; in the list */
	char peer[64];
	bool local; /* the peer is on this machine */
};

struct server_listener {
	struct listener listener; /* first member */
	struct grpc_server *server;
	struct deferred more;   /* who waits to be accepted has to wait for the next turn of the loop */
	unsigned accepted;      /* in this one */
	struct server_listener *prev, *next;
};

struct grpc_server {
	struct loop *loop;
	struct grpc_server_options options;
	struct stream_opening opening; /* of each connection */
	char *page;                    /* opening.otherwise: the sentence as HTTP/1.1 says it */
	struct server_listener *listeners;
	struct connection *connections;
	struct connection *watched; /* those that may become late */
	struct timer patrol;        /* looks at them */
	const struct guard_times *times;
	struct strangers strangers;
	struct guard_stats stats;
	size_t gone; /* connections that ended since memory was given back */
	size_t calls; /* structs, until they are freed */
	struct timer grace;
	struct deferred check;
	bool closing, timer_closed;
	void (*closed)(void *user);
	void *closed_user;
};

void connection_accept(struct listener *ls);
void connection_on_patrol(struct timer *t);
/* A call on it was admitted, and it is known whose. */
void connection_admitted(struct connection *conn);

/* What a connection's streams do (h2.h); begins with on_open. */
void rpc_on_open(struct h2 *h2, int32_t id);
void rpc_on_header(struct h2_stream *st, const char *name, size_t name_n, const char *value, size_t value_n);
void rpc_on_headers(struct h2_stream *st);
void rpc_on_data(struct h2_stream *st, const uint8_t *data, size_t n);
void rpc_on_remote_end(struct h2_stream *st);
void rpc_on_sent(struct h2_stream *st);
void rpc_on_trailers(struct h2_stream *st);
void rpc_on_close(struct h2_stream *st, uint32_t code, bool lost);

/* End the call on this stream, because the server goes. */
void rpc_shut_down(struct h2_stream *st);

/* A call was freed: is a closing server done? */
void grpc_server_check(struct grpc_server *s);

#endif
