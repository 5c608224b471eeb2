/* roles/worker_resources.h - what a worker lends, and what of it is free: pure arithmetic, no I/O.
 *
 * A lease takes a reservation before anything is done for it and gives it back when its container has ended:
 * from then on the pool may count on it. A slot is the number of a reservation, the lowest free one: it gives
 * the container its own user id, and is therefore kept until nothing of the attempt is left on disk. */
#ifndef ROLES_WORKER_RESOURCES_H
#define ROLES_WORKER_RESOURCES_H

#include <stdbool.h>
#include <stdint.h>

#include "net/arena.h"
#include "proto/error.h"
#include "proto/limits.h"

#include "hivemind.pb-c.h"

struct worker_resources {
	uint32_t milli_cpus;  /* lent, as all below */
	uint64_t memory, disk;
	uint32_t gpus;        /* GPUS_MAX at most */
	uint32_t tasks_max;   /* at once; 1 to ATTEMPTS_MAX */

	uint32_t used_milli_cpus, tasks;
	uint64_t used_memory, used_disk;
	uint64_t used_gpus;   /* bit set of their numbers */
	bool slots[ATTEMPTS_MAX];
};

struct reservation {
	uint32_t milli_cpus;
	uint64_t memory, disk;
	uint64_t gpus;        /* bit set */
	int slot;
};

/* Reserve all of `need` or nothing. RESOURCE_EXHAUSTED says what is short. */
int worker_resources_take(struct worker_resources *r, const Pb__Resources *need, struct reservation *got,
			  struct error *err);
/* What an attempt of an earlier process had: its slot and GPUs again, even if its owner lends
 * less now. whole: also what its container uses; else only the slot. INVALID_ARGUMENT: there is
 * no such slot, or it is taken. */
int worker_resources_retake(struct worker_resources *r, const Pb__Resources *need, uint32_t slot,
			    uint64_t gpus, bool whole, struct reservation *got, struct error *err);
/* Back what the container used; then, when nothing of it is left on disk, its slot. */
void worker_resources_give(struct worker_resources *r, const struct reservation *back);
void worker_resources_give_slot(struct worker_resources *r, const struct reservation *back);

/* As many tasks as its owner allows? */
bool worker_resources_full(const struct worker_resources *r);

/* The UUIDs of the reserved GPUs, comma separated, from `arena`; NULL = none are reserved. */
const char *reservation_gpus(const struct reservation *r, Pb__Gpu *const *gpus, struct arena *arena);

/* A part of `total` as its owner writes it: "75%" or an amount, of which one unit is `scale` ("1.5" cores
 * with scale 1000). 0 = not one, none of it, or more than there is. */
uint64_t share_of(const char *text, uint64_t total, uint64_t scale);

#endif
