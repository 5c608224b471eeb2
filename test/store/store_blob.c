/* test/store/store_blob.c - who may name a blob, and when nobody does any more. */
#include "test/store/asking.h"

#define BOB "0000000000000002"
#define DAY_MS (24ll * 3600 * 1000)

static uint64_t unused(int64_t before_ms)
{
	store_unused_blobs(real.store, ask_(), before_ms, 10);
	ok();
	return a.req.number;
}

static void add(const char *account, int64_t now_ms)
{
	store_blob_add(real.store, ask_(), account, BUNDLE, 1000, now_ms);
	ok();
}

static void find(const char *account, int status)
{
	store_blob_find(real.store, ask_(), account, BUNDLE);
	refused(status);
}

static void only_who_brought_a_blob_may_name_it(void **state)
{
	(void)state;
	find(ALICE, STATUS_NOT_FOUND);
	add(ALICE, clock_wall_ms());
	find(ALICE, 0);
	assert_int_equal(a.req.number, 1000);
	find(BOB, STATUS_NOT_FOUND);
	add(BOB, clock_wall_ms());
	find(BOB, 0);
}

static void the_right_ends_after_a_day_but_not_while_a_submission_names_it(void **state)
{
	(void)state;
	add(ALICE, clock_wall_ms() - DAY_MS - 1000);
	find(ALICE, STATUS_NOT_FOUND);
	add(ALICE, clock_wall_ms() - DAY_MS + 600000);
	find(ALICE, 0);
	submit("7kq2mm9c3v8w04ta", "c");
	ok();
	assert_int_equal(command("ZADD uploads:" ALICE " 1 " BUNDLE), 0);
	find(ALICE, 0);
	store_stop(real.store, ask_(), ALICE, "7kq2mm9c3v8w04ta.1", "", NOW);
	ok();
	store_remove(real.store, ask_(), ALICE, "7kq2mm9c3v8w04ta.1");
	ok();
	find(ALICE, STATUS_NOT_FOUND);
}

static void a_blob_is_unused_only_when_nobody_names_it(void **state)
{
	int64_t now = clock_wall_ms();

	(void)state;
	add(ALICE, now);
	submit("7kq2mm9c3v8w04ta", "c");
	ok();
	submit("7kq3mm9c3v8w04ta", "d");
	ok();
	assert_int_equal(unused(now + 1), 0);
	for (int i = 0; i < 2; i++) {
		char id[] = "7kq2mm9c3v8w04ta.1";

		id[3] = (char)('2' + i);
		assert_int_equal(unused(now + 1), 0);
		store_stop(real.store, ask_(), ALICE, id, "", NOW);
		ok();
		store_remove(real.store, ask_(), ALICE, id);
		ok();
	}
	assert_int_equal(unused(now), 0);
	assert_int_equal(unused(now + 1), 1);
	assert_string_equal(store_blob_id(&a.req, 0), BUNDLE);
	assert_int_equal(unused(now + 1), 0);
	find(ALICE, STATUS_NOT_FOUND);
}

static void a_blob_that_comes_again_is_young_again(void **state)
{
	int64_t now = clock_wall_ms();

	(void)state;
	add(ALICE, now - DAY_MS);
	add(BOB, now);
	assert_int_equal(unused(now), 0);
	assert_int_equal(command("ZCARD unused"), 1);
}

static void files_that_redis_does_not_know_are_found(void **state)
{
	const char *const names[] = {BUNDLE, RESULT};

	(void)state;
	add(ALICE, NOW);
	store_blobs_known(real.store, ask_(), names, 2);
	ok();
	assert_int_equal(a.req.outcomes[0], OUTCOME_DONE);
	assert_int_equal(a.req.outcomes[1], OUTCOME_GONE);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, start, end)
	const struct CMUnitTest tests[] = {
		T(only_who_brought_a_blob_may_name_it),
		T(the_right_ends_after_a_day_but_not_while_a_submission_names_it),
		T(a_blob_is_unused_only_when_nobody_names_it),
		T(a_blob_that_comes_again_is_young_again),
		T(files_that_redis_does_not_know_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
