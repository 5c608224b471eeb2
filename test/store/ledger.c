/* test/store/ledger.c - who pays when, as the store keeps it; statements, earnings, projects, gifts,
 * freezing. Random calls: ledger_model.c. */
#include "test/store/asking.h"

#include "store/books.h"
#include "store/ledger.h"

#define BOB "0000000000000002"
#define SUB "7kq2mm9c3v8w04ta"
#define TASK SUB ".1"
#define HOLD 20000

static int64_t join_with(const char *id, const char *name, int64_t gift, bool bound)
{
	const struct registration r = {.id = id,
	                               .name = name,
	                               .password = "x",
	                               .now_ms = NOW,
	                               .call_id = "",
	                               .gift_mcpt = gift,
	                               .gift_tasks_only = bound};

	store_register(real.store, ask_(), &r);
	ok();
	return a.req.amount;
}

static void worker_of(const char *account)
{
	Pb__Host host = PB__HOST__INIT;

	store_worker_join(real.store, ask_(), WORKER, account, "box", &host, NOW);
	ok();
}

static void submit_for(int64_t hold, int status)
{
	Pb__TaskSpec spec = PB__TASK_SPEC__INIT;
	const struct submission sub = {.id = SUB,
	                               .account = ALICE,
	                               .spec = &spec,
	                               .bundle_sha256 = BUNDLE,
	                               .bundle_size = 1000,
	                               .now_ms = NOW,
	                               .call_id = "s",
	                               .hold_mcpt = hold,
	                               .start_mcpt = 10,
	                               .rate_ncpt = 1666944};

	store_submit(real.store, ask_(), &sub);
	refused(status);
}

/* Alice has 150 CPT that pay for tasks only, Bob has a worker, and Alice's task holds 20 CPT. */
static int start_held(void **state)
{
	start(state);
	join_with(ALICE, "alice", CPT_GIFT, true);
	join_with(BOB, "bob", 0, true);
	worker_of(BOB);
	upload(ALICE, BUNDLE);
	submit_for(HOLD, 0);
	return 0;
}

static int start_running(void **state)
{
	start_held(state);
	assert_int_equal(lease(TASK, 0, WORKER), OUTCOME_DONE);
	return 0;
}

static int tick(int64_t due)
{
	const struct tick_item item = {TASK, 1, WORKER, due};

	store_tick(real.store, ask_(), &item, 1, NOW);
	ok();
	return a.req.outcomes[0];
}

static int ended(uint32_t epoch, int failure, int64_t charge)
{
	Pb__Done done = PB__DONE__INIT;
	const struct done_item item = {.worker = WORKER,
	                               .done = &done,
	                               .charge_mcpt = charge,
	                               .wall_ms = 6000000,
	                               .start_mcpt = 10,
	                               .rate_ncpt = 1666944};

	done.task = (char *)TASK;
	done.epoch = epoch;
	done.failure = failure;
	store_done(real.store, ask_(), &item, 1, NOW);
	ok();
	return a.req.outcomes[0];
}

static void has(const char *account, int64_t balance, int64_t grant, int64_t pending, int64_t held)
{
	store_balance(real.store, ask_(), account);
	ok();
	assert_int_equal(a.req.money->balance_mcpt, balance);
	assert_int_equal(a.req.money->grant_mcpt, grant);
	assert_int_equal(a.req.money->pending_mcpt, pending);
	assert_int_equal(a.req.money->held_mcpt, held);
}

static void a_gift_is_given_once_and_pays_for_tasks_only(void **state)
{
	(void)state;
	assert_int_equal(join_with(ALICE, "alice", CPT_GIFT, true), CPT_GIFT);
	join_with(BOB, "bob", 0, false);
	has(ALICE, 150000, 150000, 0, 0);
	store_transfer(real.store, ask_(), ALICE, "bob", 1, "t1", NOW);
	refused(STATUS_RESOURCE_EXHAUSTED);
	assert_non_null(strstr(a.req.error.text,
	                       "0.001 are missing (150 of the balance are a gift that pays for tasks only)"));
	assert_int_equal(join_with("0000000000000003", "carol", CPT_SUPPLY, false),
	                 0); /* the treasury has less */
	assert_int_equal(join_with("0000000000000004", "dave", CPT_SUPPLY - CPT_GIFT, false),
	                 CPT_SUPPLY - CPT_GIFT);
	assert_int_equal(join_with("0000000000000005", "eve", CPT_GIFT, false), 0);
	store_ledger_totals(real.store, ask_());
	ok();
	assert_int_equal(a.req.totals->treasury_mcpt, 0);
}

