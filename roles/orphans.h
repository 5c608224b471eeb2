/* roles/orphans.h - files of blobs that Redis does not know: what a crash left between the disk and Redis,
 * or between Redis and the deletion. Found by going through the directories, ORPHAN_PARTS of 256 in one
 * look, and deleted when they have been there for BLOB_ORPHAN_MS, so that none is taken which is being
 * recorded at this moment. */
#ifndef ROLES_ORPHANS_H
#define ROLES_ORPHANS_H

#include "net/loop.h"
#include "proto/limits.h"
#include "store/store.h"

#define ORPHAN_PARTS 32
#define ORPHAN_PAGE 128 /* names in one question */
#define BLOB_ORPHAN_MS UPLOAD_IDLE_MS

struct pool;

struct orphans {
	struct pool *pool;
	struct work work;
	struct store_req req;
	char names[ORPHAN_PAGE][65];
	size_t count, skip;  /* of this page; names of the directory that were looked at and stay */
	unsigned part, left; /* directory; directories of this look */
	bool closed;
	void (*on_done)(struct orphans *o);
};

void orphans_init(struct orphans *o, struct pool *pool);
/* One look; then on_done(), also when Redis did not answer. One at a time. */
void orphans_look(struct orphans *o, void (*on_done)(struct orphans *o));
void orphans_close(struct orphans *o); /* on_done() comes no more; before the store */

#endif
