/* roles/blob_transfer.h - a blob sent or fetched, as a client verb sees it: it waits, with a line of
 * progress. */
#ifndef ROLES_BLOB_TRANSFER_H
#define ROLES_BLOB_TRANSFER_H

#include "exec/bundle.h"
#include "roles/client.h"

/* Bring the bundle to the pool; nothing is sent that is there. tell: say at the end how much was sent.
 * Returns 0, or the status in c->error. */
int blob_transfer_bundle(struct client *c, const struct bundle *b, bool tell);

/* Fetch the result of an ended task into fd, which holds `have` bytes of it already. Returns 0, or the status
 * in c->error. */
int blob_transfer_result(struct client *c, const Pb__Task *task, int fd, uint64_t have);

#endif
