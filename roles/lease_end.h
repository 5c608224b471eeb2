/* roles/lease_end.h - the two batches of lease_end.c, as lease.c begins and ends them. What others call is in
 * lease.h. */
#ifndef ROLES_LEASE_END_H
#define ROLES_LEASE_END_H

#include "roles/lease.h"

extern const struct batch_kind lease_dones_kind, lease_returns_kind;

/* Free an item of `dones`; those of `returns` are freed as they are. */
void lease_drop_done(struct batch_item *item);

#endif
