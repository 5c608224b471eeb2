/* roles/worker_engine.c - the session with the engine (drawn in worker_engine.h). A call always comes back,
 * so closing waits for the one on loan and then takes everything down: engine, private engine, timer. */
#include "roles/worker_engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "net/crash.h"
#include "net/clock.h"
#include "net/log.h"
#include "net/memory.h"
#include "proto/limits.h"
#include "proto/status.h"
#include "roles/worker.h"

/* from one to the next; with its deadline of 1 s an engine that hangs is known within 2 s */
#define PING_MS 900
#define AGAIN_MS 15000
#define SILENT_MAX 5 /* pings in a row: then an engine of our own is started anew */

enum { FINDING, SWEEPING, CHECKING, READY, DROPPING, STARTING, ABSENT, CLOSED };

static const struct state states[] = {
	[FINDING] = {"finding", TO(SWEEPING) | TO(DROPPING) | TO(CLOSED)},
	[SWEEPING] = {"sweeping", TO(CHECKING) | TO(CLOSED)},
	[CHECKING] = {"checking", TO(READY) | TO(DROPPING) | TO(CLOSED)},
	[READY] = {"ready", TO(SWEEPING) | TO(DROPPING) | TO(CLOSED)},
	[DROPPING] = {"dropping", TO(STARTING) | TO(ABSENT) | TO(CLOSED)},
	[STARTING] = {"starting", TO(FINDING) | TO(ABSENT) | TO(CLOSED)},
	[ABSENT] = {"absent", TO(FINDING) | TO(CLOSED)},
	[CLOSED] = {"closed", 0},
};

/* Take note whether tasks may run, and tell the worker what is new. */
static void judge(struct worker_engine *e, const struct error *err)
{
	bool news = !e->known || e->error.status != err->status;

	e->known = true;
	e->error = *err;
	if (news)
		worker_engine_changed(e->worker);
}

/* --- closing --------------------------------------------------------------------------------- */

static void on_timer_closed(struct timer *timer)
{
	struct worker_engine *e = container_of(timer, struct worker_engine, timer);

	e->closed(e);
}

/* Our supervisor ends it when we cannot. */
static void set_own(struct worker_engine *e, struct private_engine *own)
{
	e->own = own;
	e->worker->leash.page->owns_engine = own != NULL;
}

static void on_own_closed(void *user)
{
	struct worker_engine *e = user;

	set_own(e, NULL);
	timer_close(&e->timer, on_timer_closed);
}

static void on_engine_closed(void *user)
{
	struct worker_engine *e = user;

	if (e->own != NULL)
		private_engine_close(e->own, on_own_closed, e);
	else
		timer_close(&e->timer, on_timer_closed);
}

static void take_down(struct worker_engine *e)
{
	bool open = e->step.at < DROPPING;

	step_to(&e->step, CLOSED, "engine");
	if (open)
		engine_close(&e->engine, on_engine_closed, e);
	else
		on_engine_closed(e);
}

void worker_engine_close(struct worker_engine *e, void (*closed)(struct worker_engine *e))
{
	e->closed = closed;
	e->closing = true;
	timer_clear(&e->timer);
	if (!e->busy)
		take_down(e);
}

/* Wait in state s for a call that is on loan from now on. */
static void await(struct worker_engine *e, int s)
{
	if (e->step.at != s)
		step_to(&e->step, s, "engine");
	e->busy = true;
}

/* It has come back. true: we are closing, and nothing else is to be done. */
static bool returned(struct worker_engine *e)
{
	e->busy = false;
	if (e->closing)
		take_down(e);
	return e->closing;
}

/* --- ABSENT, DROPPING, STARTING: there is none ----------------------------------------------- */

static void find(struct worker_engine *e);

static void enter_absent(struct worker_engine *e)
{
	step_to(&e->step, ABSENT, "engine");
	judge(e, &e->verdict);
	timer_set(&e->timer, AGAIN_MS);
}

static void on_own_given_up(void *user)
{
	struct worker_engine *e = user;

	set_own(e, NULL);
	if (!returned(e))
		enter_absent(e);
}

static void on_started(void *user, const struct error *err)
{
	struct worker_engine *e = user;

	if (returned(e))
		return;
	if (err->status == 0) {
		find(e);
		return;
	}
	e->verdict = *err;
	e->busy = true;
	private_engine_close(e->own, on_own_given_up, e);
}

/* Only where its owner has named no engine, and only when none is there: one that may not be
 * used is a matter for them. */
static bool may_start_own(const struct worker_engine *e)
{
	return e->own == NULL && e->worker->options.docker == NULL && e->verdict.status == STATUS_UNAVAILABLE;
}

static void start_own(struct worker_engine *e)
{
	char dir[512];

	snprintf(dir, sizeof dir, "%s/engine", e->worker->data);
	await(e, STARTING);
	set_own(e, private_engine_start(&e->worker->loop, dir, on_started, e));
}

static void on_own_ended(void *user)
{
	struct worker_engine *e = user;

	set_own(e, NULL);
	if (!returned(e))
		start_own(e);
}

