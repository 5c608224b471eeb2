/* net/file.h - what everyone who writes files needs. These block: at a start, or on the thread pool. */
#ifndef NET_FILE_H
#define NET_FILE_H

#include <stddef.h>

/* Write all n bytes. -1: errno says why; some of them may be there. */
int file_write_all(int fd, const void *data, size_t n);

/* Bring the directory of `path` to the disk: only then the name of a
 * new file is durable. -1: errno says why. */
int file_sync_directory(const char *path);

#endif
