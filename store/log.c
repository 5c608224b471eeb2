/* store/log.c - logs as files. Owns DIR/logs.
 *
 * log_append() puts records into `coming`; one work at a time takes them all as `writing`, drops repeats and
 * what is too much, and appends the rest. The first work of a log looks at what the file already holds. A
 * write that fails (disk full) loses those bytes and says so in our own log: a task is never held up by its
 * log. */
#include "store/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>
#include <utlist.h>

#include "net/crash.h"
#include "net/log.h"
#include "net/memory.h"
#include "proto/limits.h"
#include "proto/status.h"

#define LOG_DATA_MAX (LOG_HEAD_MAX + LOG_TAIL_MAX + 64 * KiB) /* the worker keeps to less */
#define READ_SIZE (64 * 1024)
#define MAGIC 'L'

struct head {
	uint8_t magic, stream, own, zero;
	uint32_t n;
	uint64_t offset;
	int64_t time_ms;
};

_Static_assert(sizeof(struct head) == 24, "the file's format");
_Static_assert(READ_SIZE >= LOG_RECORD_MAX + sizeof(struct head), "a part holds a whole record");

struct logs {
	struct loop *loop;
	char dir[400];
	struct log *open; /* by key */
	unsigned working;
};

struct log {
	char key[TASK_ID_SIZE + 12]; /* TASK.EPOCH */
	char path[512];
	struct logs *logs;
	unsigned users;
	bool ended, busy;
	uint64_t size;               /* bytes of data, as far as we know */
	struct buf coming;           /* records to write */
	struct log_follower *followers;
	struct work work;
	/* of the work, while busy */
	struct buf writing;
	bool looked;                 /* the file's end is known */
	uint64_t file_size;
	uint64_t received;           /* what the attempt had sent up to here */
	uint64_t kept;               /* bytes of data in the file */
	bool full;
	bool again;                  /* what could not be written is tried once more */
	int write_errno;
	UT_hash_handle hh;
};

static void path_of(const struct logs *l, const char *task, uint32_t epoch, char *path, size_t n)
{
	snprintf(path, n, "%s/%.2s/%s.%u", l->dir, task, task, epoch);
}

struct logs *logs_open(struct loop *loop, const char *dir, struct error *err)
{
	struct logs *l = xcalloc(1, sizeof *l);

	l->loop = loop;
	if ((size_t)snprintf(l->dir, sizeof l->dir, "%s/logs", dir) >= sizeof l->dir) {
		error_set(err, STATUS_INVALID_ARGUMENT, "the data directory's name is too long: %s", dir);
	} else if (mkdir(l->dir, 0700) != 0 && errno != EEXIST) {
		error_set(err, status_from_errno(errno), "cannot make %s: %s", l->dir, strerror(errno));
	} else {
		return l;
	}
	free(l);
	return NULL;
}

void logs_free(struct logs *l)
{
	free(l);
}

bool logs_busy(const struct logs *l)
{
	return l->working > 0 || l->open != NULL;
}

/* --- appending (run_* are on a thread) ------------------------------------------------------- */

/* What does the file hold already? Cuts a torn end off. */
static void run_look(struct log *g, int fd)
{
	struct head h;
	struct stat st;
	uint64_t at = 0;

	g->looked = true;
	if (fstat(fd, &st) != 0)
		return;
	while (pread(fd, &h, sizeof h, (off_t)at) == sizeof h && h.magic == MAGIC &&
	       at + sizeof h + h.n <= (uint64_t)st.st_size) {
		if (!h.own) {
			g->received = h.offset + h.n;
			g->kept += h.n;
		}
		at += sizeof h + h.n;
	}
	g->file_size = at;
	if (at < (uint64_t)st.st_size && ftruncate(fd, (off_t)at) != 0)
		g->write_errno = errno;
}

static void put(struct buf *out, const struct head *h, const void *data)
{
	buf_append(out, h, sizeof *h);
	buf_append(out, data, h->n);
}

static void run_remark(struct log *g, struct buf *out, int64_t time_ms, const char *text)
{
	struct head h = {.magic = MAGIC, .stream = 3, .own = 1, .n = (uint32_t)strlen(text), .time_ms = time_ms};

	h.offset = g->received;
	put(out, &h, text);
}

