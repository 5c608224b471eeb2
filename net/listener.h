/* net/listener.h - accept streams at an endpoint. */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include "net/endpoint.h"
#include "net/loop.h"
#include "net/stream.h"
#include "proto/error.h"

struct listener {
	union {
		uv_handle_t handle;
		uv_stream_t io;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} uv;
	struct loop *loop;
	/* Someone is there: listener_accept() it. */
	void (*on_connection)(struct listener *ls);
	void (*closed)(struct listener *ls);
};

/* Listen at *at, whose port 0 becomes the one that was given. A unix socket is for this user only; one
 * that a dead server left behind is replaced. On failure closed() comes as well, for the memory.
 *   ALREADY_EXISTS  in use      PERMISSION_DENIED, INVALID_ARGUMENT  cannot be bound */
int listener_open(struct listener *ls, struct loop *l, struct endpoint *at,
                  void (*closed)(struct listener *ls), struct error *err);

/* Take the one that on_connection told of into s, and start it. 0 or a UV_E code; then s must be closed. */
int listener_accept(struct listener *ls, struct stream *s, const struct stream_events *on);

void listener_close(struct listener *ls);

#endif
