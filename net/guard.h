/* net/guard.h - what the peer of one HTTP/2 connection may do, and how long it may take.
 *
 * It reads the frames beside the engine, whose own limits are about memory, refuses two that the engine takes
 * although they are wrong, and counts those that cost us more than the peer: each kind is a bucket of tokens
 * that fills with time. What we send earns the peer the frames with which it must answer: a fast reader sends
 * many WINDOW_UPDATEs, and PINGs and SETTINGS to find its window. No I/O and no clock of its own; who calls
 * ends the connection. */
#ifndef NET_GUARD_H
#define NET_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What can be broken. */
enum guard_kind {
	/* too often */
	GUARD_PING,
	GUARD_SETTINGS,
	GUARD_EMPTY_DATA,
	GUARD_WINDOW_UPDATE,
	GUARD_CONTINUATION,
	GUARD_OTHER_FRAME,
	GUARD_INVALID_FRAME,
	GUARD_RESET_RECEIVED,
	GUARD_RESET_SENT,
	GUARD_BUCKETS,
	/* not at all: each is an error of HTTP/2 with a code of its own */
	GUARD_PROTOCOL = GUARD_BUCKETS,
	GUARD_FRAME_SIZE,
	GUARD_FLOW_CONTROL,
	GUARD_STREAM_CLOSED,
	/* too much */
	GUARD_FIELDS,
	GUARD_OUTPUT,
	GUARD_ENGINE, /* a limit of the engine itself */
	/* too late */
	GUARD_OPENING,
	GUARD_HEADERS,
	GUARD_FRAME,
	GUARD_BODY,
	GUARD_IDLE,
	GUARD_STALLED,
	/* too many */
	GUARD_STRANGERS,
	GUARD_STRANGERS_PREFIX,
	GUARD_KINDS,
	GUARD_FINE = GUARD_KINDS /* nothing is broken */
};

/* How long each phase may take, in milliseconds. */
struct guard_times {
	int64_t opening, headers, frame, body, idle, stall, stall_known;
};

extern const struct guard_times guard_times_default;

struct guard {
	uint32_t tokens[GUARD_BUCKETS]; /* thousandths */
	int64_t filled_at;
	int64_t frame_since; /* the frame or block of fields that is not complete; 0 = none is */
	int64_t heard_at;    /* opened, or a request or some of one came */
	int64_t stall_since; /* answers wait since; 0 = none do */
	uint64_t sent, stall_sent;
	uint32_t skip;   /* bytes to come of the preface or a frame */
	uint8_t head[9]; /* of the frame that comes */
	uint8_t head_n;
	bool server;
	bool open;  /* preface and SETTINGS have come */
	bool block; /* of fields, not complete */
	bool known; /* not a stranger */
	bool local; /* on this machine */
};

void guard_init(struct guard *g, bool server, int64_t now);

/* Bytes of the peer, before the engine gets them. */
enum guard_kind guard_bytes(struct guard *g, const uint8_t *data, size_t n, int64_t now);

/* One more of a kind that has a bucket. */
enum guard_kind guard_count(struct guard *g, enum guard_kind kind, int64_t now);

/* n bytes went out on a call. whole = not cut short by the peer's window. */
void guard_sent(struct guard *g, size_t n, bool whole);

/* One of its calls was admitted with a token. */
void guard_know(struct guard *g);

/* What else of the connection matters to time. */
struct guard_load {
	bool calls;   /* there are calls, */
	bool request; /* of one of which the rest is to come */
	bool answers; /* are queued */
};

/* Is it late? */
enum guard_kind guard_late(struct guard *g, const struct guard_times *t, struct guard_load load, int64_t now);

/* Can it become late, as things are? */
bool guard_waits(const struct guard *g, struct guard_load load);

/* --- what was broken, for all connections of a server ------------------------------------------ */

struct guard_stats {
	uint64_t count[GUARD_KINDS];
	uint64_t unsaid[GUARD_KINDS]; /* since the last line in the log */
	int64_t said_at[GUARD_KINDS];
};

/* The code of the GOAWAY that the peer gets for it. */
uint32_t guard_code(enum guard_kind kind);

/* "ping", "reset_received", ... */
const char *guard_name(enum guard_kind kind);

/* Count it, and say so in the log at most once a second for each kind. */
void guard_note(struct guard_stats *s, enum guard_kind kind, const char *peer, int64_t now);

#endif
