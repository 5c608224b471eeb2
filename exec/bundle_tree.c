/* exec/bundle_tree.c - a directory as a bundle: sorted, so that the same files give the same bytes;
 * hivemind.json first.
 *
 * .hivemindignore has one pattern a line (exec/glob.h); blank lines and those that begin with # say nothing.
 * A pattern with a slash within is matched with the whole path, any other with the name alone; one that ends
 * in a slash means directories. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exec/glob.h"
#include "exec/intake.h"
#include "exec/manifest.h"
#include "exec/tree.h"
#include "exec/visible.h"
#include "net/memory.h"
#include "proto/limits.h"
#include "proto/status.h"

#define IGNORE_NAME ".hivemindignore"
#define IGNORE_MAX (64 * KiB)
#define PIECE (128 * KiB)

struct walk {
	struct intake *in;
	struct error *err;
	struct buf ignore; /* patterns, each ended by a zero byte */
	struct buf header;
	char *piece;
	char path[ARCHIVE_PATH_MAX + NAME_MAX_LENGTH + 512];
};

static int refuse(struct walk *w, int status, const char *words)
{
	char shown[200];

	text_visible(shown, sizeof shown, w->path, strlen(w->path));
	return error_set(w->err, status, "%s: \"%s\" %s", w->in->name, shown, words);
}

static int cannot_read(struct walk *w)
{
	int e = errno;
	char words[120];

	snprintf(words, sizeof words, "cannot be read: %s", strerror(e));
	return refuse(w, status_from_errno(e), words);
}

/* --- what is left out ----------------------------------------------------------------------------- */

static int add_pattern(struct walk *w, char *line, int number)
{
	size_t n = strlen(line);

	while (n > 0 && (line[n - 1] == ' ' || line[n - 1] == '\t' || line[n - 1] == '\r'))
		line[--n] = '\0';
	if (n == 0 || line[0] == '#')
		return 0;
	if (line[0] == '!')
		return error_set(w->err, STATUS_INVALID_ARGUMENT,
				 "%s, line %d: patterns that begin with ! are not supported", IGNORE_NAME,
				 number);
	if (n > GLOB_MAX)
		return error_set(w->err, STATUS_INVALID_ARGUMENT,
				 "%s, line %d: the pattern is longer than 255 bytes", IGNORE_NAME, number);
	return buf_append(&w->ignore, line, n + 1);
}

static int read_ignore(struct walk *w, int dir)
{
	int fd = openat(dir, IGNORE_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), status = 0;
	char *text, *line, *rest;
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? 0 : (strcpy(w->path, IGNORE_NAME), cannot_read(w));
	text = xmalloc(IGNORE_MAX + 1);
	n = read(fd, text, IGNORE_MAX + 1);
	close(fd);
	if (n < 0 || n > IGNORE_MAX) {
		free(text);
		return error_set(w->err, STATUS_INVALID_ARGUMENT, "%s cannot be read or has more than 64 KiB",
				 IGNORE_NAME);
	}
	text[n] = '\0';
	rest = text;
	for (int number = 1; status == 0 && (line = strsep(&rest, "\n")) != NULL; number++)
		status = add_pattern(w, line, number);
	free(text);
	return status;
}

static bool ignored_by(const char *pattern, const char *path, const char *name, bool directory)
{
	char plain[GLOB_MAX + 1];
	size_t n = strlen(pattern);

	if (pattern[n - 1] == '/') {
		if (!directory)
			return false;
		n--;
	}
	memcpy(plain, pattern, n);
	plain[n] = '\0';
	if (strchr(plain, '/') == NULL)
		return glob_match(plain, name);
	return glob_match(plain + (plain[0] == '/'), path);
}

static bool ignored(const struct walk *w, const char *name, bool directory)
{
	const char *p = (const char *)w->ignore.data, *end = p + w->ignore.n;

	if (strcmp(name, ".git") == 0 || strcmp(w->path, IGNORE_NAME) == 0)
		return true;
	for (; p < end; p += strlen(p) + 1) {
		if (ignored_by(p, w->path, name, directory))
			return true;
	}
	return false;
}

/* --- what is in it -------------------------------------------------------------------------------- */

static int put_header(struct walk *w, bool directory, bool executable, uint64_t size)
{
	struct tar_entry entry = {w->path, directory, executable, size};
	int status;

	w->header.n = 0;
	status = tar_write_header(&w->header, &entry, w->err);
	return status != 0 ? status : intake_put(w->in, w->header.data, w->header.n, w->err);
}

