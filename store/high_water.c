/* store/high_water.c - see high_water.h.
 *
 * note -> LATER_MS -> on the thread pool: write PATH.PID.new, fsync, rename, fsync the
 * directory -> kept. What is noted while that goes on goes into the next one. An error is kept
 * and logged, and the next note tries again. */
#include "store/high_water.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/crash.h"
#include "net/file.h"
#include "net/log.h"
#include "net/memory.h"
#include "proto/status.h"

#define LATER_MS 50

/* --- the file --------------------------------------------------------------------------------------- */

static int read_mark(struct mark *m, const char *path, struct error *err)
{
	FILE *f = fopen(path, "re");
	unsigned long long seq = 0;
	char end = '\0';
	int n;

	*m = (struct mark){0};
	if (f == NULL && errno == ENOENT)
		return 0;
	if (f == NULL)
		return error_set(err, status_from_errno(errno), "%s: %s", path, strerror(errno));
	n = fscanf(f, "%llu %40[0-9a-f]%c", &seq, m->chain, &end);
	fclose(f);
	if (n != 3 || end != '\n' || strlen(m->chain) != 40) {
		error_set(err, STATUS_DATA_LOSS, "%s is not what the pool writes there", path);
		return error_hint(err, "look whether the disk is well; the pool started with "
		                       "--accept-ledger-rollback takes the ledger in Redis as the truth");
	}
	m->seq = seq;
	return 0;
}

static int write_mark(const struct mark *m, const char *path, const char *fresh)
{
	char line[80];
	int n = snprintf(line, sizeof(line), "%llu %s\n", (unsigned long long)m->seq, m->chain);
	int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool good;

	if (fd < 0)
		return -1;
	good = write(fd, line, (size_t)n) == n && fsync(fd) == 0;
	good = close(fd) == 0 && good;
	crash_point(POOL_MARK_WRITTEN);
	good = good && rename(fresh, path) == 0;
	crash_point(POOL_MARK_RENAMED);
	return good && file_sync_directory(path) == 0 ? 0 : -1;
}

/* On another thread: touches `writing`, `path` and `error`. */
static void run(struct work *work)
{
	struct high_water *h = container_of(work, struct high_water, work);
	/* a pool that was replaced may write one too */
	char *fresh = xasprintf("%s.%d.new", h->path, (int)getpid());

	error_clear(&h->error);
	if (write_mark(&h->writing, h->path, fresh) != 0)
		error_set(&h->error, status_from_errno(errno), "%s: %s", h->path, strerror(errno));
	free(fresh);
}

/* --- when ------------------------------------------------------------------------------------- */

static bool behind(const struct high_water *h)
{
	return h->wanted.seq != h->kept.seq || strcmp(h->wanted.chain, h->kept.chain) != 0;
}

static void on_timer_closed(struct timer *t)
{
	struct high_water *h = container_of(t, struct high_water, later);

	h->closed(h);
}

static void finished(struct work *work);

static void go(struct high_water *h)
{
	h->busy = true;
	h->writing = h->wanted;
	work_start(h->loop, &h->work, run, finished);
}

static void finished(struct work *work)
{
	struct high_water *h = container_of(work, struct high_water, work);

	h->busy = false;
	if (h->error.status == 0)
		h->kept = h->writing;
	else
		log_error("the high-water mark of the ledger was not written error=\"%s\"", h->error.text);
	if (h->closing && (h->error.status != 0 || !behind(h)))
		timer_close(&h->later, on_timer_closed);
	else if (h->closing)
		go(h);
	else if (behind(h))
		timer_set(&h->later, LATER_MS);
}

static void on_later(struct timer *t)
{
	struct high_water *h = container_of(t, struct high_water, later);

	if (!h->busy)
		go(h);
}

/* --- the outside ------------------------------------------------------------------------------ */

int high_water_open(struct high_water *h, struct loop *loop, const char *path, struct error *err)
{
	int rc;

	*h = (struct high_water){.loop = loop};
	snprintf(h->path, sizeof(h->path), "%s", path);
	rc = read_mark(&h->kept, path, err);
	h->wanted = h->kept;
	timer_init(loop, &h->later, on_later);
	return rc;
}

void high_water_note(struct high_water *h, uint64_t seq, const char *chain)
{
	h->wanted.seq = seq;
	memcpy(h->wanted.chain, chain, sizeof(h->wanted.chain));
	if (behind(h) && !h->busy && !timer_armed(&h->later))
		timer_set(&h->later, LATER_MS);
}

void high_water_close(struct high_water *h, void (*closed)(struct high_water *))
{
	h->closed = closed;
	h->closing = true;
	timer_clear(&h->later);
	if (h->busy)
		return; /* finished() closes */
	if (behind(h))
		go(h);
	else
		timer_close(&h->later, on_timer_closed);
}
