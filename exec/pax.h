/* exec/pax.h - what stands before an entry of a tar and overrides its header: pax records ('x', and 'g' for
 * all that follow) and the long name of GNU tar ('L'). Part of the reader of exec/tar.h.
 *
 * Taken: path and size of one entry. Passed over: owners, times, comments, and vendors' own attributes.
 * Anything else is refused, and so is a second value for the same thing. */
#ifndef EXEC_PAX_H
#define EXEC_PAX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/limits.h"

#define PAX_MAX (64 * KiB) /* bytes of records: owners, times and attributes of one file */

struct pax {
	bool has_path, has_size;
	char path[ARCHIVE_PATH_MAX + 8];
	uint64_t size;
	char words[160]; /* a fault that names a keyword */
};

/* Read the n bytes of data (it is written to) that a header of this type announced. NULL, or the rule it
 * breaks as words that go on after "the header after NAME"; they lie in x or are constant. */
const char *pax_take(struct pax *x, char type, char *data, size_t n);

#endif
