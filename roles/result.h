/* roles/result.h - bring the result of a task here: into a directory, a tar file, or to standard output.
 *
 * It is fetched into a partial file first (TO.part, or .hivemind-SHA.part in the directory), which a later
 * run goes on with; only a whole one with the right SHA-256 takes the place of FILE.tar or is unpacked.
 * Nothing is deleted on the pool. */
#ifndef ROLES_RESULT_H
#define ROLES_RESULT_H

#include "roles/client.h"

/* to: "-" = the tar to standard output, NAME.tar = a file, else a directory (made when it is not there).
 * Returns 0, or the status in c->error. */
int result_fetch(struct client *c, const Pb__Task *task, const char *to);

#endif
