/* exec/pack.c - the result of an attempt: what `outputs` match below work/ as a plain tar.
 *
 * The tree was made by somebody hostile, who may even be at it still. Every step is one name below an open
 * directory; a file is opened only after it was seen to be one, without following links and without waiting,
 * and looked at again once open. What is announced in a header is what is written: a file that shrinks is
 * filled up with zeros. The way down is as deep as an archive may be; the names on it are in memory. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exec/glob.h"
#include "exec/scratch.h"
#include "exec/tar.h"
#include "exec/tree.h"
#include "exec/visible.h"
#include "net/sha256.h"
#include "proto/limits.h"
#include "proto/status.h"

#define OUT_SIZE (256 * KiB) /* gathered before it is written */
#define REMARKS_MAX 20
#define LOOKED_AT_MAX (2 * ARCHIVE_ENTRIES_MAX) /* the bundle's own files and the result's */

struct pack {
	char *const *globs;
	size_t count;
	uint64_t max, bytes, entries;
	size_t looked_at; /* names, matched or not; those of each level are in memory at once */
	int to;
	struct buf out;
	struct sha256 sha256;
	struct packed *packed;
	struct error *err;
	char path[ARCHIVE_PATH_MAX + 8]; /* of the entry, below work/ */
};

/* --- what is written ------------------------------------------------------------------------------ */

/* What this machine lacks is no fault of the task: RESOURCE_EXHAUSTED means that it wrote too much. */
static int cannot(struct error *err, const char *what, const char *which)
{
	int reason = errno, status = status_from_errno(reason);

	return error_set(err, status == STATUS_RESOURCE_EXHAUSTED ? STATUS_UNAVAILABLE : status,
			 "cannot %s %s: %s", what, which, strerror(reason));
}

static int flush(struct pack *p)
{
	const uint8_t *data = p->out.data;
	size_t left = p->out.n;

	sha256_update(&p->sha256, data, left);
	p->packed->size += left;
	while (left > 0) {
		ssize_t n = write(p->to, data, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cannot(p->err, "write", "the result");
		data += n;
		left -= (size_t)n;
	}
	p->out.n = 0;
	return 0;
}

static int put_header(struct pack *p, bool directory, bool executable, uint64_t size)
{
	struct tar_entry entry = {p->path, directory, executable, size};
	int status = 0;

	if (++p->entries > ARCHIVE_ENTRIES_MAX)
		return error_set(p->err, STATUS_RESOURCE_EXHAUSTED,
				 "the result has more than %d files and directories", ARCHIVE_ENTRIES_MAX);
	if (p->out.n > OUT_SIZE - 8 * KiB)
		status = flush(p);
	return status != 0 ? status : tar_write_header(&p->out, &entry, p->err);
}

static void remark(struct pack *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void remark(struct pack *p, const char *format, ...)
{
	char shown[160], words[120];
	va_list args;

	if (++p->packed->skipped > REMARKS_MAX)
		return;
	va_start(args, format);
	vsnprintf(words, sizeof words, format, args);
	va_end(args);
	text_visible(shown, sizeof shown, p->path, strlen(p->path));
	buf_printf(&p->packed->remarks, "hivemind: output \"%s\" %s\n", shown, words);
}

/* Exactly size bytes of the file, then what fills the block. */
static int put_data(struct pack *p, int fd, uint64_t size)
{
	uint64_t left = size;
	int status = 0;

	while (status == 0 && left > 0) {
		size_t room = OUT_SIZE - p->out.n;
		uint8_t *at = buf_reserve(&p->out, room);
		ssize_t n = read(fd, at, left < room ? (size_t)left : room);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cannot(p->err, "read", p->path);
		if (n == 0) {
			remark(p, "became shorter while it was read: it ends in zeros");
			break;
		}
		p->out.n += (size_t)n;
		left -= (uint64_t)n;
		if (p->out.n == OUT_SIZE)
			status = flush(p);
	}
	for (left += tar_pad(size); status == 0 && left > 0;) {
		size_t n = left < OUT_SIZE - p->out.n ? (size_t)left : OUT_SIZE - p->out.n;

		memset(buf_reserve(&p->out, n), 0, n);
		p->out.n += n;
		left -= n;
		if (p->out.n == OUT_SIZE)
			status = flush(p);
	}
	return status;
}

/* --- what is in the tree -------------------------------------------------------------------------- */

static bool wanted(const struct pack *p)
{
	if (p->count == 0)
		return true; /* only out/ is walked */
	for (size_t i = 0; i < p->count; i++) {
		if (glob_match(p->globs[i], p->path))
			return true;
	}
	return false;
}

static bool wanted_below(const struct pack *p)
{
	if (p->count == 0)
		return true;
	for (size_t i = 0; i < p->count; i++) {
		if (glob_reaches(p->globs[i], p->path))
			return true;
	}
	return false;
}

/* The task may have seen to that itself; or this machine is at its end, and then there is no result. */
static int unreadable(struct pack *p)
{
	if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == EIO)
		return cannot(p->err, "read", p->path);
	remark(p, "was left out: it cannot be read (%s)", strerror(errno));
	return 0;
}

static int pack_file(struct pack *p, int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), status;
	struct stat st;

	if (fd < 0)
		return unreadable(p);
	if (fstat(fd, &st) != 0) {
		status = unreadable(p);
		close(fd);
		return status;
	}
	if (!S_ISREG(st.st_mode)) {
		remark(p, "was left out: it changed");
		close(fd);
		return 0;
	}
	if ((uint64_t)st.st_size > p->max - p->bytes) {
		close(fd);
		return error_set(p->err, STATUS_RESOURCE_EXHAUSTED,
				 "the result is larger than the %llu bytes allowed",
				 (unsigned long long)p->max);
	}
	p->bytes += (uint64_t)st.st_size;
	p->packed->files++;
	status = put_header(p, false, (st.st_mode & 0111) != 0, (uint64_t)st.st_size);
	if (status == 0)
		status = put_data(p, fd, (uint64_t)st.st_size);
	close(fd);
	return status;
}

