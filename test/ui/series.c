/* test/ui/series.c - values of an hour, a month and a year, over restarts and under clocks that jump. */
#include "ui/series.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define HOUR (INT64_C(3600) * 1000)
#define T0 (INT64_C(1800000000) * 1000) /* begins an hour */
#define MIDNIGHT (INT64_C(20833) * 24 * HOUR)

static const struct series_value names[] = {{"cores", SERIES_MEAN}, {"tasks", SERIES_MEAN}};
static char path[64];
static float values[SERIES_POINTS_MAX];
static int64_t first;

static struct series opened(const char *at)
{
	struct series s;
	struct error err;

	assert_int_equal(series_open(&s, at, names, 2, &err), 0);
	return s;
}

static void put(struct series *s, int64_t ms, float cores, float tasks)
{
	series_put(s, ms, (float[]){cores, tasks});
}

static void seconds_minutes_and_hours_are_kept(void **state)
{
	struct series s = opened(NULL);

	(void)state;
	for (int i = 0; i < 7200; i++)
		put(&s, T0 + i * 1000, (float)(i / 3600), (float)(i % 60));
	assert_int_equal(series_read(&s, 1, SERIES_SECONDS, 0, values, &first), 3600);
	assert_true(first == T0 + 3600 * 1000 && values[0] == 0 && values[61] == 1);
	assert_int_equal(series_read(&s, 1, SERIES_MINUTES, 0, values, &first), 120);
	assert_true(first == T0 && fabsf(values[0] - 29.5f) < 1e-3f);
	assert_int_equal(series_read(&s, 0, SERIES_HOURS, 0, values, &first), 2);
	assert_true(values[0] == 0 && values[1] == 1);
	assert_int_equal(series_read(&s, 0, SERIES_SECONDS, T0 + 7190 * 1000, values, &first), 10);
	series_close(&s);
}

static void a_time_without_a_measure_has_no_value(void **state)
{
	struct series s = opened(NULL);

	(void)state;
	put(&s, T0, 1, 1);
	put(&s, T0 + 3000, 2, NAN);
	assert_int_equal(series_read(&s, 0, SERIES_SECONDS, 0, values, &first), 4);
	assert_true(values[0] == 1 && isnan(values[1]) && isnan(values[2]) && values[3] == 2);
	assert_int_equal(series_read(&s, 1, SERIES_SECONDS, 0, values, &first), 4);
	assert_true(values[0] == 1 && isnan(values[3]));
	put(&s, T0 + 5000 * 1000, 3, 3); /* longer than the ring */
	assert_int_equal(series_read(&s, 0, SERIES_SECONDS, 0, values, &first), 1);
	assert_true(values[0] == 3 && first == T0 + 5000 * 1000);
	series_close(&s);
}

static void days_of_53_weeks_are_kept_by_their_kind(void **state)
{
	static const struct series_value kinds[] = {
		{"mean", SERIES_MEAN}, {"earned", SERIES_LAST}, {"ended", SERIES_SUM}};
	struct series s;
	struct error err;

	(void)state;
	assert_int_equal(series_open(&s, NULL, kinds, 3, &err), 0);
	s.zone_ms = 8 * HOUR; /* midnight comes eight hours before that of UTC */
	for (int64_t h = 0; h < 400 * 24; h++)
		series_put(&s, MIDNIGHT + (h - 8) * HOUR, (float[]){(float)(h % 24), (float)h, h % 24 < 3});
	assert_int_equal(series_read(&s, 0, SERIES_DAYS, 0, values, &first), 371);
	assert_true(first == MIDNIGHT - 8 * HOUR + 29 * 24 * HOUR);
	assert_true(values[0] == 11.5f && values[370] == 11.5f);
	assert_int_equal(series_read(&s, 1, SERIES_DAYS, 0, values, &first), 371);
	assert_true(values[0] == 30 * 24 - 1 && values[370] == 400 * 24 - 1);
	assert_int_equal(series_read(&s, 2, SERIES_DAYS, MIDNIGHT + 398 * 24 * HOUR, values, &first), 2);
	assert_true(values[0] == 3 && values[1] == 3 && first == MIDNIGHT - 8 * HOUR + 398 * 24 * HOUR);
	series_put(&s, MIDNIGHT + (399 * 24 - 9) * HOUR, (float[]){0, 9, 1}); /* back over midnight */
	assert_int_equal(series_read(&s, 2, SERIES_DAYS, 0, values, &first), 370);
	assert_true(values[369] == 4 && values[0] == 3); /* the year is still there */
	series_close(&s);
}

static void they_survive_the_process(void **state)
{
	struct series s = opened(path);

	(void)state;
	put(&s, T0, 1, 10);
	put(&s, T0 + 1000, 2, 20);
	series_close(&s);
	s = opened(path);
	put(&s, T0 + 2000, 3, 30);
	assert_int_equal(series_read(&s, 0, SERIES_SECONDS, 0, values, &first), 3);
	assert_true(values[0] == 1 && values[2] == 3);
	assert_int_equal(series_read(&s, 1, SERIES_MINUTES, 0, values, &first), 1);
	assert_true(values[0] == 20); /* the mean goes on too */
	series_close(&s);
}

static void a_file_of_others_is_begun_anew(void **state)
{
	static const struct series_value others[] = {{"cores", SERIES_MEAN}, {"memory", SERIES_MEAN}};
	struct series s = opened(path);
	struct error err;

	(void)state;
	put(&s, T0, 1, 1);
	series_close(&s);
	assert_int_equal(series_open(&s, path, others, 2, &err), 0);
	assert_int_equal(series_read(&s, 0, SERIES_SECONDS, 0, values, &first), 0);
	assert_int_equal(series_find(&s, "memory"), 1);
	assert_int_equal(series_find(&s, "tasks"), -1);
	series_close(&s);
}

static void a_clock_that_goes_back_forgets_what_is_ahead(void **state)
{
	struct series s = opened(NULL);

	(void)state;
	put(&s, T0 + 600 * 1000, 9, 9);
	put(&s, T0, 1, 1);
	assert_int_equal(series_read(&s, 0, SERIES_SECONDS, 0, values, &first), 1);
	assert_true(values[0] == 1 && first == T0);
	series_close(&s);
}

static void without_a_file_they_are_in_memory(void **state)
{
	struct series s;
	struct error err;

	(void)state;
	assert_int_not_equal(series_open(&s, "/proc/nowhere/series", names, 2, &err), 0);
	assert_non_null(strstr(err.text, "/proc/nowhere/series"));
	put(&s, T0, 5, 5);
	assert_int_equal(series_read(&s, 0, SERIES_SECONDS, 0, values, &first), 1);
	series_close(&s);
}

static int begin(void **state)
{
	int fd;

	(void)state;
	strcpy(path, "/tmp/hm-series-XXXXXX");
	fd = mkstemp(path);
	return fd < 0 || close(fd) != 0;
}

static int end(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seconds_minutes_and_hours_are_kept),
		cmocka_unit_test(days_of_53_weeks_are_kept_by_their_kind),
		cmocka_unit_test(a_time_without_a_measure_has_no_value),
		cmocka_unit_test_setup_teardown(they_survive_the_process, begin, end),
		cmocka_unit_test_setup_teardown(a_file_of_others_is_begun_anew, begin, end),
		cmocka_unit_test(a_clock_that_goes_back_forgets_what_is_ahead),
		cmocka_unit_test(without_a_file_they_are_in_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
