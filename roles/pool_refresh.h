/* roles/pool_refresh.h - memory was behind: read a task again and believe the store. */
#ifndef ROLES_POOL_REFRESH_H
#define ROLES_POOL_REFRESH_H

struct pool;
struct pool_task;

/* t is on no worker and in no line. It goes from the index; if it lives, it comes
 * back as the store has it. */
void pool_refresh(struct pool *pool, struct pool_task *t);

#endif
