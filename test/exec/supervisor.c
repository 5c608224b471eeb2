/* exec/supervisor.c: when it looks, when it ends. What it does to containers is in
 * test/e2e/test_fencing.py. */
#include "test/exec/leash_fixture.h"

#include "exec/supervisor.h"

#define KILL_MS (ACKED_MS + 9000 + LAG)
#define DEAD_MS (ACKED_MS + 2000) /* of the worker */

static bool none_is_dead(void *user, size_t slot)
{
	(void)user;
	(void)slot;
	return false;
}

static bool first_is_dead(void *user, size_t slot)
{
	(void)user;
	return slot == 0;
}

static struct outlook outlook(int64_t now_ms)
{
	return supervisor_outlook(&leash, none_is_dead, NULL, now_ms);
}

static bool ends(int64_t alone_ms, int64_t now_ms)
{
	struct outlook o = outlook(now_ms);

	return supervisor_ends(&leash, &o, alone_ms, now_ms);
}

static uint64_t waits_ms(int64_t alone_ms, int64_t now_ms)
{
	struct outlook o = outlook(now_ms);

	return supervisor_waits_ms(&o, alone_ms);
}

static void it_lives_as_long_as_its_worker(void **state)
{
	(void)state;
	assert_false(ends(0, ACKED_MS + 1000000));
	leash_hold(&leash, "/run/e.sock", "hm-a.1-1", 0);
	assert_false(ends(0, ACKED_MS + 1000000));
}

static void without_the_worker_it_ends_when_nothing_is_left_to_kill(void **state)
{
	struct outlook o;

	(void)state;
	assert_true(ends(DEAD_MS, DEAD_MS));
	leash_hold(&leash, "/run/e.sock", "hm-a.1-1", 0);
	assert_false(ends(DEAD_MS, DEAD_MS));
	o = supervisor_outlook(&leash, first_is_dead, NULL, KILL_MS + 1);
	assert_true(supervisor_ends(&leash, &o, DEAD_MS, KILL_MS + 1));
	assert_false(ends(DEAD_MS, KILL_MS + SUPERVISOR_PATIENCE_MS - 1));
	assert_true(ends(DEAD_MS, KILL_MS + SUPERVISOR_PATIENCE_MS));
}

static void a_later_worker_relieves_it(void **state)
{
	struct leash later;
	struct error err = {0};

	(void)state;
	leash_hold(&leash, "/run/e.sock", "hm-a.1-1", 0);
	assert_false(ends(DEAD_MS, DEAD_MS));
	assert_int_equal(leash_open(&later, dir, &err), 0);
	assert_true(ends(DEAD_MS, DEAD_MS));
	assert_true(ends(0, DEAD_MS));
	leash_close(&later);
}

static void it_looks_when_a_stage_begins(void **state)
{
	(void)state;
	assert_int_equal(waits_ms(0, ACKED_MS + 6900), SUPERVISOR_LOOK_MS); /* of nothing */
	leash_hold(&leash, "/run/e.sock", "hm-a.1-1", 0);
	assert_int_equal(waits_ms(0, ACKED_MS), SUPERVISOR_LOOK_MS);
	assert_int_equal(waits_ms(0, ACKED_MS + 6900), 100 + LAG);
	assert_false(outlook(ACKED_MS + 7000 + LAG - 1).due);
	assert_true(outlook(ACKED_MS + 7000 + LAG).due);
	assert_int_equal(waits_ms(0, ACKED_MS + 7000 + LAG), SUPERVISOR_HURRY_MS);
	assert_int_equal(waits_ms(ACKED_MS, ACKED_MS), SUPERVISOR_HURRY_MS);
}

static void what_the_pool_waits_for_has_longer(void **state)
{
	(void)state;
	leash_hold(&leash, "/run/e.sock", "hm-a.1-1", 30000);
	assert_false(outlook(ACKED_MS + 36999 + LAG).due);
	assert_true(outlook(ACKED_MS + 37000 + LAG).due);
	assert_int_equal(outlook(ACKED_MS).last_ms, KILL_MS + 30000);
	assert_false(ends(DEAD_MS, KILL_MS + 30000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(it_lives_as_long_as_its_worker),
		CASE(without_the_worker_it_ends_when_nothing_is_left_to_kill),
		CASE(a_later_worker_relieves_it),
		CASE(it_looks_when_a_stage_begins),
		CASE(what_the_pool_waits_for_has_longer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
