/* exec/supervisor.c - one look after another: what does the time ask
 * for, and which container is it not true of?
 *
 * An order is one call to the engine for one slot; a slot has one at a time. The worker may renew the
 * leash while a pause is under way: whoever of the two comes second sees what the other has written,
 * so one of them lets the container run on. */
#include "exec/supervisor.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "exec/engine_call.h"
#include "exec/private_directory.h"
#include "net/clock.h"
#include "net/crash.h"
#include "net/log.h"
#include "net/memory.h"
#include "proto/status.h"

#define ORDER_TIMEOUT_MS 2000
/* a start may be on its way in the engine: so often it must say that nothing runs */
#define NOT_RUNNING_MAX 3

struct order {
	struct supervisor *supervisor;
	struct leash_slot *slot;
	struct engine engine;      /* of its socket and fetch */
	struct engine_call call;
	const char *verb;          /* of the call */
	char name[64];
	unsigned not_running;
	bool killed;               /* its process, once or more */
	bool dead;                 /* or not there */
};

struct supervisor {
	struct loop loop;
	struct leash leash;
	const char *data;
	struct fetch *fetch;       /* NULL until the first order */
	uv_pipe_t worker;
	struct timer timer;
	int64_t alone_ms;
	bool ending, cleared;
	unsigned busy;             /* orders on loan */
	struct order *orders[LEASH_SLOTS];
};

/* --- what is to be done ---------------------------------------------------------------------- */

static int64_t late_ms(const struct leash *f, const struct leash_slot *slot)
{
	return SUPERVISOR_LAG(f->page->lost_after_ms) + slot->extra_ms;
}

struct outlook supervisor_outlook(const struct leash *f, bool (*is_dead)(void *user, size_t slot), void *user,
				  int64_t now_ms)
{
	struct outlook o = {.next_ms = INT64_MAX};

	for (size_t i = 0; i < LEASH_SLOTS; i++) {
		const struct leash_slot *slot = &f->page->slots[i];
		int64_t next_ms, kill_ms;

		if (!leash_slot_live(slot) || is_dead(user, i))
			continue;
		o.undone++;
		o.due = o.due || leash_stage(f, now_ms, late_ms(f, slot)) != LEASH_RUN;
		next_ms = leash_next(f, now_ms, late_ms(f, slot));
		o.next_ms = next_ms < o.next_ms ? next_ms : o.next_ms;
		kill_ms = f->page->acked_ms + KILL_AFTER(f->page->lost_after_ms) + late_ms(f, slot);
		o.last_ms = kill_ms > o.last_ms ? kill_ms : o.last_ms;
	}
	return o;
}

bool supervisor_ends(const struct leash *f, const struct outlook *o, int64_t alone_ms, int64_t now_ms)
{
	int64_t from_ms = alone_ms > o->last_ms ? alone_ms : o->last_ms;

	return !leash_is_ours(f) ||
	       (alone_ms != 0 && (o->undone == 0 || now_ms >= from_ms + SUPERVISOR_PATIENCE_MS));
}

uint64_t supervisor_waits_ms(const struct outlook *o, int64_t alone_ms)
{
	if (o->due || alone_ms != 0)
		return SUPERVISOR_HURRY_MS;
	return o->next_ms < SUPERVISOR_LOOK_MS ? (uint64_t)o->next_ms : SUPERVISOR_LOOK_MS;
}

/* --- the end --------------------------------------------------------------------------------- */

static void close_when_quiet(struct supervisor *s)
{
	if (s->busy > 0)
		return;
	if (s->fetch != NULL)
		fetch_close(s->fetch, NULL, NULL);
	s->fetch = NULL;
	uv_close((uv_handle_t *)&s->worker, NULL);
	timer_close(&s->timer, NULL);
}

static void end(struct supervisor *s)
{
	s->ending = true;
	timer_clear(&s->timer);
	for (size_t i = 0; i < LEASH_SLOTS; i++)
		if (s->orders[i] != NULL && s->orders[i]->call.busy)
			call_cancel(&s->orders[i]->call);
	close_when_quiet(s);
}