static void too_little_is_refused_and_the_missing_amount_named(void **state)
{
	(void)state;
	join_with(ALICE, "alice", CPT_GIFT, true);
	submit_for(152500, STATUS_RESOURCE_EXHAUSTED); /* before anything: not even the bundle is here */
	assert_string_equal(a.req.error.text,
	                    "this can cost up to 152.5 CPT and you have 150: 2.5 are missing");
	assert_int_equal(command("EXISTS submission:" SUB), 0);
	has(ALICE, 150000, 150000, 0, 0);
}

static void the_normal_end_pays_the_use_and_gives_the_rest_back(void **state)
{
	(void)state;
	has(ALICE, 130000, 130000, 0, HOLD);
	assert_int_equal(tick(4000), OUTCOME_DONE);
	assert_int_equal(tick(4000), OUTCOME_DONE);
	assert_int_equal(tick(3000), OUTCOME_DONE);
	has(BOB, 0, 0, 4000, 0);
	assert_int_equal(task(TASK)->paid_mcpt, 4000);
	assert_int_equal(task(TASK)->hold_mcpt, HOLD);
	assert_int_equal(task(TASK)->start_mcpt, 10);
	assert_int_equal(task(TASK)->rate_ncpt, 1666944);
	assert_int_equal(ended(1, 0, 10011), OUTCOME_DONE);
	assert_int_equal(ended(1, 0, 10011), OUTCOME_DONE);
	assert_int_equal(tick(20000), OUTCOME_FENCED);
	has(ALICE, 139989, 139989, 0, 0);
	has(BOB, 10011, 0, 0, 0);
	assert_int_equal(a.req.money->earned_mcpt, 10011);
	assert_int_equal(task(TASK)->charged_mcpt, 10011);
	store_transfer(real.store, ask_(), BOB, "alice", 10011, "back", NOW); /* earned money is ordinary */
	ok();
}

static void exit_1_oom_and_timeout_pay_the_use(void **state)
{
	(void)state;
	assert_int_equal(ended(1, FAILURE_OOM, 5000), OUTCOME_DONE);
	has(ALICE, 145000, 145000, 0, 0);
	has(BOB, 5000, 0, 0, 0);
}

static void a_charge_below_what_was_ticked_gives_the_difference_back(void **state)
{
	(void)state;
	assert_int_equal(tick(9000), OUTCOME_DONE);
	assert_int_equal(ended(1, 0, 2000), OUTCOME_DONE);
	has(ALICE, 148000, 148000, 0, 0);
	has(BOB, 2000, 0, 0, 0);
}

static void a_lost_worker_earns_nothing_for_that_attempt(void **state)
{
	(void)state;
	assert_int_equal(tick(9000), OUTCOME_DONE);
	assert_int_equal(requeue(TASK, 1, true), OUTCOME_DONE);
	has(BOB, 0, 0, 0, 0);
	has(ALICE, 130000, 130000, 0, HOLD);
	assert_int_equal(ended(1, 0, 9000), OUTCOME_FENCED); /* a late result of an old epoch */
	assert_int_equal(lease(TASK, 1, WORKER), OUTCOME_DONE);
	assert_int_equal(ended(2, 0, 8000), OUTCOME_DONE);
	has(BOB, 8000, 0, 0, 0);
	has(ALICE, 142000, 142000, 0, 0);
}

static void a_stop_by_the_owner_pays_until_the_attempt_has_ended(void **state)
{
	(void)state;
	assert_int_equal(tick(1000), OUTCOME_DONE);
	store_stop(real.store, ask_(), ALICE, TASK, "", NOW);
	ok();
	store_remove(real.store, ask_(), ALICE, TASK);
	refused(STATUS_FAILED_PRECONDITION);
	store_unsettled(real.store, ask_(), NOW + 1, 10);
	ok();
	assert_int_equal(a.req.task_count, 1);
	assert_int_equal(ended(1, 0, 1500), OUTCOME_DONE);
	assert_int_equal(task(TASK)->state, TASK_STOPPED);
	has(ALICE, 148500, 148500, 0, 0);
	has(BOB, 1500, 0, 0, 0);
	store_remove(real.store, ask_(), ALICE, TASK);
	ok();
}

static void a_stopped_task_whose_worker_never_comes_is_refunded(void **state)
{
	(void)state;
	assert_int_equal(tick(1000), OUTCOME_DONE);
	store_stop(real.store, ask_(), ALICE, TASK, "", NOW);
	ok();
	for (int i = 0; i < 2; i++) {
		store_refund(real.store, ask_(), TASK, NOW);
		ok();
		assert_int_equal(a.req.outcomes[0], OUTCOME_DONE);
		has(ALICE, 150000, 150000, 0, 0);
	}
	assert_int_equal(ended(1, 0, 1500), OUTCOME_DONE); /* what came late is attached and earns nothing */
	has(BOB, 0, 0, 0, 0);
}

