/* net/guard.c - see guard.h. bytes -> frames -> buckets; times are compared when someone asks. */
#include "net/guard.h"

#include <nghttp2/nghttp2.h>
#include <string.h>

#include "net/log.h"
#include "proto/limits.h"

#define PREFACE 24
#define HEAD 9
#define FRAME_MAX 16384 /* we offer no other */

static const struct {
	const char *name;
	int burst;
	double per_second;
	double earned; /* by each piece of an answer that we send */
} buckets[GUARD_BUCKETS] = {
    [GUARD_PING] = {"ping", PINGS_BURST, PINGS_PER_SECOND, PINGS_BURST},
    [GUARD_SETTINGS] = {"settings", SETTINGS_BURST, SETTINGS_PER_SECOND, 0.5},
    [GUARD_EMPTY_DATA] = {"empty_data", EMPTY_DATA_BURST, EMPTY_DATA_PER_SECOND, 0},
    [GUARD_WINDOW_UPDATE] = {"window_update", WINDOW_UPDATES_BURST, WINDOW_UPDATES_PER_SECOND, 4},
    [GUARD_CONTINUATION] = {"continuation", CONTINUATIONS_BURST, CONTINUATIONS_PER_SECOND, 0},
    [GUARD_OTHER_FRAME] = {"other_frame", OTHER_FRAMES_BURST, OTHER_FRAMES_PER_SECOND, 0},
    [GUARD_INVALID_FRAME] = {"invalid_frame", INVALID_FRAMES_BURST, INVALID_FRAMES_PER_SECOND, 0},
    [GUARD_RESET_RECEIVED] = {"reset_received", RESETS_BURST, RESETS_PER_SECOND, 0},
    [GUARD_RESET_SENT] = {"reset_sent", RESETS_SENT_BURST, RESETS_SENT_PER_SECOND, 0},
};

static const char *const other_names[GUARD_KINDS - GUARD_BUCKETS] = {
    [GUARD_PROTOCOL - GUARD_BUCKETS] = "protocol",
    [GUARD_FRAME_SIZE - GUARD_BUCKETS] = "frame_size",
    [GUARD_FLOW_CONTROL - GUARD_BUCKETS] = "flow_control",
    [GUARD_STREAM_CLOSED - GUARD_BUCKETS] = "stream_closed",
    [GUARD_FIELDS - GUARD_BUCKETS] = "fields",
    [GUARD_OUTPUT - GUARD_BUCKETS] = "output",
    [GUARD_ENGINE - GUARD_BUCKETS] = "engine",
    [GUARD_OPENING - GUARD_BUCKETS] = "late_opening",
    [GUARD_HEADERS - GUARD_BUCKETS] = "late_headers",
    [GUARD_FRAME - GUARD_BUCKETS] = "late_frame",
    [GUARD_BODY - GUARD_BUCKETS] = "late_body",
    [GUARD_IDLE - GUARD_BUCKETS] = "idle",
    [GUARD_STALLED - GUARD_BUCKETS] = "stalled",
    [GUARD_STRANGERS - GUARD_BUCKETS] = "strangers",
    [GUARD_STRANGERS_PREFIX - GUARD_BUCKETS] = "strangers_prefix",
};

const struct guard_times guard_times_default = {
    .opening = OPENING_TIMEOUT_MS,
    .headers = HEADERS_TIMEOUT_MS,
    .frame = FRAME_TIMEOUT_MS,
    .body = BODY_TIMEOUT_MS,
    .idle = STRANGER_IDLE_MS,
    .stall = STALL_TIMEOUT_MS,
    .stall_known = STALL_KNOWN_MS,
};

/* --- buckets ----------------------------------------------------------------------------------- */

static uint32_t burst(const struct guard *g, int kind)
{
	if (kind == GUARD_RESET_RECEIVED && g->known)
		return RESETS_KNOWN_BURST * 1000;
	return (uint32_t)buckets[kind].burst * 1000;
}

static double per_second(const struct guard *g, int kind)
{
	return kind == GUARD_RESET_RECEIVED && g->known ? RESETS_KNOWN_PER_SECOND : buckets[kind].per_second;
}

static void pour(struct guard *g, int kind, double thousandths)
{
	double full = burst(g, kind), sum = g->tokens[kind] + thousandths;

	g->tokens[kind] = (uint32_t)(sum < full ? sum : full);
}