/* --- orders ---------------------------------------------------------------------------------- */

static void give(struct order *o, const char *verb);

static enum leash_stage stage_of(const struct supervisor *s, const struct leash_slot *slot)
{
	return leash_stage(&s->leash, clock_ms(), late_ms(&s->leash, slot));
}

static void on_paused(struct order *o, bool done)
{
	if (!done && o->call.request.http != 0)
		return;
	crash_point(SUPERVISOR_PAUSED);
	o->slot->paused_ms = clock_ms(); /* without an answer it may be so */
	/* renewed meanwhile, by one who may not have seen the note */
	if (stage_of(o->supervisor, o->slot) == LEASH_RUN)
		give(o, "unpause");
}

/* Else the worker finds the note, and tries. */
static void on_resumed(struct order *o, bool done)
{
	if (done || call_says_paused(&o->call, false))
		o->slot->paused_ms = 0;
}

static void on_killed(struct order *o, bool done)
{
	if (!done && call_says_not_running(&o->call))
		o->not_running++;
	o->dead = done || call_says_gone(&o->call) || o->not_running >= NOT_RUNNING_MAX;
}

static void on_answer(struct engine_call *c)
{
	struct order *o = c->user;
	struct supervisor *s = o->supervisor;
	bool done = c->request.error.status == 0;

	s->busy--;
	if (s->ending) {
		close_when_quiet(s);
		return;
	}
	log_info("%s name=%s%s%s", o->verb, o->name, done ? "" : " refused=", done ? "" : c->request.error.text);
	if (strcmp(o->verb, "pause") == 0)
		on_paused(o, done || call_says_paused(c, true));
	else if (strcmp(o->verb, "unpause") == 0)
		on_resumed(o, done);
	else
		on_killed(o, done);
	timer_set(&s->timer, o->dead ? 0 : SUPERVISOR_HURRY_MS);
}

static void give(struct order *o, const char *verb)
{
	struct supervisor *s = o->supervisor;

	if (s->fetch == NULL)
		s->fetch = fetch_new(&s->loop);
	o->engine.loop = &s->loop;
	o->engine.fetch = s->fetch;
	text_copy(o->engine.socket, sizeof o->engine.socket, o->slot->socket);
	o->call = (struct engine_call){.user = o};
	o->call.request.timeout_ms = ORDER_TIMEOUT_MS;
	o->verb = verb;
	s->busy++;
	call_start(&o->engine, &o->call, on_answer, "POST", "/containers/%s/%s", o->name, verb);
	if (strcmp(verb, "kill") == 0)
		crash_point(SUPERVISOR_KILL_ASKED);
	else
		crash_point(SUPERVISOR_PAUSE_ASKED);
}

/* The order of a slot; a container that has come into the slot of another is not yet dead. */
static struct order *order_of(struct supervisor *s, size_t i)
{
	struct leash_slot *slot = &s->leash.page->slots[i];
	struct order *o = s->orders[i];

	if (o == NULL)
		o = s->orders[i] = xcalloc(1, sizeof *o);
	if (o->call.busy || strncmp(o->name, slot->name, sizeof o->name) == 0)
		return o;
	*o = (struct order){.supervisor = s, .slot = slot};
	text_copy(o->name, sizeof o->name, slot->name);
	return o;
}

static bool is_dead(void *user, size_t slot)
{
	const struct supervisor *s = user;
	const struct order *o = s->orders[slot];

	return s->cleared || (o != NULL && o->dead && strncmp(o->name, o->slot->name, sizeof o->name) == 0);
}

/* Without the engine where that is possible, as it may hang; and with it. */
static void kill_container(struct order *o)
{
	struct container_process process = leash_process(o->slot);

	if (leash_kill(o->slot))
		log_info("killed name=%s", o->name);
	else if (process.pid != 0 && o->killed && !container_process_runs(process))
		o->dead = true;
	o->killed = true;
	crash_point(SUPERVISOR_KILLED);
	if (!o->dead)
		give(o, "kill");
}

