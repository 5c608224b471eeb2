/* roles/worker_view.h - a machine of the pool as programs see it. */
#ifndef ROLES_WORKER_VIEW_H
#define ROLES_WORKER_VIEW_H

#include "ui/json.h"

#include "hivemind.pb-c.h"

struct worker_share {
	const Pb__Resources *total, *offered, *used; /* never NULL */
};
struct worker_share worker_share(const Pb__Worker *w);

/* The worker as fields of the object that is open in j (the contract of --json, see hivemind.1). */
void worker_json(struct json *j, const Pb__Worker *w);

#endif
