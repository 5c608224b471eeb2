/* net/dial.c - see dial.h.
 *
 *   RESOLVING --> CONNECTING --> ENDING --> (done)          connected
 *       |           |    ^
 *       |           v    |  next address
 *       |         CLOSING
 *       v           v
 *     ENDING      ENDING                                    none left, timed out, cancelled
 *
 * Unix sockets begin with CONNECTING. Every way out closes the timer in ENDING, and done() comes when
 * that is closed. */
#include "net/dial.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "net/memory.h"
#include "proto/limits.h"
#include "proto/status.h"

enum { RESOLVING, CONNECTING, CLOSING, ENDING };

static const struct state states[] = {
    [RESOLVING] = {"resolving", TO(CONNECTING) | TO(ENDING)},
    [CONNECTING] = {"connecting", TO(CLOSING) | TO(ENDING)},
    [CLOSING] = {"closing", TO(CONNECTING) | TO(ENDING)},
    [ENDING] = {"ending", 0},
};

static void try_next(struct dial *d);

static void on_timer_closed(struct timer *t)
{
	struct dial *d = container_of(t, struct dial, timeout);

	uv_freeaddrinfo(d->addresses);
	d->addresses = NULL;
	d->done(d, &d->error);
}

static void finish(struct dial *d)
{
	step_to(&d->step, ENDING, "dial");
	timer_close(&d->timeout, on_timer_closed);
}

static void set_error(struct dial *d, const char *why)
{
	char where[300];

	if (d->gave_up)
		return; /* that says more than what libuv answered to it */
	error_set(&d->error, STATUS_UNAVAILABLE, "cannot reach %s: %s",
	          endpoint_text(d->to, where, sizeof where), why);
}

/* --- one address ----------------------------------------------------------------------------- */

static void on_try_closed(struct stream *s)
{
	struct dial *d = s->uv.handle.data;

	if (d->next == NULL || d->gave_up)
		finish(d);
	else
		try_next(d);
}

static void on_connect(uv_connect_t *connect, int status)
{
	struct dial *d = container_of(connect, struct dial, connect);

	if (d->step.at == CLOSING)
		return; /* it was closed in the meantime */
	if (status == 0) {
		error_clear(&d->error);
		finish(d);
		return;
	}
	set_error(d, uv_strerror(status));
	step_to(&d->step, CLOSING, "dial");
	stream_close(d->stream, on_try_closed);
}

static void on_failed_at_once(struct deferred *failed)
{
	struct dial *d = container_of(failed, struct dial, failed);

	if (d->step.at != CONNECTING)
		return;
	step_to(&d->step, CLOSING, "dial");
	stream_close(d->stream, on_try_closed);
}

static void connect_tcp(struct dial *d, const struct addrinfo *address)
{
	int rc;

	stream_init(d->stream, d->loop, false, d->on);
	d->stream->uv.handle.data = d;
	rc = uv_tcp_connect(&d->connect, &d->stream->uv.tcp, address->ai_addr, on_connect);
	if (rc != 0) {
		set_error(d, uv_strerror(rc));
		loop_defer(d->loop, &d->failed, on_failed_at_once);
	}
}

static void try_next(struct dial *d)
{
	const struct addrinfo *address = d->next;

	d->next = address->ai_next;
	step_to(&d->step, CONNECTING, "dial");
	connect_tcp(d, address);
}

/* --- the whole ------------------------------------------------------------------------------- */

static void on_resolved(uv_getaddrinfo_t *resolve, int status, struct addrinfo *found)
{
	struct dial *d = container_of(resolve, struct dial, resolve);

	d->addresses = d->next = found;
	if (status != 0)
		set_error(d, status == UV_EAI_NONAME ? "no such host" : uv_strerror(status));
	if (status != 0 || d->gave_up)
		finish(d);
	else
		try_next(d);
}

static void give_up(struct dial *d)
{
	d->gave_up = true;
	if (d->step.at == RESOLVING) {
		uv_cancel((uv_req_t *)&d->resolve); /* or it comes when the resolver has answered */
	} else if (d->step.at == CONNECTING) {
		step_to(&d->step, CLOSING, "dial");
		stream_close(d->stream, on_try_closed);
	}
}

static void on_timeout(struct timer *t)
{
	struct dial *d = container_of(t, struct dial, timeout);
	char where[300];

	error_set(&d->error, STATUS_UNAVAILABLE, "cannot reach %s: no answer within %d s",
	          endpoint_text(d->to, where, sizeof where), CONNECT_TIMEOUT_MS / 1000);
	give_up(d);
}

void dial_cancel(struct dial *d)
{
	if (d->step.at == ENDING)
		return;
	error_set(&d->error, STATUS_CANCELLED, "cancelled while connecting");
	give_up(d);
}

static void resolve(struct dial *d)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	char port[8];
	int rc;

	snprintf(port, sizeof port, "%d", d->to->port);
	d->step.at = RESOLVING;
	rc = uv_getaddrinfo(&d->loop->uv, &d->resolve, on_resolved, d->to->host, port, &hints);
	if (rc != 0) {
		set_error(d, uv_strerror(rc));
		finish(d);
	}
}

void dial_start(struct dial *d, struct loop *l, const struct endpoint *to, struct stream *s,
                const struct stream_events *on, void (*done)(struct dial *d, const struct error *e))
{
	*d = (struct dial){.loop = l, .to = to, .stream = s, .on = on, .done = done};
	d->step.states = states;
	timer_init(l, &d->timeout, on_timeout);
	timer_set(&d->timeout, CONNECT_TIMEOUT_MS);
	if (to->path[0] == '\0') {
		resolve(d);
		return;
	}
	d->step.at = CONNECTING;
	stream_init(s, l, true, d->on);
	s->uv.handle.data = d;
	uv_pipe_connect(&d->connect, &s->uv.pipe, to->path, on_connect);
}