static void a_stop_before_it_ran_gives_all_back(void **state)
{
	(void)state;
	store_stop(real.store, ask_(), ALICE, TASK, "", NOW);
	ok();
	has(ALICE, 150000, 150000, 0, 0);
}

static void the_hold_is_the_most_that_is_paid(void **state)
{
	(void)state;
	assert_int_equal(tick(HOLD - 1), OUTCOME_DONE);
	assert_int_equal(tick(HOLD), OUTCOME_SPENT);
	assert_int_equal(tick(INT64_MAX), OUTCOME_SPENT);
	assert_int_equal(ended(1, FAILURE_BUDGET, INT64_MAX), OUTCOME_DONE);
	has(ALICE, 130000, 130000, 0, 0);
	has(BOB, HOLD, 0, 0, 0);
}

static void an_image_error_costs_the_start_fee_at_most_and_given_up_nothing(void **state)
{
	(void)state;
	assert_int_equal(ended(1, FAILURE_IMAGE, 10), OUTCOME_DONE);
	has(ALICE, 149990, 149990, 0, 0);
	has(BOB, 10, 0, 0, 0);
}

static void nobody_pays_oneself(void **state)
{
	start_held(state);
	command("HSET worker:" WORKER " account " ALICE);
	assert_int_equal(lease(TASK, 0, WORKER), OUTCOME_DONE);
	assert_int_equal(tick(9000), OUTCOME_DONE);
	assert_int_equal(ended(1, 0, 9000), OUTCOME_DONE);
	has(ALICE, 150000, 150000, 0, 0);
}

static void a_statement_explains_every_unit(void **state)
{
	const struct statement_line *l;

	(void)state;
	assert_int_equal(tick(4000), OUTCOME_DONE);
	store_earnings(real.store, ask_(), BOB, 10, "");
	ok();
	assert_int_equal(a.req.count, 1);
	assert_string_equal(a.req.earnings[0].task, TASK);
	assert_int_equal(a.req.earnings[0].pending_mcpt, 4000);
	assert_int_equal(ended(1, 0, 10011), OUTCOME_DONE);
	store_statement(real.store, ask_(), ALICE, 10, 0, 0);
	ok();
	assert_int_equal(a.req.count, 3);
	l = &a.req.lines[0];
	assert_string_equal(l->kind, "settle");
	assert_string_equal(l->id, "settle:" TASK ":1");
	assert_string_equal(l->counterparty, "user:" BOB);
	assert_string_equal(l->name, "bob");
	assert_string_equal(l->task, TASK);
	assert_int_equal(l->epoch, 1);
	assert_int_equal(l->charge_mcpt, l->start_mcpt + l->wall_ms * l->rate_ncpt / 1000000000);
	assert_int_equal(l->amount_mcpt, HOLD - 10011);
	assert_string_equal(a.req.lines[1].kind, "hold");
	assert_int_equal(a.req.lines[1].amount_mcpt, -HOLD);
	assert_string_equal(a.req.lines[1].counterparty, "hold:" SUB);
	assert_string_equal(a.req.lines[2].kind, "grant");
	assert_string_equal(a.req.lines[2].counterparty, "treasury");
	store_statement(real.store, ask_(), ALICE, 2, 0, 0);
	ok();
	assert_int_equal(a.req.next, 1);
	store_statement(real.store, ask_(), ALICE, 2, a.req.next, 0);
	ok();
	assert_int_equal(a.req.count, 1);
	assert_int_equal(a.req.next, 0);
	store_statement(real.store, ask_(), BOB, 10, 0, 0);
	ok();
	assert_int_equal(a.req.count, 1);
	assert_int_equal(a.req.lines[0].amount_mcpt, 10011);
	assert_string_equal(a.req.lines[0].name, "alice");
	store_statement(real.store, ask_(), BOB, 10, 0, NOW + 1);
	ok();
	assert_int_equal(a.req.count, 0);
}

