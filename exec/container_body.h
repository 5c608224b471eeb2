/* exec/container_body.h - the hardened description of a task's container, in one place.
 *
 * Everything that keeps a stranger's program inside is decided here and nowhere else; what the image says of
 * entry point, user, volumes, working directory and health check does not count. */
#ifndef EXEC_CONTAINER_BODY_H
#define EXEC_CONTAINER_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/limits.h"

#include "hivemind.pb-c.h"

#define PIDS_MAX 256               /* processes and threads of one task */
#define FILES_MAX 4096             /* open files of one process */
#define TMP_SIZE "64m"             /* of /tmp; counts as memory of the task */
#define SHM_SIZE_BYTES (64 << 20)  /* of /dev/shm; as well */
/* of output, with the engine's own words beside it; the oldest goes first */
#define CONTAINER_LOG_MAX (16 * MiB)
#define IMAGE_VOLUMES_MAX 32       /* places that an image may declare writable */

struct container_body {
	const Pb__TaskSpec *spec;
	const char *image;           /* reference or id */
	const char *worker, *task;   /* labels */
	uint32_t epoch;
	const char *work;            /* bound at /work */
	uid_t uid;
	const char *gpus;            /* UUIDs, comma separated; NULL = none */
	int seccomp_fd;              /* where the system call list is to be read from; -1 = give it in the body */
	const char *log_driver;      /* the engine's, which keeps CONTAINER_LOG_MAX of output on its disk */
	bool init;                   /* the engine has an init program for PID 1 */
	const char *const *volumes;  /* VOLUMEs of the image: each becomes a small tmpfs */
	size_t volume_count;
};

/* A file in memory, sealed, with the system call list of the body. */
int container_seccomp_file(void);

/* The body of POST /containers/create; free() it. */
char *container_body_json(const struct container_body *b);

#endif
