/* roles/worker_spare.h - a second way to the pool, looked for while the connection in use is deaf.
 *
 * Packets are lost one after the other, this machine has another address now, a router has forgotten the
 * connection: TCP says nothing of that for long, and the lease clock runs. A connection beside it asks the
 * pool who we are; when that is answered it is a way that carries in both directions, and found() hands it
 * over.
 *
 * Hello is said on it only when the old connection is closed: it names what is here at that moment, and a
 * lease that came through the old one afterwards would be begun and not be named. */
#ifndef ROLES_WORKER_SPARE_H
#define ROLES_WORKER_SPARE_H

#include <stdbool.h>

#include "net/grpc_client.h"

struct worker;

struct worker_spare {
	struct worker *worker;
	struct grpc_channel *channel; /* NULL = none is looked for */
	struct grpc_call call;
	bool call_open; /* also for a moment after worker_spare_drop() */
	/* The channel is the receiver's. At most once for each worker_spare_look(), on the loop. */
	void (*found)(struct worker_spare *s, struct grpc_channel *channel);
};

/* A channel to the worker's pool, as the worker itself. The caller's. */
struct grpc_channel *worker_channel(struct worker *w);

/* Nothing while it is looked for already. What fails is said to nobody: who still needs one asks again. */
void worker_spare_look(struct worker_spare *s);

/* None is needed any more: found() does not come. */
void worker_spare_drop(struct worker_spare *s);

#endif