/* Exactly size bytes and what fills the block. */
static int put_data(struct walk *w, int fd, uint64_t size)
{
	uint64_t left = size;
	int status = 0;

	while (status == 0 && left > 0) {
		ssize_t n = read(fd, w->piece, left < PIECE ? (size_t)left : PIECE);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cannot_read(w);
		if (n == 0)
			return refuse(w, STATUS_ABORTED, "became shorter while it was read");
		left -= (uint64_t)n;
		status = intake_put(w->in, w->piece, (size_t)n, w->err);
		intake_progress(w->in, (size_t)n);
	}
	return status != 0 ? status : intake_put(w->in, (char[512]){0}, tar_pad(size), w->err);
}

static int put_file(struct walk *w, int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), status;
	struct stat st;

	if (fd < 0)
		return cannot_read(w);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		status = refuse(w, STATUS_ABORTED, "was replaced while it was read");
	else
		status = put_header(w, false, (st.st_mode & 0111) != 0, (uint64_t)st.st_size);
	if (status == 0)
		status = put_data(w, fd, (uint64_t)st.st_size);
	close(fd);
	return status;
}

static int refuse_kind(struct walk *w, mode_t mode)
{
	char words[100];

	snprintf(words, sizeof words, "is %s; only files and directories may be in a bundle",
		 tree_kind(mode));
	refuse(w, STATUS_INVALID_ARGUMENT, words);
	if (S_ISLNK(mode))
		return error_hint(w->err, "replace it by what it points to, or name it in %s", IGNORE_NAME);
	return error_hint(w->err, "name it in %s to leave it out", IGNORE_NAME);
}

static int put_directory(struct walk *w, int fd);

static int put_subdirectory(struct walk *w, int dir, const char *name)
{
	int fd, status = put_header(w, true, false, 0); /* refused here when it lies too deep */

	if (status != 0)
		return status;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return cannot_read(w);
	status = put_directory(w, fd);
	close(fd);
	return status;
}

static int put_name(struct walk *w, int dir, const char *name)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return cannot_read(w);
	if (ignored(w, name, S_ISDIR(st.st_mode)))
		return 0;
	if (S_ISDIR(st.st_mode))
		return put_subdirectory(w, dir, name);
	return S_ISREG(st.st_mode) ? put_file(w, dir, name) : refuse_kind(w, st.st_mode);
}

/* hivemind.json comes first: who reads the bundle need not read it all to know what it wants. */
static void manifest_first(char **names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(names[i], MANIFEST_NAME) == 0) {
			char *name = names[i];

			memmove(names + 1, names, i * sizeof *names);
			names[0] = name;
		}
	}
}

static int put_directory(struct walk *w, int fd)
{
	size_t n = strlen(w->path), count = 0;
	char **names = tree_names(fd, ARCHIVE_ENTRIES_MAX, &count);
	int status = 0;

	if (names == NULL && errno == E2BIG)
		return refuse(w, STATUS_INVALID_ARGUMENT, "has more than 100000 files and directories");
	if (names == NULL)
		return cannot_read(w);
	if (n == 0)
		manifest_first(names, count);
	for (size_t i = 0; status == 0 && i < count; i++) {
		snprintf(w->path + n, sizeof w->path - n, "%s%s", n > 0 ? "/" : "", names[i]);
		if (strlen(w->path) > ARCHIVE_PATH_MAX)
			status = refuse(w, STATUS_INVALID_ARGUMENT, "is a name of more than 1024 bytes");
		else
			status = put_name(w, fd, names[i]);
		w->path[n] = '\0';
	}
	free(names);
	return status;
}

int intake_directory(struct intake *in, int fd, struct error *err)
{
	struct walk *w = xcalloc(1, sizeof *w);
	struct error ours;
	int status;

	w->in = in;
	w->err = err != NULL ? err : &ours;
	w->piece = xmalloc(PIECE);
	status = read_ignore(w, fd);
	if (status == 0)
		status = put_directory(w, fd);
	w->header.n = 0;
	tar_write_end(&w->header);
	if (status == 0)
		status = intake_put(in, w->header.data, w->header.n, w->err);
	buf_release(&w->ignore);
	buf_release(&w->header);
	free(w->piece);
	free(w);
	return status;
}
