/* store/redis_copy.h - a private redis-server on a copy of somebody's files, to look into them. Blocking. */
#ifndef STORE_REDIS_COPY_H
#define STORE_REDIS_COPY_H

#include <sys/types.h>

#include "store/redis.h"

struct redis_copy {
	char dir[64];
	pid_t pid;
	struct redis_address address;
};

/* from: an append-only file, a dump (.rdb), a folder of Redis with appendonlydir/ or dump.rdb in it, or an
 * appendonlydir. Returns when it answers. NOT_FOUND: nothing of Redis there, or no redis-server in PATH.
 * DATA_LOSS: Redis cannot read it (its own words). redis_copy_end() also after an error. */
int redis_copy_start(struct redis_copy *c, const char *from, struct error *err);
void redis_copy_end(struct redis_copy *c);

#endif
