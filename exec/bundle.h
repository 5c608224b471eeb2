/* exec/bundle.h - what a person submits, made into one plain tar file: a directory, a tar, a tar.gz or
 * "-" (standard input; tar or tar.gz).
 *
 * The result is a temporary file (unlinked, read through fd) that the strict reader of exec/tar.h has
 * accepted, with its SHA-256 and the manifest found in it. Symbolic links in a directory are refused with
 * their name; .git, and what .hivemindignore names (one glob a line), is left out. gzip is unpacked here,
 * never by the pool, and stopped above GZIP_RATIO_MAX. A plain tar that is a file is not copied: then fd is
 * that file. An image.tar in it is its image unless the manifest names another. Blocks: call it from a
 * command, or on the thread pool. */
#ifndef EXEC_BUNDLE_H
#define EXEC_BUNDLE_H

#include <stdbool.h>
#include <stdint.h>

#include "net/arena.h"
#include "proto/error.h"
#include "proto/id.h"

#include "hivemind.pb-c.h"

struct bundle {
	int fd;           /* of the tar; closed by bundle_release */
	uint64_t size;    /* bytes of the tar */
	uint64_t content; /* bytes of the files in it */
	uint32_t files, directories;
	char sha256[SHA256_HEX_SIZE];
	Pb__TaskSpec spec; /* from the manifest, or guessed; lies in arena */
	bool has_manifest, has_image_tar;
	struct arena arena;
};

/* Calls progress (may be NULL) now and then with bytes read so far. */
int bundle_open(struct bundle *b, const char *path, void (*progress)(void *user, uint64_t bytes), void *user,
		struct error *err);
/* A bundle of nothing (directory is NULL), or of a directory's files, that runs this command (hivemind run).
 * A manifest among the files counts, but for its command. argc > 0. */
int bundle_of_command(struct bundle *b, const char *directory, int argc, char **argv, struct error *err);
void bundle_release(struct bundle *b);

#endif
