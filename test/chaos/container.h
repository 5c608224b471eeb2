/* test/chaos/container.h - a container of the stub engine: a timer with a name.
 *
 * Its command says what it does: "ms=1500" (how long), "exit=3", "out=TEXT" (written to out/result at the end, with the
 * attempt's number behind it), "say=TEXT" (printed when it starts), "ignore=TERM". Anything else is the worker's canary.
 *
 * Every event of its life is a line of the record, "MICROSECONDS EVENT NAME ...", appended before anybody hears of it, in
 * CLOCK_BOOTTIME. The record outlives us: the next process on the same record takes over what runs, as dockerd does with
 * live-restore, and an end that fell into the gap is written down with the time at which it was due. */
#ifndef CHAOS_CONTAINER_H
#define CHAOS_CONTAINER_H

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>
#include <uv.h>

enum container_state { CREATED, IS_RUNNING, PAUSED, EXITED };

struct container {
	char name[96], id[65], worker[32], task[32], epoch[12];
	char work[400], out[100], say[100];
	int64_t ms;             /* of work, from start to end */
	int exit_code;          /* that it will have, then has */
	bool ignore_term, canary, oom;
	bool kill_event, die_event; /* which events this process of the engine has of it */
	enum container_state state;
	int64_t started_us, ended_us;
	int64_t end_us;         /* running: when it will have ended */
	int64_t left_us;        /* paused: how much is left */
	uv_timer_t timer;
	UT_hash_handle hh;
};

/* Called whenever one has ended or has gone. */
extern void (*container_ended)(struct container *c, bool gone);
extern struct container *containers;

/* Open the record and take over what is in it. live: what ran goes on; else it ends now with 137. */
void containers_open(uv_loop_t *loop, const char *record, bool live);

struct container *container_find(const char *name); /* by name or id */
struct container *container_new(const char *name);
void container_created(struct container *c);        /* its fields are filled in */
void container_start(struct container *c);
void container_pause(struct container *c);
void container_unpause(struct container *c);
void container_kill(struct container *c, const char *signal);
void container_remove(struct container *c);

const char *container_state_name(const struct container *c);
int64_t boottime_us(void);
void record(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
