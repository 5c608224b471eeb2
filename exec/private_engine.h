/* exec/private_engine.h - our own engine where there is none: `podman system service`, or dockerd, as a child.
 *
 * Its storage, run directory and socket lie in a directory of ours; it ends with us (SIGTERM to its process
 * group, then everything it left mounted below the directory is unmounted and removed). Podman first; dockerd when only that
 * is installed and we are root. */
#ifndef EXEC_PRIVATE_ENGINE_H
#define EXEC_PRIVATE_ENGINE_H

#include "net/loop.h"
#include "proto/error.h"

struct private_engine;

/* ready() comes once, on the loop, when its socket answers. NOT_FOUND: neither program is installed (hint: apt line). */
struct private_engine *private_engine_start(struct loop *loop, const char *dir,
					    void (*ready)(void *user, const struct error *err), void *user);
const char *private_engine_socket(const struct private_engine *p); /* "unix:PATH" */
void private_engine_close(struct private_engine *p, void (*closed)(void *user), void *user);

#endif
