/* roles/attempt_log.h - what a task prints, on its way to the pool: bounded, in order, nothing lost by a broken link.
 *
 * The first LOG_HEAD_MAX bytes are sent as they come. Of what follows the last LOG_TAIL_MAX bytes are kept in a
 * ring and sent at the end, after a remark that says how much was left out. The task is never held up.
 *
 * A piece stays until the pool has acknowledged a heartbeat that was sent after it: messages of one link arrive in
 * order, so this piece has arrived too. On a new link the pieces without acknowledgement are sent again; the pool
 * drops by offset what it has. No I/O: the owner asks for the next piece and sends it. */
#ifndef ROLES_ATTEMPT_LOG_H
#define ROLES_ATTEMPT_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOG_OUT = 1, LOG_ERR = 2, LOG_REMARK = 3 }; /* as LogData.stream */

struct log_piece {
	struct log_piece *prev, *next;
	uint64_t offset;  /* of its first byte in what this log sends */
	int64_t time_ms;  /* wall clock */
	int stream;
	uint32_t n, size; /* bytes used, bytes allocated */
	uint8_t data[];
};

struct attempt_log {
	struct log_piece *pieces;  /* in order of offset; those without acknowledgement */
	struct log_piece *unsent;  /* the first of them that was not sent on this link; NULL = all were */
	struct log_piece *tail;    /* the ring */
	uint64_t size;             /* bytes that have an offset */
	uint64_t sent;             /* bytes sent on this link */
	uint64_t dropped;          /* bytes that fell out of the ring */
	size_t memory, tail_memory;/* bytes that the two lists hold */
	bool head_full, ended;
	/* A heartbeat that was sent behind the log's first `marked` bytes; mark_seq 0 = none. */
	uint64_t mark_seq, marked;
};

/* Zero-initialised it is an empty log. */
void attempt_log_add(struct attempt_log *l, int stream, const void *data, size_t n, int64_t now_ms);

/* What an earlier process had given an offset: the next part of it, before anything is added. */
void attempt_log_restore(struct attempt_log *l, int stream, const void *data, size_t n, int64_t time_ms);

/* Nothing more is printed: the remark and the tail become ready to be sent. Remarks may still be added. */
void attempt_log_end(struct attempt_log *l, int64_t now_ms);

/* The next piece to send (counts as sent), or NULL. Valid until the next call. */
const struct log_piece *attempt_log_next(struct attempt_log *l);

/* A heartbeat with this number was sent now / has been acknowledged. */
void attempt_log_mark(struct attempt_log *l, uint64_t seq);
void attempt_log_acknowledged(struct attempt_log *l, uint64_t seq);

/* The link is a new one: everything without acknowledgement is unsent again. */
void attempt_log_rewind(struct attempt_log *l);

void attempt_log_release(struct attempt_log *l);

#endif
