/* exec/image_archive.h - a stranger's image.tar, rewritten while it is read so that it can only become
 * one image of a name that we choose.
 *
 * Takes what `docker save` and `podman save --format docker-archive` write. Given to the engine as it
 * is, such an archive could give any name to any image of this machine. So a new archive is made of it:
 * its one configuration, its layers, and a manifest of ours; everything else in it (repositories,
 * index.json, other tags) is left out. */
#ifndef EXEC_IMAGE_ARCHIVE_H
#define EXEC_IMAGE_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/error.h"

#define IMAGE_ENTRIES_MAX 4096 /* files of the archive */
#define IMAGE_LAYERS_MAX 127   /* what Docker itself allows */

struct image_archive;

/* Blocks; on the thread pool. INVALID_ARGUMENT with a sentence about image.tar: not such an archive,
 * more than one image, a layer that is missing, compressed, or listed again and again to grow. */
struct image_archive *image_archive_open(const char *path, const char *tag, struct error *err);

/* Bytes of the new archive, in order; 0 = that was all, -1 = the file cannot be read. */
ssize_t image_archive_read(struct image_archive *a, void *p, size_t n);
uint64_t image_archive_size(const struct image_archive *a);
void image_archive_close(struct image_archive *a); /* NULL is fine */

#endif
