/* test/store/store_account.c - accounts and whose worker it is. */
#include "test/store/asking.h"

#define BOB "0000000000000002"

static void register_(const char *id, const char *name, const char *call_id)
{
	const struct registration r = {
		.id = id, .name = name, .password = "$y$hash", .now_ms = NOW, .call_id = call_id};

	store_register(real.store, ask_(), &r);
}

static void an_account_is_found_by_its_name(void **state)
{
	(void)state;
	register_(ALICE, "alice", "c");
	ok();
	assert_string_equal(a.req.account->id, ALICE);
	assert_int_equal(a.req.account->created_ms, NOW);
	store_account_by_name(real.store, ask_(), "alice");
	ok();
	assert_string_equal(a.req.account->id, ALICE);
	assert_string_equal(a.req.account->name, "alice");
	assert_string_equal(a.req.password, "$y$hash");
	store_account_by_name(real.store, ask_(), "bob");
	refused(STATUS_NOT_FOUND);
}

static void a_name_is_given_once(void **state)
{
	(void)state;
	register_(ALICE, "alice", "c");
	ok();
	register_(BOB, "alice", "d");
	refused(STATUS_ALREADY_EXISTS);
	register_(BOB, "alice", "");
	refused(STATUS_ALREADY_EXISTS);
	register_(ALICE, "bob", "");
	refused(STATUS_ABORTED);
}

static void a_registration_made_twice_gives_the_first_answer(void **state)
{
	(void)state;
	register_(ALICE, "alice", "c");
	ok();
	assert_false(a.req.duplicate);
	register_(BOB, "alice", "c");
	ok();
	assert_true(a.req.duplicate);
	assert_string_equal(a.req.account->id, ALICE);
	assert_string_equal(a.req.password, "$y$hash");
	register_(BOB, "bob", "c");
	refused(STATUS_ABORTED);
}

static void a_worker_stays_with_the_account_that_brought_it(void **state)
{
	Pb__Host host = PB__HOST__INIT;

	(void)state;
	host.name = (char *)"box";
	store_worker_join(real.store, ask_(), WORKER, ALICE, "box", &host, NOW);
	ok();
	assert_int_equal(command("SCARD workers"), 1);
	store_worker_join(real.store, ask_(), WORKER, BOB, "box", &host, NOW);
	refused(STATUS_PERMISSION_DENIED);
	store_worker_leave(real.store, ask_(), WORKER, NOW + 1);
	ok();
	assert_int_equal(command("SCARD workers"), 0);
	store_worker_leave(real.store, ask_(), WORKER, NOW + 2);
	ok();
	store_worker_join(real.store, ask_(), WORKER, BOB, "box", &host, NOW);
	refused(STATUS_PERMISSION_DENIED);
	store_worker_join(real.store, ask_(), WORKER, ALICE, "box", &host, NOW + 3);
	ok();
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, start, end)
	const struct CMUnitTest tests[] = {
		T(an_account_is_found_by_its_name),
		T(a_name_is_given_once),
		T(a_registration_made_twice_gives_the_first_answer),
		T(a_worker_stays_with_the_account_that_brought_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
