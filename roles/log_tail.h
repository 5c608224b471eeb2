/* roles/log_tail.h - the last lines of a log, of pieces that come one after another: hivemind logs --tail,
 * and ?tail= of the JSON API. Of all streams together, in their order. */
#ifndef ROLES_LOG_TAIL_H
#define ROLES_LOG_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/buf.h"

/* As Tasks.Logs gives it. */
struct log_piece {
	uint32_t stream;
	int64_t time_ms;
	uint64_t next;
	const uint8_t *data;
	size_t n;
};

struct log_tail {
	int64_t lines; /* set by the owner, 1 or more; zero all else */
	/* bytes that are kept at most; 0 = as many as the lines have. Older ones go, whole pieces at once */
	size_t most;

	/* private */
	struct buf kept;
	struct log_kept *pieces;
	size_t count, room;
	size_t at; /* pieces that were taken */
};

void log_tail_add(struct log_tail *t, const struct log_piece *piece);

/* The next piece of the last lines, the first one cut to begin with its line; valid until the tail is
 * released. False: there is none left. From the first call on nothing may be added. */
bool log_tail_next(struct log_tail *t, struct log_piece *piece);

/* What it keeps. May be filled again. */
void log_tail_release(struct log_tail *t);

#endif
