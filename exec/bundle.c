/* exec/bundle.c - a bundle from a directory, a tar, a tar.gz or standard input.
 *
 * A plain tar that is a file stays where it is: one pass checks and hashes it. Everything else goes through
 * exec/intake.h into a temporary file in the same one pass. Memory does not grow with the bundle. */
#define _GNU_SOURCE
#include "exec/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "exec/intake.h"
#include "exec/manifest.h"
#include "net/memory.h"
#include "proto/limits.h"
#include "proto/status.h"

#define READ_SIZE (128 * KiB)
#define RATIO_FROM (16 * MiB) /* a small file may be all zeros */

static int fail(struct error *err, const char *what, const char *path)
{
	int e = errno;

	return error_set(err, status_from_errno(e), "cannot %s %s: %s", what, path, strerror(e));
}

/* Up to n bytes; fewer only at the end. */
static int read_piece(struct intake *in, int fd, char *buffer, size_t n, size_t *got, struct error *err)
{
	*got = 0;
	while (*got < n) {
		ssize_t r = read(fd, buffer + *got, n - *got);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return fail(err, "read", in->name);
		if (r == 0)
			break;
		*got += (size_t)r;
	}
	intake_progress(in, *got);
	return 0;
}

static int put_plain(struct intake *in, int fd, char *buffer, size_t n, struct error *err)
{
	int status = 0;

	while (status == 0 && n > 0) {
		status = intake_put(in, buffer, n, err);
		if (status == 0)
			status = read_piece(in, fd, buffer, READ_SIZE, &n, err);
	}
	return status;
}

/* --- gzip ----------------------------------------------------------------------------------------- */

struct gunzip {
	z_stream z;
	struct intake *in;
	uint64_t packed, unpacked;
	unsigned char out[READ_SIZE];
};

static int gzip_fault(struct gunzip *g, const char *words, struct error *err)
{
	return error_set(err, STATUS_INVALID_ARGUMENT, "%s: the gzip data %s", g->in->name, words);
}

/* Unpack what z has for input. *ended: a member is complete, another may follow. */
static int inflate_piece(struct gunzip *g, bool *ended, struct error *err)
{
	int result, status;

	do {
		g->z.next_out = g->out;
		g->z.avail_out = sizeof g->out;
		if (*ended && g->z.avail_in > 0) {
			*ended = false;
			if (inflateReset(&g->z) != Z_OK)
				return gzip_fault(g, "cannot be unpacked", err);
		}
		result = inflate(&g->z, Z_NO_FLUSH);
		*ended = result == Z_STREAM_END;
		if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
			return gzip_fault(
				g, g->unpacked > 0 ? "is damaged, or something follows it" : "is damaged",
				err);
		g->unpacked += sizeof g->out - g->z.avail_out;
		if (g->unpacked > RATIO_FROM && g->unpacked / GZIP_RATIO_MAX > g->packed)
			return gzip_fault(g, "unpacks to more than 200 times its size, as only a bomb does",
					  err);
		status = intake_put(g->in, g->out, sizeof g->out - g->z.avail_out, err);
		if (status != 0)
			return status;
	} while (g->z.avail_in > 0 || g->z.avail_out == 0);
	return 0;
}

static int put_gzip(struct intake *in, int fd, char *buffer, size_t n, struct error *err)
{
	struct gunzip *g = xcalloc(1, sizeof *g);
	bool ended = false;
	int status = 0;

	g->in = in;
	if (inflateInit2(&g->z, 15 + 16) != Z_OK) /* 16: with the gzip header and nothing else */
		status = error_set(err, STATUS_INTERNAL, "zlib cannot start");
	while (status == 0 && n > 0) {
		g->z.next_in = (unsigned char *)buffer;
		g->z.avail_in = (unsigned)n;
		g->packed += n;
		status = inflate_piece(g, &ended, err);
		if (status == 0)
			status = read_piece(in, fd, buffer, READ_SIZE, &n, err);
	}
	if (status == 0 && !ended)
		status = gzip_fault(g, "ends early", err);
	inflateEnd(&g->z);
	free(g);
	return status;
}

/* --- where it comes from -------------------------------------------------------------------------- */

/* tar or tar.gz; in_place: fd is a file that may be the bundle as it is. */
static int take_stream(struct intake *in, int fd, bool in_place, struct error *err)
{
	char *buffer = xmalloc(READ_SIZE);
	size_t n;
	int status = read_piece(in, fd, buffer, READ_SIZE, &n, err);
	bool gzip =
		status == 0 && n >= 2 && (unsigned char)buffer[0] == 0x1f && (unsigned char)buffer[1] == 0x8b;

	if (status == 0 && in_place && !gzip)
		in->bundle->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	else if (status == 0)
		status = intake_keep(in, err);
	if (status == 0)
		status = gzip ? put_gzip(in, fd, buffer, n, err) : put_plain(in, fd, buffer, n, err);
	free(buffer);
	return status;
}

