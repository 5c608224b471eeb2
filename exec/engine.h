/* exec/engine.h - the container engine of this machine: Docker, or Podman's Docker-compatible service.
 *
 * Spoken to over a unix socket with the Docker Engine API, version 1.40 or later, the lower of what both
 * know. Differences of Podman are hidden here (reference: hivemind-internals.7, "Two engines").
 * Everything of ours bears the label hivemind.worker=ID, so that a restart finds it. */
#ifndef EXEC_ENGINE_H
#define EXEC_ENGINE_H

#include <stdbool.h>

#include "net/fetch.h"
#include "net/loop.h"
#include "proto/error.h"

struct engine {
	struct loop *loop;
	struct fetch *fetch;
	char socket[108];
	char kind[16];       /* "docker", "podman" */
	char version[32];    /* of the engine */
	char api[16];        /* "1.41": what we speak */
	char log_driver[16]; /* which keeps a task's output for a worker that was away */
	char runtime[32];    /* its default runtime */
	char worker[32];     /* value of our label */
	char base[48];       /* the base image, once it is known to be there; "" before */
	int seccomp_fd;      /* Podman takes our system call list only as a file: a sealed one in memory; else -1 */
	bool limits_enforced;/* the canary was killed at its memory limit */
	bool live_restore;   /* containers outlive the daemon */
	/* it can put an init program in front of the task (signals reach it, zombies are reaped) */
	bool has_init;
	bool sees_our_files; /* a bind mount of our scratch works (else the archive endpoints are used) */
	struct error canary; /* why limits_enforced is false */
};

/* Find a socket that answers: `wanted` (--docker unix:PATH) alone when given; else DOCKER_HOST (unix: only),
 * /var/run/docker.sock, $XDG_RUNTIME_DIR/docker.sock,
 * /run/podman/podman.sock, $XDG_RUNTIME_DIR/podman/podman.sock. Asks its
 * version. done() comes once, on the loop; on success e is filled in.
 *   UNAVAILABLE  none answers (text lists what was tried, hint is the apt line)
 *   PERMISSION_DENIED  one is there and may not be used (hint: the group to join) */
void engine_open(struct engine *e, struct loop *loop, const char *wanted, const char *worker,
		 void (*done)(struct engine *e, const struct error *err, void *user), void *user);

/* Make the base image if it is not there, then run the canary: a container that must be killed at
 * 16 MiB, and that must see a file of `scratch_parent` through a bind mount. Fills
 * limits_enforced, sees_our_files, canary. */
void engine_check(struct engine *e, const char *scratch_parent,
		  void (*done)(struct engine *e, const struct error *err, void *user), void *user);

/* Does it answer now (1 s)? */
void engine_ping(struct engine *e, void (*done)(struct engine *e, const struct error *err, void *user),
		 void *user);

/* Remove every container and image with our label, the base image aside, that an earlier process
 * left. keep: names of containers to leave. */
void engine_sweep(struct engine *e, const char *const *keep, size_t count,
		  void (*done)(struct engine *e, const struct error *err, void *user), void *user);

void engine_close(struct engine *e, void (*closed)(void *user), void *user);

#endif
