/* ui/series.c owns: the file's layout. A ring's place of a time is its number of steps since 1970, modulo
 * the ring's length; `last` is the newest number that was written, and what lies between two writes is
 * emptied by the later one. */
#include "ui/series.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/status.h"

#define MAGIC "hmseries2"

static const struct {
	int64_t ms;
	uint32_t length;
} steps[SERIES_STEPS] = {{1000, 3600}, {60 * 1000, 1440}, {3600 * 1000, 720}, {86400 * 1000, SERIES_DAYS_MAX}};

#define POINTS (3600 + 1440 + 720 + SERIES_DAYS_MAX)

struct value {
	char name[SERIES_NAME_SIZE];
	double sum[SERIES_STEPS];   /* of the step that goes on, for its mean */
	uint32_t n[SERIES_STEPS];
	float points[POINTS];
};

struct series_file {
	char magic[16];
	uint32_t count, reserved;
	int64_t last[SERIES_STEPS]; /* 0 = nothing yet */
	struct value values[];
};

int64_t series_step_ms(enum series_step step)
{
	return steps[step].ms;
}

enum series_step series_step_of(int64_t seconds)
{
	enum series_step step = SERIES_SECONDS;

	while (step < SERIES_STEPS && series_step_ms(step) != 1000 * seconds)
		step++;
	return step;
}

static float *ring(struct value *v, int step)
{
	float *points = v->points;

	while (--step >= 0)
		points += steps[step].length;
	return points;
}

/* Only days know where midnight is. */
static int64_t zone(const struct series *s, int step)
{
	return step == SERIES_DAYS ? s->zone_ms : 0;
}

/* --- the file ------------------------------------------------------------------------------------ */

