/* net/channel.h - private to the client: what grpc_client.c (calls) and channel.c (connections) share. */
#ifndef NET_CHANNEL_H
#define NET_CHANNEL_H

#include "net/dial.h"
#include "net/grpc_client.h"
#include "net/h2.h"

struct link;

struct grpc_channel {
	struct loop *loop;
	struct endpoint to;
	char authority[300];
	struct tls_config *tls;  /* NULL = clear text */
	char *authorization;     /* "Bearer TOKEN"; NULL = none */
	struct link *link;       /* where new calls go; NULL = none yet */
	struct link *all;        /* that one, and those that finish what they have */
	size_t links;            /* structs, until they are freed */
	struct grpc_call *calls; /* from start to on_done */
	size_t outgoing;         /* structs behind calls, until they are freed */
	struct deferred check;
	bool closing;
	void (*closed)(void *user);
	void *closed_user;
};

/* One connection: dialled, then up, until it goes down. */
struct link {
	struct h2 h2; /* first member */
	struct dial dial;
	struct grpc_channel *channel;
	struct link *prev, *next;
	bool up;
};

/* The connection for a new call, made if there is none. NULL = not up yet: the call is sent when it is. */
struct h2 *channel_connection(struct grpc_channel *ch);

/* The connection is up / could not be made: every call that waits goes out / fails. */
void channel_calls_send(struct grpc_channel *ch);
void channel_calls_fail(struct grpc_channel *ch, const struct error *e);

/* Every call ends with CANCELLED. */
void channel_calls_cancel(struct grpc_channel *ch);

/* What a connection's streams do. */
void call_on_header(struct h2_stream *st, const char *name, size_t name_n, const char *value, size_t value_n);
void call_on_headers(struct h2_stream *st);
void call_on_data(struct h2_stream *st, const uint8_t *data, size_t n);
void call_on_remote_end(struct h2_stream *st);
void call_on_sent(struct h2_stream *st);
void call_on_close(struct h2_stream *st, uint32_t code, bool lost);

/* Something was freed: is a closing channel done? */
void channel_check(struct grpc_channel *ch);

#endif
