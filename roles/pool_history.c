/* roles/pool_history.c - see roles/pool_history.h. Pool.Series is its handler. */
#include "roles/pool_history.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/clock.h"
#include "net/log.h"
#include "net/memory.h"
#include "net/metrics.h"
#include "net/secret_file.h"
#include "roles/pool.h"

static const struct series_value names[POOL_SERIES_COUNT] = {
#define POOL_SERIES_NAME(id, name, ...) {name, SERIES_MEAN},
	POOL_SERIES(POOL_SERIES_NAME)
#undef POOL_SERIES_NAME
};

static const struct {
	const char *unit;
	bool counted;
} rows[POOL_SERIES_COUNT] = {
#define POOL_SERIES_ROW(id, name, unit, counted) {unit, counted},
	POOL_SERIES(POOL_SERIES_ROW)
#undef POOL_SERIES_ROW
};

/* --- one look ------------------------------------------------------------------------------------- */

static double finished(const char *result)
{
	return metrics_get(METRIC_TASKS_FINISHED, metrics_word(METRIC_TASKS_FINISHED, 0, result), 0);
}

static void see(struct pool *pool, double *now)
{
	struct amounts offered = {0}, used = {0};

	now[POOL_SERIES_TASKS_PENDING] = (double)pool->index.pending;
	now[POOL_SERIES_TASKS_RUNNING] = (double)pool->index.running;
	now[POOL_SERIES_TASKS_SUBMITTED] = metrics_get(METRIC_TASKS_SUBMITTED, 0, 0);
	now[POOL_SERIES_TASKS_COMPLETED] = finished("COMPLETED");
	now[POOL_SERIES_TASKS_FAILED] = finished("FAILED");
	now[POOL_SERIES_ATTEMPTS_LOST] =
		metrics_get(METRIC_ATTEMPTS_LOST, 0, 0) + metrics_get(METRIC_ATTEMPTS_LOST, 1, 0);
	now[POOL_SERIES_WORKERS] = (double)pool_workers_online(pool, &offered, &used);
	now[POOL_SERIES_CORES_OFFERED] = (double)offered.milli_cpus / 1000;
	now[POOL_SERIES_CORES_USED] = (double)used.milli_cpus / 1000;
	now[POOL_SERIES_MEMORY_OFFERED] = (double)offered.memory;
	now[POOL_SERIES_MEMORY_USED] = (double)used.memory;
	now[POOL_SERIES_CPT_SETTLED] = metrics_get(METRIC_CPT_SETTLED, 0, 0);
	now[POOL_SERIES_BLOB_BYTES] = pool->blobs != NULL ? (double)blobs_bytes(pool->blobs) : 0;
}

void pool_history_look(struct pool_history *h)
{
	int64_t now_ms = clock_ms(), passed = now_ms - h->seen_ms;
	double now[POOL_SERIES_COUNT];
	float values[POOL_SERIES_COUNT];

	if (passed <= 0)
		return;
	see(h->pool, now);
	for (int i = 0; i < POOL_SERIES_COUNT; i++)
		values[i] = (float)(rows[i].counted ? (now[i] - h->seen[i]) * 1000 / (double)passed : now[i]);
	series_put(&h->series, clock_wall_ms(), values);
	memcpy(h->seen, now, sizeof now);
	h->seen_ms = now_ms;
}

/* --- its file ------------------------------------------------------------------------------------- */

static void write_file(struct work *w)
{
	struct pool_history *h = container_of(w, struct pool_history, work);

	secret_file_write(h->path, 0600, h->image, h->size, &h->error);
}

static void finish(struct pool_history *h)
{
	series_close(&h->series);
	free(h->path);
	h->path = NULL;
}

static bool save(struct pool_history *h);

static void on_written(struct work *w)
{
	struct pool_history *h = container_of(w, struct pool_history, work);

	if (h->error.status != 0 && !h->told)
		log_warn("the history of the pool is not kept error=\"%s\"", h->error.text);
	h->told = h->error.status != 0;
	free(h->image);
	h->image = NULL;
	if (h->closing && (h->saved_ms == h->seen_ms || !save(h)))
		finish(h);
}

