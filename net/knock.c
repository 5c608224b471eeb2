/* net/knock.c - see knock.h.
 *
 * dial -> handshake -> close -> done. Whatever ends it earlier (refused, not trusted, timed out, cancelled)
 * is kept in error and goes the same way. */
#include "net/knock.h"

#include <string.h>

#include "net/memory.h"
#include "net/tls.h"
#include "proto/status.h"

static void on_closed(struct stream *s)
{
	struct knock *k = (struct knock *)s;

	k->done(k, &k->error);
}

static void finish(struct knock *k)
{
	text_copy(k->pin, sizeof k->pin, tls_peer_pin(k->stream.tls));
	k->closing = true;
	stream_close(&k->stream, on_closed);
}

static void on_data(struct stream *s, const uint8_t *data, size_t n)
{
	(void)s;
	(void)data;
	(void)n;
}

/* The handshake is over. */
static void on_drained(struct stream *s)
{
	struct knock *k = (struct knock *)s;

	if (!k->closing && tls_state(s->tls) == TLS_OPEN)
		finish(k);
}

static void on_end(struct stream *s, int reason)
{
	struct knock *k = (struct knock *)s;
	char where[300];

	k->error = stream_error(s);
	if (k->error.status != STATUS_UNAUTHENTICATED) {
		struct error why = k->error;

		error_set(&k->error, STATUS_UNAVAILABLE, "cannot reach %.200s: %s",
		          endpoint_text(k->dial.to, where, sizeof where),
		          why.status != 0 ? why.text : stream_why(reason));
	}
	finish(k);
}

static const struct stream_events events = {on_data, on_drained, on_end};

static void on_dialled(struct dial *dial, const struct error *e)
{
	struct knock *k = container_of(dial, struct knock, dial);

	if (e->status != 0) {
		k->done(k, e);
		return;
	}
	k->up = true;
	stream_secure(&k->stream, k->tls);
	stream_start(&k->stream);
	if (k->cancelled)
		knock_cancel(k);
}

void knock_start(struct knock *k, struct loop *l, const struct endpoint *to, struct tls_config *config,
                 void (*done)(struct knock *k, const struct error *e))
{
	*k = (struct knock){.loop = l, .tls = config, .done = done};
	dial_start(&k->dial, l, to, &k->stream, &events, on_dialled);
}

void knock_cancel(struct knock *k)
{
	k->cancelled = true;
	if (k->closing)
		return;
	if (k->up) {
		error_set(&k->error, STATUS_CANCELLED, "cancelled while connecting");
		finish(k);
	} else {
		dial_cancel(&k->dial);
	}
}
