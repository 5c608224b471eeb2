/* test/store/ledger_guard.c - a ledger that was rolled back or changed behind our back is noticed. */
#include "test/store/asking.h"

#include "store/ledger_guard.h"

#define BOB "0000000000000002"

static struct guarded {
	struct ledger_guard *guard;
	bool checked, audited, violated, closed;
	struct error error;
	char what[400];
	uint64_t records;
} g;

static void on_checked(struct ledger_guard *guard, const struct error *err, void *user)
{
	(void)guard, (void)user;
	g.checked = true;
	g.error = *err;
}

static void on_violation(struct ledger_guard *guard, const char *what, void *user)
{
	(void)guard, (void)user;
	g.violated = true;
	text_copy(g.what, sizeof(g.what), what);
}

static void on_audited(struct ledger_guard *guard, uint64_t records, uint64_t accounts, void *user)
{
	(void)guard, (void)user, (void)accounts;
	g.audited = true;
	g.records = records;
}

static const char *mark_path(void)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/ledger.mark", real.dir);
	return path;
}

static int open_with(bool accept)
{
	static const struct ledger_guard_events events = {on_checked, on_violation, on_audited, NULL};
	struct error err = {0};

	g = (struct guarded){0};
	g.guard = ledger_guard_open(&real.loop, real.store, mark_path(), accept, &events, &err);
	g.error = err;
	if (g.guard == NULL)
		return err.status;
	ledger_guard_check(g.guard);
	run_until(&real.loop, &g.checked);
	return g.error.status;
}

static void close_it(void)
{
	ledger_guard_close(g.guard, real_set, &g.closed);
	run_until(&real.loop, &g.closed);
}

static void join(const char *id, const char *name)
{
	const struct registration r = {
	    .id = id, .name = name, .password = "x", .now_ms = NOW, .call_id = "", .gift_mcpt = CPT_GIFT};

	store_register(real.store, ask_(), &r);
	ok();
}

/* Alice and Bob, and so many transfers. */
static void some_money(int transfers)
{
	join(ALICE, "alice");
	join(BOB, "bob");
	for (int i = 0; i < transfers; i++) {
		char call[16];

		snprintf(call, sizeof(call), "t%d", i);
		store_transfer(real.store, ask_(), ALICE, "bob", 7, call, NOW);
		ok();
	}
}

/* The file says this many records. */
static bool marked(unsigned long long seq)
{
	FILE *f = fopen(mark_path(), "r");
	unsigned long long is = 0;
	bool same;

	if (f == NULL)
		return false;
	same = fscanf(f, "%llu", &is) == 1 && is == seq;
	fclose(f);
	return same;
}

static void wait_for_mark(unsigned long long seq)
{
	int64_t deadline = clock_ms() + DEADLINE_MS;

	while (!marked(seq)) {
		assert_true(clock_ms() < deadline);
		uv_run(&real.loop.uv, UV_RUN_NOWAIT);
		usleep(1000);
	}
}

static void the_mark_follows_and_the_round_finds_nothing_wrong(void **state)
{
	(void)state;
	assert_int_equal(open_with(false), 0);
	run_until(&real.loop, &g.audited);
	assert_int_equal(g.records, 0);
	some_money(20);
	wait_for_mark(22);
	g.audited = false;
	ledger_guard_audit(g.guard);
	run_until(&real.loop, &g.audited);
	assert_int_equal(g.records, 22);
	assert_false(g.violated);
	close_it();
	assert_int_equal(open_with(false), 0);
	close_it();
}

static void a_round_beside_transfers_is_exact(void **state)
{
	(void)state;
	some_money(0);
	assert_int_equal(open_with(false), 0);
	for (int i = 0; i < 200; i++) {
		char call[16];

		snprintf(call, sizeof(call), "m%d", i);
		store_transfer(real.store, ask_(), i % 2 ? BOB : ALICE, i % 2 ? "alice" : "bob", 3, call,
		               NOW);
		ok();
	}
	run_until(&real.loop, &g.audited);
	assert_false(g.violated);
	close_it();
}

