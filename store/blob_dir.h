/* store/blob_dir.h - what blob.c, blob_writer.c and blob_reader.c know of the directory. Private to them. */
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

/* "" or a name with a path in it is no key. */
bool blobs_key_valid(const char *key);

/* Where the upload of this key lies; who writes it now, NULL = nobody. */
void blobs_upload_path(const struct blobs *b, const char *key, char path[PATH_SIZE]);
struct blob_writer *blobs_find_writer(const struct blobs *b, const char *key);

bool blobs_file_size(const char *path, uint64_t *size);

/* fsync. A full disk is -1 with errno; any other failure ends the process: the kernel tells of an error once
 * and may have dropped what it could not write, and to ask again, now or at the next start, would be to
 * assume. So `file` goes too; NULL = there is none. */
int blobs_sync(int fd, const char *path, const char *file);
int blobs_sync_dir(const char *path, const char *file);

#endif
