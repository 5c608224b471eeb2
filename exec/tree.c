/* exec/tree.c - walking what a task left: few descriptors, no recursion deeper than a bound. */
#define _GNU_SOURCE
#include "exec/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/buf.h"
#include "net/memory.h"

#define REMOVE_DEPTH 48 /* deeper directories are moved up first */

static bool is_dots(const char *name)
{
	return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

/* Take back all rights on the directory `name`; never on what a link leads to, which chmod() would follow. */
static int take_rights(int fd, const char *name)
{
	int path = openat(fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), result;
	char self[40];

	if (path < 0)
		return -1;
	snprintf(self, sizeof self, "/proc/self/fd/%d", path);
	result = chmod(self, 0700);
	close(path);
	return result;
}

/* The directory `name` below fd for reading. Its owner may have taken all rights away. */
static DIR *open_below(int fd, const char *name)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int below = openat(fd, name, flags);
	DIR *dir;

	if (below < 0 && errno == EACCES && take_rights(fd, name) == 0)
		below = openat(fd, name, flags);
	if (below < 0)
		return NULL;
	dir = fdopendir(below);
	if (dir == NULL)
		close(below);
	return dir;
}

/* --- how much ------------------------------------------------------------------------------------- */

static uint64_t add_up(DIR *dir, int depth)
{
	uint64_t sum = 0, below;
	struct dirent *e;
	struct stat st;

	while ((e = readdir(dir)) != NULL) {
		DIR *child;

		if (is_dots(e->d_name) || fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		sum += (uint64_t)st.st_blocks * 512 /
		       (S_ISDIR(st.st_mode) || st.st_nlink == 0 ? 1 : st.st_nlink);
		if (!S_ISDIR(st.st_mode))
			continue;
		if (depth == TREE_DEPTH_MAX)
			return UINT64_MAX;
		child = open_below(dirfd(dir), e->d_name);
		if (child == NULL)
			continue;
		below = add_up(child, depth + 1);
		closedir(child);
		if (below == UINT64_MAX)
			return below;
		sum += below;
	}
	return sum;
}

uint64_t tree_used(int fd)
{
	DIR *dir = open_below(fd, ".");
	uint64_t sum = dir != NULL ? add_up(dir, 1) : 0;

	if (dir != NULL)
		closedir(dir);
	return sum;
}

/* --- removing ------------------------------------------------------------------------------------- */

struct removal {
	int top; /* directories from too deep are moved here, to NAME.deep0, NAME.deep1, ... */
	const char *name;
	unsigned moved, removed;
};

static void deep_name(const struct removal *r, unsigned number, char *to, size_t size)
{
	snprintf(to, size, "%.200s.deep%u", r->name, number);
}

static int move_up(struct removal *r, int fd, const char *name)
{
	char to[256];

	if (take_rights(fd, name) != 0)
		return errno;
	do
		deep_name(r, r->moved++, to, sizeof to);
	while (renameat(fd, name, r->top, to) != 0 && (errno == ENOTEMPTY || errno == EEXIST));
	return faccessat(fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ? EBUSY : 0;
}

static int remove_below(struct removal *r, int fd, const char *name, int depth);

static int empty(struct removal *r, DIR *dir, int depth)
{
	int fd = dirfd(dir), first = 0, result;
	struct dirent *e;

	fchmod(fd, 0700);
	while ((e = readdir(dir)) != NULL) {
		if (is_dots(e->d_name) || unlinkat(fd, e->d_name, 0) == 0 || errno == ENOENT)
			continue;
		result = errno;
		if (result == EISDIR)
			result = depth < REMOVE_DEPTH ? remove_below(r, fd, e->d_name, depth + 1)
						      : move_up(r, fd, e->d_name);
		if (first == 0)
			first = result;
	}
	return first;
}

static int remove_below(struct removal *r, int fd, const char *name, int depth)
{
	DIR *dir = open_below(fd, name);
	int result = 0;

	if (dir == NULL && errno != ENOENT)
		return unlinkat(fd, name, 0) == 0 ? 0 : errno;
	if (dir == NULL)
		return 0;
	/* A file system may pass over names while others are taken away: look again. */
	for (int i = 0; i < 3 && result == 0; i++) {
		result = empty(r, dir, depth);
		if (unlinkat(fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
			break;
		if (result == 0 && (errno != ENOTEMPTY || i == 2))
			result = errno;
		rewinddir(dir);
	}
	closedir(dir);
	return result;
}

int tree_remove(int fd, const char *name)
{
	struct removal r = {fd, name, 0, 0};
	int first = remove_below(&r, fd, name, 0), result;
	char deep[256];

	while (r.removed < r.moved) {
		deep_name(&r, r.removed++, deep, sizeof deep);
		result = remove_below(&r, fd, deep, 0);
		if (first == 0)
			first = result;
	}
	return first;
}

/* --- names ---------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* NULL with errno 0 is the end. */
static struct dirent *next_of(DIR *dir)
{
	errno = 0;
	return readdir(dir);
}

char **tree_names(int fd, size_t max, size_t *count)
{
	DIR *dir = open_below(fd, ".");
	struct buf text = {.max = (max + 1) * 256};
	struct dirent *e;
	char **names, *p;
	int fault;

	*count = 0;
	if (dir == NULL)
		return NULL;
	while ((e = next_of(dir)) != NULL && *count <= max) {
		if (is_dots(e->d_name))
			continue;
		buf_append(&text, e->d_name, strlen(e->d_name) + 1);
		++*count;
	}
	fault = *count > max ? E2BIG : errno;
	closedir(dir);
	if (fault != 0) {
		buf_release(&text);
		errno = fault;
		return NULL;
	}
	names = xmalloc(*count * sizeof *names + text.n);
	p = (char *)(names + *count);
	if (text.n > 0)
		memcpy(p, text.data, text.n);
	for (size_t i = 0; i < *count; i++, p += strlen(p) + 1)
		names[i] = p;
	qsort(names, *count, sizeof *names, by_name);
	buf_release(&text);
	return names;
}

const char *tree_kind(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFLNK:
		return "a symbolic link";
	case S_IFIFO:
		return "a FIFO";
	case S_IFSOCK:
		return "a socket";
	case S_IFCHR:
	case S_IFBLK:
		return "a device";
	default:
		return "neither a file nor a directory";
	}
}