static void act(struct supervisor *s, size_t i)
{
	struct leash_slot *slot = &s->leash.page->slots[i];
	enum leash_stage stage = stage_of(s, slot);
	struct order *o;

	if (stage == LEASH_RUN || is_dead(s, i))
		return;
	o = order_of(s, i);
	if (o->call.busy)
		return;
	if (stage == LEASH_KILL)
		kill_container(o);
	else if (slot->paused_ms == 0)
		give(o, "pause");
}

/* --- the worker's own engine ----------------------------------------------------------------- */

/* Nobody else uses it, and the next worker begins with an empty one. Not while that one does so. */
static void clear_engine(struct supervisor *s)
{
	char dir[512];

	if (s->cleared || s->alone_ms == 0 || !s->leash.page->owns_engine || !leash_lock(&s->leash))
		return;
	snprintf(dir, sizeof dir, "%s/engine", s->data);
	log_info("ending the worker's own engine dir=%s", dir);
	private_directory_clear(dir);
	s->cleared = true;
	leash_unlock(&s->leash);
}

/* --- looks ----------------------------------------------------------------------------------- */

static void look(struct supervisor *s)
{
	int64_t now_ms = clock_ms();
	struct outlook o;

	clear_engine(s);
	o = supervisor_outlook(&s->leash, is_dead, s, now_ms);
	if (supervisor_ends(&s->leash, &o, s->alone_ms, now_ms)) {
		end(s);
		return;
	}
	timer_set(&s->timer, supervisor_waits_ms(&o, s->alone_ms));
	for (size_t i = 0; o.due && i < LEASH_SLOTS; i++)
		if (leash_slot_live(&s->leash.page->slots[i]))
			act(s, i);
}

static void on_timer(struct timer *timer)
{
	look(container_of(timer, struct supervisor, timer));
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	static char nothing[16];

	(void)handle;
	(void)suggested;
	*buf = uv_buf_init(nothing, sizeof nothing);
}

/* The worker never writes: this is the end of its pipe. */
static void on_worker(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct supervisor *s = container_of((uv_pipe_t *)stream, struct supervisor, worker);

	(void)buf;
	if (n >= 0)
		return;
	uv_read_stop(stream);
	s->alone_ms = clock_ms();
	crash_point(SUPERVISOR_ALONE);
	if (leash_live(&s->leash) > 0)
		log_warn("the worker is gone, minding its containers=%u", leash_live(&s->leash));
	timer_set(&s->timer, 0);
}

/* Ctrl-C and the like are for the worker. Its end is what counts. */
static void ignore_signals(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};

	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		signal(numbers[i], SIG_IGN);
}

int supervisor_run(const char *data, uint64_t generation)
{
	struct supervisor *s = xcalloc(1, sizeof *s);
	struct error err = {0};

	prctl(PR_SET_NAME, "hm-supervisor");
	ignore_signals();
	s->data = data;
	if (leash_join(&s->leash, data, generation, &err) != 0) {
		log_warn("supervisor not needed text=\"%s\"", err.text);
		free(s);
		return err.status == STATUS_ABORTED ? 0 : 1;
	}
	crash_point(SUPERVISOR_JOINED);
	loop_init(&s->loop);
	timer_init(&s->loop, &s->timer, on_timer);
	uv_pipe_init(&s->loop.uv, &s->worker, 0);
	if (uv_pipe_open(&s->worker, 0) != 0)
		abort();
	uv_read_start((uv_stream_t *)&s->worker, on_room, on_worker);
	look(s);
	loop_run(&s->loop);
	loop_close(&s->loop);
	for (size_t i = 0; i < LEASH_SLOTS; i++)
		free(s->orders[i]);
	leash_close(&s->leash);
	free(s);
	return 0;
}
