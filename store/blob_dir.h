/* store/blob_dir.h - what blob.c and blob_reader.c know of the directory. Private to them. */
#ifndef STORE_BLOB_DIR_H
#define STORE_BLOB_DIR_H

#include "store/blob.h"

#define PATH_SIZE 4608 /* the directory, and what we add to it */

struct blobs {
	struct loop *loop;
	char dir[4096];
	bool durable;
	uint64_t bytes;              /* of complete blobs */
	struct blob_writer *writers; /* open ones: one for a key */
};

#endif