static int take_path(struct intake *in, const char *path, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), status;
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return error_set(err, STATUS_NOT_FOUND, "no such file: %s", path);
	if (fd < 0)
		return fail(err, "open", path);
	if (fstat(fd, &st) != 0) {
		status = fail(err, "read", path);
	} else if (S_ISDIR(st.st_mode)) {
		status = intake_keep(in, err);
		if (status == 0)
			status = intake_directory(in, fd, err);
	} else if (S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode)) {
		status = take_stream(in, fd, S_ISREG(st.st_mode), err);
	} else {
		status =
			error_set(err, STATUS_INVALID_ARGUMENT, "%s is neither a file nor a directory", path);
	}
	close(fd);
	return status;
}

/* "jobs/sweep.tar.gz" -> "sweep", "." -> the directory's own name. */
static char *name_of(const char *path, struct arena *arena)
{
	static const char *const endings[] = {".tar.gz", ".tgz", ".tar"};
	char *real = strcmp(path, "-") == 0 ? NULL : realpath(path, NULL);
	const char *slash = real != NULL ? strrchr(real, '/') : NULL;
	char *name = arena_strdup(arena, slash != NULL ? slash + 1 : "task");

	for (size_t i = 0; i < 3; i++) {
		size_t n = strlen(name), ending = strlen(endings[i]);

		if (n > ending && strcmp(name + n - ending, endings[i]) == 0)
			name[n - ending] = '\0';
	}
	free(real);
	return name;
}

/* --- what it wants -------------------------------------------------------------------------------- */

static void set_command(struct bundle *b, int argc, char **argv)
{
	b->spec.n_command = (size_t)argc;
	b->spec.command = arena_alloc(&b->arena, (size_t)argc * sizeof *b->spec.command);
	for (int i = 0; i < argc; i++)
		b->spec.command[i] = arena_strdup(&b->arena, argv[i]);
}

/* Fill in the spec from the manifest or by guess; argc > 0: this command goes before any other. */
static int read_spec(struct intake *in, const char *name, int argc, char **argv, struct error *err)
{
	struct bundle *b = in->bundle;
	int status = 0;

	if (b->has_manifest)
		status = manifest_parse(&b->spec, &b->arena, buf_text(&in->manifest), in->manifest.n, name,
					err);
	else
		status = manifest_guess(&b->spec, &b->arena, in->has_run_sh || argc > 0, in->has_main_py,
					name, err);
	if (status != 0)
		return status;
	if (b->has_image_tar && (b->spec.image[0] == '\0' || !b->has_manifest))
		b->spec.image = arena_strdup(&b->arena, "image.tar");
	if (strcmp(b->spec.image, "image.tar") == 0 && !b->has_image_tar)
		return error_set(err, STATUS_INVALID_ARGUMENT,
				 "\"image\" is image.tar, and the bundle has no such file");
	if (argc > 0)
		set_command(b, argc, argv);
	status = manifest_choose_command(&b->spec, in->has_run_sh, in->has_main_py, &b->arena, err);
	return status != 0 ? status : spec_check(&b->spec, err);
}

static int finish(struct intake *in, int status, const char *name, int argc, char **argv, struct error *err)
{
	struct bundle *b = in->bundle;

	if (status == 0)
		status = intake_end(in, err);
	if (status == 0)
		status = read_spec(in, name, argc, argv, err);
	intake_release(in);
	if (status != 0)
		bundle_release(b);
	else
		lseek(b->fd, 0, SEEK_SET);
	return status;
}

int bundle_open(struct bundle *b, const char *path, void (*progress)(void *user, uint64_t bytes), void *user,
		struct error *err)
{
	bool standard_input = strcmp(path, "-") == 0;
	struct intake in;
	int status;

	*b = (struct bundle){.fd = -1};
	intake_init(&in, b, standard_input ? "standard input" : path);
	in.progress = progress;
	in.user = user;
	status = standard_input ? take_stream(&in, STDIN_FILENO, false, err) : take_path(&in, path, err);
	return finish(&in, status, name_of(path, &b->arena), 0, NULL, err);
}

/* A bundle cannot be without any entry: the one of nothing has the directory that is made anyway. */
static int take_nothing(struct intake *in, struct error *err)
{
	struct tar_entry entry = {.name = "out", .directory = true};
	struct buf tar = {0};
	int status = intake_keep(in, err);

	if (status == 0)
		status = tar_write_header(&tar, &entry, err);
	tar_write_end(&tar);
	if (status == 0)
		status = intake_put(in, tar.data, tar.n, err);
	buf_release(&tar);
	return status;
}

int bundle_of_command(struct bundle *b, const char *directory, int argc, char **argv, struct error *err)
{
	const char *slash = strrchr(argv[0], '/');
	struct intake in;
	int status;

	*b = (struct bundle){.fd = -1};
	intake_init(&in, b, directory != NULL ? directory : "the bundle");
	status = directory != NULL ? take_path(&in, directory, err) : take_nothing(&in, err);
	return finish(&in, status, slash != NULL ? slash + 1 : argv[0], argc, argv, err);
}

void bundle_release(struct bundle *b)
{
	if (b->fd >= 0)
		close(b->fd);
	b->fd = -1;
	arena_release(&b->arena);
}
