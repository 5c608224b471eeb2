/* roles/task_watch.h - wait until a task has ended, with a line of progress; over broken connections too. */
#ifndef ROLES_TASK_WATCH_H
#define ROLES_TASK_WATCH_H

#include "roles/client.h"

/* The ended task. NULL = c->error says why, or Ctrl-C or --timeout came (then what goes on has been said). */
Pb__Task *task_watch(struct client *c, const char *id);

/* What a person who leaves early should know: the task goes on, and how to end it. */
void task_goes_on(struct client *c, const char *id);

#endif
