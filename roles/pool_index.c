/* roles/pool_index.c - tasks in memory. Owns every struct pool_task and the lines they wait in.
 *
 * At start: load page after page, what lives and then what was stopped while it ran -> adopt each. A submit
 * adopts its task, a lease attaches it to a worker, the end of its attempt drops it. A load that fails says
 * so; whoever asked for it asks again. */
#include "roles/pool_index.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "net/clock.h"
#include "net/memory.h"
#include "net/metrics.h"
#include "proto/task.h"
#include "roles/meter.h"
#include "roles/pool.h"

/* --- lines ----------------------------------------------------------------------------------- */

#define SHAPE_KEY offsetof(struct sched_shape, items) /* need and pays */

static struct task_line *line_get(struct pool_index *index, const struct pool_task *t)
{
	const struct sched_shape key = {.need = t->need, .pays = t->pays};
	struct task_line *line;

	HASH_FIND(hh, index->lines, &key, SHAPE_KEY, line);
	if (line == NULL) {
		line = xcalloc(1, sizeof *line);
		line->shape = key;
		HASH_ADD(hh, index->lines, shape, SHAPE_KEY, line);
	}
	return line;
}

static void line_put(struct pool_index *index, struct pool_task *t)
{
	t->rests_until_ms = 0;
	t->line = line_get(index, t);
	sched_insert(&t->line->shape.items, &t->wait);
}

void pool_task_enqueue(struct pool *pool, struct pool_task *t, int64_t rest_ms)
{
	assert(t->state == TASK_PENDING && t->hold == HOLD_FREE && t->worker == NULL);
	assert(t->line == NULL && t->rests_until_ms == 0);
	if (rest_ms <= 0) {
		line_put(&pool->index, t);
		return;
	}
	t->rests_until_ms = clock_ms() + rest_ms;
	DL_APPEND(pool->index.resting, t);
}

void pool_task_dequeue(struct pool *pool, struct pool_task *t)
{
	if (t->rests_until_ms != 0) {
		DL_DELETE(pool->index.resting, t);
		t->rests_until_ms = 0;
	}
	if (t->line == NULL)
		return;
	DL_DELETE(t->line->shape.items, &t->wait);
	if (t->line->shape.items == NULL) {
		HASH_DEL(pool->index.lines, t->line);
		free(t->line);
	}
	t->line = NULL;
}

bool pool_index_wake(struct pool *pool, int64_t now_ms)
{
	struct pool_task *t, *next;
	bool any = false;

	DL_FOREACH_SAFE(pool->index.resting, t, next) {
		if (t->rests_until_ms > now_ms)
			continue;
		DL_DELETE(pool->index.resting, t);
		line_put(&pool->index, t);
		any = true;
	}
	return any;
}

/* --- on a worker ----------------------------------------------------------------------------- */

void pool_task_attach(struct pool_task *t, struct pool_worker *w)
{
	assert(t->worker == NULL && t->line == NULL);
	t->worker = w;
	t->progress_done = t->progress_total = 0;
	t->moved_ms = clock_ms();
	meter_reset(t);
	DL_APPEND(w->tasks, t);
	w->task_count++;
	amounts_add(&w->reserved, &t->need);
}

void pool_task_detach(struct pool_task *t)
{
	struct pool_worker *w = t->worker;

	if (w == NULL)
		return;
	DL_DELETE(w->tasks, t);
	w->task_count--;
	amounts_take(&w->reserved, &t->need);
	t->worker = NULL;
	if (t->log != NULL) {
		log_end(t->log);
		log_close(t->log);
		t->log = NULL;
	}
	pool_worker_free_if_over(w);
}

void pool_task_shun(struct pool_task *t, const struct pool_worker *w)
{
	if (t->wait.past == NULL)
		t->wait.past = xcalloc(1, sizeof *t->wait.past);
	sched_past_add(t->wait.past, w->id, w->account);
	t->wait.past->patient_until_ms = clock_ms() + SCHED_PATIENCE_MS;
}

/* --- states and those who watch them --------------------------------------------------------- */

static void count(struct pool_index *index, int state, int by)
{
	if (state == TASK_PENDING)
		index->pending += (uint64_t)by;
	else if (state == TASK_RUNNING)
		index->running += (uint64_t)by;
}

