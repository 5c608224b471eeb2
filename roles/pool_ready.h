/* roles/pool_ready.h - what a pool says when it serves, to people and to whoever started it. */
#ifndef ROLES_POOL_READY_H
#define ROLES_POOL_READY_H

struct pool;

/* One line to stdout and to --ready-fd, with the address; and the port file. */
void pool_say_ready(struct pool *pool);

/* --port-file, when there is one: also of a pool that listens and stands by. */
void pool_write_port(const struct pool *pool);

#endif
