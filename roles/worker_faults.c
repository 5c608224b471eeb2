#include "roles/worker_faults.h"

#include <stdlib.h>
#include <uthash.h>

#include "net/memory.h"
#include "proto/error.h"
#include "proto/id.h"

struct worker_fault {
	char id[ID_SIZE];
	unsigned in_a_row;
	int64_t last_ms, rests_until_ms;
	UT_hash_handle hh;
};

static struct worker_fault *find(const struct worker_faults *f, const char *worker)
{
	struct worker_fault *e;

	HASH_FIND_STR(f->by_id, worker, e);
	return e;
}

static void drop(struct worker_faults *f, struct worker_fault *e)
{
	HASH_DEL(f->by_id, e);
	free(e);
}

/* The entry, moved to the end: the first ones are those touched longest ago. */
static struct worker_fault *touch(struct worker_faults *f, const char *worker)
{
	struct worker_fault *e = find(f, worker);

	if (e != NULL) {
		HASH_DEL(f->by_id, e);
	} else {
		if (HASH_COUNT(f->by_id) >= FAULTS_ENTRIES_MAX)
			drop(f, f->by_id);
		e = xcalloc(1, sizeof *e);
		text_copy(e->id, sizeof e->id, worker);
	}
	HASH_ADD_STR(f->by_id, id, e);
	return e;
}

static int64_t rest_after(unsigned in_a_row)
{
	unsigned doublings = in_a_row - FAULTS_FREE - 1;
	int64_t ms = doublings < 20 ? (int64_t)FAULTS_REST_MS << doublings : FAULTS_REST_MAX_MS;

	if (in_a_row <= FAULTS_FREE)
		return 0;
	return ms < FAULTS_REST_MAX_MS ? ms : FAULTS_REST_MAX_MS;
}

int64_t worker_faults_add(struct worker_faults *f, const char *worker, int64_t now_ms)
{
	struct worker_fault *e = touch(f, worker);
	int64_t rest;

	if (e->in_a_row > 0 && now_ms - e->last_ms < FAULTS_APART_MS)
		return 0;
	e->last_ms = now_ms;
	rest = rest_after(++e->in_a_row);
	e->rests_until_ms = now_ms + rest;
	return rest;
}

void worker_faults_forget(struct worker_faults *f, const char *worker)
{
	struct worker_fault *e = find(f, worker);

	if (e != NULL)
		drop(f, e);
}

int64_t worker_faults_rest_ms(const struct worker_faults *f, const char *worker, int64_t now_ms)
{
	const struct worker_fault *e = find(f, worker);

	return e != NULL && e->rests_until_ms > now_ms ? e->rests_until_ms - now_ms : 0;
}

unsigned worker_faults_in_a_row(const struct worker_faults *f, const char *worker)
{
	const struct worker_fault *e = find(f, worker);

	return e != NULL ? e->in_a_row : 0;
}

void worker_faults_release(struct worker_faults *f)
{
	while (f->by_id != NULL)
		drop(f, f->by_id);
}