static void on_dropped(void *user)
{
	struct worker_engine *e = user;

	if (returned(e))
		return;
	if (e->silent >= SILENT_MAX) {
		log_warn("our own container engine does not answer any more, starting it anew");
		e->silent = 0;
		e->busy = true;
		private_engine_close(e->own, on_own_ended, e);
	} else if (may_start_own(e)) {
		start_own(e);
	} else {
		enter_absent(e);
	}
}

/* Let go of this engine; verdict says why. */
static void drop(struct worker_engine *e, const struct error *err)
{
	e->verdict = *err;
	await(e, DROPPING);
	engine_close(&e->engine, on_dropped, e);
}

/* --- READY ----------------------------------------------------------------------------------- */

static void ask_again(struct worker_engine *e)
{
	int64_t took_ms = clock_ms() - e->asked_ms;

	timer_set(&e->timer, took_ms < PING_MS ? (uint64_t)(PING_MS - took_ms) : 0);
}

static bool is_lost(const struct worker_engine *e)
{
	return clock_ms() - e->heard_ms >= ENGINE_SILENT_MS;
}

static void hear(struct worker_engine *e, const struct error *err)
{
	e->silent = err->status != 0 ? e->silent + 1 : 0;
	if (err->status == 0)
		e->heard_ms = e->asked_ms;
	judge(e, err->status != 0 ? err : &e->verdict);
	if (is_lost(e))
		worker_engine_lost(e->worker);
}

static void sweep(struct worker_engine *e);

static void on_ping(struct engine *engine, const struct error *err, void *user)
{
	struct worker_engine *e = user;

	(void)engine;
	if (returned(e))
		return;
	/* it has what we have given up; it may be another one */
	if (err->status == 0 && e->silent > 0 && is_lost(e)) {
		sweep(e);
		return;
	}
	hear(e, err);
	if (e->silent >= SILENT_MAX && e->own != NULL && worker_idle(e->worker)) {
		drop(e, err);
		return;
	}
	ask_again(e);
}

/* --- FINDING, SWEEPING, CHECKING ------------------------------------------------------------- */

static void on_checked(struct engine *engine, const struct error *err, void *user)
{
	struct worker_engine *e = user;
	const struct error *canary = &engine->canary;

	if (returned(e))
		return;
	if (err->status != 0) {
		drop(e, err);
		return;
	}
	error_clear(&e->verdict);
	if (!engine->limits_enforced && !e->worker->options.allow_unlimited) {
		error_set(&e->verdict, STATUS_FAILED_PRECONDITION, "limits do not work here: %.300s", canary->text);
		error_hint(&e->verdict, "%s", canary->hint[0] != '\0' ? canary->hint
			   : "--allow-unlimited lends this machine all the same");
	}
	step_to(&e->step, READY, "engine");
	e->known = false; /* tell the worker also what engine it is */
	judge(e, &e->verdict);
	e->asked_ms = e->heard_ms = clock_ms();
	ask_again(e);
}

static void on_swept(struct engine *engine, const struct error *err, void *user)
{
	struct worker_engine *e = user;

	if (returned(e))
		return;
	crash_point(WORKER_START_SWEPT);
	if (err->status != 0)
		log_warn("containers of an earlier run may be left text=\"%s\"", err->text);
	else
		leash_forget_others(&e->worker->leash);
	await(e, CHECKING);
	engine_check(engine, e->worker->scratch, on_checked, e);
}

/* What is not of an attempt that we have was left by an earlier process, or given up. */
static void sweep(struct worker_engine *e)
{
	const char *keep[ATTEMPTS_MAX];
	const struct attempt *a;
	size_t n = 0;

	DL_FOREACH(e->worker->attempts, a)
		if (a->job_begun && !a->job_gone && n < ATTEMPTS_MAX)
			keep[n++] = job_container(&a->job);
	await(e, SWEEPING);
	engine_sweep(&e->engine, keep, n, on_swept, e);
}

static void on_found(struct engine *engine, const struct error *err, void *user)
{
	struct worker_engine *e = user;

	(void)engine;
	if (returned(e))
		return;
	if (err->status != 0) {
		drop(e, err);
		return;
	}
	worker_engine_found(e->worker);
	sweep(e);
}

static void find(struct worker_engine *e)
{
	await(e, FINDING);
	engine_open(&e->engine, &e->worker->loop,
		    e->own != NULL ? private_engine_socket(e->own) : e->worker->options.docker, e->worker->id, on_found, e);
}

static void on_timer(struct timer *timer)
{
	struct worker_engine *e = container_of(timer, struct worker_engine, timer);

	if (e->step.at == ABSENT) {
		find(e);
		return;
	}
	e->busy = true;
	e->asked_ms = clock_ms();
	engine_ping(&e->engine, on_ping, e);
}

void worker_engine_open(struct worker_engine *e, struct worker *w)
{
	*e = (struct worker_engine){.worker = w, .step = {states, FINDING}};
	timer_init(&w->loop, &e->timer, on_timer);
	find(e);
}
