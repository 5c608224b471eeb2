/* roles/log_view.h - show what a task prints: standard output to ours, standard error to ours, remarks of
 * HiveMind to standard error. Raw bytes, except on a terminal, where nothing may speak to it (ui/text.h).
 *
 * A connection that breaks is made again and the log goes on where it was. */
#ifndef ROLES_LOG_VIEW_H
#define ROLES_LOG_VIEW_H

#include "roles/client.h"
#include "roles/log_tail.h"
#include "ui/json.h"

struct log_stream {
	uint8_t pending[4]; /* the beginning of a character whose end has not come */
	size_t pending_size;
};

struct log_view {
	/* set by the owner; zero all else */
	bool follow;        /* until the task has ended */
	bool no_out, no_err;
	int64_t tail;       /* only the last lines of what is there; 0 = all */

	/* private */
	struct client *client;
	uint64_t next;
	struct log_stream streams[2];
	struct log_tail last;
};

/* Returns 0, or the status in c->error. */
int log_view_show(struct log_view *v, struct client *c, const char *task);

/* A piece of a log as fields of the object that is open in j. */
void log_piece_json(struct json *j, uint32_t stream, const void *data, size_t n, int64_t time_ms,
		    uint64_t next);

#endif