static void fill(struct guard *g, int64_t now)
{
	double ms = (double)(now - g->filled_at);

	if (now == g->filled_at)
		return;
	g->filled_at = now;
	for (int kind = 0; kind < GUARD_BUCKETS; kind++)
		pour(g, kind, ms * per_second(g, kind));
}

enum guard_kind guard_count(struct guard *g, enum guard_kind kind, int64_t now)
{
	fill(g, now);
	if (g->tokens[kind] < 1000)
		return kind;
	g->tokens[kind] -= 1000;
	return GUARD_FINE;
}

void guard_sent(struct guard *g, size_t n, bool whole)
{
	g->sent += n;
	if (!whole) /* who opens its window byte by byte earns nothing with it */
		return;
	for (int kind = 0; kind < GUARD_BUCKETS; kind++)
		if (buckets[kind].earned > 0)
			pour(g, kind, 1000 * buckets[kind].earned);
}

void guard_know(struct guard *g)
{
	if (g->known)
		return;
	g->known = true;
	g->tokens[GUARD_RESET_RECEIVED] = burst(g, GUARD_RESET_RECEIVED);
}

void guard_init(struct guard *g, bool server, int64_t now)
{
	memset(g, 0, sizeof *g);
	g->server = server;
	g->skip = server ? PREFACE : 0;
	g->filled_at = g->heard_at = now;
	for (int kind = 0; kind < GUARD_BUCKETS; kind++)
		g->tokens[kind] = burst(g, kind);
}

/* --- frames ------------------------------------------------------------------------------------ */

static uint32_t frame_length(const struct guard *g)
{
	return (uint32_t)g->head[0] << 16 | (uint32_t)g->head[1] << 8 | g->head[2];
}

static uint8_t frame_type(const struct guard *g)
{
	return g->head[3];
}

static bool frame_has(const struct guard *g, uint8_t flag)
{
	return g->head[4] & flag;
}

/* The bucket that a frame is taken from; GUARD_FINE = none. */
static enum guard_kind bucket_of(const struct guard *g)
{
	switch (frame_type(g)) {
	case NGHTTP2_DATA:
		if (frame_has(g, NGHTTP2_FLAG_END_STREAM))
			return GUARD_FINE;
		return frame_length(g) == 0 || (frame_has(g, NGHTTP2_FLAG_PADDED) && frame_length(g) == 1)
		           ? GUARD_EMPTY_DATA
		           : GUARD_FINE;
	case NGHTTP2_HEADERS:
		return GUARD_FINE;
	case NGHTTP2_RST_STREAM:
		return g->server ? GUARD_RESET_RECEIVED : GUARD_FINE;
	case NGHTTP2_SETTINGS: /* the engine knows which ACKs are owed */
		return frame_has(g, NGHTTP2_FLAG_ACK) ? GUARD_FINE : GUARD_SETTINGS;
	case NGHTTP2_PING:
		return frame_has(g, NGHTTP2_FLAG_ACK) ? GUARD_OTHER_FRAME : GUARD_PING;
	case NGHTTP2_WINDOW_UPDATE:
		return GUARD_WINDOW_UPDATE;
	case NGHTTP2_CONTINUATION:
		return GUARD_CONTINUATION;
	default:
		return GUARD_OTHER_FRAME;
	}
}

static bool on_no_stream(const struct guard *g)
{
	return g->head[5] << 1 == 0 && g->head[6] == 0 && g->head[7] == 0 && g->head[8] == 0;
}

/* What the engine takes although RFC 9113 (4.2, 6.3) forbids it. */
static enum guard_kind wrong(const struct guard *g)
{
	if (frame_type(g) == NGHTTP2_CONTINUATION && frame_length(g) > FRAME_MAX)
		return GUARD_FRAME_SIZE;
	if (frame_type(g) == NGHTTP2_PRIORITY && on_no_stream(g))
		return GUARD_PROTOCOL;
	return GUARD_FINE;
}

static void frame_ends(struct guard *g)
{
	bool fields = frame_type(g) == NGHTTP2_HEADERS || frame_type(g) == NGHTTP2_CONTINUATION;

	if (frame_type(g) == NGHTTP2_SETTINGS)
		g->open = true;
	g->block = fields && !frame_has(g, NGHTTP2_FLAG_END_HEADERS);
	if (!g->block)
		g->frame_since = 0;
	g->head_n = 0;
}

static enum guard_kind frame_begins(struct guard *g, int64_t now)
{
	enum guard_kind kind = bucket_of(g), bad = wrong(g);

