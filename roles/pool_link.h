/* roles/pool_link.h - a worker's stream, as the rest of the pool sees it: what can be said to a worker.
 *
 * Each does nothing when the worker is not connected; open_link() tells a worker that comes back what it
 * missed. */
#ifndef ROLES_POOL_LINK_H
#define ROLES_POOL_LINK_H

#include <stdint.h>

#include "hivemind.pb-c.h"

struct leader;
struct pool;
struct pool_task;
struct pool_worker;

void link_send_welcome(struct pool_worker *w, const struct leader *leader);
/* It is given nothing for so long. */
void link_send_rest(struct pool_worker *w, int64_t rest_ms, unsigned faults, const char *reason);
void link_send_lease(struct pool_worker *w, const struct pool_task *t);
void link_send_stop(struct pool_worker *w, const struct pool_task *t, int failure, const char *reason);
void link_send_stored(struct pool_worker *w, const char *task, uint32_t epoch);
void link_send_verdict(struct pool_worker *w, const char *task, uint32_t epoch, int word);

/* Any message. */
void link_say(struct pool_worker *w, const Pb__PoolMessage *m);

/* End the stream: the worker is removed, or another stream of it has come. */
void link_drop(struct pool_worker *w, const char *reason);

/* End all streams: the pool goes down; the workers keep their tasks and come back. */
void link_drop_all(struct pool *pool);

#endif
