#include "roles/pool_home.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "net/clock.h"
#include "net/memory.h"
#include "roles/pool.h"
#include "roles/worker_home.h"

char *pool_home_path(const char *given)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (given == NULL)
		given = getenv("STATE_DIRECTORY");
	if (given != NULL)
		return xstrdup(given);
	if (state != NULL && state[0] != '\0')
		return xasprintf("%s/hivemind/pool", state);
	return xasprintf("%s/.local/state/hivemind/pool", home != NULL ? home : "");
}

bool pool_home_lock(struct pool *pool)
{
	pool->locked = pool->locked || flock(pool->lock, LOCK_EX | LOCK_NB) == 0;
	return pool->locked;
}

/* The lock file holds the id of this directory: whoever has the lock writes one where there is none. */
static int read_id(struct pool *pool, struct error *err)
{
	char id[ID_SIZE] = "";

	if (pread(pool->lock, id, ID_LENGTH, 0) == ID_LENGTH && id_valid(id)) {
		memcpy(pool->data_id, id, sizeof pool->data_id);
		return 0;
	}
	random_id(pool->data_id);
	if (!pool->locked)
		return 0; /* a directory that is being made: ours is not known to be the same */
	if (pwrite(pool->lock, pool->data_id, ID_LENGTH, 0) == ID_LENGTH && fsync(pool->lock) == 0)
		return 0;
	return error_set(err, status_from_errno(errno), "cannot write to the data directory %s: %s", pool->data,
	                 strerror(errno));
}

/* Only with a Redis of the operator's own can a second pool be of use: it stands by. */
static int take_lock(struct pool *pool, struct error *err)
{
	char *path = xasprintf("%s/lock", pool->data);

	pool->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	free(path);
	if (pool->lock < 0)
		return error_set(err, status_from_errno(errno), "cannot write to the data directory %s: %s",
		                 pool->data, strerror(errno));
	if (pool_home_lock(pool) || pool->options.redis != NULL)
		return read_id(pool, err);
	error_set(err, STATUS_ABORTED, "another pool uses the data directory %s", pool->data);
	return error_hint(err, "end that one first, or give this one its own: --data DIR");
}

int pool_home_open(struct pool *pool, struct error *err)
{
	pool->lock = -1;
	pool->data = pool_home_path(pool->options.data);
	return make_directories(pool->data, err) != 0 ? err->status : take_lock(pool, err);
}

int pool_home_use(struct pool *pool, struct error *err)
{
	pool->blobs = blobs_open(&pool->loop, pool->data, true, err);
	if (pool->blobs == NULL)
		return err->status;
	pool->logs = logs_open(&pool->loop, pool->data, err);
	return pool->logs == NULL ? err->status : 0;
}

void pool_home_close(struct pool *pool)
{
	if (pool->logs != NULL)
		logs_free(pool->logs);
	if (pool->blobs != NULL)
		blobs_free(pool->blobs);
	if (pool->lock >= 0)
		close(pool->lock);
	free(pool->data);
}