void pool_task_changed(struct pool *pool, struct pool_task *t)
{
	struct task_watch *w, *next;

	pool_events_task(pool, t->account, t->id);

	DL_FOREACH_SAFE(t->watches, w, next)
		w->on_change(w);
}

void pool_task_become(struct pool *pool, struct pool_task *t, int state, int phase)
{
	assert(state == t->state || task_may_become(t->state, state));
	count(&pool->index, t->state, -1);
	count(&pool->index, state, 1);
	pool->index.ended += !task_state_final(t->state) && task_state_final(state);
	if (!task_state_final(t->state) && task_state_final(state))
		metrics_add(METRIC_TASKS_FINISHED, metrics_word(METRIC_TASKS_FINISHED, 0, task_state_name(state)), 0, 1);
	t->state = state;
	t->phase = phase;
	pool_task_changed(pool, t);
}

void pool_task_requeue(struct pool *pool, struct pool_task *t, int64_t rest_ms)
{
	pool_task_become(pool, t, TASK_PENDING, PHASE_QUEUED);
	pool_task_enqueue(pool, t, rest_ms);
}

struct log *pool_task_log(struct pool *pool, struct pool_task *t)
{
	if (t->log == NULL)
		t->log = log_open(pool->logs, t->id, t->epoch);
	return t->log;
}

void task_watch_start(struct task_watch *w, struct pool_task *t)
{
	assert(w->task == NULL);
	w->task = t;
	DL_APPEND(t->watches, w);
}

void task_watch_stop(struct task_watch *w)
{
	if (w->task == NULL)
		return;
	DL_DELETE(w->task->watches, w);
	w->task = NULL;
}

/* --- coming and going ------------------------------------------------------------------------ */

struct pool_task *pool_index_find(struct pool *pool, const char *id)
{
	struct pool_task *t;

	HASH_FIND_STR(pool->index.tasks, id, t);
	return t;
}

/* What it may cost from now on, and for how long that lasts. */
static void set_money(struct pool_task *t, int64_t mcpt)
{
	t->hold_mcpt = mcpt;
	t->lasts_ms = INT64_MAX;
	if (price_amount(&t->price, 1000 * (int64_t)t->time_limit_s, 0) > mcpt && mcpt > 0)
		t->lasts_ms = price_lasts_ms(&t->price, mcpt);
}

void pool_task_charged(struct pool_task *t, int64_t mcpt)
{
	if (t->hold_mcpt > 0)
		set_money(t, t->hold_mcpt > mcpt ? t->hold_mcpt - mcpt : 0);
}

static void read_spec(struct pool_task *t, const Pb__TaskSpec *spec)
{
	t->max_output = spec->max_output;
	t->grace_s = spec->grace_s;
	t->time_limit_s = spec->time_limit_s;
	t->infra = spec->retry != NULL ? spec->retry->infra : -1;
	t->tries_exits = spec->retry != NULL && spec->retry->n_on_exit > 0;
	t->fails_when_lost = spec->on_disconnect == PB__ON_DISCONNECT__FAIL;
	if (spec->on_disconnect == PB__ON_DISCONNECT__WAIT)
		t->wait_s = spec->disconnect_wait_s;
}

static struct pool_task *task_new(struct pool *pool, const Pb__Task *task)
{
	struct pool_task *t = xcalloc(1, sizeof *t);

	text_copy(t->id, sizeof t->id, task->id);
	text_copy(t->account, sizeof t->account, task->account);
	text_copy(t->bundle_sha256, sizeof t->bundle_sha256, task->bundle_sha256);
	t->bundle_size = task->bundle_size;
	t->state = (int)task->state;
	t->phase = (int)task->phase;
	t->epoch = task->epoch;
	t->need = amounts_of(task->spec->resources);
	t->price = (struct price){task->start_mcpt, task->rate_ncpt};
	t->pays = price_per_core(&t->price, task->spec->resources);
	read_spec(t, task->spec);
	set_money(t, task->hold_mcpt > task->charged_mcpt ? task->hold_mcpt - task->charged_mcpt : 0);
	t->exits = task->exits;
	if (task->lost_by[0] != '\0') {
		t->wait.past = xcalloc(1, sizeof *t->wait.past);
		sched_past_read(t->wait.past, task->lost_by);
	}
	t->spec_size = pb__task_spec__get_packed_size(task->spec);
	t->spec = xmalloc(t->spec_size + 1);
	pb__task_spec__pack(task->spec, t->spec);
	t->wait.created_ms = task->created_ms;
	t->wait.order = ++pool->index.order;
	HASH_ADD_STR(pool->index.tasks, id, t);
	count(&pool->index, t->state, 1);
	pool_events_task(pool, t->account, t->id);
	return t;
}

