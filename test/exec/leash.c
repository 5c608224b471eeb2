/* exec/leash.c: the deadline, at times that the test chooses; who holds what; hand-over. */
#include "test/exec/leash_fixture.h"

#include "proto/status.h"

static void seven_seconds_pause_and_nine_kill(void **state)
{
	static const struct {
		int64_t after_ms;
		enum leash_stage stage;
	} rows[] = {{0, LEASH_RUN},        {6999, LEASH_RUN},   {7000, LEASH_PAUSE}, {8999, LEASH_PAUSE},
		    {9000, LEASH_KILL},   {60000, LEASH_KILL}, {-1, LEASH_RUN}};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(leash_stage(&leash, ACKED_MS + rows[i].after_ms, 0), rows[i].stage);
	assert_int_equal(leash_next(&leash, ACKED_MS + 100, 0), 6900);
	assert_int_equal(leash_next(&leash, ACKED_MS + 7100, 0), 1900);
	assert_true(leash_next(&leash, ACKED_MS + 9000, 0) == INT64_MAX);
}

static void the_supervisor_is_later_and_still_before_the_pool(void **state)
{
	(void)state;
	assert_int_equal(leash_stage(&leash, ACKED_MS + 7000, LAG), LEASH_RUN);
	assert_int_equal(leash_stage(&leash, ACKED_MS + 7000 + LAG, LAG), LEASH_PAUSE);
	assert_int_equal(leash_stage(&leash, ACKED_MS + 9000 + LAG, LAG), LEASH_KILL);
	assert_true(9000 + LAG + 500 < LOST_AFTER_MS);
}

static void only_a_later_acknowledgement_moves_the_deadline(void **state)
{
	(void)state;
	leash_renew(&leash, ACKED_MS - 1, LOST_AFTER_MS);
	assert_int_equal(leash_stage(&leash, ACKED_MS + 6999, 0), LEASH_RUN);
	leash_renew(&leash, ACKED_MS + 5000, LOST_AFTER_MS);
	assert_int_equal(leash_stage(&leash, ACKED_MS + 9000, 0), LEASH_RUN);
	assert_int_equal(leash_stage(&leash, ACKED_MS + 14000, 0), LEASH_KILL);
}

static void a_worker_that_never_heard_the_pool_may_run_nothing(void **state)
{
	struct error err = {0};

	(void)state;
	leash_close(&leash);
	unlink(path);
	assert_int_equal(leash_open(&leash, dir, &err), 0);
	assert_int_equal(leash_stage(&leash, ACKED_MS, 0), LEASH_KILL);
}

static void a_restarted_worker_finds_deadline_and_containers(void **state)
{
	struct leash_slot *slot = leash_hold(&leash, "/run/e.sock", "hm-a.1-1", 0);
	struct leash later;
	struct error err = {0};

	(void)state;
	leash_hold(&leash, "/run/e.sock", "hm-b.1-1", 0);
	slot->paused_ms = 77;
	assert_int_equal(leash_open(&later, dir, &err), 0);
	assert_false(leash_is_ours(&leash));
	assert_int_equal(leash_live(&later), 2);
	assert_int_equal(leash_stage(&later, ACKED_MS + 7000, 0), LEASH_PAUSE);
	slot = leash_hold(&later, "/run/e.sock", "hm-a.1-1", 0);
	assert_int_equal(slot->paused_ms, 77);
	assert_int_equal(leash_live(&later), 2);
	leash_forget_others(&later);
	assert_int_equal(leash_live(&later), 1);
	leash_release(slot);
	assert_int_equal(leash_live(&later), 0);
	leash_close(&later);
}

static void another_boot_begins_anew(void **state)
{
	struct error err = {0};

	(void)state;
	leash_hold(&leash, "/run/e.sock", "hm-a.1-1", 0);
	leash.page->boot[0] ^= 1;
	leash_close(&leash);
	assert_int_equal(leash_open(&leash, dir, &err), 0);
	assert_int_equal(leash_live(&leash), 0);
	assert_int_equal(leash.page->acked_ms, 0);
}

static void the_table_is_bounded(void **state)
{
	char name[32];

	(void)state;
	for (int i = 0; i < LEASH_SLOTS; i++) {
		snprintf(name, sizeof name, "hm-%d.1-1", i);
		assert_non_null(leash_hold(&leash, "/run/e.sock", name, 0));
	}
	assert_null(leash_hold(&leash, "/run/e.sock", "hm-more.1-1", 0));
	assert_non_null(leash_hold(&leash, "/run/e.sock", "hm-7.1-1", 0));
}

static void a_supervisor_of_an_earlier_worker_is_not_let_in(void **state)
{
	struct leash own, later;
	struct error err = {0};

	(void)state;
	assert_int_equal(leash_join(&own, dir, leash.generation, &err), 0);
	assert_true(leash_lock(&own));
	leash_unlock(&own);
	assert_int_equal(leash_open(&later, dir, &err), 0);
	assert_false(leash_lock(&own));
	leash_close(&own);
	assert_int_equal(leash_join(&own, dir, leash.generation, &err), STATUS_ABORTED);
	leash_close(&later);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(seven_seconds_pause_and_nine_kill),
		CASE(the_supervisor_is_later_and_still_before_the_pool),
		CASE(only_a_later_acknowledgement_moves_the_deadline),
		CASE(a_worker_that_never_heard_the_pool_may_run_nothing),
		CASE(a_restarted_worker_finds_deadline_and_containers),
		CASE(another_boot_begins_anew),
		CASE(the_table_is_bounded),
		CASE(a_supervisor_of_an_earlier_worker_is_not_let_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