static int pack_directory(struct pack *p, int dir, const char *name, int depth);

/* One name of the open directory; p->path is its path. */
static int pack_entry(struct pack *p, int dir, const char *name, int depth)
{
	bool match = wanted(p);
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : unreadable(p); /* gone meanwhile, or never made */
	if (S_ISDIR(st.st_mode) && depth == ARCHIVE_DEPTH_MAX) {
		remark(p, "was left out: it lies deeper than %d directories", ARCHIVE_DEPTH_MAX);
	} else if (S_ISDIR(st.st_mode)) {
		int status = match ? put_header(p, true, false, 0) : 0;

		return status == 0 && wanted_below(p) ? pack_directory(p, dir, name, depth + 1) : status;
	} else if (match && S_ISREG(st.st_mode)) {
		return pack_file(p, dir, name);
	} else if (match) {
		remark(p, "was left out: it is %s", tree_kind(st.st_mode));
	}
	return 0;
}

/* Everything in the open directory whose path is p->path ("" = work/ itself). */
static int pack_names(struct pack *p, int fd, int depth)
{
	size_t n = strlen(p->path), count = 0;
	char **names = tree_names(fd, LOOKED_AT_MAX - p->looked_at, &count);
	int status = 0;

	if (names == NULL && errno == E2BIG)
		return error_set(p->err, STATUS_RESOURCE_EXHAUSTED,
				 "the task left more than %d files and directories", LOOKED_AT_MAX);
	p->looked_at += count;
	if (names == NULL)
		return unreadable(p);
	for (size_t i = 0; status == 0 && i < count; i++) {
		const char *fault = tar_component_fault(names[i], strlen(names[i]));
		int length = snprintf(p->path + n, sizeof p->path - n, "%s%s", n > 0 ? "/" : "", names[i]);

		if (fault != NULL)
			remark(p, "was left out: it %s", fault);
		else if (n + (size_t)length >= ARCHIVE_PATH_MAX)
			remark(p, "was left out: its path is too long");
		else
			status = pack_entry(p, fd, names[i], depth);
	}
	p->path[n] = '\0';
	free(names);
	return status;
}

static int pack_directory(struct pack *p, int dir, const char *name, int depth)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), status;

	if (fd < 0)
		return unreadable(p);
	status = pack_names(p, fd, depth);
	close(fd);
	return status;
}

static int pack_all(struct pack *p, const struct scratch *s)
{
	int status;

	if (p->count > 0) {
		status = pack_names(p, s->work_fd, 0);
	} else {
		strcpy(p->path, "out");
		status = pack_entry(p, s->work_fd, "out", 0);
	}
	if (p->packed->skipped > REMARKS_MAX)
		buf_printf(&p->packed->remarks, "hivemind: %u more remarks on the output are not shown\n",
			   p->packed->skipped - REMARKS_MAX);
	if (status == 0)
		status = p->out.n > OUT_SIZE - 8 * KiB ? flush(p) : 0;
	if (status != 0)
		return status;
	tar_write_end(&p->out);
	return flush(p);
}

int scratch_pack(const struct scratch *s, char **outputs, size_t count, uint64_t max, const char *to,
		 struct packed *packed, struct error *err)
{
	struct pack p = {.globs = outputs, .count = count, .max = max, .packed = packed, .err = err};
	int status;

	*packed = (struct packed){0};
	p.to = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (p.to < 0)
		return cannot(err, "write", to);
	sha256_init(&p.sha256);
	status = pack_all(&p, s);
	sha256_hex(&p.sha256, packed->sha256);
	buf_release(&p.out);
	if (close(p.to) != 0 && status == 0)
		status = cannot(err, "write", to);
	if (status != 0)
		unlink(to);
	return status;
}