static void a_project_is_made_tipped_claimed_and_emptied(void **state)
{
	(void)state;
	join_with(ALICE, "alice", CPT_GIFT, false);
	join_with(BOB, "bob", 0, false);
	store_tip(real.store, ask_(), ALICE, "libuv", 5000, "tip1", NOW);
	refused(STATUS_NOT_FOUND);
	store_project_create(real.store, ask_(), ALICE, "libuv", "https://libuv.org", NOW);
	ok();
	store_project_create(real.store, ask_(), BOB, "libuv", "https://example.org", NOW);
	refused(STATUS_ALREADY_EXISTS);
	store_tip(real.store, ask_(), ALICE, "libuv", 5000, "tip1", NOW);
	ok();
	store_tip(real.store, ask_(), ALICE, "libuv", 5000, "tip1", NOW);
	ok();
	assert_true(a.req.duplicate);
	store_project_withdraw(real.store, ask_(), BOB, "libuv", 1, "w0", NOW);
	refused(STATUS_PERMISSION_DENIED);
	store_project_claim(real.store, ask_(), BOB, "libuv", NOW);
	refused(STATUS_FAILED_PRECONDITION);
	store_project_token(real.store, ask_(), BOB, "libuv", "secret");
	ok();
	store_project_token(real.store, ask_(), BOB, "libuv", "another");
	ok();
	assert_string_equal(a.req.id, "secret");
	store_project_claim(real.store, ask_(), BOB, "libuv", NOW);
	ok();
	store_project_token(real.store, ask_(), ALICE, "libuv", "mine");
	refused(STATUS_ALREADY_EXISTS);
	store_project_withdraw(real.store, ask_(), BOB, "libuv", 1500, "w1", NOW);
	ok();
	store_projects(real.store, ask_(), 10, "");
	ok();
	assert_int_equal(a.req.count, 1);
	assert_string_equal(a.req.projects[0].owner, BOB);
	assert_int_equal(a.req.projects[0].balance_mcpt, 3500);
	has(BOB, 1500, 0, 0, 0);
	store_statement(real.store, ask_(), "project:libuv", 10, 0, 0);
	ok();
	assert_int_equal(a.req.count, 2);
	assert_int_equal(a.req.lines[1].amount_mcpt, 5000);
	assert_string_equal(a.req.lines[1].name, "alice");
}

static void frozen_money_stands_still_and_free_tasks_run(void **state)
{
	(void)state;
	store_ledger_freeze(real.store, ask_(), "an operator looks");
	ok();
	store_ledger_freeze(real.store, ask_(), "another reason");
	ok();
	store_transfer(real.store, ask_(), ALICE, "bob", 1, "t1", NOW);
	refused(STATUS_RESOURCE_EXHAUSTED); /* the nearer reason first */
	store_stop(real.store, ask_(), ALICE, TASK, "", NOW);
	refused(STATUS_FAILED_PRECONDITION);
	assert_string_equal(a.req.error.text, "the ledger is frozen: an operator looks");
	assert_int_equal(task(TASK)->state, TASK_PENDING);
	submit("8000000000000000", "free");
	ok();
	assert_int_equal(lease("8000000000000000.1", 0, WORKER), OUTCOME_DONE);
	assert_int_equal(done_as("8000000000000000.1", 1, WORKER, 0, ""), OUTCOME_DONE);
	command("HINCRBY ledger:head users 1");
	store_ledger_unfreeze(real.store, ask_());
	refused(STATUS_FAILED_PRECONDITION);
	command("HINCRBY ledger:head users -1");
	store_ledger_unfreeze(real.store, ask_());
	ok();
	store_stop(real.store, ask_(), ALICE, TASK, "", NOW);
	ok();
}

static void wrong_sums_freeze_by_themselves(void **state)
{
	(void)state;
	command("HINCRBY ledger:head projects 1");
	assert_int_equal(command("HEXISTS ledger:head frozen"), 0);
	store_stop(real.store, ask_(), ALICE, TASK, "", NOW);
	refused(STATUS_FAILED_PRECONDITION);
	assert_int_equal(command("HEXISTS ledger:head frozen"), 1);
	store_ledger_totals(real.store, ask_());
	refused(STATUS_DATA_LOSS);
	assert_true(a.req.totals->frozen);
	assert_int_equal(task(TASK)->state, TASK_PENDING);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, start, end)
#define H(f) cmocka_unit_test_setup_teardown(f, start_held, end)
#define R(f) cmocka_unit_test_setup_teardown(f, start_running, end)
	const struct CMUnitTest tests[] = {
	    T(a_gift_is_given_once_and_pays_for_tasks_only),
	    T(too_little_is_refused_and_the_missing_amount_named),
	    R(the_normal_end_pays_the_use_and_gives_the_rest_back),
	    R(exit_1_oom_and_timeout_pay_the_use),
	    R(a_charge_below_what_was_ticked_gives_the_difference_back),
	    R(a_lost_worker_earns_nothing_for_that_attempt),
	    R(a_stop_by_the_owner_pays_until_the_attempt_has_ended),
	    R(a_stopped_task_whose_worker_never_comes_is_refunded),
	    H(a_stop_before_it_ran_gives_all_back),
	    R(the_hold_is_the_most_that_is_paid),
	    R(an_image_error_costs_the_start_fee_at_most_and_given_up_nothing),
	    cmocka_unit_test_teardown(nobody_pays_oneself, end),
	    R(a_statement_explains_every_unit),
	    T(a_project_is_made_tipped_claimed_and_emptied),
	    H(frozen_money_stands_still_and_free_tasks_run),
	    H(wrong_sums_freeze_by_themselves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
