/* roles/pool_index.h - the tasks in memory: those that have not ended, and those whose attempt is not over.
 *
 * An index, not the truth: pool_index_load() makes it from Redis, every change of it follows a script that
 * was done. Replies of Redis come in the order of its work, so what a reply says can be put here as it comes.
 *
 * Where a task is, apart from its state (what `hold` says):
 *
 *   FREE ----> LEASING ----> HELD ----> ENDING ----> (gone)       LEASING, ENDING, RETURNING wait for Redis
 *    ^            |           |                                   FREE and PENDING: in the line of its shape,
 *    +------------+<----- RETURNING                               or resting after it was given back
 */
#ifndef ROLES_POOL_INDEX_H
#define ROLES_POOL_INDEX_H

#include <uthash.h>

#include "proto/id.h"
#include "proto/limits.h"
#include "roles/price.h"
#include "roles/sched.h"
#include "store/store.h"

struct pool;
struct pool_worker;
struct log;

enum hold { HOLD_FREE, HOLD_LEASING, HOLD_HELD, HOLD_ENDING, HOLD_RETURNING };

/* What the pool itself sees of an attempt, for its price: see roles/meter.h. */
struct metering {
	int64_t began_ms;   /* clock_ms() when its container was said to run; 0 = it was not */
	int64_t ran_ms;     /* for so long; -1 = it still runs */
	int64_t said_ms;    /* what its worker has measured so far; -1 = nothing yet */
	int64_t most_ms;    /* no longer than this, whatever is said: it was stopped; INT64_MAX = was not */
	uint64_t cpu_us, peak_memory;
	bool spent;         /* its money is used up, and it was told to end */
};

/* Someone who wants to know of each change of a task. */
struct task_watch {
	void (*on_change)(struct task_watch *w); /* w->task NULL: the index has let it go, no more comes */
	struct pool_task *task;
	struct task_watch *prev, *next;
};

struct pool_task {
	char id[TASK_ID_SIZE];
	char account[ID_SIZE];
	int state, phase;            /* proto/task.h */
	enum hold hold;
	uint32_t epoch;
	struct amounts need;
	int64_t pays;                /* for a second of a core, nano-CPT */
	uint8_t *spec;               /* packed TaskSpec: there may be a million of them */
	size_t spec_size;
	char bundle_sha256[SHA256_HEX_SIZE];
	uint64_t bundle_size;
	uint64_t max_output;         /* bytes */
	struct price price;          /* fixed at submit */
	int64_t hold_mcpt;           /* the most it can cost from now on */
	uint32_t grace_s, time_limit_s, wait_s; /* wait_s: beyond LOST_AFTER_MS, for its worker to come back */
	int infra;                   /* losses that are followed by another attempt; -1 = LOSSES_MAX */
	bool fails_when_lost;        /* on_disconnect */
	bool tries_exits;            /* retry.on_exit */
	unsigned exits;              /* attempts that ended so */
	int64_t lasts_ms;            /* for so long; INT64_MAX = longer than it may run */

	/* while it waits */
	struct sched_item wait;
	struct task_line *line;      /* NULL = not in one */
	unsigned returned;           /* times given back in a row */
	int64_t rests_until_ms;      /* clock_ms(); 0 = does not rest */

	/* while it is on a worker */
	struct pool_worker *worker;  /* NULL = on none */
	struct pool_task *prev, *next; /* of the worker's tasks; or of those that rest */
	uint64_t progress_done, progress_total;
	int64_t moved_ms;            /* clock_ms() when its worker last got on with it, or asked for its files */
	struct metering metering;
	struct log *log;             /* of the current epoch; NULL = not needed yet */

	struct task_watch *watches;
	UT_hash_handle hh;
};

/* Tasks of one need and pay, in the order they are served. */
struct task_line {
	struct sched_shape shape;
	UT_hash_handle hh; /* by need and pays of the shape */
};

struct pool_index {
	struct pool_task *tasks;   /* by id */
	struct task_line *lines;   /* those that are not empty */
	struct pool_task *resting; /* given back a moment ago */
	uint64_t order;
	uint64_t pending, running, ended; /* counts; ended: since this pool started */
	struct store_req load[2]; /* a page is read while the one before it is adopted */
	bool loading, at_stopped;
	bool behind; /* a submit had no answer: Redis may know more tasks than we */
	struct { /* the last answer of sched_explain: a page of tasks asks the same again and again */
		struct amounts need;
		int64_t pays;
		uint64_t turn; /* of the loop, in which it was made; 0 = none */
		char text[REASON_MAX];
	} reason;
	void (*on_loaded)(struct pool *, const struct error *);
};

/* Read every live task from Redis, and those that were stopped and still run somewhere; those that are known
 * already stay as they are. Then on_loaded(). */
void pool_index_load(struct pool *pool, void (*on_loaded)(struct pool *, const struct error *err));
void pool_index_release(struct pool *pool);

struct pool_task *pool_index_find(struct pool *pool, const char *id);

/* Make sure that a live task, as Redis has it (with spec), is here. Returns it; NULL = it has ended. */
struct pool_task *pool_index_adopt(struct pool *pool, const Pb__Task *task);

/* Put a PENDING task into its line, now or in rest_ms; take it out. */
void pool_task_enqueue(struct pool *pool, struct pool_task *t, int64_t rest_ms);
void pool_task_dequeue(struct pool *pool, struct pool_task *t);
/* Those that have rested enough go back into their lines. True = there were some. */
bool pool_index_wake(struct pool *pool, int64_t now_ms);

/* Tie a task to a worker and reserve what it needs there; untie it again. */
void pool_task_attach(struct pool_task *t, struct pool_worker *w);
void pool_task_detach(struct pool_task *t);

/* Its next attempt prefers another worker than this one. */
void pool_task_shun(struct pool_task *t, const struct pool_worker *w);

/* An attempt that is followed by another was charged. */
void pool_task_charged(struct pool_task *t, int64_t mcpt);

/* An untied RUNNING task is PENDING again. */
void pool_task_requeue(struct pool *pool, struct pool_task *t, int64_t rest_ms);

/* The log of the current attempt. */
struct log *pool_task_log(struct pool *pool, struct pool_task *t);

/* Set state and phase, keep the counts, tell the watches. */
void pool_task_become(struct pool *pool, struct pool_task *t, int state, int phase);
/* Tell the watches. */
void pool_task_changed(struct pool *pool, struct pool_task *t);

/* The task has ended and its attempt is over: the index lets it go. */
void pool_task_drop(struct pool *pool, struct pool_task *t);

void task_watch_start(struct task_watch *w, struct pool_task *t);
void task_watch_stop(struct task_watch *w);

/* Why does or would a task of this need and pay wait? One sentence; "" = there is room for it now. */
void pool_explain(struct pool *pool, const struct amounts *need, int64_t pays, char *text, size_t n);

/* Add what only memory knows to a task from Redis: progress, why it waits, the log's
 * size. Texts from arena. */
void pool_task_complete(struct pool *pool, Pb__Task *task, struct arena *arena);

#endif
