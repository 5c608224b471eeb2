/* roles/pool_workers.h - the workers there are: connected, silent for less than LOST_AFTER_MS, or longer with
 * a task that waits for them (roles/silence.h).
 *
 * A worker whose tasks a restarted pool found in Redis is here before it has come back; then host is NULL.
 * The struct lives until it is out of the index and holds no task. */
#ifndef ROLES_POOL_WORKERS_H
#define ROLES_POOL_WORKERS_H

#include <stdbool.h>
#include <uthash.h>

#include "net/arena.h"
#include "proto/id.h"
#include "proto/limits.h"
#include "roles/price.h"
#include "roles/sched.h"
#include "roles/worker_faults.h"

struct pool;
struct pool_task;
struct link;

struct pool_worker {
	char id[ID_SIZE];
	char account[ID_SIZE];         /* "" = not known: it has not come back since the pool started */
	char name[NAME_MAX_LENGTH + 1];
	char not_ready[REASON_MAX];    /* "" = it takes tasks */
	Pb__Host *host;                /* NULL = not known */
	struct amounts offered, reserved;
	struct price_offer asks;       /* what its owner asks for it */
	struct link *link;             /* NULL = not connected */
	int64_t beat_ms;               /* clock_ms() of the last sign of life */
	int64_t joined_ms;             /* wall clock; 0 = not known */
	uint64_t seen;                 /* pool_worker_changed(): a hash of what it was */
	unsigned faults;               /* in a row: see roles/worker_faults.h */
	int64_t rests_until_ms;        /* clock_ms(); 0 = does not rest */
	bool awaited;                  /* silent, in the list of those */
	bool lost;                     /* out of the index; goes with its last task */
	struct pool_task *tasks;       /* leased or being leased to it */
	uint32_t task_count;
	struct pool_worker *prev, *next; /* by beat_ms, the most silent first */
	UT_hash_handle hh;
};

struct pool_workers {
	struct pool_worker *by_id;
	struct pool_worker *beats;     /* list: the most silent first */
	struct pool_worker *awaited;   /* list: silent for longer than LOST_AFTER_MS */
	struct worker_faults faults;
};

struct pool_worker *pool_workers_find(struct pool *pool, const char *id);
/* The worker of this id, made when it is new. */
struct pool_worker *pool_workers_get(struct pool *pool, const char *id);

/* What it says of itself in Hello. host is copied. */
void pool_worker_describe(struct pool_worker *w, const char *account, const char *name, const Pb__Host *host);
/* What it was given came to nothing; or not: its faults are forgotten. Returns for how
 * long it rests from now on. */
int64_t pool_worker_fault(struct pool *pool, struct pool_worker *w);
void pool_worker_forgive(struct pool *pool, struct pool_worker *w);
/* It is here again: what is remembered of it. */
void pool_worker_recall(struct pool *pool, struct pool_worker *w);
/* Silent for too long, but one of its tasks waits for it. */
void pool_worker_await(struct pool *pool, struct pool_worker *w);
/* A sign of life. */
void pool_worker_beat(struct pool *pool, struct pool_worker *w);
/* True = it takes tasks now and did not before. */
bool pool_worker_set_ready(struct pool_worker *w, const char *not_ready);

/* As Workers.List has it (roles/pool_info.c). It borrows from w. */
Pb__Worker *pool_worker_show(struct arena *arena, struct pool_worker *w);
/* Is it another than when this was asked last, but for the age of its heartbeat? */
bool pool_worker_changed(struct pool_worker *w);

/* Out of the index. The memory goes with its last task. */
void pool_worker_remove(struct pool *pool, struct pool_worker *w);
void pool_worker_free_if_over(struct pool_worker *w);

/* The ready ones as the scheduler wants them, on the heap: workers[i].user is the struct pool_worker. Returns
 * how many. */
size_t pool_workers_ready(struct pool *pool, struct sched_worker **workers, struct amounts **offered);
/* How many are connected; what these offer, and what is reserved of it, is added to offered and used, unless
 * NULL. */
size_t pool_workers_online(const struct pool *pool, struct amounts *offered, struct amounts *used);
void pool_workers_release(struct pool *pool);

#endif
