/* roles/task_find.h - which task does a typed word mean? */
#ifndef ROLES_TASK_FIND_H
#define ROLES_TASK_FIND_H

#include "roles/client.h"

/* The id for "last" (the newest task), or the word itself when it can be (the beginning of) an id. NULL =
 * c->error says why. */
const char *task_id_of(struct client *c, const char *word);

/* The task itself. NULL = c->error says why. */
Pb__Task *task_get(struct client *c, const char *word);

#endif
