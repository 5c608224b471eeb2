/* net/dial.h - connect a stream to an endpoint: look the name up, try each address in turn.
 *
 * Embed it; on loan from dial_start() to done(), which comes once, also after dial_cancel(). */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include "net/endpoint.h"
#include "net/loop.h"
#include "net/step.h"
#include "net/stream.h"
#include "proto/error.h"

struct dial {
	struct loop *loop;
	const struct endpoint *to; /* borrowed */
	struct stream *stream;
	const struct stream_events *on;
	void (*done)(struct dial *d, const struct error *e);
	struct step step;
	struct timer timeout;
	struct deferred failed;
	uv_getaddrinfo_t resolve;
	uv_connect_t connect;
	struct addrinfo *addresses, *next; /* all found; the one to try next */
	struct error error;                /* why the last try failed */
	bool gave_up;                      /* timed out or cancelled: no further try */
};

/* Connect `s` (uninitialised memory) within CONNECT_TIMEOUT_MS. done: e->status 0 and the stream is
 * connected, not yet started; else UNAVAILABLE or CANCELLED, and s is just memory again. */
void dial_start(struct dial *d, struct loop *l, const struct endpoint *to, struct stream *s,
                const struct stream_events *on, void (*done)(struct dial *d, const struct error *e));
void dial_cancel(struct dial *d);

#endif
