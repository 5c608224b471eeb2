/* roles/attempt_log.c - two lists of pieces: the head, kept until acknowledged, and the tail, a ring.
 *
 * Small prints are gathered in one piece while it has not been sent. Both lists are bounded by the memory they
 * take, not only by the bytes in them: a task that writes single bytes to both streams in turn cannot grow us. */
#include "roles/attempt_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "net/memory.h"
#include "proto/limits.h"

#define PIECE_MAX (16 * KiB)
#define PIECE_MIN 112              /* allocated at least, so that gathering is worth it */
#define MEMORY_MAX_OF_HEAD (2 * LOG_HEAD_MAX)
#define MEMORY_MAX_OF_TAIL (LOG_TAIL_MAX + LOG_TAIL_MAX / 4)

static size_t cost(const struct log_piece *p)
{
	return sizeof *p + p->size;
}

/* Append to the list's last piece, or to a new one, and return how many bytes of data were taken. */
static size_t put(struct log_piece **list, size_t *memory, bool gather, int stream, const void *data, size_t n,
		  int64_t now_ms)
{
	struct log_piece *p = *list != NULL ? (*list)->prev : NULL;

	if (!gather || p == NULL || p->stream != stream || p->n == p->size) {
		uint32_t size = n > PIECE_MAX ? PIECE_MAX : n < PIECE_MIN ? PIECE_MIN : (uint32_t)n;

		/* A second piece in a row of the same stream: much is coming, so take it in large pieces. */
		if (gather && p != NULL && p->stream == stream)
			size = PIECE_MAX;
		p = xmalloc(sizeof *p + size);
		*p = (struct log_piece){.stream = stream, .time_ms = now_ms, .size = size};
		DL_APPEND(*list, p);
		*memory += cost(p);
	}
	if (n > p->size - p->n)
		n = p->size - p->n;
	memcpy(p->data + p->n, data, n);
	p->n += (uint32_t)n;
	return n;
}

static void add_head(struct attempt_log *l, int stream, const uint8_t *data, size_t n, int64_t now_ms)
{
	while (n > 0) {
		size_t taken = put(&l->pieces, &l->memory, l->unsent != NULL, stream, data, n, now_ms);
		struct log_piece *p = l->pieces->prev;

		if (p->n == taken) /* it is new */
			p->offset = l->size;
		if (l->unsent == NULL)
			l->unsent = p;
		l->size += taken;
		data += taken;
		n -= taken;
	}
}

static void drop(struct log_piece **list, size_t *memory)
{
	struct log_piece *p = *list;

	*memory -= cost(p);
	DL_DELETE(*list, p);
	free(p);
}

static void add_tail(struct attempt_log *l, int stream, const uint8_t *data, size_t n, int64_t now_ms)
{
	while (n > 0) {
		size_t taken = put(&l->tail, &l->tail_memory, true, stream, data, n, now_ms);

		data += taken;
		n -= taken;
		while (l->tail_memory > MEMORY_MAX_OF_TAIL) {
			l->dropped += l->tail->n;
			drop(&l->tail, &l->tail_memory);
		}
	}
}

void attempt_log_add(struct attempt_log *l, int stream, const void *data, size_t n, int64_t now_ms)
{
	const uint8_t *at = data;
	uint64_t room;

	if (stream == LOG_REMARK || l->ended) { /* ours, and short */
		add_head(l, stream, at, n, now_ms);
		return;
	}
	if (!l->head_full) {
		room = l->size < LOG_HEAD_MAX && l->memory < MEMORY_MAX_OF_HEAD ? LOG_HEAD_MAX - l->size : 0;
		l->head_full = n > room;
		if (n < room)
			room = n;
		add_head(l, stream, at, room, now_ms);
		at += room;
		n -= room;
	}
	add_tail(l, stream, at, n, now_ms);
}

void attempt_log_restore(struct attempt_log *l, int stream, const void *data, size_t n, int64_t time_ms)
{
	add_head(l, stream, data, n, time_ms);
	l->head_full = l->size >= LOG_HEAD_MAX;
}

void attempt_log_end(struct attempt_log *l, int64_t now_ms)
{
	char remark[120];
	struct log_piece *p, *next;

	if (l->ended)
		return;
	l->ended = true;
	if (l->dropped > 0) {
		int n = snprintf(remark, sizeof remark,
				 "\n[%" PRIu64 " bytes of output were left out here: it was too much to keep]\n", l->dropped);

		add_head(l, LOG_REMARK, (uint8_t *)remark, (size_t)n, now_ms);
	}
	DL_FOREACH_SAFE(l->tail, p, next) {
		DL_DELETE(l->tail, p);
		p->offset = l->size;
		l->size += p->n;
		l->memory += cost(p);
		DL_APPEND(l->pieces, p);
		if (l->unsent == NULL)
			l->unsent = p;
	}
	l->tail_memory = 0;
}

const struct log_piece *attempt_log_next(struct attempt_log *l)
{
	const struct log_piece *p = l->unsent;

	if (p == NULL)
		return NULL;
	l->unsent = p->next;
	l->sent = p->offset + p->n;
	return p;
}

void attempt_log_mark(struct attempt_log *l, uint64_t seq)
{
	if (l->mark_seq != 0)
		return;
	l->mark_seq = seq;
	l->marked = l->sent;
}

void attempt_log_acknowledged(struct attempt_log *l, uint64_t seq)
{
	if (l->mark_seq == 0 || seq < l->mark_seq)
		return;
	l->mark_seq = 0;
	while (l->pieces != NULL && l->pieces != l->unsent && l->pieces->offset + l->pieces->n <= l->marked)
		drop(&l->pieces, &l->memory);
}

void attempt_log_rewind(struct attempt_log *l)
{
	l->unsent = l->pieces;
	l->sent = l->pieces != NULL ? l->pieces->offset : l->size;
	l->mark_seq = 0;
}

void attempt_log_release(struct attempt_log *l)
{
	while (l->pieces != NULL)
		drop(&l->pieces, &l->memory);
	while (l->tail != NULL)
		drop(&l->tail, &l->tail_memory);
	*l = (struct attempt_log){0};
}
