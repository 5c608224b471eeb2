/* exec/name_set.h - the names that an archive has had, so that none comes twice and no file takes the place
 * of a directory.
 *
 * Eight bytes for each name: a hash of it under a key that nobody outside knows (two names of one archive
 * share a hash with probability below 1e-8; the archive is then refused as if it had a duplicate). A name
 * brings the directories above it; they count too, so that deep names cannot make the set larger than
 * ARCHIVE_ENTRIES_MAX. */
#ifndef EXEC_NAME_SET_H
#define EXEC_NAME_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum name_verdict {
	NAME_NEW,
	NAME_DUPLICATE,    /* it was there */
	NAME_IS_DIRECTORY, /* a file is to be where a directory is */
	NAME_BELOW_FILE,   /* one of the directories above it is a file */
	NAME_TOO_MANY,
};

struct name_set {
	uint64_t key[2];
	uint64_t *slots;    /* open addressing; 0 = empty; the low two bits say what it is */
	size_t count, size; /* size is a power of two */
	char parent[1025];  /* directory of the name before, known to be there */
};

void name_set_init(struct name_set *s);
enum name_verdict name_set_add(struct name_set *s, const char *name, bool directory);
void name_set_release(struct name_set *s);

#endif
