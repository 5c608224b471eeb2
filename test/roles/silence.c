/* test/roles/silence.c tests roles/silence.c: when an attempt is taken from a worker that beats and
 * does not get on with it */
#include "roles/silence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proto/task.h"
#include "roles/pool.h"

#define S 1000ll
#define BEGAN (1000 * S)

static const struct patience patient = {0, REVOKE_STALLED_MS};

static struct pool_task held(int phase)
{
	struct pool_task t = {.hold = HOLD_HELD, .state = TASK_RUNNING, .phase = phase, .moved_ms = BEGAN, .time_limit_s = 60,
			      .grace_s = 5, .metering = {.ran_ms = -1}};

	return t;
}

static void one_that_hangs_outside_its_container(void **state)
{
	static const int phases[] = {PHASE_ASSIGNED, PHASE_STAGING, PHASE_COLLECTING};

	(void)state;
	for (size_t i = 0; i < sizeof phases / sizeof phases[0]; i++) {
		struct pool_task t = held(phases[i]);

		assert_null(silence_overdue(&t, &patient, BEGAN + REVOKE_STALLED_MS));
		assert_non_null(silence_overdue(&t, &patient, BEGAN + REVOKE_STALLED_MS + 1));
		assert_null(silence_overdue(&t, &(struct patience){BEGAN + 1, REVOKE_STALLED_MS}, BEGAN + REVOKE_STALLED_MS + 1)); /* Redis was away till then */
		t.moved_ms += 1;
		assert_null(silence_overdue(&t, &patient, BEGAN + REVOKE_STALLED_MS + 1));
		t.hold = HOLD_ENDING; /* it is the pool's turn */
		assert_null(silence_overdue(&t, &patient, INT64_MAX));
	}
}

static void it_outlasts_what_a_worker_allows_a_pull(void **state)
{
	(void)state;
	assert_true(REVOKE_STALLED_MS > PULL_TIMEOUT_MS);
}

static void large_files_may_be_packed_in_silence(void **state)
{
	struct pool_task t = held(PHASE_STAGING);
	int64_t late = BEGAN + REVOKE_STALLED_MS + 1;

	(void)state;
	t.bundle_size = 8 * GiB;
	assert_null(silence_overdue(&t, &patient, late));
	assert_non_null(silence_overdue(&t, &patient, late + 8 * GiB / REVOKE_BYTES_PER_MS));
	t.phase = PHASE_COLLECTING; /* the bundle does not count any more */
	assert_non_null(silence_overdue(&t, &patient, late));
	t.max_output = 8 * GiB;
	assert_null(silence_overdue(&t, &patient, late));
	assert_non_null(silence_overdue(&t, &patient, late + 8 * GiB / REVOKE_BYTES_PER_MS));
}

static void one_that_runs_has_its_time_limit(void **state)
{
	struct pool_task t = held(PHASE_EXECUTING);

	(void)state;
	t.time_limit_s = 86400;
	t.metering.began_ms = BEGAN;
	assert_null(silence_overdue(&t, &patient, BEGAN + 86405 * S + REVOKE_AFTER_MS));
	assert_non_null(silence_overdue(&t, &patient, BEGAN + 86405 * S + REVOKE_AFTER_MS + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_hangs_outside_its_container),
		cmocka_unit_test(it_outlasts_what_a_worker_allows_a_pull),
		cmocka_unit_test(large_files_may_be_packed_in_silence),
		cmocka_unit_test(one_that_runs_has_its_time_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
