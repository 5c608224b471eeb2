#include "roles/sched.h"

#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "proto/error.h"
#include "ui/text.h"

struct amounts amounts_of(const Pb__Resources *r)
{
	if (r == NULL)
		return (struct amounts){0};
	return (struct amounts){
		.milli_cpus = r->milli_cpus,
		.memory = r->memory > INT64_MAX / 2 ? INT64_MAX / 2 : (int64_t)r->memory,
		.disk = r->disk > INT64_MAX / 2 ? INT64_MAX / 2 : (int64_t)r->disk,
		.gpus = r->gpus,
	};
}

bool amounts_fit(const struct amounts *need, const struct amounts *free)
{
	return need->milli_cpus <= free->milli_cpus && need->memory <= free->memory && need->disk <= free->disk &&
	       need->gpus <= free->gpus;
}

void amounts_add(struct amounts *to, const struct amounts *more)
{
	to->milli_cpus += more->milli_cpus;
	to->memory += more->memory;
	to->disk += more->disk;
	to->gpus += more->gpus;
}

void amounts_take(struct amounts *from, const struct amounts *less)
{
	from->milli_cpus -= less->milli_cpus;
	from->memory -= less->memory;
	from->disk -= less->disk;
	from->gpus -= less->gpus;
}

bool sched_before(const struct sched_item *a, const struct sched_item *b)
{
	return a->created_ms != b->created_ms ? a->created_ms < b->created_ms : a->order < b->order;
}

void sched_insert(struct sched_item **line, struct sched_item *item)
{
	struct sched_item *at;

	if (*line == NULL || !sched_before(item, (*line)->prev)) { /* nearly all: the newest */
		DL_APPEND(*line, item);
		return;
	}
	/* One that comes back is old: its place is near the front. */
	for (at = *line; sched_before(at, item);)
		at = at->next;
	DL_PREPEND_ELEM(*line, at, item);
}

/* --- who had it before ----------------------------------------------------------------------- */

void sched_past_add(struct sched_past *past, const char *worker, const char *owner)
{
	size_t i = 0;

	while (i < past->count && strcmp(past->by[i].worker, worker) != 0)
		i++;
	if (i == past->count && i < LOST_BY_MAX)
		past->count++;
	else if (i == past->count)
		i = 0;
	memmove(&past->by[i], &past->by[i + 1], (past->count - 1 - i) * sizeof past->by[0]);
	text_copy(past->by[past->count - 1].worker, ID_SIZE, worker);
	text_copy(past->by[past->count - 1].owner, ID_SIZE, owner);
}

void sched_past_read(struct sched_past *past, const char *lost_by)
{
	char worker[ID_SIZE], owner[ID_SIZE];

	for (const char *p = lost_by; *p != '\0'; p += strcspn(p, " "), p += *p == ' ') {
		size_t n = strcspn(p, ": ");

		owner[0] = '\0';
		if (n >= ID_SIZE || p[n] != ':' || sscanf(p, "%16[^: ]:%16[^: ]", worker, owner) < 1)
			continue;
		sched_past_add(past, worker, owner);
	}
}

/* How little a worker is wanted: 0 = its owner has no past with the task, 1 = it has
 * none itself, 2 = it has. */
static int unwanted(const struct sched_past *past, const struct sched_worker *w)
{
	int rank = 0;

	for (size_t i = 0; past != NULL && w->id != NULL && i < past->count; i++) {
		if (strcmp(past->by[i].worker, w->id) == 0)
			return 2;
		if (strcmp(past->by[i].owner, w->owner) == 0)
			rank = 1;
	}
	return rank;
}

/* --- rounds ---------------------------------------------------------------------------------- */

static bool roomier(const struct amounts *f, const struct amounts *than)
{
	return f->milli_cpus > than->milli_cpus ||
	       (f->milli_cpus == than->milli_cpus && f->memory > than->memory);
}

/* The worker that fits, is wanted most and has the most left; worker_count = none. */
static size_t best_for(const struct sched_shape *shape, const struct sched_worker *workers,
		       size_t worker_count)
{
	const struct sched_past *past = shape->at->past;
	size_t best = worker_count;
	int best_rank = 0;

	for (size_t i = 0; i < worker_count; i++) {
		int rank;

		if (!amounts_fit(&shape->need, &workers[i].free) || workers[i].asks > shape->pays)
			continue;
		rank = past != NULL ? unwanted(past, &workers[i]) : 0;
		if (best == worker_count || rank < best_rank ||
		    (rank == best_rank && roomier(&workers[i].free, &workers[best].free))) {
			best = i;
			best_rank = rank;
		}
	}
	return best;
}

/* Does the first of this line rather wait for a worker that is only busy than take this one, which has lost
 * it? For another owner alone it does not: what is lost runs elsewhere within a second. */
