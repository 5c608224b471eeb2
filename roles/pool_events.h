/* roles/pool_events.h - Pool.Events: one stream of everything that changes for an account.
 *
 * What happens says so here: a task changed, a worker is gone. Who listens gets the task as Redis has it
 * then, and the balance and the workers when they are others than was told last. Changes of one thing that
 * come faster than they can be told become one; nobody is told an old picture last. Nothing is kept for
 * those who do not listen. */
#ifndef ROLES_POOL_EVENTS_H
#define ROLES_POOL_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "net/loop.h"

struct pool;
struct events; /* one who listens */

struct pool_events {
	struct pool *pool;
	struct events *listeners;
	struct timer look;    /* at workers and money, while somebody listens */
	uint64_t money_moves; /* as they were then */
	int64_t money_ms;     /* when they were looked at */
	bool open;
};

void pool_events_init(struct pool_events *e, struct pool *pool);
void pool_events_close(struct pool_events *e);

/* A task of this account is another now, or is no more. */
void pool_events_task(struct pool *pool, const char *account, const char *task);

/* This worker is no more. */
void pool_events_worker_left(struct pool *pool, const char *worker);

#endif
