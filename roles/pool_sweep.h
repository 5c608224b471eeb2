/* roles/pool_sweep.h - from time to time: forget results whose time has come, blobs nobody names, files that
 * nobody knows of, uploads nobody ends; give back what is reserved for stopped tasks whose attempt
 * nobody brought to its end. */
#ifndef ROLES_POOL_SWEEP_H
#define ROLES_POOL_SWEEP_H

#include "net/loop.h"
#include "roles/orphans.h"
#include "store/store.h"

#define SWEEP_MS (60 * 1000)
#define SWEEP_BATCH 100
#define SWEEP_PAGES 100 /* batches of one round at most */
#define UNSETTLED_MS (10 * 60 * 1000) /* longer than a grace and the way of a result */
#define BLOB_UNUSED_MS UPLOAD_IDLE_MS /* a bundle waits this long for its submit */

struct pool;

struct pool_sweep {
	struct pool *pool;
	struct timer timer;
	struct store_req req;
	struct orphans orphans;
	unsigned pages; /* of this round */
	bool busy;
};

void pool_sweep_init(struct pool_sweep *s, struct pool *pool);

/* Soon instead of in a minute: something was removed. */
void pool_sweep_soon(struct pool_sweep *s);
void pool_sweep_close(struct pool_sweep *s);

#endif