/* False: there is nothing to write, or no right to: another pool may write there now. */
static bool save(struct pool_history *h)
{
	const void *image = series_image(&h->series, &h->size);

	if (image == NULL || !leader_certain(&h->pool->leader))
		return false;
	h->image = xmalloc(h->size);
	memcpy(h->image, image, h->size);
	h->saved_ms = h->seen_ms;
	h->error.status = 0;
	work_start(&h->pool->loop, &h->work, write_file, on_written);
	return true;
}

static void read_file(struct pool_history *h)
{
	int fd = open(h->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	size_t most = series_image_max();
	struct stat st;
	char *image;
	ssize_t n;

	if (fd < 0)
		return;
	image = xmalloc(most);
	n = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? read(fd, image, most) : -1;
	if (n < 0 || !series_take(&h->series, image, (size_t)n))
		log_warn("the history of the pool begins anew: the file is none of ours file=%s", h->path);
	free(image);
	close(fd);
}

/* --- its life ------------------------------------------------------------------------------------- */

/* In the middle of the second, so that a timer that is a little late or early misses none. */
static void again(struct pool_history *h)
{
	timer_set(&h->timer, 1500 - (uint64_t)(clock_wall_ms() % 1000));
}

static void on_timer(struct timer *t)
{
	struct pool_history *h = container_of(t, struct pool_history, timer);

	pool_history_look(h);
	if (h->image == NULL && h->seen_ms - h->saved_ms >= POOL_HISTORY_SAVE_MS)
		save(h);
	again(h);
}

void pool_history_open(struct pool_history *h, struct pool *pool)
{
	struct error ignored;

	*h = (struct pool_history){.pool = pool, .path = xasprintf("%s/series", pool->data)};
	series_open(&h->series, NULL, names, POOL_SERIES_COUNT, &ignored); /* in memory: it cannot fail */
	read_file(h);
	see(pool, h->seen);
	h->seen_ms = h->saved_ms = clock_ms();
	timer_init(&pool->loop, &h->timer, on_timer);
	again(h);
}

void pool_history_close(struct pool_history *h)
{
	h->closing = true;
	timer_close(&h->timer, NULL);
	if (h->image == NULL && !save(h))
		finish(h);
}

/* --- Pool.Series ---------------------------------------------------------------------------------- */

static int no_such_series(struct error *err, const char *name)
{
	char hint[sizeof err->hint] = "";
	size_t n = 0;

	for (int i = 0; i < POOL_SERIES_COUNT && n < sizeof hint; i++)
		n += (size_t)snprintf(hint + n, sizeof hint - n, "%s%s", i > 0 ? ", " : "there are ", names[i].name);
	error_set(err, STATUS_INVALID_ARGUMENT, "there is no series \"%.40s\"", name);
	return error_hint(err, "%s", hint);
}

int pool_series(struct rpc *rpc, const ProtobufCMessage *in)
{
	const Pb__SeriesRequest *request = (const Pb__SeriesRequest *)in;
	struct pool_history *h = &((struct pool *)grpc_server_user(rpc->server))->history;
	Pb__SeriesReply reply = PB__SERIES_REPLY__INIT;
	enum series_step step = series_step_of(request->step_s != 0 ? request->step_s : 1);
	int at = series_find(&h->series, request->name);

	if (at < 0)
		return no_such_series(&rpc->error, request->name);
	if (step == SERIES_STEPS)
		return error_set(&rpc->error, STATUS_INVALID_ARGUMENT, "a step is 1, 60, 3600 or 86400 seconds, not %u",
				 request->step_s);
	reply.name = (char *)names[at].name;
	reply.unit = (char *)rows[at].unit;
	reply.step_s = (uint32_t)(series_step_ms(step) / 1000);
	reply.values = arena_alloc(&rpc->arena, SERIES_POINTS_MAX * sizeof *reply.values);
	reply.n_values = series_read(&h->series, at, step, request->from_ms, reply.values, &reply.from_ms);
	while (request->to_ms > 0 && reply.n_values > 0 &&
	       reply.from_ms + ((int64_t)reply.n_values - 1) * series_step_ms(step) > request->to_ms)
		reply.n_values--;
	if (reply.n_values == 0)
		reply.from_ms = 0;
	rpc_reply(rpc, &reply.base);
	return 0;
}
