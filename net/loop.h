/* net/loop.h - the one libuv loop: deferred calls, timers, work on other threads, signals.
 *
 * Rules that everything in HiveMind keeps:
 *  1. A completion never runs before the call that started it has returned (nothing to wait for?
 *     loop_defer), runs exactly once, on the loop, also after cancel.
 *  2. A request belongs to its caller and is on loan from start to completion.
 *  3. A handle's memory is yours again in its close callback, not before. */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct deferred;

struct loop {
	uv_loop_t uv;
	uv_idle_t turn;            /* keeps the loop from sleeping while something is deferred */
	struct deferred *deferred; /* a list, in the order of loop_defer() */
	uv_signal_t sigint, sigterm;
	void (*on_stop)(struct loop *, int signal);
	void *user;                /* the owner's */
};

void loop_init(struct loop *l);

/* Run until nothing is open or loop_stop(). */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);

/* Close what the loop itself holds, run until all handles are closed, free. Every handle of
 * others must have been closed before (asserted). */
void loop_close(struct loop *l);

/* Call on_stop for SIGINT and SIGTERM. A second signal ends the process with 128 + its number. */
void loop_catch_signals(struct loop *l, void (*on_stop)(struct loop *, int signal));

/* --- run this on the next turn of the loop, in order ---------------------------------------- */
struct deferred {
	void (*run)(struct deferred *);
	struct deferred *prev, *next; /* private; NULL = not waiting */
	bool waiting;
};

/* d is on loan until run() has been called. Deferring what waits already is no call more. */
void loop_defer(struct loop *l, struct deferred *d, void (*run)(struct deferred *));
void loop_undefer(struct loop *l, struct deferred *d);

/* --- timers ----------------------------------------------------------------------------------
 * A one-shot timer embedded in its owner. timer_set() arms or re-arms; run() comes once. Before
 * its memory goes, timer_close() it; closed() says that the memory is the owner's again. */
struct timer {
	uv_timer_t uv;
	void (*run)(struct timer *);
	void (*closed)(struct timer *);
};

void timer_init(struct loop *l, struct timer *t, void (*run)(struct timer *));
void timer_set(struct timer *t, uint64_t ms);
void timer_clear(struct timer *t);
bool timer_armed(const struct timer *t);
void timer_close(struct timer *t, void (*closed)(struct timer *)); /* closed may be NULL */

/* --- work on the thread pool -----------------------------------------------------------------
 * run() happens on another thread and touches only what w's owner left to it; done() comes on the
 * loop. For what blocks: files, fsync, password hashes. */
struct work {
	uv_work_t uv;
	void (*run)(struct work *);
	void (*done)(struct work *);
};

void work_start(struct loop *l, struct work *w, void (*run)(struct work *),
		void (*done)(struct work *));

#endif
