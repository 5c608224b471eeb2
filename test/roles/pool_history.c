/* test/roles/pool_history.c - what the pool was like: a look a second, over restarts, crashes
 * and files that are none. */
#include "roles/pool_history.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/clock.h"
#include "net/metrics.h"
#include "roles/pool.h"

#define S INT64_C(1000)
#define T0 (INT64_C(1800000000) * S) /* begins an hour */

static struct pool pool;
static struct pool_history *const h = &pool.history;
static char dir[] = "/tmp/hm-pool-history-XXXXXX", path[64];
static float values[SERIES_POINTS_MAX];
static int64_t now, first;

static void look_at(int64_t ms)
{
	now = ms;
	pool.leader.heard_ms = ms;
	clock_set_for_test(ms * 1000);
	if (h->path != NULL)
		pool_history_look(h);
}

static size_t read_series(const char *name, enum series_step step)
{
	return series_read(&h->series, series_find(&h->series, name), step, 0, values, &first);
}

static void up(int64_t ms)
{
	look_at(ms);
	pool_history_open(h, &pool);
}

/* It is written before the loop comes to its end. */
static void down(void)
{
	pool_history_close(h);
	loop_run(&pool.loop);
	assert_null(h->path);
}

static void levels_are_what_they_are_and_counters_what_came_in_a_second(void **state)
{
	struct pool_worker *w = pool_workers_get(&pool, "0123456789abcdef");

	(void)state;
	w->link = (struct link *)w; /* is not looked into */
	w->offered = (struct amounts){.milli_cpus = 8000, .memory = 1 << 30};
	w->reserved = (struct amounts){.milli_cpus = 1500, .memory = 1 << 20};
	metrics_add(METRIC_TASKS_SUBMITTED, 0, 0, 1000); /* before it was ready: is no rate */
	up(T0);
	pool.index.pending = 7;
	metrics_add(METRIC_TASKS_SUBMITTED, 0, 0, 3);
	metrics_add(METRIC_TASKS_FINISHED, metrics_word(METRIC_TASKS_FINISHED, 0, "FAILED"), 0, 2);
	look_at(T0 + 1 * S);
	metrics_add(METRIC_TASKS_SUBMITTED, 0, 0, 9);
	look_at(T0 + 4 * S); /* it was held up: three seconds in one */
	look_at(T0 + 4 * S); /* twice at once is once */
	w->link = NULL;
	look_at(T0 + 5 * S);
	assert_int_equal(read_series("tasks_submitted", SERIES_SECONDS), 5);
	assert_true(first == T0 + S && values[0] == 3 && isnan(values[1]) && values[3] == 3 && values[4] == 0);
	assert_int_equal(read_series("tasks_failed", SERIES_SECONDS), 5);
	assert_true(values[0] == 2 && values[3] == 0);
	assert_int_equal(read_series("tasks_pending", SERIES_SECONDS), 5);
	assert_true(values[0] == 7);
	assert_int_equal(read_series("cores_used", SERIES_SECONDS), 5);
	assert_true(values[0] == 1.5f && values[4] == 0);
	assert_int_equal(read_series("workers", SERIES_SECONDS), 5);
	assert_true(values[3] == 1 && values[4] == 0);
	assert_int_equal(read_series("memory_offered", SERIES_SECONDS), 5);
	assert_true(values[0] == 1 << 30);
	down();
}

static void restarts_keep_it(void **state)
{
	(void)state;
	for (int start = 0; start < 3; start++) {
		up(T0 + start * 100 * S);
		pool.index.running = (uint64_t)start + 1;
		look_at(T0 + start * 100 * S + S);
		down();
	}
	up(T0 + 300 * S);
	assert_int_equal(read_series("tasks_running", SERIES_SECONDS), 201);
	assert_true(values[0] == 1 && values[100] == 2 && values[200] == 3 && isnan(values[50])); /* nobody looked */
	assert_int_equal(read_series("tasks_running", SERIES_HOURS), 1);
	assert_true(values[0] == 2);
	down();
}