/* Its worker has it, as far as Redis knows. */
static void hold(struct pool *pool, struct pool_task *t, const Pb__Task *task)
{
	struct pool_worker *w = pool_workers_get(pool, task->worker);

	if (w->name[0] == '\0')
		text_copy(w->name, sizeof w->name, task->worker_name);
	pool_task_attach(t, w);
	meter_resume(t, task);
	t->hold = HOLD_HELD;
}

struct pool_task *pool_index_adopt(struct pool *pool, const Pb__Task *task)
{
	struct pool_task *t = pool_index_find(pool, task->id);

	if (t != NULL || task_state_final((int)task->state) || task->spec == NULL)
		return t;
	t = task_new(pool, task);
	if (t->state == TASK_PENDING)
		pool_task_enqueue(pool, t, 0);
	else
		hold(pool, t, task);
	return t;
}

/* Stopped while it ran, and its attempt has not ended: its worker is told again, what it has done is paid,
 * and what it brings is attached. */
static void adopt_stopped(struct pool *pool, const Pb__Task *task)
{
	int64_t ago = clock_wall_ms() - task->ended_ms;
	struct pool_task *t;

	if (pool_index_find(pool, task->id) != NULL || (int)task->state != TASK_STOPPED || task->spec == NULL ||
	    task->worker[0] == '\0')
		return;
	t = task_new(pool, task);
	hold(pool, t, task);
	meter_stop(t);
	t->metering.most_ms = ago < t->metering.most_ms ? t->metering.most_ms - ago : 0;
}

void pool_task_drop(struct pool *pool, struct pool_task *t)
{
	struct task_watch *w;

	pool_task_dequeue(pool, t);
	pool_task_detach(t);
	while ((w = t->watches) != NULL) {
		task_watch_stop(w);
		w->on_change(w);
	}
	count(&pool->index, t->state, -1);
	pool_events_task(pool, t->account, t->id);
	HASH_DEL(pool->index.tasks, t);
	free(t->wait.past);
	free(t->spec);
	free(t);
}

static void on_page(struct store_req *req);

static void ask_page(struct pool *pool, struct store_req *req, uint64_t cursor)
{
	*req = (struct store_req){.on_done = on_page, .user = pool};
	if (pool->index.at_stopped)
		store_stopped(pool->store, req, cursor);
	else
		store_live(pool->store, req, cursor);
}

static void on_page(struct store_req *req)
{
	struct pool *pool = req->user;
	struct pool_index *index = &pool->index;
	struct error err = req->error;
	bool stopped = index->at_stopped, more = err.status == 0 && (req->next != 0 || !stopped);

	if (more) {
		index->at_stopped = stopped || req->next == 0;
		ask_page(pool, req == &index->load[0] ? &index->load[1] : &index->load[0], req->next);
	}
	for (size_t i = 0; err.status == 0 && i < req->task_count; i++)
		if (stopped)
			adopt_stopped(pool, req->tasks[i]);
		else
			pool_index_adopt(pool, req->tasks[i]);
	store_req_release(req);
	if (more)
		return;
	index->loading = false;
	index->on_loaded(pool, &err);
}

void pool_index_load(struct pool *pool, void (*on_loaded)(struct pool *, const struct error *err))
{
	struct pool_index *index = &pool->index;

	if (index->loading)
		return;
	index->loading = true;
	index->on_loaded = on_loaded;
	index->at_stopped = false;
	ask_page(pool, &index->load[0], 0);
}

void pool_index_release(struct pool *pool)
{
	struct pool_task *t, *next;

	HASH_ITER(hh, pool->index.tasks, t, next)
		pool_task_drop(pool, t);
}
