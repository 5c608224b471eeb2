/* roles/bundle_cache.c - hard links in two directories of one file system. A cache may fail: then a
 * bundle is fetched again. */
#include "roles/bundle_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/id.h"
#include "proto/limits.h"
#include "proto/status.h"

#define BUNDLE_CACHE_MAX (4 * GiB)

static int make_directory(const char *path, struct error *err)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return 0;
	return error_set(err, status_from_errno(errno), "cannot make the directory %s: %s", path, strerror(errno));
}

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static void sweep(const char *path, const char *const *keep, size_t count)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.' && !is_one_of(entry->d_name, keep, count))
			unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
}

int bundle_cache_open(struct bundle_cache *c, const char *data, const char *const *keep, size_t count,
		      struct error *err)
{
	int rc;

	snprintf(c->dir, sizeof c->dir, "%s/bundles", data);
	snprintf(c->transit, sizeof c->transit, "%s/transit", data);
	rc = make_directory(c->dir, err);
	if (rc == 0)
		rc = make_directory(c->transit, err);
	if (rc == 0)
		sweep(c->transit, keep, count);
	return rc;
}

static void path_of(const struct bundle_cache *c, const char *sha256, char *path, size_t n)
{
	snprintf(path, n, "%s/%s", c->dir, sha256);
}

bool bundle_cache_take(const struct bundle_cache *c, const char *sha256, const char *as)
{
	char path[512];

	path_of(c, sha256, path, sizeof path);
	unlink(as);
	if (link(path, as) != 0)
		return false;
	utimensat(AT_FDCWD, path, NULL, 0); /* it is young again */
	return true;
}

/* Delete the oldest until all together are small enough. false: they are. */
static bool forget_oldest(const struct bundle_cache *c)
{
	char oldest[SHA256_HEX_SIZE] = "";
	struct timespec when = {.tv_sec = INT64_MAX};
	uint64_t total = 0;
	struct dirent *entry;
	struct stat st;
	DIR *dir = opendir(c->dir);
	bool again;

	if (dir == NULL)
		return false;
	while ((entry = readdir(dir)) != NULL) {
		if (!sha256_hex_valid(entry->d_name) || fstatat(dirfd(dir), entry->d_name, &st, 0) != 0)
			continue;
		total += (uint64_t)st.st_size;
		if (st.st_mtim.tv_sec < when.tv_sec) {
			when = st.st_mtim;
			text_copy(oldest, sizeof oldest, entry->d_name);
		}
	}
	again = total > BUNDLE_CACHE_MAX && unlinkat(dirfd(dir), oldest, 0) == 0;
	closedir(dir);
	return again;
}

void bundle_cache_put(const struct bundle_cache *c, const char *sha256, const char *path)
{
	char kept[512];

	path_of(c, sha256, kept, sizeof kept);
	if (link(path, kept) != 0)
		return; /* another attempt was faster, or the file system has no hard links */
	while (forget_oldest(c))
		;
}
