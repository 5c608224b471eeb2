/* roles/worker_policy.h - what a worker's owner allows, whatever the pool says.
 *
 * A lease is a wish of a stranger. Before anything is done for it: its spec is within the bounds that an honest
 * pool keeps, it wants no more than is lent, and its image is one that the owner allows. There is no way to wish
 * for mounts, devices, capabilities, users or a network: a lease has no words for them, and exec/container_body.c
 * says the same for every task. */
#ifndef ROLES_WORKER_POLICY_H
#define ROLES_WORKER_POLICY_H

#include "proto/error.h"
#include "roles/worker_resources.h"
#include "ui/options.h"

/* images: globs, none = every image. The base image is always allowed; one that comes in the bundle is called
 * image.tar. PERMISSION_DENIED says what the owner does not allow. */
int worker_policy_check(const struct worker_resources *lent, const struct texts *images, const Pb__TaskSpec *spec,
			struct error *err);

#endif
