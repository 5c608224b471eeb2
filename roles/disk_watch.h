/* roles/disk_watch.h - how much does a task write? Looks each second, on the thread pool, at what
 * lies in its scratch directory.
 *
 * on_over() comes once, when it is more than allowed; then, and after disk_watch_stop(), it looks no more. */
#ifndef ROLES_DISK_WATCH_H
#define ROLES_DISK_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "exec/scratch.h"
#include "net/loop.h"

struct disk_watch {
	/* set by the owner */
	const struct scratch *scratch;
	uint64_t allowed;
	void (*on_over)(struct disk_watch *d);
	void (*on_idle)(struct disk_watch *d); /* a look that disk_watch_stop() had to wait for is over */

	uint64_t used;                         /* bytes, at the last look */
	/* private */
	struct loop *loop;
	struct timer timer;
	struct work work;
	bool looking, stopped;
	void (*closed)(struct disk_watch *d);
};

void disk_watch_init(struct disk_watch *d, struct loop *loop);
void disk_watch_start(struct disk_watch *d);

/* false: a look is going on, on_idle() follows; until then the directory must stay. */
bool disk_watch_stop(struct disk_watch *d);

/* After it has stopped. */
void disk_watch_close(struct disk_watch *d, void (*closed)(struct disk_watch *d));

#endif
