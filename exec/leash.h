/* exec/leash.h - until when the containers of a worker may run, and which they are: what the worker
 * shares with its supervisor (exec/supervisor.h).
 *
 * A file DATA/leash, mapped by both. It outlives the worker: one that is started again finds the
 * deadline and the containers of the one before it. Each opening by a worker is a new generation, and
 * a supervisor of an earlier one lets go. A file of another boot is begun anew: the clock counts from
 * the boot, and no container has outlived it.
 *
 *   RUN    the last acknowledged heartbeat was sent a moment ago
 *   PAUSE  7 s ago: what runs is paused
 *   KILL   9 s ago: what runs is killed; at 10 s the pool may have given it to another worker
 *
 * The worker alone writes the deadline and takes and frees slots; both
 * note when they have paused a container. */
#ifndef EXEC_LEASH_H
#define EXEC_LEASH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "exec/container_process.h"
#include "proto/error.h"
#include "proto/limits.h"

#define LEASH_SLOTS ATTEMPTS_MAX

enum leash_stage { LEASH_RUN, LEASH_PAUSE, LEASH_KILL };

/* A container that may run. */
struct leash_slot {
	_Atomic uint64_t holder;   /* generation of the worker that holds it; 0 = the slot is free */
	_Atomic int64_t paused_ms; /* clock_ms() when it was paused; 0 = it is not */
	/* each stage begins so much later: the pool waits longer for it (on_disconnect) */
	_Atomic int64_t extra_ms;
	_Atomic int pid;           /* its first process, with started; 0 = not known */
	_Atomic uint64_t started;
	_Atomic bool killed;       /* worker or supervisor set out to kill it without the engine */
	char socket[108];          /* of its engine */
	char name[64];
};

struct leash_page {
	char version[16], boot[40];
	_Atomic uint64_t generation;
	_Atomic int64_t acked_ms;      /* clock_ms() when the last acknowledged heartbeat was sent; 0 = none was */
	_Atomic int64_t lost_after_ms;
	_Atomic bool owns_engine;      /* its engine is DATA/engine and ends with it */
	struct leash_slot slots[LEASH_SLOTS];
};

struct leash {
	struct leash_page *page;
	int fd;
	uint64_t generation;
};

/* The worker, which holds the lock of DATA: make or take over DATA/leash. Blocks while an
 * earlier supervisor ends what it has begun. */
int leash_open(struct leash *f, const char *data, struct error *err);

/* Its supervisor. ABORTED: a later worker has taken over. */
int leash_join(struct leash *f, const char *data, uint64_t generation, struct error *err);

void leash_close(struct leash *f);

/* Is this generation still the one that counts? */
bool leash_is_ours(const struct leash *f);

/* Hold others off while the supervisor does what must not happen beside a
 * new worker. false: there is one already. */
bool leash_lock(struct leash *f);
void leash_unlock(struct leash *f);

/* A heartbeat sent at sent_ms was acknowledged by a pool that waits for
 * lost_after_ms. An earlier one changes nothing. */
void leash_renew(struct leash *f, int64_t sent_ms, int64_t lost_after_ms);

/* Where the clock stands at now_ms, for one who acts, or may act, late_ms later than others. */
enum leash_stage leash_stage(const struct leash *f, int64_t now_ms, int64_t late_ms);

/* Milliseconds from now_ms to the next stage; INT64_MAX in the last. */
int64_t leash_next(const struct leash *f, int64_t now_ms, int64_t late_ms);

/* A container of that name is about to run on the engine at that socket. The slot of that name is taken
 * over when there is one. NULL: all are taken. */
struct leash_slot *leash_hold(struct leash *f, const char *socket, const char *name, int64_t extra_ms);

/* Its first process is known. slot may be NULL. */
void leash_note(struct leash_slot *slot, struct container_process p);
struct container_process leash_process(const struct leash_slot *slot);

/* SIGKILL without the engine. false: its process is not known, not there, or not to be killed by us. */
bool leash_kill(struct leash_slot *slot);

/* It does not run any more. slot may be NULL. */
void leash_release(struct leash_slot *slot);

/* Everything that an earlier worker held and this one has not taken over is gone. */
void leash_forget_others(struct leash *f);

bool leash_slot_live(const struct leash_slot *slot);
unsigned leash_live(const struct leash *f); /* how many are held */

#endif
