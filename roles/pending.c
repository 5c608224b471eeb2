#include "roles/pending.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/clock.h"
#include "net/memory.h"
#include "net/sha256.h"
#include "roles/worker_home.h"

static int find_directory(char *path, size_t n)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	struct error err;
	int length;

	if (state != NULL && state[0] != '\0')
		length = snprintf(path, n, "%s/hivemind/pending", state);
	else
		length = snprintf(path, n, "%s/.local/state/hivemind/pending", home != NULL ? home : "");
	return length > 0 && (size_t)length < n ? make_directories(path, &err) : -1;
}

/* What makes it the same submission. */
static void name_of(const struct endpoint *pool, const struct bundle *b, char name[SHA256_HEX_SIZE])
{
	size_t n = pb__task_spec__get_packed_size(&b->spec);
	uint8_t *packed = xmalloc(n + 1);
	struct sha256 hash;
	char where[300];

	endpoint_text(pool, where, sizeof where);
	pb__task_spec__pack(&b->spec, packed);
	sha256_init(&hash);
	sha256_update(&hash, where, strlen(where) + 1);
	sha256_update(&hash, b->sha256, strlen(b->sha256));
	sha256_update(&hash, packed, n);
	sha256_hex(&hash, name);
	free(packed);
}

/* A file of this name that no running command has. */
static bool take(struct pending *p, const char *directory, const char *name)
{
	struct stat there, ours;

	for (int i = 0; i < PENDING_AT_ONCE; i++) {
		snprintf(p->path, sizeof p->path, "%s/%.32s.%d", directory, name, i);
		p->fd = open(p->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (p->fd < 0)
			return false;
		/* The one who had it may have deleted it since it was opened. */
		if (flock(p->fd, LOCK_EX | LOCK_NB) == 0 && fstat(p->fd, &ours) == 0 && stat(p->path, &there) == 0 &&
		    ours.st_ino == there.st_ino)
			return true;
		close(p->fd);
		p->fd = -1;
	}
	return false;
}

static bool read_id(struct pending *p)
{
	char id[ID_SIZE] = "";
	struct stat st;

	if (pread(p->fd, id, ID_LENGTH, 0) != ID_LENGTH || !id_valid(id) || fstat(p->fd, &st) != 0 ||
	    clock_wall_ms() - (int64_t)st.st_mtime * 1000 > PENDING_MAX_MS)
		return false;
	memcpy(p->id, id, sizeof p->id);
	return true;
}

static void write_id(struct pending *p, const char *directory)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (pwrite(p->fd, p->id, ID_LENGTH, 0) == ID_LENGTH && fsync(p->fd) == 0 && fd >= 0)
		fsync(fd);
	if (fd >= 0)
		close(fd);
}

void pending_open(struct pending *p, const struct endpoint *pool, const struct bundle *b)
{
	char directory[400], name[SHA256_HEX_SIZE];

	*p = (struct pending){.fd = -1};
	random_id(p->id);
	if (find_directory(directory, sizeof directory) != 0)
		return;
	name_of(pool, b, name);
	if (!take(p, directory, name))
		return;
	p->known = read_id(p);
	if (!p->known)
		write_id(p, directory);
}

void pending_close(struct pending *p, bool over)
{
	if (p->fd < 0)
		return;
	if (over)
		unlink(p->path);
	close(p->fd);
	p->fd = -1;
}
