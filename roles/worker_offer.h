/* roles/worker_offer.h - what this machine is, and what its owner lends of it. */
#ifndef ROLES_WORKER_OFFER_H
#define ROLES_WORKER_OFFER_H

#include "proto/error.h"
#include "roles/worker.h"

/* Look at the machine (blocks a moment) and fill host, name and resources by the options; needs data.
 *   INVALID_ARGUMENT  an option is no part of what is here, or no price */
int worker_describe(struct worker *w, struct error *err);

#endif
