/* test/net/metrics.c - what is counted is written, by the rules of the format: read here by a reader of our own. */
#include "net/metrics.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const routes[] = {"GET /metrics", "GET /odd\"\\\n"};

static struct buf written(enum metrics_role role)
{
	struct buf out = {0};

	metrics_write(role, &out);
	return out;
}

/* The value of the sample that begins so; NAN = there is none. */
static double sample(enum metrics_role role, const char *name)
{
	struct buf out = written(role);
	const char *text = buf_text(&out), *at = text;
	size_t n = strlen(name);
	double value = NAN;

	for (; at != NULL; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strncmp(at, name, n) == 0 && at[n] == ' ')
			value = strtod(at + n, NULL);
	}
	buf_release(&out);
	return value;
}

static int begin(void **state)
{
	const char *version = "1.0";

	(void)state;
	metrics_forget();
	metrics_words(METRIC_BUILD_INFO, 0, &version, 1);
	metrics_words(METRIC_HTTP_REQUESTS, 0, routes, 2);
	return 0;
}

static void what_is_set_and_added_is_written(void **state)
{
	(void)state;
	metrics_set(METRIC_TASKS, 1, 0, 7);
	metrics_add(METRIC_TASKS_FINISHED, metrics_word(METRIC_TASKS_FINISHED, 0, "FAILED"), 0, 2);
	metrics_add(METRIC_CPT_SETTLED, 0, 0, 0.125);
	assert_true(sample(METRICS_POOL, "hivemind_tasks{state=\"PENDING\"}") == 0);
	assert_true(sample(METRICS_POOL, "hivemind_tasks{state=\"RUNNING\"}") == 7);
	assert_true(sample(METRICS_POOL, "hivemind_tasks_finished_total{result=\"FAILED\"}") == 2);
	assert_true(sample(METRICS_POOL, "hivemind_cpt_settled_total") == 0.125);
	assert_true(isnan(sample(METRICS_WORKER, "hivemind_tasks{state=\"RUNNING\"}")));
}

static void buckets_are_cumulative_and_end_with_all(void **state)
{
	(void)state;
	metrics_observe(METRIC_LOOP_LAG, 0, 0.001); /* a bound belongs to its bucket */
	metrics_observe(METRIC_LOOP_LAG, 0, 0.3);
	metrics_observe(METRIC_LOOP_LAG, 0, 99);
	metrics_observe(METRIC_LOOP_LAG, 0, -1); /* a clock that went back is left out */
	metrics_observe(METRIC_LOOP_LAG, 0, NAN);
	assert_true(sample(METRICS_POOL, "hivemind_loop_lag_seconds_bucket{le=\"0.001\"}") == 1);
	assert_true(sample(METRICS_POOL, "hivemind_loop_lag_seconds_bucket{le=\"0.25\"}") == 1);
	assert_true(sample(METRICS_POOL, "hivemind_loop_lag_seconds_bucket{le=\"0.5\"}") == 2);
	assert_true(sample(METRICS_POOL, "hivemind_loop_lag_seconds_bucket{le=\"10\"}") == 2);
	assert_true(sample(METRICS_POOL, "hivemind_loop_lag_seconds_bucket{le=\"+Inf\"}") == 3);
	assert_true(sample(METRICS_POOL, "hivemind_loop_lag_seconds_count") == 3);
	assert_true(fabs(sample(METRICS_POOL, "hivemind_loop_lag_seconds_sum") - 99.301) < 1e-9);
}

static void labels_are_closed_sets(void **state)
{
	(void)state;
	metrics_add(METRIC_HTTP_REQUESTS, 1, 1, 1);
	metrics_add(METRIC_HTTP_REQUESTS, 2, 1, 1); /* no such route */
	metrics_add(METRIC_HTTP_REQUESTS, 0, 5, 1); /* no such class of codes */
	metrics_add(METRIC_RPC_REQUESTS, 0, 0, 1);  /* nobody has said what the methods are */
	assert_true(sample(METRICS_MASTER, "hivemind_http_requests_total{route=\"GET /odd\\\"\\\\\\n\",code=\"2xx\"}") == 1);
	assert_true(isnan(sample(METRICS_MASTER, "hivemind_http_requests_total{route=\"GET /metrics\",code=\"2xx\"}")));
	assert_true(isnan(sample(METRICS_POOL, "hivemind_rpc_requests_total{method=\"\",code=\"OK\"}")));
	assert_int_equal(metrics_word(METRIC_TASKS, 0, "RUNNING"), 1);
	assert_int_equal(metrics_word(METRIC_TASKS, 0, "ASLEEP"), 2);
}

static void a_label_of_one_value_stands_beside_the_others(void **state)
{
	(void)state;
	metrics_label(METRIC_BUILD_INFO, "commit", "1234567");
	metrics_label(METRIC_BUILD_INFO, "commit", "another"); /* it was said already */
	metrics_set(METRIC_BUILD_INFO, 0, 1, 1);
	assert_true(sample(METRICS_WORKER,
			   "hivemind_build_info{version=\"1.0\",role=\"worker\",commit=\"1234567\"}") == 1);
	metrics_label(METRIC_REDIS_UP, "odd", "a\"b");
	metrics_set(METRIC_REDIS_UP, 0, 0, 1);
	assert_true(sample(METRICS_POOL, "hivemind_redis_up{odd=\"a\\\"b\"}") == 1);
}

static void the_process_is_measured(void **state)
{
	(void)state;
	assert_true(sample(METRICS_WORKER, "process_resident_memory_bytes") > 100000);
	assert_true(sample(METRICS_WORKER, "process_open_fds") >= 3);
	assert_true(sample(METRICS_WORKER, "process_start_time_seconds") > 1.6e9);
	assert_true(sample(METRICS_WORKER, "process_cpu_seconds_total") >= 0);
}

/* Each sample stands under the HELP and TYPE of its family, families come once, names are legal. */
static void every_line_is_of_the_format(void **state)
{
	struct buf out = written(METRICS_ALL);
	char *text = strdup(buf_text(&out)), *rest = text, *line, family[100] = "", seen[8192] = "";
	int families = 0;

	(void)state;
	while ((line = strsep(&rest, "\n")) != NULL && *line != '\0') {
		char name[100], mark[104];

		if (sscanf(line, "# HELP %99s", name) == 1) {
			snprintf(mark, sizeof mark, " %s ", name);
			assert_null(strstr(seen, mark));
			strcat(seen, mark);
			strcpy(family, name);
			families++;
		} else if (sscanf(line, "# TYPE %99s", name) == 1) {
			assert_string_equal(name, family);
		} else {
			assert_int_equal(strncmp(line, family, strlen(family)), 0);
			assert_int_equal(strspn(line, "abcdefghijklmnopqrstuvwxyz_"), strcspn(line, "{ "));
			assert_non_null(strrchr(line, ' '));
		}
	}
	assert_true(families > 30);
	free(text);
	buf_release(&out);
}

static int end(void **state)
{
	(void)state;
	metrics_forget();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_set_and_added_is_written, begin, end),
		cmocka_unit_test_setup_teardown(buckets_are_cumulative_and_end_with_all, begin, end),
		cmocka_unit_test_setup_teardown(labels_are_closed_sets, begin, end),
		cmocka_unit_test_setup_teardown(a_label_of_one_value_stands_beside_the_others, begin, end),
		cmocka_unit_test_setup_teardown(the_process_is_measured, begin, end),
		cmocka_unit_test_setup_teardown(every_line_is_of_the_format, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
