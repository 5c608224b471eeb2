/* roles/sched.h - which waiting task goes to which worker. Pure: no store, no clock, no memory of its own.
 *
 * Tasks that need the same amounts and pay the same wait in one line (a shape), in the order of their
 * creation. A round looks only at the first of each line, oldest first; a line whose first fits nowhere is
 * left alone for the rest of the round, because none behind it fits either. So a round costs pairs x
 * shapes, not tasks x workers.
 *
 * Rules: first come, first served; a task that fits nowhere is passed over by later ones that do fit; of the
 * workers that fit, the one with the most free cores is taken (then the most free memory): tasks spread.
 *
 * A task that was lost or refused remembers by whom: it prefers another owner's workers, then another
 * worker. Where only one fits that has lost it, it waits, while it is patient, for others that are busy, and
 * those behind it go first. */
#ifndef ROLES_SCHED_H
#define ROLES_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/id.h"
#include "proto/limits.h"

#include "hivemind.pb-c.h"

#define SCHED_PATIENCE_MS 10000 /* how long a task waits for another worker than one that lost it */

/* Amounts of what can run out; a negative amount never occurs. */
struct amounts {
	int64_t milli_cpus, memory, disk, gpus;
};

struct amounts amounts_of(const Pb__Resources *r); /* NULL = none */
bool amounts_fit(const struct amounts *need, const struct amounts *free);
void amounts_add(struct amounts *to, const struct amounts *more);
void amounts_take(struct amounts *from, const struct amounts *less);

/* The workers that have lost or refused a task, the latest last. */
struct sched_past {
	struct {
		char worker[ID_SIZE], owner[ID_SIZE];
	} by[LOST_BY_MAX];
	size_t count;
	int64_t patient_until_ms; /* on the clock of sched_match()'s now_ms */
};

/* Note one more; one that is there becomes the latest, and the first makes room. */
void sched_past_add(struct sched_past *past, const char *worker, const char *owner);
/* As the field lost_by of Task has them. */
void sched_past_read(struct sched_past *past, const char *lost_by);

/* A task that waits: embedded in its owner, linked into the line of its shape. */
struct sched_item {
	int64_t created_ms;
	uint64_t order; /* among those of one millisecond */
	struct sched_past *past; /* NULL = nobody has lost or refused it; its owner's */
	struct sched_item *prev, *next;
};

struct sched_shape {
	struct amounts need;
	int64_t pays;             /* for a second of a core, nano-CPT */
	struct sched_item *items; /* the line, oldest first; never empty in a round */
	struct sched_item *at;    /* scratch of a round */
};

struct sched_worker {
	struct amounts free;
	const struct amounts *offered; /* all it lends; NULL = what is free */
	const char *id, *owner;        /* NULL = nobody can have a past with it */
	int64_t asks;             /* for a second of a core at least, nano-CPT */
	void *user;
};

struct sched_pair {
	struct sched_item *item;
	size_t worker; /* its place in the array */
};

/* Is a to be served before b? */
bool sched_before(const struct sched_item *a, const struct sched_item *b);

/* Put item into a line, by age. */
void sched_insert(struct sched_item **line, struct sched_item *item);

/* One round: fill pairs (at most max) and take what they need from workers[].free. Returns how many. */
size_t sched_match(struct sched_shape **shapes, size_t shape_count, struct sched_worker *workers,
                   size_t worker_count, struct sched_pair *pairs, size_t max, int64_t now_ms);

/* Why does a task of this need wait? One sentence into text. `ready` workers are in workers[] (their free
 * amounts) and offered[] (all they lend, same order); `online` counts also those that take no tasks now. */
void sched_explain(const struct amounts *need, const struct sched_worker *workers,
		   const struct amounts *offered, size_t ready, size_t online, char *text, size_t n);

#endif
