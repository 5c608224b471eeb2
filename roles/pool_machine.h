/* roles/pool_machine.h - the states of a pool, shared by roles/pool.c (up) and roles/pool_down.c.
 * Nobody else includes it. */
#ifndef ROLES_POOL_MACHINE_H
#define ROLES_POOL_MACHINE_H

#include "roles/pool.h"

enum {
	HOME, REDIS, STORE, STANDBY, LEDGER, INDEX, PORT, READY,
	SERVER, CHANGES, STORE_DOWN, REDIS_DOWN, OVER
};

/* Once; called again it does nothing. The loop ends by itself when all is down. */
void pool_go_down(struct pool *pool);

/* In CHANGES, again and again until they are answered or were waited for long enough. */
void pool_finish_changes(struct pool *pool);

#endif
