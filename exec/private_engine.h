/* exec/private_engine.h - our own engine where there is none: `podman system service`, or dockerd, as a
 * child.
 *
 * Its storage, run directory and socket lie in a directory of ours; it ends with us (SIGTERM to its
 * process group, then everything it left mounted below the directory is unmounted and removed, and the
 * directory with it). Podman first; dockerd when only that is installed and we are root, or when
 * HIVEMIND_ENGINE=dockerd says so. */
#ifndef EXEC_PRIVATE_ENGINE_H
#define EXEC_PRIVATE_ENGINE_H

#include "net/loop.h"
#include "proto/error.h"

struct private_engine;

/* dir is ours alone: what is in it is removed first. ready() comes once, on the loop, when its socket
 * answers, or with an error; after either the owner calls private_engine_close(). NOT_FOUND: neither
 * program is installed (hint: apt line). */
struct private_engine *private_engine_start(struct loop *loop, const char *dir,
					    void (*ready)(void *user, const struct error *err), void *user);
const char *private_engine_socket(const struct private_engine *p); /* "unix:PATH" */
void private_engine_close(struct private_engine *p, void (*closed)(void *user), void *user);

#endif
