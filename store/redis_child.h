/* store/redis_child.h - a private redis-server (or valkey-server) on a unix socket in the data directory.
 *
 * Started with appendonly yes, appendfsync always, noeviction, no TCP port. It ends with us: SIGTERM at
 * close, and by itself when our process dies (PR_SET_PDEATHSIG). When it dies it is started again. */
#ifndef STORE_REDIS_CHILD_H
#define STORE_REDIS_CHILD_H

#include "net/loop.h"
#include "proto/error.h"

struct redis_child;

/* Start it with its files in dir/redis/ and its socket at dir/redis/redis.sock (0700 directory). ready()
 * comes once, on the loop, when it answers PING, or with the reason why it cannot be had:
 *   NOT_FOUND  neither valkey-server nor redis-server is in PATH (hint: the apt line) */
struct redis_child *redis_child_start(struct loop *loop, const char *dir,
				      void (*ready)(void *user, const struct error *err), void *user);
const char *redis_child_socket(const struct redis_child *c);
void redis_child_close(struct redis_child *c, void (*closed)(void *user), void *user);

#endif
