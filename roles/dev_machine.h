/* roles/dev_machine.h - the inside of dev, shared by roles/dev.c (engine, pool, the end), roles/dev_child.c
 * (one child), roles/dev_accounts.c, roles/dev_workers.c and roles/dev_master.c. Nobody else includes it. */
#ifndef ROLES_DEV_MACHINE_H
#define ROLES_DEV_MACHINE_H

#include "roles/dev.h"

enum { FINDING, STARTING, POOL, ACCOUNT, WORKERS, UP, ENDING, OVER };

/* roles/dev.c */
const char *dev_mark(bool good);
/* "  ✓ Pool       127.0.0.1:50051 ...      0.2 s": one line for each thing that is up. */
void dev_say(struct dev *d, bool good, const char *what, const char *text);
void dev_fail(struct dev *d, const struct error *err); /* the first one counts; all of it ends */
void dev_child_over(struct dev *d);                    /* nothing of a child is open any more */
void dev_check_up(struct dev *d);                      /* one more is ready: all of them? */

/* roles/dev_child.c */
void dev_child_init(struct dev *d, struct dev_child *c, const char *name);
/* more of its command line; NULL at the end */
void dev_child_words(struct dev_child *c, const char *const *words);
#define ADD(c, ...) dev_child_words(c, (const char *const[]){__VA_ARGS__, NULL})
void dev_child_start(struct dev_child *c);
void dev_child_end(struct dev_child *c); /* if it runs; either way dev_child_over() follows */

/* roles/dev_accounts.c: in POOL; WORKERS follows */
void dev_register_accounts(struct dev *d);

/* roles/dev_workers.c, roles/dev_master.c: dev_check_up() when they are ready */
void dev_start_workers(struct dev *d);
void dev_start_master(struct dev *d);

#endif