/* Keep of one record what is new. */
static void run_filter(struct log *g, struct buf *out, struct head h, const uint8_t *data)
{
	uint64_t known;

	if (h.offset > g->received) {
		run_remark(g, out, h.time_ms, "[some output was lost on its way]\n");
	} else if ((known = g->received - h.offset) > 0) {
		if (known >= h.n)
			return;
		data += known;
		h.n -= (uint32_t)known;
		h.offset += known;
	}
	g->received = h.offset + h.n;
	if (g->kept + h.n > (uint64_t)LOG_DATA_MAX) {
		if (!g->full)
			run_remark(g, out, h.time_ms, "[the log is full: what follows is not kept]\n");
		g->full = true;
		return;
	}
	g->kept += h.n;
	put(out, &h, data);
}

static int run_open(struct log *g)
{
	int fd = open(g->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	char folder[512];

	if (fd >= 0 || errno != ENOENT)
		return fd;
	text_copy(folder, sizeof folder, g->path);
	*strrchr(folder, '/') = '\0';
	if (mkdir(folder, 0700) != 0 && errno != EEXIST)
		return -1;
	return open(g->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

static void run_write(struct log *g, int fd, const struct buf *out)
{
	for (size_t done = 0; done < out->n;) {
		ssize_t r = pwrite(fd, out->data + done, out->n - done, (off_t)(g->file_size + done));

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0) {
			g->write_errno = errno;
			if (ftruncate(fd, (off_t)g->file_size) != 0)
				g->looked = false; /* look again before the next write */
			return;
		}
		done += (size_t)r;
	}
	crash_point(POOL_LOG_WRITTEN);
	g->file_size += out->n;
}

static void run_append(struct work *work)
{
	struct log *g = container_of(work, struct log, work);
	uint64_t received, kept;
	struct buf out = {0};
	struct head h;
	int fd = run_open(g);

	if (fd < 0) {
		g->write_errno = errno;
		return;
	}
	if (!g->looked)
		run_look(g, fd);
	received = g->received;
	kept = g->kept;
	for (size_t at = 0; at < g->writing.n; at += sizeof h + h.n) {
		memcpy(&h, g->writing.data + at, sizeof h);
		run_filter(g, &out, h, g->writing.data + at + sizeof h);
	}
	run_write(g, fd, &out);
	if (g->write_errno != 0) { /* what is missing will be marked */
		g->received = received;
		g->kept = kept;
	}
	buf_release(&out);
	close(fd);
}

/* --- on the loop ----------------------------------------------------------------------------- */

static void free_if_over(struct log *g)
{
	if (g->users > 0 || g->busy)
		return;
	HASH_DEL(g->logs->open, g);
	buf_release(&g->coming);
	free(g);
}

static void tell_followers(struct log *g)
{
	struct log_follower *f, *next;

	g->users++;
	DL_FOREACH_SAFE(g->followers, f, next)
		f->on_more(f);
	log_close(g);
}

static void start_work(struct log *g);

static void on_appended(struct work *work)
{
	struct log *g = container_of(work, struct log, work);

	if (g->write_errno != 0)
		log_warn("log not written file=%s error=%s", g->key, strerror(g->write_errno));
	g->again = g->write_errno != 0 && !g->again;
	if (g->again) {
		buf_append(&g->writing, g->coming.data, g->coming.n);
		buf_release(&g->coming);
		g->coming = g->writing;
		g->writing = (struct buf){0};
	}
	g->write_errno = 0;
	g->busy = false;
	g->logs->working--;
	buf_release(&g->writing);
	start_work(g);
	if (!g->busy)
		g->size = g->kept;
	tell_followers(g); /* g may be gone from here on */
}

static void start_work(struct log *g)
{
	if (g->busy || g->coming.n == 0)
		return;
	g->writing = g->coming;
	g->coming = (struct buf){0};
	g->busy = true;
	g->logs->working++;
	work_start(g->logs->loop, &g->work, run_append, on_appended);
}

struct log *log_open(struct logs *l, const char *task, uint32_t epoch)
{
	char key[TASK_ID_SIZE + 12];
	struct log *g;

	snprintf(key, sizeof key, "%s.%u", task, epoch);
	HASH_FIND_STR(l->open, key, g);
	if (g == NULL) {
		g = xcalloc(1, sizeof *g);
		memcpy(g->key, key, sizeof g->key);
		path_of(l, task, epoch, g->path, sizeof g->path);
		g->logs = l;
		HASH_ADD_STR(l->open, key, g);
	}
	g->users++;
	return g;
}

void log_close(struct log *g)
{
	g->users--;
	free_if_over(g); /* g may be gone from here on */
}

void log_append(struct log *g, int stream, const void *data, size_t n, int64_t time_ms, uint64_t offset)
{
	if (g->ended || g->coming.n > (size_t)LOG_DATA_MAX) /* the disk does not keep up with a flood */
		return;
	for (size_t done = 0; done < n;) {
		size_t part = n - done < LOG_RECORD_MAX ? n - done : LOG_RECORD_MAX;
		struct head h = {.magic = MAGIC,
		                 .stream = (uint8_t)stream,
		                 .n = (uint32_t)part,
		                 .offset = offset + done,
		                 .time_ms = time_ms};

		buf_append(&g->coming, &h, sizeof h);
		buf_append(&g->coming, (const uint8_t *)data + done, part);
		done += part;
	}
	g->size += n;
	start_work(g);
}

void log_end(struct log *g)
{
	if (g->ended)
		return;
	g->ended = true;
	if (!g->busy)
		tell_followers(g);
}

bool log_over(const struct log *g)
{
	return g->ended && !g->busy;
}

uint64_t log_size(const struct log *g)
{
	return g->size;
}

void log_follow(struct log *g, struct log_follower *f)
{
	DL_APPEND(g->followers, f);
}

void log_unfollow(struct log *g, struct log_follower *f)
{
	DL_DELETE(g->followers, f);
}

/* --- reading --------------------------------------------------------------------------------- */

bool log_record(const struct buf *data, size_t *at, struct log_record *record)
{
	struct head h;

	if (*at + sizeof h > data->n)
		return false;
	memcpy(&h, data->data + *at, sizeof h);
	if (h.magic != MAGIC || h.n > data->n - *at - sizeof h)
		return false;
	*record = (struct log_record){h.stream, h.time_ms, data->data + *at + sizeof h, h.n};
	*at += sizeof h + h.n;
	return true;
}

static void run_read(struct work *work)
{
	struct log_read *r = container_of(work, struct log_read, work);
	int fd = open(r->path, O_RDONLY | O_CLOEXEC);
	struct log_record record;
	size_t whole = 0;
	ssize_t n;

	if (fd < 0) {
		if (errno != ENOENT)
			error_set(&r->error, status_from_errno(errno), "cannot read the log: %s",
			          strerror(errno));
		return;
	}
	n = pread(fd, buf_reserve(&r->data, READ_SIZE), READ_SIZE, (off_t)r->place);
	if (n < 0)
		error_set(&r->error, status_from_errno(errno), "cannot read the log: %s", strerror(errno));
	else
		r->data.n = (size_t)n;
	while (log_record(&r->data, &whole, &record))
		;
	r->data.n = whole; /* a record that is being written is for the next time */
	close(fd);
}

static void on_read(struct work *work)
{
	struct log_read *r = container_of(work, struct log_read, work);

	r->on_done(r);
}

void log_read(struct logs *l, struct log_read *r, const char *task, uint32_t epoch, uint64_t place)
{
	error_clear(&r->error);
	r->data.n = 0;
	r->place = place;
	path_of(l, task, epoch, r->path, sizeof r->path);
	work_start(l->loop, &r->work, run_read, on_read);
}

/* --- forgetting ------------------------------------------------------------------------------ */

struct deletion {
	struct work work;
	struct logs *logs;
	char task[TASK_ID_SIZE];
	uint32_t epochs;
};

static void run_delete(struct work *work)
{
	struct deletion *d = container_of(work, struct deletion, work);
	char path[512];

	for (uint32_t epoch = 1; epoch <= d->epochs; epoch++) {
		path_of(d->logs, d->task, epoch, path, sizeof path);
		unlink(path);
	}
}

static void on_deleted(struct work *work)
{
	struct deletion *d = container_of(work, struct deletion, work);

	d->logs->working--;
	free(d);
}

void logs_delete(struct logs *l, const char *task, uint32_t epochs)
{
	struct deletion *d = xcalloc(1, sizeof *d);

	d->logs = l;
	d->epochs = epochs;
	text_copy(d->task, sizeof d->task, task);
	l->working++;
	work_start(l->loop, &d->work, run_delete, on_deleted);
}
