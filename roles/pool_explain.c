/* roles/pool_explain.c - what only memory knows of a task: why it waits, how far it has come. */
#include <stdlib.h>
#include <string.h>

#include "net/clock.h"
#include "proto/task.h"
#include "roles/pool.h"

/* Workers that are large enough, all of which ask for more: the least of it; 0 = price
 * is not what it waits for. */
static int64_t least_asked(const struct sched_worker *workers, const struct amounts *offered, size_t ready,
			   const struct amounts *need, int64_t pays)
{
	int64_t least = 0;

	for (size_t i = 0; i < ready; i++) {
		if (!amounts_fit(need, &offered[i]))
			continue;
		if (workers[i].asks <= pays)
			return 0;
		if (least == 0 || workers[i].asks < least)
			least = workers[i].asks;
	}
	return least;
}

static bool has_room(const struct sched_worker *workers, size_t ready, const struct amounts *need,
		     int64_t pays)
{
	for (size_t i = 0; i < ready; i++)
		if (amounts_fit(need, &workers[i].free) && workers[i].asks <= pays)
			return true;
	return false;
}

void pool_explain(struct pool *pool, const struct amounts *need, int64_t pays, char *text, size_t n)
{
	struct sched_worker *workers;
	struct amounts *offered;
	size_t ready = pool_workers_ready(pool, &workers, &offered);
	int64_t least = least_asked(workers, offered, ready, need, pays);
	char asked[PRICE_TEXT_SIZE], paid[PRICE_TEXT_SIZE];

	text[0] = '\0';
	if (least > 0)
		snprintf(text, n,
			 "waits for a worker at this price: it pays %s CPT for a core-second, the least "
			 "asked is %s",
			 price_text(paid, pays), price_text(asked, least));
	else if (!has_room(workers, ready, need, pays))
		sched_explain(need, workers, offered, ready, pool_workers_online(pool, NULL, NULL), text, n);
	free(workers);
	free(offered);
}

static const char *explain(struct pool *pool, const struct pool_task *t)
{
	struct pool_index *index = &pool->index;

	if (t->rests_until_ms != 0)
		return "was given back by a worker a moment ago; waits before the next try";
	if (index->reason.turn != uv_now(&pool->loop.uv) || index->reason.pays != t->pays ||
	    memcmp(&index->reason.need, &t->need, sizeof t->need) != 0) {
		pool_explain(pool, &t->need, t->pays, index->reason.text, sizeof index->reason.text);
		index->reason.need = t->need;
		index->reason.pays = t->pays;
		index->reason.turn = uv_now(&pool->loop.uv);
	}
	if (index->reason.text[0] == '\0' && t->wait.past != NULL && clock_ms() < t->wait.past->patient_until_ms)
		return "waits a moment for another worker than the one it was lost with";
	return index->reason.text[0] != '\0' ? index->reason.text : "there is room for it now";
}

static Pb__Usage *show_usage(const struct metering *m, struct arena *arena)
{
	Pb__Usage *usage = arena_alloc(arena, sizeof *usage);

	pb__usage__init(usage);
	usage->wall_us = (uint64_t)m->said_ms * 1000;
	usage->cpu_us = m->cpu_us;
	usage->peak_memory = m->peak_memory;
	return usage;
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
		if (t->metering.said_ms >= 0)
			task->usage = show_usage(&t->metering, arena);
	}
	if (task->state == (Pb__TaskState)TASK_PENDING)
		task->reason = arena_strdup(arena, explain(pool, t));
}
