/* roles/worker.c - a worker's bring-up and down.
 *
 * Up: data directory -> what this machine is -> engine found and checked -> linked -> one line that says
 * "ready". Down (SIGTERM, Ctrl-C): not ready any more; running containers are ended and each task is given
 * back when its container is gone; what only has bytes to send may do so for a moment; then Leave, link, bulk
 * channel, engine, supervisor, loop. */
#include "roles/worker.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "net/crash.h"
#include "net/log.h"
#include "net/memory.h"
#include "proto/limits.h"
#include "proto/status.h"
#include "roles/worker_home.h"
#include "roles/worker_join.h"
#include "roles/worker_offer.h"
#include "roles/worker_restore.h"
#include "ui/term.h"

#define PATIENCE_MS 4000 /* at the end, for results on their way */

/* --- what runs here -------------------------------------------------------------------------- */

struct attempt *worker_attempt(struct worker *w, const char *task, uint32_t epoch)
{
	struct attempt *a;

	DL_FOREACH(w->attempts, a)
		if (a->epoch == epoch && strcmp(a->task, task) == 0)
			return a;
	return NULL;
}

bool worker_idle(const struct worker *w)
{
	const struct attempt *a;

	DL_FOREACH(w->attempts, a)
		if (a->job_begun && !a->job_gone)
			return false;
	return true;
}

/* --- down ------------------------------------------------------------------------------------ */

static void on_patience_closed(struct timer *timer)
{
	(void)timer; /* the last handle: the loop ends by itself */
}

static void on_lease_clock_closed(struct timer *timer)
{
	struct worker *w = container_of(timer, struct worker, lease_clock.timer);

	timer_close(&w->patience, on_patience_closed);
}

static void on_supervisor_closed(struct worker_supervisor *s)
{
	lease_clock_close(&s->worker->lease_clock, on_lease_clock_closed);
}

static void on_engine_closed(struct worker_engine *e)
{
	worker_supervisor_close(&e->worker->supervisor, on_supervisor_closed);
}

static void on_page_closed(struct worker_page *p)
{
	worker_engine_close(&p->worker->engine, on_engine_closed);
}

static void on_bulk_closed(void *user)
{
	struct worker *w = user;

	worker_page_close(&w->page, on_page_closed);
}

static void on_link_closed(struct worker_link *l)
{
	struct worker *w = container_of(l, struct worker, link);

	grpc_channel_close(w->bulk, on_bulk_closed, w);
}

static void close_when_idle(struct worker *w)
{
	if (!w->leaving || w->attempts != NULL || w->closing)
		return;
	w->closing = true;
	timer_clear(&w->patience);
	if (w->linking) {
		worker_link_leave(&w->link);
		worker_link_close(&w->link, on_link_closed);
	} else {
		on_link_closed(&w->link);
	}
}

/* Without a pool nobody takes a result now: the next process of this worker does what is left to do. */
static void lose_all(struct worker *w, bool also_exited)
{
	bool is_pool = w->linking && worker_link_up(&w->link);
	struct attempt *a;

	DL_FOREACH(w->attempts, a)
		if (also_exited && !is_pool && attempt_collected(a))
			attempt_keep(a);
		else if (also_exited || !attempt_exited(a))
			attempt_lose(a, "its worker is being stopped");
}

static void on_patience(struct timer *timer)
{
	lose_all(container_of(timer, struct worker, patience), true);
}

static void leave(struct worker *w)
{
	if (w->leaving)
		return;
	w->leaving = true;
	worker_link_beat(&w->link); /* no more leases */
	timer_set(&w->patience, PATIENCE_MS);
	lose_all(w, !w->linking || !worker_link_up(&w->link));
	close_when_idle(w);
}

static void on_stop(struct loop *loop, int signal)
{
	struct worker *w = container_of(loop, struct worker, loop);
	size_t count = 0;
	struct attempt *a;

	(void)signal;
	DL_COUNT(w->attempts, a, count);
	fprintf(stderr, "hivemind worker %s: stopping%s\n", w->name,
		count > 0 ? ", its tasks go back to the pool (again: stop at once)" : "");
	leave(w);
}

void worker_attempt_gone(struct worker *w)
{
	worker_link_beat(&w->link);
	close_when_idle(w);
}

void worker_fail(struct worker *w, const struct error *err)
{
	w->error = *err;
	leave(w);
}

/* --- up -------------------------------------------------------------------------------------- */

