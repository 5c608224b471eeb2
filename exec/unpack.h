/* exec/unpack.h - unpack a tar beneath one directory and nowhere else.
 *
 * The strict reader of exec/tar.h decides what an archive may hold; every name is walked one step at a time
 * from an open directory, never through a link, so that links which were there before lead nowhere either. A
 * file that is there is replaced by a new one, never written through; a directory that is there is used.
 * Blocks. */
#ifndef EXEC_UNPACK_H
#define EXEC_UNPACK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/error.h"

#define UNPACK_NO_OWNER ((uid_t)-1)

struct unpack {
	/* set by the owner; zero all else */
	int directory;      /* open; stays the owner's */
	uint64_t max_bytes; /* of all file data together */
	uid_t owner;        /* who gets what is made (we are root), its modes then exactly 0755 and 0644;
			     * UNPACK_NO_OWNER = ourselves, under our umask */
	bool shared;        /* everybody may write: modes 0777 and 0666 */
	/* Bytes of the archive read so far; may be NULL. */
	void (*on_progress)(void *user, uint64_t bytes);
	void *user;

	/* set when it returns 0 */
	uint64_t bytes, files;

	/* private */
	int parent, file;  /* the directory that `parent_name` is; the file being written; -1 = none */
	char *parent_name;
};

/* Read the tar at fd (from its present position to its end) and write its entries.
 *   INVALID_ARGUMENT     it breaks a rule of exec/tar.h (said which), or wants a file where a directory is
 *   RESOURCE_EXHAUSTED   more than max_bytes, or the disk is full */
int unpack_tar(struct unpack *u, int fd, struct error *err);

#endif
