#include "roles/sched.h"

#include <stdio.h>
#include <utlist.h>

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

/* The worker that fits and has the most left; worker_count = none. */
static size_t roomiest(const struct sched_shape *shape, const struct sched_worker *workers, size_t worker_count)
{
	size_t best = worker_count;

	for (size_t i = 0; i < worker_count; i++) {
		const struct amounts *f = &workers[i].free, *b = best < worker_count ? &workers[best].free : NULL;

		if (!amounts_fit(&shape->need, f) || workers[i].asks > shape->pays)
			continue;
		if (b == NULL || f->milli_cpus > b->milli_cpus ||
		    (f->milli_cpus == b->milli_cpus && f->memory > b->memory))
			best = i;
	}
	return best;
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
                   size_t worker_count, struct sched_pair *pairs, size_t max)
{
	struct sched_shape *shape;
	size_t n = 0;

	for (size_t i = 0; i < shape_count; i++)
		shapes[i]->at = shapes[i]->items;
	while (n < max && (shape = oldest(shapes, shape_count)) != NULL) {
		size_t w = roomiest(shape, workers, worker_count);

		if (w == worker_count) {
			shape->at = NULL; /* nor do those behind it */
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

void sched_explain(const struct amounts *need, const struct sched_worker *workers, const struct amounts *offered,
		   size_t ready, size_t online, char *text, size_t n)
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
