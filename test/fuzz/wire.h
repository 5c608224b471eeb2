/* test/fuzz/wire.h - net/stream, net/listener and net/dial without a socket: this program defines their
 * functions, so the linker leaves ours out. There is one stream; wire_feed() is what its peer sends,
 * wire_turn() lets all that is deferred happen. With `slow` no write is taken at once: it is pending until
 * the next turn. */
#ifndef TEST_FUZZ_WIRE_H
#define TEST_FUZZ_WIRE_H

#include "net/dial.h"
#include "net/listener.h"
#include "net/log.h"
#include "net/stream.h"
#include "test/fuzz/fuzz.h"

#define TURNS_MAX 10000 /* of the loop until something must have ended */

static struct wire {
	struct loop loop;
	bool began; /* the loop is there: it stays for all inputs */
	struct listener *listener;
	struct deferred unlisten;
	struct stream *stream; /* NULL = closed */
	bool slow;
	uint64_t sum; /* over every byte written: they must be there to read */
} wire;

/* --- net/stream.h ------------------------------------------------------------------------------- */

void stream_init(struct stream *s, struct loop *l, bool unix_socket, const struct stream_events *on)
{
	(void)unix_socket;
	memset(s, 0, sizeof *s);
	s->loop = l;
	s->on = on;
	wire.stream = s;
}

void stream_start(struct stream *s)
{
	(void)s;
}

void stream_pause(struct stream *s)
{
	(void)s;
}

void stream_resume(struct stream *s)
{
	(void)s;
}

void stream_write(struct stream *s, const void *data, size_t n)
{
	const uint8_t *bytes = data;

	must(!s->closing);
	for (size_t i = 0; i < n; i++)
		wire.sum = wire.sum * 31 + bytes[i];
	s->write_open = wire.slow && n > 0;
}

bool stream_pending(const struct stream *s)
{
	return s->write_open;
}

void stream_give_up(struct stream *s)
{
	(void)s;
}

static void stream_is_closed(struct deferred *d)
{
	struct stream *s = container_of(d, struct stream, fail);

	s->closed(s);
}

void stream_close(struct stream *s, void (*closed)(struct stream *s))
{
	must(!s->closing);
	s->closing = true;
	s->closed = closed;
	wire.stream = NULL;
	loop_defer(s->loop, &s->fail, stream_is_closed);
}

void stream_peer(const struct stream *s, char *text, size_t n)
{
	(void)s;
	snprintf(text, n, "unix");
}

void stream_secure(struct stream *s, struct tls_config *config)
{
	(void)s;
	(void)config;
}

void stream_expect(struct stream *s, const struct stream_opening *opening)
{
	(void)s;
	(void)opening;
}

bool stream_is_local(const struct stream *s)
{
	(void)s;
	return false; /* the stricter limits */
}

struct error stream_error(struct stream *s)
{
	(void)s;
	return (struct error){0};
}

const char *stream_why(int reason)
{
	return reason == 0 ? "closed" : "broken";
}

/* --- net/listener.h ----------------------------------------------------------------------------- */

int listener_open(struct listener *ls, struct loop *l, struct endpoint *at,
                  void (*closed)(struct listener *ls), struct error *err)
{
	(void)at;
	(void)err;
	ls->loop = l;
	ls->closed = closed;
	wire.listener = ls;
	return 0;
}

int listener_accept(struct listener *ls, struct stream *s, const struct stream_events *on)
{
	stream_init(s, ls->loop, true, on);
	return 0;
}

static void listener_is_closed(struct deferred *d)
{
	struct listener *ls = wire.listener;

	(void)d;
	wire.listener = NULL;
	ls->closed(ls);
}

void listener_close(struct listener *ls)
{
	loop_defer(ls->loop, &wire.unlisten, listener_is_closed);
}

/* --- net/dial.h --------------------------------------------------------------------------------- */

static void dial_is_done(struct deferred *d)
{
	struct dial *dial = container_of(d, struct dial, failed);
	const struct error none = {0};

	stream_init(dial->stream, dial->loop, true, dial->on);
	dial->done(dial, &none);
}

void dial_start(struct dial *d, struct loop *l, const struct endpoint *to, struct stream *s,
                const struct stream_events *on, void (*done)(struct dial *d, const struct error *e))
{
	*d = (struct dial){.loop = l, .to = to, .stream = s, .on = on, .done = done};
	loop_defer(l, &d->failed, dial_is_done);
}

void dial_cancel(struct dial *d)
{
	(void)d; /* connected all the same: that may come too late in life too */
}

/* --- what a target does ------------------------------------------------------------------------- */

static inline struct loop *wire_begin(bool slow)
{
	if (!wire.began) {
		log_set_level(LOG_ERROR);
		loop_init(&wire.loop);
	}
	wire.began = true;
	wire.slow = slow;
	return &wire.loop;
}

static inline void wire_turn(void)
{
	if (wire.stream != NULL && wire.stream->write_open) {
		wire.stream->write_open = false;
		wire.stream->on->on_drained(wire.stream);
	}
	uv_run(&wire.loop.uv, UV_RUN_NOWAIT);
}

/* Turn until *flag is set; it must be, some time. */
static inline void wire_run_until(const bool *flag)
{
	for (int turns = 0; !*flag; turns++) {
		must(turns < TURNS_MAX);
		wire_turn();
	}
}

/* A piece of what the peer says, in memory of its own size. */
static inline void wire_feed(const uint8_t *data, size_t n)
{
	uint8_t *bytes;

	if (wire.stream == NULL || wire.stream->ended)
		return;
	bytes = bytes_of(data, n);
	wire.stream->on->on_data(wire.stream, bytes, n);
	free(bytes);
}

static inline void wire_feed_end(int reason)
{
	if (wire.stream == NULL || wire.stream->ended)
		return;
	wire.stream->ended = true;
	wire.stream->on->on_end(wire.stream, reason);
}

#endif
