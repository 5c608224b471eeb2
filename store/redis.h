/* store/redis.h - one connection to Redis on the loop: hiredis asynchronous, an adapter of our own.
 *
 * The connection is made at open and made again, with back-off from 50 ms to 5 s and jitter, whenever it
 * is lost. A request is embedded in its owner and on loan until on_reply(), which comes exactly once, on
 * the loop, never from inside redis_send(): with the reply, or with reply NULL and
 *   UNAVAILABLE        not connected, or the connection broke, or REDIS_TIMEOUT_MS passed without a
 *                      reply: when it was sent, its outcome is UNKNOWN, not failed; ask again by id
 *   RESOURCE_EXHAUSTED Redis refused it whole (OOM, MISCONF: disk or memory full; READONLY is UNAVAILABLE)
 *   NOT_FOUND          NOSCRIPT: Redis has forgotten (or never had) this script
 *   PERMISSION_DENIED  NOPERM: the ACL of this user forbids the command
 *   INTERNAL           Redis answered with another error: a bug of ours
 * A request that is overdue breaks the connection: replies come in order, so nothing behind it would come.
 * RESP2 only; replies nested at most 7 deep (hiredis 0.14). */
#ifndef STORE_REDIS_H
#define STORE_REDIS_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>

#include "net/loop.h"
#include "proto/error.h"

/* Where Redis is: redis://[:PASSWORD@]HOST[:PORT][/DB], or unix:PATH. */
struct redis_address {
	char host[256], path[108], password[256];
	int port, db;
};

int redis_address_parse(struct redis_address *a, const char *url, struct error *err);

struct redis;

struct redis_events {
	/* Each time a connection is ready for commands (after AUTH and SELECT), and each time it is lost.
	 * err says why it was lost or could not be made. */
	void (*on_up)(struct redis *, void *user);
	void (*on_down)(struct redis *, const struct error *err, void *user);
	void *user;
};

struct redis *redis_open(struct loop *loop, const struct redis_address *a, const struct redis_events *events);
bool redis_is_up(const struct redis *r);
struct loop *redis_loop(const struct redis *r);

/* Every pending request is answered with CANCELLED; then closed() comes and r is freed. */
void redis_close(struct redis *r, void (*closed)(void *user), void *user);

struct redis_req {
	void (*on_reply)(struct redis_req *req, const redisReply *reply, const struct error *err);
	void *user;
	/* private */
	struct redis *redis;
	struct redis_req *prev, *next;
	struct deferred deferred;
	int64_t deadline_ms;
	struct error error;
};

/* Queue a command; those of one loop turn travel in one write. Arguments are copied before this returns. */
void redis_send(struct redis *r, struct redis_req *req, int argc, const char **argv, const size_t *lengths);

#endif
