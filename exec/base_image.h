/* exec/base_image.h - the image of tasks that name none: this machine's static busybox, and nothing
 * else.
 *
 * Made here, so that the first task runs without a registry. Its tag is the hash of its content: another
 * busybox gives another image, the same gives the same one. */
#ifndef EXEC_BASE_IMAGE_H
#define EXEC_BASE_IMAGE_H

#include "net/buf.h"
#include "proto/error.h"
#include "proto/id.h"

#define BASE_IMAGE_REPOSITORY "hivemind/base"

struct base_image {
	struct buf tar; /* its one layer; buf_release() */
	char tag[16];
};

/* Blocks (reads 2 MB, runs busybox once): on the thread pool. The program is $HIVEMIND_BUSYBOX,
 * /bin/busybox or /usr/bin/busybox. FAILED_PRECONDITION: there is none, or it needs shared libraries
 * (hint: the apt line). */
int base_image_make(struct base_image *b, struct error *err);

#endif
