/* roles/pending.h - the call_id of a submission, on disk before it is sent and until its answer was shown.
 *
 * A client that dies between asking and showing the answer cannot know whether its task is in the queue. The
 * same command again finds the id here and gives the pool the same one: then it is one task. Files lie in
 * $XDG_STATE_HOME/hivemind/pending (~/.local/state/...), named by pool, bundle and spec. A command that runs
 * holds its file's lock, so that two of the same at once are two tasks. Blocks: for a client verb. */
#ifndef ROLES_PENDING_H
#define ROLES_PENDING_H

#include "exec/bundle.h"
#include "net/endpoint.h"
#include "proto/id.h"

#define PENDING_MAX_MS (6ll * 86400 * 1000) /* the pool remembers an id for seven days */
#define PENDING_AT_ONCE 64                  /* commands that submit the same; one more has no file */

struct pending {
	char id[ID_SIZE];
	bool known; /* left by an earlier command */
	char path[512];
	int fd; /* -1 = none: no directory can be had, or too many */
};

/* Always gives an id; without a file when there can be none. */
void pending_open(struct pending *p, const struct endpoint *pool, const struct bundle *b);
/* over: the answer was shown, or it is a refusal; false: the outcome is not known. */
void pending_close(struct pending *p, bool over);

#endif