	if (bad != GUARD_FINE)
		return bad;
	g->skip = frame_length(g);
	if (frame_type(g) == NGHTTP2_HEADERS)
		g->block = true;
	if (kind != GUARD_FINE)
		kind = guard_count(g, kind, now);
	if (g->skip == 0)
		frame_ends(g);
	return kind;
}

static size_t skip_bytes(struct guard *g, size_t n, int64_t now)
{
	size_t used = n < g->skip ? n : g->skip;

	g->skip -= (uint32_t)used;
	if (g->head_n < HEAD)
		return used; /* of the preface */
	if (frame_type(g) == NGHTTP2_DATA || frame_type(g) == NGHTTP2_HEADERS)
		g->heard_at = now;
	if (g->skip == 0)
		frame_ends(g);
	return used;
}

static size_t head_bytes(struct guard *g, const uint8_t *data, size_t n)
{
	size_t missing = HEAD - g->head_n;

	if (n > missing)
		n = missing;
	memcpy(g->head + g->head_n, data, n);
	g->head_n += (uint8_t)n;
	return n;
}

enum guard_kind guard_bytes(struct guard *g, const uint8_t *data, size_t n, int64_t now)
{
	enum guard_kind kind = GUARD_FINE;

	for (size_t at = 0; at < n && kind == GUARD_FINE;) {
		if (g->skip > 0) {
			at += skip_bytes(g, n - at, now);
			continue;
		}
		if (g->frame_since == 0)
			g->frame_since = now;
		at += head_bytes(g, data + at, n - at);
		if (g->head_n == HEAD)
			kind = frame_begins(g, now);
	}
	return kind;
}

/* --- time -------------------------------------------------------------------------------------- */

static bool stalls(struct guard *g, const struct guard_times *t, int64_t now)
{
	if (g->stall_since == 0 || g->sent - g->stall_sent >= STALL_BYTES) {
		g->stall_since = now;
		g->stall_sent = g->sent;
	}
	return now - g->stall_since > (g->known ? t->stall_known : t->stall);
}

enum guard_kind guard_late(struct guard *g, const struct guard_times *t, struct guard_load load, int64_t now)
{
	int64_t frame = g->frame_since == 0 ? 0 : now - g->frame_since;
	int64_t silent = now - g->heard_at;

	if (!load.answers)
		g->stall_since = 0;
	if (!g->open)
		return silent > t->opening ? GUARD_OPENING : GUARD_FINE;
	if (g->block && frame > t->headers)
		return GUARD_HEADERS;
	if (frame > t->frame)
		return GUARD_FRAME;
	if (load.answers && stalls(g, t, now))
		return GUARD_STALLED;
	if (!g->known && load.request && silent > t->body)
		return GUARD_BODY;
	if (load.calls)
		g->heard_at = now > g->heard_at && !load.request ? now : g->heard_at;
	else if (!g->known && !g->local && silent > t->idle)
		return GUARD_IDLE;
	return GUARD_FINE;
}

bool guard_waits(const struct guard *g, struct guard_load load)
{
	if (!g->open || g->frame_since != 0 || load.answers)
		return true;
	return !g->known && (load.request || !g->local);
}

/* --- what was broken --------------------------------------------------------------------------- */

uint32_t guard_code(enum guard_kind kind)
{
	switch (kind) {
	case GUARD_PROTOCOL:
		return NGHTTP2_PROTOCOL_ERROR;
	case GUARD_FRAME_SIZE:
		return NGHTTP2_FRAME_SIZE_ERROR;
	case GUARD_FLOW_CONTROL:
		return NGHTTP2_FLOW_CONTROL_ERROR;
	case GUARD_STREAM_CLOSED:
		return NGHTTP2_STREAM_CLOSED;
	case GUARD_IDLE:
		return NGHTTP2_NO_ERROR;
	default:
		return NGHTTP2_ENHANCE_YOUR_CALM;
	}
}

const char *guard_name(enum guard_kind kind)
{
	return kind < GUARD_BUCKETS ? buckets[kind].name : other_names[kind - GUARD_BUCKETS];
}

void guard_note(struct guard_stats *s, enum guard_kind kind, const char *peer, int64_t now)
{
	s->count[kind]++;
	s->unsaid[kind]++;
	if (s->said_at[kind] != 0 && now - s->said_at[kind] < 1000)
		return;
	log_warn("connection ended by its limits limit=%s peer=%s times=%llu", guard_name(kind), peer,
	         (unsigned long long)s->unsaid[kind]);
	s->said_at[kind] = now;
	s->unsaid[kind] = 0;
}