static bool is_ours(const struct series_file *f, const struct series_value *values, size_t count)
{
	if (memcmp(f->magic, MAGIC, sizeof MAGIC) != 0 || f->count != count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (strncmp(f->values[i].name, values[i].name, SERIES_NAME_SIZE) != 0)
			return false;
	return true;
}

static void begin(struct series_file *f, const struct series_value *values, size_t count)
{
	memset(f, 0, sizeof *f);
	f->count = (uint32_t)count;
	for (size_t i = 0; i < count; i++) {
		memset(&f->values[i], 0, sizeof f->values[i]);
		strncpy(f->values[i].name, values[i].name, SERIES_NAME_SIZE - 1);
		for (int k = 0; k < POINTS; k++)
			f->values[i].points[k] = NAN;
	}
	memcpy(f->magic, MAGIC, sizeof MAGIC);
}

static void *map(struct series *s, const char *path, struct error *err)
{
	void *p = MAP_FAILED;

	s->fd = path != NULL ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
	/* Room that is missing is met here, not as a signal when a page of the map is touched. */
	if (s->fd >= 0 && posix_fallocate(s->fd, 0, (off_t)s->size) == 0)
		p = mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
	if (p != MAP_FAILED)
		return p;
	if (path != NULL)
		error_set(err, status_from_errno(errno), "history is not kept in %s: %s", path,
			  strerror(errno));
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	p = mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return p != MAP_FAILED ? p : NULL;
}

int series_open(struct series *s, const char *path, const struct series_value *values, size_t count,
		struct error *err)
{
	struct error why = {0};

	*s = (struct series){.values = values, .count = count,
			     .size = sizeof(struct series_file) + count * sizeof(struct value)};
	s->file = map(s, path, &why);
	if (s->file != NULL && !is_ours(s->file, values, count))
		begin(s->file, values, count);
	*err = why;
	return why.status;
}

void series_close(struct series *s)
{
	if (s->file != NULL)
		munmap(s->file, s->size);
	if (s->fd >= 0)
		close(s->fd);
	*s = (struct series){.fd = -1};
}

static size_t size_of(size_t count)
{
	return sizeof(struct series_file) + count * sizeof(struct value);
}

const void *series_image(const struct series *s, size_t *size)
{
	*size = s->size;
	return s->file;
}

size_t series_image_max(void)
{
	return size_of(SERIES_MAX);
}

/* Is it whole, and could a process of ours have written it? */
static bool is_whole(const struct series_file *f, size_t size)
{
	if (size < sizeof *f || memcmp(f->magic, MAGIC, sizeof MAGIC) != 0 || f->count > SERIES_MAX ||
	    size != size_of(f->count))
		return false;
	for (int step = 0; step < SERIES_STEPS; step++)
		if (f->last[step] < 0)
			return false;
	return true;
}

bool series_take(struct series *s, const void *image, size_t size)
{
	const struct series_file *f = image;
	int at;

	if (s->file == NULL || !is_whole(f, size))
		return false;
	memcpy(s->file->last, f->last, sizeof f->last);
	for (size_t i = 0; i < f->count; i++)
		if (memchr(f->values[i].name, '\0', SERIES_NAME_SIZE) != NULL &&
		    (at = series_find(s, f->values[i].name)) >= 0)
			s->file->values[at] = f->values[i];
	return true;
}

/* --- writing ------------------------------------------------------------------------------------- */

/* From the newest step to this one: what lies between has no value. When the clock went back, what is ahead
 * of it is forgotten. */
static void move_on(struct series_file *f, int step, int64_t now)
{
	int64_t length = steps[step].length, last = f->last[step];
	int64_t from = now > last ? last + 1 : now + 1, to = now > last ? now : last;

	if (now == last)
		return;
	if (from <= to - length)
		from = to - length + 1;
	for (size_t i = 0; i < f->count; i++) {
		float *points = ring(&f->values[i], step);

		for (int64_t k = from; k <= to; k++)
			points[k % length] = NAN;
		f->values[i].sum[step] = 0;
		f->values[i].n[step] = 0;
	}
	f->last[step] = now;
}

static void put(struct value *v, enum series_kind kind, int step, int64_t now, float x)
{
	float *at = &ring(v, step)[now % steps[step].length];

	if (kind == SERIES_SUM) {
		*at = isnan(*at) ? x : *at + x;
	} else if (kind == SERIES_LAST || step == SERIES_SECONDS) {
		*at = x;
	} else {
		v->sum[step] += (double)x;
		v->n[step]++;
		*at = (float)(v->sum[step] / v->n[step]);
	}
}

void series_put(struct series *s, int64_t wall_ms, const float *values)
{
	struct series_file *f = s->file;

	if (f == NULL || wall_ms <= 0)
		return;
	for (int step = 0; step < SERIES_STEPS; step++) {
		int64_t now = (wall_ms + zone(s, step)) / steps[step].ms;

		move_on(f, step, now);
		for (size_t i = 0; i < s->count; i++)
			if (!isnan(values[i]))
				put(&f->values[i], s->values[i].kind, step, now, values[i]);
	}
}

/* --- reading ------------------------------------------------------------------------------------- */

int series_find(const struct series *s, const char *name)
{
	for (size_t i = 0; s->file != NULL && i < s->count; i++)
		if (strcmp(s->file->values[i].name, name) == 0)
			return (int)i;
	return -1;
}

const char *series_name(const struct series *s, int at)
{
	return s->file->values[at].name;
}

size_t series_read(const struct series *s, int at, enum series_step step, int64_t from_ms, float *values,
		   int64_t *first_ms)
{
	int64_t length = steps[step].length, last, from;
	const float *points;
	size_t n = 0;

	*first_ms = 0;
	if (s->file == NULL || at < 0 || (size_t)at >= s->count || s->file->last[step] == 0)
		return 0;
	points = ring(&s->file->values[at], (int)step);
	last = s->file->last[step];
	from = last - length + 1;
	if (from < (from_ms + zone(s, step)) / steps[step].ms)
		from = (from_ms + zone(s, step)) / steps[step].ms;
	while (from <= last && isnan(points[from % length]))
		from++;
	for (int64_t k = from; k <= last; k++)
		values[n++] = points[k % length];
	*first_ms = from * steps[step].ms - zone(s, step);
	return n;
}