/* One line for people, and for whoever started us with --ready-fd. */
static void greet(struct worker *w)
{
	const char *not_ready = worker_not_ready(w);
	char memory[24], line[400];

	if (!w->engine.known || (w->greeted && not_ready[0] != '\0'))
		return;
	format_bytes(w->host->offered->memory, memory);
	if (not_ready[0] == '\0')
		snprintf(line, sizeof line, "hivemind worker %s ready: %g core%s, %s, %s %s", w->name,
			 w->host->offered->milli_cpus / 1000.0, w->host->offered->milli_cpus == 1000 ? "" : "s", memory,
			 w->host->engine, w->host->engine_version);
	else
		snprintf(line, sizeof line, "hivemind worker %s is linked and takes no tasks: %.240s", w->name, not_ready);
	puts(line);
	if (not_ready[0] != '\0' && w->engine.error.hint[0] != '\0')
		printf("  %s\n", w->engine.error.hint);
	fflush(stdout);
	if (w->options.ready_fd >= 0) {
		dprintf((int)w->options.ready_fd, "%s\n", line);
		close((int)w->options.ready_fd);
	}
	w->options.ready_fd = -1;
	w->greeted = true;
}

void worker_linked(struct worker *w, bool first)
{
	if (first)
		greet(w);
	else
		log_info("linked to the pool again");
}

void worker_unlinked(struct worker *w)
{
	if (w->leaving) /* nobody is there to give anything back to */
		lose_all(w, true);
}

static void describe_engine(struct worker *w)
{
	const struct engine *e = &w->engine.engine;

	w->host->engine = arena_strdup(&w->arena, e->kind);
	w->host->engine_version = arena_strdup(&w->arena, e->version);
	w->host->limits_enforced = e->limits_enforced;
}

static void link_up(struct worker *w)
{
	w->linking = true;
	worker_link_open(&w->link, w);
}

/* The pool waits for news of what an earlier process had: it gets them before the engine is checked. */
void worker_engine_found(struct worker *w)
{
	worker_restore_found(w);
	if (w->attempts != NULL && !w->linking && !w->leaving)
		link_up(w);
}

void worker_engine_changed(struct worker *w)
{
	bool same = w->host->engine != NULL && strcmp(w->host->engine, w->engine.engine.kind) == 0 &&
		    strcmp(w->host->engine_version, w->engine.engine.version) == 0 &&
		    w->host->limits_enforced == w->engine.engine.limits_enforced;

	if (w->engine.error.status != 0)
		log_warn("no task can run now text=\"%s\"", w->engine.error.text);
	else
		log_info("tasks can run engine=%s version=%s", w->engine.engine.kind, w->engine.engine.version);
	if (!same)
		describe_engine(w);
	if (w->engine.error.status == 0)
		worker_restore_ready(w);
	if (!w->linking) {
		link_up(w);
	} else if (!same) {
		worker_link_greet_again(&w->link);
	} else {
		worker_link_beat(&w->link);
	}
	if (w->link.ever)
		greet(w);
}

/* What runs may be anything by now. Another machine tries it, and it costs nothing. */
void worker_engine_lost(struct worker *w)
{
	struct attempt *a;

	DL_FOREACH(w->attempts, a)
		if (a->step.at == JOB)
			job_stop(&a->job, JOB_STOP_ENGINE, "the container engine of its worker has not answered for 10 s");
}

static int prepare(struct worker *w, struct error *err)
{
	int rc = worker_find_pool(w, err);

	if (rc == 0)
		rc = worker_home_open(w, err);
	if (rc == 0)
		rc = worker_describe(w, err);
	if (rc == 0)
		worker_page_prepare(&w->page, w);
	return rc == 0 ? worker_meet_pool(w, err) : rc;
}

int worker_run(struct worker *w)
{
	struct error err = {0};

	if (w->options.ready_fd >= 0)
		fcntl((int)w->options.ready_fd, F_SETFD, FD_CLOEXEC); /* not for our children */
	loop_init(&w->loop);
	if (prepare(w, &err) == 0) {
		crash_point(WORKER_START_HOME);
		loop_catch_signals(&w->loop, on_stop);
		timer_init(&w->loop, &w->patience, on_patience);
		w->bulk = worker_channel(w);
		lease_clock_open(&w->lease_clock, w);
		worker_supervisor_open(&w->supervisor, w);
		worker_page_open(&w->page);
		worker_restore(w);
		worker_engine_open(&w->engine, w);
		loop_run(&w->loop);
		err = w->error;
	}
	loop_close(&w->loop);
	trust_release(&w->trust);
	wipe(w->token, sizeof w->token);
	worker_page_release(&w->page);
	worker_home_close(w);
	arena_release(&w->arena);
	arena_release(&w->left);
	return err.status != 0 ? term_error(&err, w->globals.json) : 0;
}
