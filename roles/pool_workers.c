#include "roles/pool_workers.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "net/clock.h"
#include "net/memory.h"
#include "net/metrics.h"
#include "roles/pool.h"

struct pool_worker *pool_workers_find(struct pool *pool, const char *id)
{
	struct pool_worker *w;

	HASH_FIND_STR(pool->workers.by_id, id, w);
	return w;
}

struct pool_worker *pool_workers_get(struct pool *pool, const char *id)
{
	struct pool_worker *w = pool_workers_find(pool, id);

	if (w != NULL)
		return w;
	w = xcalloc(1, sizeof *w);
	text_copy(w->id, sizeof w->id, id);
	w->beat_ms = clock_ms();
	HASH_ADD_STR(pool->workers.by_id, id, w);
	DL_APPEND(pool->workers.beats, w);
	return w;
}

static Pb__Host *copy_host(const Pb__Host *host)
{
	size_t n = pb__host__get_packed_size(host);
	uint8_t *packed = xmalloc(n + 1);
	Pb__Host *copy;

	pb__host__pack(host, packed);
	copy = pb__host__unpack(NULL, n, packed);
	free(packed);
	return copy;
}

void pool_worker_describe(struct pool_worker *w, const char *account, const char *name, const Pb__Host *host)
{
	static const Pb__Host nothing = PB__HOST__INIT;

	text_copy(w->account, sizeof w->account, account);
	text_copy(w->name, sizeof w->name, name);
	if (w->host != NULL)
		pb__host__free_unpacked(w->host, NULL);
	w->host = copy_host(host != NULL ? host : &nothing);
	w->offered = amounts_of(w->host->offered);
	w->asks.min_core_ncpt = w->host->min_core_ncpt > 0 ? w->host->min_core_ncpt : 0;
	w->asks.donor = w->host->donor;
	if (w->joined_ms == 0)
		w->joined_ms = clock_wall_ms();
}

static uint64_t mix(uint64_t hash, const void *data, size_t n)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ bytes[i]) * 1099511628211u; /* FNV-1a */
	return hash;
}

bool pool_worker_changed(struct pool_worker *w)
{
	const uint64_t words[] = {w->link != NULL, w->task_count, (uint64_t)w->joined_ms,
				  (uint64_t)(uintptr_t)w->host};
	uint64_t hash = mix(14695981039346656037u, words, sizeof words);

	hash = mix(hash, w->not_ready, strlen(w->not_ready));
	hash = mix(hash, &w->reserved, sizeof w->reserved);
	hash = mix(hash, &w->faults, sizeof w->faults);
	hash = mix(hash, &w->rests_until_ms, sizeof w->rests_until_ms);
	if (hash == w->seen)
		return false;
	w->seen = hash;
	return true;
}

static void unlist(struct pool *pool, struct pool_worker *w)
{
	if (w->awaited)
		DL_DELETE(pool->workers.awaited, w);
	else
		DL_DELETE(pool->workers.beats, w);
	w->awaited = false;
}

void pool_worker_beat(struct pool *pool, struct pool_worker *w)
{
	if (w->beat_ms > 0)
		metrics_observe(METRIC_HEARTBEAT_AGE, 0, (double)(clock_ms() - w->beat_ms) / 1000);
	w->beat_ms = clock_ms();
	unlist(pool, w);
	DL_APPEND(pool->workers.beats, w);
}

int64_t pool_worker_fault(struct pool *pool, struct pool_worker *w)
{
	int64_t rest = worker_faults_add(&pool->workers.faults, w->id, clock_ms());

	pool_worker_recall(pool, w);
	return rest;
}

void pool_worker_forgive(struct pool *pool, struct pool_worker *w)
{
	worker_faults_forget(&pool->workers.faults, w->id);
	pool_worker_recall(pool, w);
}

void pool_worker_recall(struct pool *pool, struct pool_worker *w)
{
	int64_t rest = worker_faults_rest_ms(&pool->workers.faults, w->id, clock_ms());

	w->faults = worker_faults_in_a_row(&pool->workers.faults, w->id);
	w->rests_until_ms = rest > 0 ? clock_ms() + rest : 0;
}

void pool_worker_await(struct pool *pool, struct pool_worker *w)
{
	unlist(pool, w);
	w->awaited = true;
	DL_APPEND(pool->workers.awaited, w);
}

bool pool_worker_set_ready(struct pool_worker *w, const char *not_ready)
{
	bool before = w->not_ready[0] == '\0';

	text_copy(w->not_ready, sizeof w->not_ready, not_ready);
	return !before && w->not_ready[0] == '\0';
}

/* Does it take tasks now? */
static bool is_ready(const struct pool_worker *w)
{
	if (w->rests_until_ms > clock_ms())
		return false;
	return w->link != NULL && !w->lost && w->not_ready[0] == '\0' && w->task_count < ATTEMPTS_MAX;
}

void pool_worker_free_if_over(struct pool_worker *w)
{
	if (!w->lost || w->tasks != NULL)
		return;
	assert(w->link == NULL);
	if (w->host != NULL)
		pb__host__free_unpacked(w->host, NULL);
	free(w);
}

void pool_worker_remove(struct pool *pool, struct pool_worker *w)
{
	HASH_DEL(pool->workers.by_id, w);
	pool_events_worker_left(pool, w->id);
	unlist(pool, w);
	w->lost = true;
	pool_worker_free_if_over(w); /* w may be gone from here on */
}

size_t pool_workers_ready(struct pool *pool, struct sched_worker **workers, struct amounts **offered)
{
	size_t count = HASH_COUNT(pool->workers.by_id), n = 0;
	struct pool_worker *w;

	*workers = xcalloc(count + 1, sizeof **workers);
	*offered = xcalloc(count + 1, sizeof **offered);
	DL_FOREACH(pool->workers.beats, w) {
		if (!is_ready(w))
			continue;
		(*offered)[n] = w->offered;
		(*workers)[n].free = w->offered;
		(*workers)[n].asks = w->asks.donor ? 0 : w->asks.min_core_ncpt;
		(*workers)[n].offered = &w->offered;
		(*workers)[n].id = w->id;
		(*workers)[n].owner = w->account;
		amounts_take(&(*workers)[n].free, &w->reserved);
		(*workers)[n++].user = w;
	}
	return n;
}

size_t pool_workers_online(const struct pool *pool, struct amounts *offered, struct amounts *used)
{
	const struct pool_worker *w;
	size_t n = 0;

	DL_FOREACH(pool->workers.beats, w) {
		if (w->link == NULL)
			continue;
		n++;
		if (offered != NULL)
			amounts_add(offered, &w->offered);
		if (used != NULL)
			amounts_add(used, &w->reserved);
	}
	return n;
}

void pool_workers_release(struct pool *pool)
{
	while (pool->workers.beats != NULL) {
		assert(pool->workers.beats->link == NULL);
		pool_worker_remove(pool, pool->workers.beats);
	}
	while (pool->workers.awaited != NULL)
		pool_worker_remove(pool, pool->workers.awaited);
	worker_faults_release(&pool->workers.faults);
}