static void replace_file(const void *bytes, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

/* What a pool keeps of what its file holds now. */
static size_t kept(void)
{
	size_t n;

	up(T0 + 10 * S);
	n = read_series("workers", SERIES_SECONDS);
	down();
	return n;
}

static void a_file_that_is_cut_short_or_none_of_ours_counts_as_none(void **state)
{
	const void *image;
	uint8_t *bytes;
	size_t n;

	(void)state;
	up(T0);
	look_at(T0 + S);
	image = series_image(&h->series, &n);
	bytes = malloc(n);
	memcpy(bytes, image, n);
	down();
	assert_int_equal(kept(), 1);
	for (size_t cut = 0; cut < n; cut += cut < 200 ? 7 : 99999) {
		replace_file(bytes, cut);
		assert_int_equal(kept(), 0);
	}
	memcpy(bytes, "hmseries0", 9); /* another version */
	replace_file(bytes, n);
	assert_int_equal(kept(), 0);
	free(bytes);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0); /* and neither is a folder */
	assert_int_equal(kept(), 0);
	assert_int_equal(rmdir(path), 0);
}

static void a_version_with_other_values_gives_those_of_the_same_name(void **state)
{
	static const struct series_value names[] = {{"moons", SERIES_MEAN}, {"workers", SERIES_MEAN}};
	struct series s;
	struct error err;
	const void *image;
	size_t n;

	(void)state;
	assert_int_equal(series_open(&s, NULL, names, 2, &err), 0);
	series_put(&s, T0, (float[]){8, 5});
	image = series_image(&s, &n);
	replace_file(image, n);
	series_close(&s);
	up(T0 + S);
	assert_int_equal(read_series("workers", SERIES_MINUTES), 1);
	assert_true(values[0] == 5 && first == T0);
	assert_int_equal(read_series("cores_used", SERIES_MINUTES), 0);
	pool.index.running = 9;
	look_at(T0 + 60 * S);
	assert_int_equal(read_series("cores_used", SERIES_MINUTES), 1);
	assert_int_equal(read_series("workers", SERIES_MINUTES), 2);
	assert_true(values[1] == 0);
	down();
}

static void one_that_may_have_been_replaced_writes_nothing(void **state)
{
	(void)state;
	up(T0);
	look_at(T0 + S);
	pool.leader.heard_ms = 0;
	down();
	assert_int_not_equal(access(path, F_OK), 0);
}

static void it_is_only_its_owners(void **state)
{
	struct stat st;

	(void)state;
	up(T0);
	look_at(T0 + S);
	down();
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_true(st.st_size < 400 * KiB);
}

static int begin(void **state)
{
	(void)state;
	memset(&pool, 0, sizeof pool);
	strcpy(dir + sizeof dir - 7, "XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/series", dir);
	pool.data = dir;
	metrics_forget();
	loop_init(&pool.loop);
	look_at(T0);
	while (!leader_certain(&pool.leader))
		pool.leader.step.at++; /* to the state of one that leads */
	return 0;
}

static int end(void **state)
{
	(void)state;
	if (h->path != NULL) /* after a test that failed */
		down();
	for (struct pool_worker *w = pool.workers.by_id; w != NULL; w = w->hh.next)
		w->link = NULL;
	pool_workers_release(&pool);
	loop_close(&pool.loop);
	clock_set_for_test(-1);
	unlink(path);
	return rmdir(dir);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(levels_are_what_they_are_and_counters_what_came_in_a_second),
		TEST(restarts_keep_it),
		TEST(a_file_that_is_cut_short_or_none_of_ours_counts_as_none),
		TEST(a_version_with_other_values_gives_those_of_the_same_name),
		TEST(one_that_may_have_been_replaced_writes_nothing),
		TEST(it_is_only_its_owners),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
