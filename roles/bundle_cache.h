/* roles/bundle_cache.h - bundles that a worker has fetched, by hash, for the next task that wants the same.
 *
 *   DATA/bundles/SHA256         whole and checked; the oldest go when all together pass BUNDLE_CACHE_MAX
 *   DATA/transit/TASK-EPOCH.*   an attempt's own files: its bundle on the way, its result; swept at start,
 *                               but for results that the pool has not taken yet
 *
 * An attempt has its own name (a hard link) for what it uses, so the cache may forget at any time. */
#ifndef ROLES_BUNDLE_CACHE_H
#define ROLES_BUNDLE_CACHE_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/error.h"

struct bundle_cache {
	char dir[400];     /* DATA/bundles */
	char transit[400]; /* DATA/transit */
};

/* Make the directories and delete what earlier processes left in transit, except these files. */
int bundle_cache_open(struct bundle_cache *c, const char *data, const char *const *keep, size_t count,
		      struct error *err);

/* Give the bundle a second name. false: it is not here. */
bool bundle_cache_take(const struct bundle_cache *c, const char *sha256, const char *as);

/* Keep the whole and checked file at path. Blocks for a moment: on the thread pool. */
void bundle_cache_put(const struct bundle_cache *c, const char *sha256, const char *path);

#endif