static void a_redis_that_is_older_is_refused_with_the_gap(void **state)
{
	(void)state;
	assert_int_equal(open_with(false), 0);
	some_money(5);
	wait_for_mark(7);
	close_it();
	command("FLUSHALL");
	some_money(1);
	assert_int_equal(open_with(false), STATUS_FAILED_PRECONDITION);
	assert_non_null(strstr(g.error.text, "Redis lost transfers 4..7"));
	assert_non_null(strstr(g.error.hint, "--accept-ledger-rollback"));
	close_it();
	assert_true(marked(7));
	assert_int_equal(open_with(true), 0);
	wait_for_mark(3);
	close_it();
	assert_int_equal(open_with(false), 0);
	run_until(&real.loop, &g.audited);
	close_it();
}

static void another_ledger_of_the_same_length_is_refused(void **state)
{
	(void)state;
	assert_int_equal(open_with(false), 0);
	some_money(1);
	wait_for_mark(3);
	close_it();
	command("FLUSHALL");
	some_money(0);
	store_transfer(real.store, ask_(), BOB, "alice", 9, "other", NOW);
	ok();
	assert_int_equal(open_with(false), STATUS_FAILED_PRECONDITION);
	assert_non_null(strstr(g.error.text, "not the one this pool has seen"));
	close_it();
}

static void a_broken_mark_is_refused(void **state)
{
	FILE *f = fopen(mark_path(), "w");

	(void)state;
	fputs("nonsense\n", f);
	fclose(f);
	assert_int_equal(open_with(false), STATUS_DATA_LOSS);
	assert_null(g.guard);
	assert_int_equal(open_with(true), 0);
	close_it();
}

/* What was done to Redis is found, money stands still, reading goes on. */
static void found(const char *words)
{
	run_until(&real.loop, &g.violated);
	if (strstr(g.what, words) == NULL)
		print_error("found: %s\n", g.what);
	assert_non_null(strstr(g.what, words));
	while (command("HEXISTS ledger:head frozen") != 1)
		uv_run(&real.loop.uv, UV_RUN_NOWAIT);
	store_transfer(real.store, ask_(), ALICE, "bob", 1, "after", NOW);
	refused(STATUS_FAILED_PRECONDITION);
	store_balance(real.store, ask_(), ALICE);
	ok();
	close_it();
}

static void a_balance_that_was_changed_is_found(void **state)
{
	(void)state;
	some_money(3);
	command("HINCRBY account:" ALICE " balance 1");
	assert_int_equal(open_with(false), 0);
	found("user:" ALICE " has 149.98 CPT, its transfers make 149.979");
}

static void a_record_that_was_changed_is_found(void **state)
{
	(void)state;
	some_money(3);
	command("XDEL ledger 3-0");
	assert_int_equal(open_with(false), 0);
	found("record 3 of the ledger was changed");
}

static void an_account_that_vanished_is_found(void **state)
{
	(void)state;
	some_money(3);
	command("LREM accounts 0 " BOB);
	assert_int_equal(open_with(false), 0);
	found("user:" BOB " is missing");
}

static void sums_that_are_not_the_supply_are_found_within_a_second(void **state)
{
	(void)state;
	some_money(3);
	assert_int_equal(open_with(false), 0);
	run_until(&real.loop, &g.audited);
	command("HINCRBY ledger:head users 1");
	found("do not add up");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, start, end)
	const struct CMUnitTest tests[] = {
	    T(the_mark_follows_and_the_round_finds_nothing_wrong),
	    T(a_round_beside_transfers_is_exact),
	    T(a_redis_that_is_older_is_refused_with_the_gap),
	    T(another_ledger_of_the_same_length_is_refused),
	    T(a_broken_mark_is_refused),
	    T(a_balance_that_was_changed_is_found),
	    T(a_record_that_was_changed_is_found),
	    T(an_account_that_vanished_is_found),
	    T(sums_that_are_not_the_supply_are_found_within_a_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