static bool rather_waits(const struct sched_shape *shape, const struct sched_worker *workers,
			 size_t worker_count, size_t taken, int64_t now_ms)
{
	const struct sched_past *past = shape->at->past;
	int rank;

	if (past == NULL || now_ms >= past->patient_until_ms)
		return false;
	rank = unwanted(past, &workers[taken]);
	for (size_t i = 0; rank == 2 && i < worker_count; i++) {
		const struct sched_worker *w = &workers[i];

		if (w->asks <= shape->pays && amounts_fit(&shape->need, w->offered != NULL ? w->offered : &w->free) &&
		    unwanted(past, w) < rank)
			return true;
	}
	return false;
}

/* The line whose first is the oldest of all; NULL = every line has been looked at. */
static struct sched_shape *oldest(struct sched_shape **shapes, size_t shape_count)
{
	struct sched_shape *first = NULL;

	for (size_t i = 0; i < shape_count; i++)
		if (shapes[i]->at != NULL && (first == NULL || sched_before(shapes[i]->at, first->at)))
			first = shapes[i];
	return first;
}

size_t sched_match(struct sched_shape **shapes, size_t shape_count, struct sched_worker *workers,
                   size_t worker_count, struct sched_pair *pairs, size_t max, int64_t now_ms)
{
	struct sched_shape *shape;
	size_t n = 0;

	for (size_t i = 0; i < shape_count; i++)
		shapes[i]->at = shapes[i]->items;
	while (n < max && (shape = oldest(shapes, shape_count)) != NULL) {
		size_t w = best_for(shape, workers, worker_count);

		if (w == worker_count) {
			shape->at = NULL; /* nor do those behind it */
			continue;
		}
		if (rather_waits(shape, workers, worker_count, w, now_ms)) {
			shape->at = shape->at->next;
			continue;
		}
		amounts_take(&workers[w].free, &shape->need);
		pairs[n++] = (struct sched_pair){shape->at, w};
		shape->at = shape->at->next;
	}
	return n;
}

/* --- why not? -------------------------------------------------------------------------------- */

/* The kinds of amounts, as people read them. */
static const struct kind {
	size_t at;
	const char *name;
	int64_t unit; /* 0 = bytes */
} kinds[] = {
	{offsetof(struct amounts, milli_cpus), "cores", 1000},
	{offsetof(struct amounts, memory), "memory", 0},
	{offsetof(struct amounts, disk), "disk", 0},
	{offsetof(struct amounts, gpus), "GPUs", 1},
};

#define KIND_COUNT (sizeof kinds / sizeof kinds[0])

static int64_t amount(const struct amounts *a, const struct kind *k)
{
	return *(const int64_t *)((const char *)a + k->at);
}

/* "2.5 cores", "512 MiB memory" */
static const char *amount_text(const struct kind *k, int64_t value, char *buf, size_t n)
{
	char bytes[24];

	if (k->unit == 0)
		snprintf(buf, n, "%s %s", format_bytes((uint64_t)value, bytes), k->name);
	else
		snprintf(buf, n, "%g %s", (double)value / (double)k->unit, k->name);
	return buf;
}

/* The first kind of which no worker alone has enough; NULL = each kind fits somewhere. */
static const struct kind *short_of(const struct amounts *need, const struct amounts *have, size_t n,
                                   size_t stride, int64_t *most)
{
	for (size_t k = 0; k < KIND_COUNT; k++) {
		*most = 0;
		for (size_t i = 0; i < n; i++) {
			int64_t here =
			    amount((const struct amounts *)((const char *)have + i * stride), &kinds[k]);

			if (here > *most)
				*most = here;
		}
		if (amount(need, &kinds[k]) > *most)
			return &kinds[k];
	}
	return NULL;
}

static bool any_fits(const struct amounts *need, const struct amounts *offered, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (amounts_fit(need, &offered[i]))
			return true;
	return false;
}

void sched_explain(const struct amounts *need, const struct sched_worker *workers,
		   const struct amounts *offered, size_t ready, size_t online, char *text, size_t n)
{
	const struct kind *k;
	char want[48], have[48];
	int64_t most;

	if (online == 0) {
		snprintf(text, n, "waits for a worker: none is online");
		return;
	}
	if (ready == 0) {
		snprintf(text, n, "waits for a worker: %zu online, none takes tasks now", online);
		return;
	}
	k = short_of(need, offered, ready, sizeof *offered, &most);
	if (k != NULL) {
		snprintf(text, n, "waits for a larger worker: %zu ready, none lends %s (the most is %s)",
		         ready, amount_text(k, amount(need, k), want, sizeof want),
		         amount_text(k, most, have, sizeof have));
		return;
	}
	if (!any_fits(need, offered, ready)) {
		snprintf(text, n,
		         "waits for a larger worker: %zu ready, none lends all of what it needs together",
		         ready);
		return;
	}
	k = short_of(need, &workers[0].free, ready, sizeof *workers, &most);
	if (k != NULL)
		snprintf(text, n, "waits for a free worker: %zu ready, none has %s free now (the most is %s)",
		         ready, amount_text(k, amount(need, k), want, sizeof want),
		         amount_text(k, most, have, sizeof have));
	else
		snprintf(text, n, "waits for a free worker: %zu ready, all busy", ready);
}
