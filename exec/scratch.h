/* exec/scratch.h - the private directory of one attempt: the bundle is unpacked into it, the container sees
 * it as /work, the result is packed out of it.
 *
 *   PARENT/ATTEMPT/        0700, ours
 *   PARENT/ATTEMPT/work/   owned by the container's user, bound at /work; work/out/ exists
 *
 * Every file is opened step by step beneath work/ only, never through a link (exec/unpack.h): nothing that a
 * bundle or a task does leads out of it. All of it blocks: on the thread pool only. */
#ifndef EXEC_SCRATCH_H
#define EXEC_SCRATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "net/buf.h"
#include "proto/error.h"
#include "proto/id.h"

struct scratch {
	char path[512]; /* PARENT/ATTEMPT */
	char work[520]; /* path/work: what is bound */
	int work_fd;
	uid_t uid; /* who the container runs as */
	bool has_image_tar;
};

int scratch_open(struct scratch *s, const char *parent, const char *attempt, uid_t uid, struct error *err);

/* The directory that an earlier process has made and filled.
 * NOT_FOUND: it is not there, or not as it was made. */
int scratch_adopt(struct scratch *s, const char *parent, const char *attempt, uid_t uid, struct error *err);

/* Unpack the tar file at `bundle`. disk: bytes allowed. INVALID_ARGUMENT: breaks a rule of exec/tar.h. */
int scratch_unpack(struct scratch *s, const char *bundle, uint64_t disk, struct error *err);

/* Bytes on disk below work/ now (blocks used). */
uint64_t scratch_used(const struct scratch *s);

struct packed {
	char sha256[SHA256_HEX_SIZE];
	uint64_t size;
	uint32_t files, skipped; /* skipped: links, devices, too deep, ... named in `remarks` */
	struct buf remarks;      /* lines for the task's log; buf_release() */
};

/* Write what `outputs` (globs; none = out/ and all below it) match as a plain tar to the file `to`. Links,
 * devices, FIFOs and sockets are left out with a remark. Stops at max bytes really read: RESOURCE_EXHAUSTED.
 */
int scratch_pack(const struct scratch *s, char **outputs, size_t count, uint64_t max, const char *to,
		 struct packed *packed, struct error *err);

/* Delete everything, whatever the task did to modes and owners. Safe to call twice. */
void scratch_remove(struct scratch *s);

/* Delete what earlier processes left below parent, except the attempts named. */
void scratch_sweep(const char *parent, const char *const *keep, size_t count);

#endif
