/* roles/pool_index.c - tasks in memory. Owns every struct pool_task and the lines they wait in.
 *
 * At start: load page after page -> adopt each. A submit adopts its task, a lease attaches it to a worker,
 * the end of its attempt drops it. A load that fails says so; whoever asked for it asks again. */
#include "roles/pool_index.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "net/clock.h"
#include "net/memory.h"
#include "proto/task.h"
#include "roles/pool.h"

/* --- lines ----------------------------------------------------------------------------------- */

static struct task_line *line_get(struct pool_index *index, const struct amounts *need)
{
	struct task_line *line;

	HASH_FIND(hh, index->lines, need, sizeof *need, line);
	if (line == NULL) {
		line = xcalloc(1, sizeof *line);
		line->shape.need = *need;
		HASH_ADD(hh, index->lines, shape.need, sizeof line->shape.need, line);
	}
	return line;
}

static void line_put(struct pool_index *index, struct pool_task *t)
{
	t->rests_until_ms = 0;
	t->line = line_get(index, &t->need);
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

/* --- states and those who watch them --------------------------------------------------------- */

static void count(struct pool_index *index, int state, int by)
{
	if (state == TASK_PENDING)
		index->pending += (uint64_t)by;
	else if (state == TASK_RUNNING)
		index->running += (uint64_t)by;
}

void pool_task_changed(struct pool_task *t)
{
	struct task_watch *w, *next;

	DL_FOREACH_SAFE(t->watches, w, next)
		w->on_change(w);
}

void pool_task_become(struct pool *pool, struct pool_task *t, int state, int phase)
{
	assert(state == t->state || task_may_become(t->state, state));
	count(&pool->index, t->state, -1);
	count(&pool->index, state, 1);
	pool->index.ended += !task_state_final(t->state) && task_state_final(state);
	t->state = state;
	t->phase = phase;
	pool_task_changed(t);
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
	t->spec_size = pb__task_spec__get_packed_size(task->spec);
	t->spec = xmalloc(t->spec_size + 1);
	pb__task_spec__pack(task->spec, t->spec);
	t->wait.created_ms = task->created_ms;
	t->wait.order = ++pool->index.order;
	HASH_ADD_STR(pool->index.tasks, id, t);
	count(&pool->index, t->state, 1);
	return t;
}

struct pool_task *pool_index_adopt(struct pool *pool, const Pb__Task *task)
{
	struct pool_task *t = pool_index_find(pool, task->id);
	struct pool_worker *w;

	if (t != NULL || task_state_final((int)task->state) || task->spec == NULL)
		return t;
	t = task_new(pool, task);
	if (t->state == TASK_PENDING) {
		pool_task_enqueue(pool, t, 0);
		return t;
	}
	w = pool_workers_get(pool, task->worker);
	if (w->name[0] == '\0')
		text_copy(w->name, sizeof w->name, task->worker_name);
	pool_task_attach(t, w);
	t->hold = HOLD_HELD;
	return t;
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
	HASH_DEL(pool->index.tasks, t);
	free(t->spec);
	free(t);
}

static void on_page(struct store_req *req)
{
	struct pool *pool = req->user;
	struct pool_index *index = &pool->index;
	struct error err = req->error;
	uint64_t next = req->next;

	for (size_t i = 0; err.status == 0 && i < req->task_count; i++)
		pool_index_adopt(pool, req->tasks[i]);
	store_req_release(req);
	if (err.status == 0 && next != 0) {
		store_live(pool->store, req, next);
		return;
	}
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
	index->load = (struct store_req){.on_done = on_page, .user = pool};
	store_live(pool->store, &index->load, 0);
}

void pool_index_release(struct pool *pool)
{
	struct pool_task *t, *next;

	HASH_ITER(hh, pool->index.tasks, t, next)
		pool_task_drop(pool, t);
}

/* --- what only memory knows ------------------------------------------------------------------ */

static void explain_need(struct pool *pool, const struct amounts *need)
{
	struct pool_index *index = &pool->index;
	struct sched_worker *workers;
	struct amounts *offered;
	size_t ready = pool_workers_ready(pool, &workers, &offered);

	sched_explain(need, workers, offered, ready, pool_workers_online(pool), index->reason.text,
	              sizeof index->reason.text);
	index->reason.need = *need;
	index->reason.turn = uv_now(&pool->loop.uv);
	free(workers);
	free(offered);
}

static const char *explain(struct pool *pool, const struct pool_task *t)
{
	const struct pool_index *index = &pool->index;

	if (t->rests_until_ms != 0)
		return "was given back by a worker a moment ago; waits before the next try";
	if (index->reason.turn != uv_now(&pool->loop.uv) ||
	    memcmp(&index->reason.need, &t->need, sizeof t->need) != 0)
		explain_need(pool, &t->need);
	return index->reason.text;
}

void pool_task_complete(struct pool *pool, Pb__Task *task, struct arena *arena)
{
	const struct pool_task *t = pool_index_find(pool, task->id);

	if (t == NULL)
		return;
	if (t->worker != NULL && task->state == (Pb__TaskState)TASK_RUNNING) {
		task->progress_done = t->progress_done;
		task->progress_total = t->progress_total;
		if (t->log != NULL)
			task->log_size = log_size(t->log);
	}
	if (task->state == (Pb__TaskState)TASK_PENDING)
		task->reason = arena_strdup(arena, explain(pool, t));
}
