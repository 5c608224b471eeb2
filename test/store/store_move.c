/* test/store/store_move.c - every move of a task, legal and illegal, made twice, fenced, and in batches. */
#include "test/store/asking.h"

#define TASK "7kq2mm9c3v8w04ta.1"
#define OTHER_WORKER "bbbbbbbbbbbbbbbb"
#define OTHER_RESULT "0000000000000000000000000000000000000000000000000000000000000001"

/* A task that waits. */
static void pending(void)
{
	upload(ALICE, BUNDLE);
	submit("7kq2mm9c3v8w04ta", "call-1");
	ok();
}

/* A task that runs on WORKER, epoch 1. */
static void running(void)
{
	pending();
	assert_int_equal(lease(TASK, 0, WORKER), OUTCOME_DONE);
}

static void stop(const char *account, int status)
{
	store_stop(real.store, ask_(), account, TASK, "stopped by its owner", NOW + 60);
	refused(status);
}

static int fail_(int failure)
{
	store_fail(real.store, ask_(), TASK, failure, "no good", NOW + 5);
	ok();
	return a.req.outcomes[0];
}

static void a_task_lives_from_submit_to_remove(void **state)
{
	Pb__Task *t;

	(void)state;
	upload(ALICE, BUNDLE);
	submit("7kq2mm9c3v8w04ta", "call-1");
	ok();
	assert_string_equal(a.req.id, "7kq2mm9c3v8w04ta");
	assert_false(a.req.duplicate);
	t = task("7kq2mm9c3v8w04ta.1");
	assert_int_equal(t->state, TASK_PENDING);
	assert_int_equal(t->phase, PHASE_QUEUED);
	assert_string_equal(t->spec->command[0], "true");
	assert_int_equal(t->bundle_size, 1000);

	assert_int_equal(lease("7kq2mm9c3v8w04ta.1", 0, WORKER), OUTCOME_DONE);
	assert_int_equal(phase("7kq2mm9c3v8w04ta.1", 1, PHASE_EXECUTING), OUTCOME_DONE);
	upload(ALICE, RESULT);
	assert_int_equal(done_as("7kq2mm9c3v8w04ta.1", 1, WORKER, 0, RESULT), OUTCOME_DONE);
	t = task("7kq2");
	assert_int_equal(t->state, TASK_COMPLETED);
	assert_int_equal(t->phase, PHASE_ENDED);
	assert_int_equal(t->epoch, 1);
	assert_string_equal(t->worker, WORKER);
	assert_string_equal(t->worker_name, "box");
	assert_string_equal(t->result_sha256, RESULT);
	assert_int_equal(t->usage->cpu_us, 42);
	assert_int_equal(t->started_ms, NOW + 40);
	assert_int_equal(t->exited_ms, NOW + 70);
	assert_int_equal(t->keep_until_ms, NOW + 80 + 60000);
	assert_int_equal(t->log_size, 123);
	assert_true(t->has_exit_code);

	store_live(real.store, ask_(), 0);
	ok();
	assert_int_equal(a.req.task_count, 0);
	store_counters(real.store, ask_());
	ok();
	assert_int_equal(a.req.number, 1);
	store_expired(real.store, ask_(), NOW + 80 + 60000, 10);
	ok();
	assert_int_equal(a.req.task_count, 1);
	assert_string_equal(a.req.tasks[0]->id, "7kq2mm9c3v8w04ta.1");
	store_remove(real.store, ask_(), ALICE, "7kq2mm9c3v8w04ta.1");
	ok();
	store_task(real.store, ask_(), ALICE, "7kq2");
	refused(STATUS_NOT_FOUND);
	store_unused_blobs(real.store, ask_(), clock_wall_ms() + 1, 10);
	ok();
	assert_int_equal(a.req.number, 2);
}

static void a_lease_made_twice_is_one_lease(void **state)
{
	(void)state;
	pending();
	assert_int_equal(lease(TASK, 0, WORKER), OUTCOME_DONE);
	assert_int_equal(lease(TASK, 0, WORKER), OUTCOME_DONE);
	assert_int_equal(task(TASK)->epoch, 1);
	assert_int_equal(command("ZCARD queue"), 0);
	assert_int_equal(command("SCARD leases:" WORKER), 1);
}

static void a_lease_of_another_worker_or_epoch_is_fenced(void **state)
{
	(void)state;
	pending();
	assert_int_equal(lease(TASK, 1, WORKER), OUTCOME_FENCED);
	assert_int_equal(lease("7kq2mm9c3v8w04ta.2", 0, WORKER), OUTCOME_GONE);
	assert_int_equal(lease(TASK, 0, WORKER), OUTCOME_DONE);
	assert_int_equal(lease(TASK, 0, OTHER_WORKER), OUTCOME_FENCED);
	assert_int_equal(lease(TASK, 1, OTHER_WORKER), OUTCOME_FENCED);
	assert_string_equal(task(TASK)->worker, WORKER);
}

static void phases_go_forward_only(void **state)
{
	(void)state;
	pending();
	assert_int_equal(phase(TASK, 0, PHASE_STAGING), OUTCOME_FENCED);
	assert_int_equal(lease(TASK, 0, WORKER), OUTCOME_DONE);
	assert_int_equal(phase(TASK, 1, PHASE_EXECUTING), OUTCOME_DONE);
	assert_int_equal(phase(TASK, 1, PHASE_STAGING), OUTCOME_DONE);
	assert_int_equal(task(TASK)->phase, PHASE_EXECUTING);
	assert_int_equal(phase(TASK, 2, PHASE_COLLECTING), OUTCOME_FENCED);
	assert_int_equal(phase(TASK, 1, PHASE_ENDED), OUTCOME_FENCED);
	assert_int_equal(phase(TASK, 1, PHASE_QUEUED), OUTCOME_FENCED);
	assert_int_equal(phase("7kq2mm9c3v8w04ta.2", 1, PHASE_STAGING), OUTCOME_GONE);
}

static void done_twice_is_done_once(void **state)
{
	(void)state;
	running();
	upload(ALICE, RESULT);
	for (int i = 0; i < 3; i++)
		assert_int_equal(done_as(TASK, 1, WORKER, FAILURE_USER_EXIT, RESULT), OUTCOME_DONE);
	assert_int_equal(task(TASK)->state, TASK_FAILED);
	assert_int_equal(task(TASK)->failure, FAILURE_USER_EXIT);
	assert_string_equal(task(TASK)->reason, "exit 3");
	assert_int_equal(task(TASK)->exit_code, 3);
	store_counters(real.store, ask_());
	ok();
	assert_int_equal(a.req.number, 1);
	assert_int_equal(command("HINCRBY blob:" RESULT " refs 0"), 1);
}

static void done_of_another_epoch_worker_or_content_is_fenced(void **state)
{
	(void)state;
	running();
	upload(ALICE, RESULT);
	upload(ALICE, OTHER_RESULT);
	assert_int_equal(done_as(TASK, 0, WORKER, 0, RESULT), OUTCOME_FENCED);
	assert_int_equal(done_as(TASK, 2, WORKER, 0, RESULT), OUTCOME_FENCED);
	assert_int_equal(done_as(TASK, 1, OTHER_WORKER, 0, RESULT), OUTCOME_FENCED);
	assert_int_equal(done_as("7kq2mm9c3v8w04ta.2", 1, WORKER, 0, RESULT), OUTCOME_GONE);
	assert_int_equal(task(TASK)->state, TASK_RUNNING);
	assert_int_equal(done_as(TASK, 1, WORKER, 0, RESULT), OUTCOME_DONE);
	assert_int_equal(done_as(TASK, 1, WORKER, 0, OTHER_RESULT), OUTCOME_CONFLICT);
	assert_int_equal(done_as(TASK, 1, WORKER, FAILURE_OOM, RESULT), OUTCOME_CONFLICT);
	assert_string_equal(task(TASK)->result_sha256, RESULT);
}

static void done_with_a_result_that_is_not_here_changes_nothing(void **state)
{
	(void)state;
	running();
	assert_int_equal(done_as(TASK, 1, WORKER, 0, RESULT), OUTCOME_MISSING);
	assert_int_equal(task(TASK)->state, TASK_RUNNING);
	upload(ALICE, RESULT);
	assert_int_equal(done_as(TASK, 1, WORKER, 0, RESULT), OUTCOME_DONE);
}

static void a_stopped_task_stays_stopped_and_gets_what_comes_late(void **state)
{
	Pb__Task *t;

	(void)state;
	running();
	upload(ALICE, RESULT);
	stop("0000000000000002", STATUS_NOT_FOUND);
	stop(ALICE, 0);
	assert_int_equal(a.req.tasks[0]->state, TASK_STOPPED);
	stop(ALICE, 0);
	assert_int_equal(done_as(TASK, 1, OTHER_WORKER, 0, RESULT), OUTCOME_FENCED);
	assert_int_equal(done_as(TASK, 1, WORKER, FAILURE_USER_EXIT, RESULT), OUTCOME_DONE);
	assert_int_equal(done_as(TASK, 1, WORKER, FAILURE_USER_EXIT, RESULT), OUTCOME_DONE);
	t = task(TASK);
	assert_int_equal(t->state, TASK_STOPPED);
	assert_int_equal(t->failure, FAILURE_NONE);
	assert_string_equal(t->reason, "stopped by its owner");
	assert_string_equal(t->result_sha256, RESULT);
	assert_int_equal(t->usage->cpu_us, 42);
	assert_int_equal(t->ended_ms, NOW + 60);
	assert_int_equal(requeue(TASK, 1, true), OUTCOME_FENCED);
	assert_int_equal(command("SCARD leases:" WORKER), 0);
}

static void stopping_what_has_ended_changes_nothing(void **state)
{
	(void)state;
	running();
	assert_int_equal(done_as(TASK, 1, WORKER, 0, ""), OUTCOME_DONE);
	stop(ALICE, 0);
	assert_int_equal(a.req.tasks[0]->state, TASK_COMPLETED);
}

static void a_lost_attempt_goes_back_to_its_old_place(void **state)
{
	(void)state;
	running();
	submit("8000000000000000", "call-2");
	ok();
	assert_int_equal(requeue(TASK, 0, true), OUTCOME_FENCED);
	assert_int_equal(requeue(TASK, 1, true), OUTCOME_DONE);
	assert_int_equal(requeue(TASK, 1, true), OUTCOME_DONE);
	assert_int_equal(requeue("7kq2mm9c3v8w04ta.2", 1, true), OUTCOME_GONE);
	assert_int_equal(command("ZRANK queue " TASK), 0);
	assert_int_equal(task(TASK)->losses, 1);
	assert_int_equal(task(TASK)->state, TASK_PENDING);
	assert_string_equal(task(TASK)->reason, "worker lost");
	assert_int_equal(done_as(TASK, 1, WORKER, 0, ""), OUTCOME_FENCED);
	assert_int_equal(lease(TASK, 0, WORKER), OUTCOME_FENCED);
	assert_int_equal(lease(TASK, 1, OTHER_WORKER), OUTCOME_DONE);
	assert_int_equal(task(TASK)->epoch, 2);
	assert_string_equal(task(TASK)->reason, "");
	assert_int_equal(done_as(TASK, 1, WORKER, 0, ""), OUTCOME_FENCED);
}

static int lose(uint32_t epoch, enum loss loss, int most, int most_one_owner)
{
	const struct requeue_item item = {TASK, epoch, "worker lost", loss, most, most_one_owner};

	store_requeue(real.store, ask_(), &item, 1, NOW + 50);
	ok();
	return a.req.outcomes[0];
}

static void join(const char *worker, const char *account)
{
	static const Pb__Host host = PB__HOST__INIT;

	store_worker_join(real.store, ask_(), worker, account, worker, &host, NOW);
	ok();
}

/* The next attempt, on this worker, up to this phase. */
static void begin(uint32_t epoch, const char *worker, int to)
{
	assert_int_equal(lease(TASK, epoch - 1, worker), OUTCOME_DONE);
	if (to > PHASE_ASSIGNED)
		assert_int_equal(phase(TASK, epoch, to), OUTCOME_DONE);
}

static void a_task_that_loses_too_many_workers_fails(void **state)
{
	(void)state;
	pending();
	begin(1, WORKER, PHASE_EXECUTING);
	assert_int_equal(lose(1, LOSS_OF_WORKER, 2, 2), OUTCOME_DONE);
	begin(2, WORKER, PHASE_EXECUTING);
	assert_int_equal(lose(2, LOSS_NONE, 2, 2), OUTCOME_DONE); /* given back: counts for nothing */
	begin(3, WORKER, PHASE_EXECUTING);
	assert_int_equal(lose(3, LOSS_REPORTED, 2, 2), OUTCOME_DONE);
	begin(4, WORKER, PHASE_EXECUTING);
	assert_int_equal(lose(4, LOSS_OF_WORKER, 2, 2), OUTCOME_FAILED);
	assert_int_equal(lose(4, LOSS_OF_WORKER, 2, 2), OUTCOME_FAILED);
	assert_int_equal(task(TASK)->state, TASK_FAILED);
	assert_int_equal(task(TASK)->failure, FAILURE_INFRA);
	assert_int_equal(task(TASK)->losses, 3);
	assert_non_null(strstr(task(TASK)->reason, "worker lost (3 attempts lost"));
	assert_int_equal(command("ZCARD live"), 0);
}

static void losses_by_one_owners_workers_count_less(void **state)
{
	uint32_t epoch = 1;

	(void)state;
	join(WORKER, ALICE);
	join(OTHER_WORKER, ALICE);
	pending();
	for (; epoch <= 4; epoch++) {
		begin(epoch, epoch % 2 ? WORKER : OTHER_WORKER, PHASE_EXECUTING);
		assert_int_equal(lose(epoch, LOSS_OF_WORKER, 1, 4), OUTCOME_DONE);
	}
	assert_string_equal(task(TASK)->lost_by, WORKER ":" ALICE ":r " OTHER_WORKER ":" ALICE ":r");
	begin(epoch, WORKER, PHASE_EXECUTING);
	assert_int_equal(lose(epoch, LOSS_OF_WORKER, 1, 4), OUTCOME_FAILED);
}

static void a_task_that_took_workers_of_two_owners_down_is_quarantined(void **state)
{
	(void)state;
	join(WORKER, ALICE);
	join(OTHER_WORKER, "0000000000000002");
	pending();
	begin(1, WORKER, PHASE_STAGING);
	assert_int_equal(lose(1, LOSS_OF_WORKER, 5, 20), OUTCOME_DONE);
	begin(2, OTHER_WORKER, PHASE_EXECUTING);
	assert_int_equal(lose(2, LOSS_OF_WORKER, 5, 20), OUTCOME_FAILED);
	assert_int_equal(lose(2, LOSS_OF_WORKER, 5, 20), OUTCOME_FAILED);
	assert_int_equal(task(TASK)->failure, FAILURE_INFRA);
	assert_string_equal(task(TASK)->reason, "quarantined: workers of 2 owners (" WORKER ", " OTHER_WORKER
						") were lost while they had it; it is not tried again");
}

static void what_the_task_cannot_have_done_quarantines_nothing(void **state)
{
	(void)state;
	join(WORKER, ALICE);
	join(OTHER_WORKER, "0000000000000002");
	join("cccccccccccccccc", "0000000000000003");
	pending();
	begin(1, WORKER, PHASE_ASSIGNED); /* it had not begun */
	assert_int_equal(lose(1, LOSS_OF_WORKER, 5, 20), OUTCOME_DONE);
	begin(2, OTHER_WORKER, PHASE_EXECUTING); /* its worker lives and says so */
	assert_int_equal(lose(2, LOSS_REPORTED, 5, 20), OUTCOME_DONE);
	begin(3, "cccccccccccccccc", PHASE_EXECUTING); /* its worker comes back with it */
	assert_int_equal(lose(3, LOSS_OF_WORKER, 5, 20), OUTCOME_DONE);
	store_returned(real.store, ask_(), TASK, "cccccccccccccccc");
	ok();
	begin(4, WORKER, PHASE_EXECUTING);
	assert_int_equal(lose(4, LOSS_OF_WORKER, 5, 20), OUTCOME_DONE);
	assert_int_equal(task(TASK)->losses, 4);
	begin(5, "cccccccccccccccc", PHASE_EXECUTING);
	assert_int_equal(lose(5, LOSS_OF_WORKER, 5, 20), OUTCOME_FAILED);
}

static void only_the_latest_workers_are_remembered(void **state)
{
	(void)state;
	pending();
	for (uint32_t i = 1; i <= LOST_BY_MAX + 3; i++) {
		char worker[ID_SIZE];

		snprintf(worker, sizeof worker, "%016u", i);
		join(worker, ALICE);
		begin(i, worker, PHASE_EXECUTING);
		assert_int_equal(lose(i, LOSS_OF_WORKER, 50, 50), OUTCOME_DONE);
	}
	assert_memory_equal(task(TASK)->lost_by, "0000000000000004:", 17);
	assert_int_equal(strlen(task(TASK)->lost_by), LOST_BY_MAX * 36 - 1);
}

/* Ends with exit status 75, which `again` more attempts may follow. */
static int exits(uint32_t epoch, const char *result, uint32_t again)
{
	Pb__Done done = PB__DONE__INIT;
	const struct done_item item = {.worker = WORKER, .done = &done, .exited_ms = NOW, .again = again};

	done.task = (char *)TASK;
	done.epoch = epoch;
	done.failure = PB__TASK_FAILURE__USER_EXIT;
	done.has_exit_code = true;
	done.exit_code = 75;
	done.result_sha256 = (char *)result;
	done.reason = (char *)"exit 75";
	store_done(real.store, ask_(), &item, 1, NOW + 80);
	ok();
	return a.req.outcomes[0];
}

static void an_exit_status_that_is_tried_again_puts_the_task_back(void **state)
{
	(void)state;
	pending();
	for (uint32_t epoch = 1; epoch <= 2; epoch++) {
		begin(epoch, WORKER, PHASE_EXECUTING);
		assert_int_equal(exits(epoch, "", 2), OUTCOME_AGAIN);
		assert_int_equal(exits(epoch, "", 2), OUTCOME_AGAIN);
		assert_int_equal(exits(epoch, RESULT, 2), OUTCOME_CONFLICT);
		assert_int_equal(task(TASK)->state, TASK_PENDING);
		assert_int_equal(task(TASK)->exits, epoch);
		assert_int_equal(command("ZCARD queue"), 1);
		assert_int_equal(command("SCARD leases:" WORKER), 0);
	}
	begin(3, WORKER, PHASE_EXECUTING);
	assert_int_equal(exits(2, "", 2), OUTCOME_FENCED);
	assert_int_equal(exits(3, "", 2), OUTCOME_DONE);
	assert_int_equal(task(TASK)->failure, FAILURE_USER_EXIT);
	assert_int_equal(task(TASK)->losses, 0);
}

static void the_pool_fails_only_what_waits(void **state)
{
	(void)state;
	running();
	assert_int_equal(fail_(FAILURE_INPUT), OUTCOME_FENCED);
	assert_int_equal(requeue(TASK, 1, false), OUTCOME_DONE);
	assert_int_equal(fail_(FAILURE_INPUT), OUTCOME_DONE);
	assert_int_equal(fail_(FAILURE_INPUT), OUTCOME_DONE);
	assert_int_equal(fail_(FAILURE_IMAGE), OUTCOME_FENCED);
	assert_int_equal(task(TASK)->failure, FAILURE_INPUT);
	assert_string_equal(task(TASK)->reason, "no good");
	store_fail(real.store, ask_(), "7kq2mm9c3v8w04ta.2", FAILURE_INPUT, "", NOW);
	ok();
	assert_int_equal(a.req.outcomes[0], OUTCOME_GONE);
}

static void only_an_ended_task_is_forgotten_and_only_by_its_owner(void **state)
{
	(void)state;
	running();
	store_remove(real.store, ask_(), ALICE, TASK);
	refused(STATUS_FAILED_PRECONDITION);
	stop("", 0);
	store_remove(real.store, ask_(), "0000000000000002", TASK);
	refused(STATUS_NOT_FOUND);
	store_remove(real.store, ask_(), "", TASK);
	ok();
	store_remove(real.store, ask_(), "", TASK);
	refused(STATUS_NOT_FOUND);
	assert_int_equal(
		command("EXISTS submission:7kq2mm9c3v8w04ta tasks:" ALICE " ids:" ALICE " keep named:" ALICE),
		0);
}

/* 128 tasks, 127 of them there, one named twice. */
static void a_batch_moves_each_of_its_items(void **state)
{
	static char ids[STORE_BATCH_MAX][TASK_ID_SIZE];
	struct lease_item leases[STORE_BATCH_MAX];
	struct phase_item phases[STORE_BATCH_MAX];
	struct requeue_item back[STORE_BATCH_MAX];
	int64_t begin;

	(void)state;
	upload(ALICE, BUNDLE);
	for (int i = 0; i < STORE_BATCH_MAX; i++) {
		char id[ID_SIZE], call[16];

		snprintf(id, sizeof(id), "%016d", 1000 + i);
		snprintf(call, sizeof(call), "c%d", i);
		snprintf(ids[i], sizeof(ids[i]), "%s.1", id);
		if (i != 5) {
			submit(id, call);
			ok();
		}
		leases[i] = (struct lease_item){ids[i == 127 ? 126 : i], 0, i == 127 ? OTHER_WORKER : WORKER,
						"box"};
		phases[i] = (struct phase_item){ids[i], 1, PHASE_STAGING, NOW};
		back[i] = (struct requeue_item){ids[i], 1, "lost", LOSS_OF_WORKER, LOSSES_MAX, LOSSES_MAX};
	}
	begin = clock_us();
	store_lease(real.store, ask_(), leases, STORE_BATCH_MAX, NOW);
	ok();
	print_message("a lease of 128: %d us\n", (int)(clock_us() - begin));
	for (int i = 0; i < STORE_BATCH_MAX; i++)
		assert_int_equal(a.req.outcomes[i], i == 5     ? OUTCOME_GONE
						    : i == 127 ? OUTCOME_FENCED
							       : OUTCOME_DONE);
	store_phase(real.store, ask_(), phases, STORE_BATCH_MAX);
	ok();
	assert_int_equal(a.req.outcomes[0], OUTCOME_DONE);
	assert_int_equal(a.req.outcomes[5], OUTCOME_GONE);
	assert_int_equal(a.req.outcomes[127], OUTCOME_FENCED);
	store_requeue(real.store, ask_(), back, STORE_BATCH_MAX, NOW);
	ok();
	assert_int_equal(a.req.outcomes[126], OUTCOME_DONE);
	assert_int_equal(command("ZCARD queue"), STORE_BATCH_MAX - 1);
	assert_int_equal(command("SCARD leases:" WORKER), 0);
}

static void a_batch_of_done_is_as_good_as_one_each(void **state)
{
	static const char *const ids[] = {"1000000000000001.1", "1000000000000002.1", "1000000000000003.1"};
	Pb__Done done[3] = {PB__DONE__INIT, PB__DONE__INIT, PB__DONE__INIT};
	struct done_item items[3];

	(void)state;
	upload(ALICE, BUNDLE);
	for (int i = 0; i < 3; i++) {
		char id[ID_SIZE];

		text_copy(id, sizeof(id), ids[i]);
		submit(id, ids[i]);
		ok();
		if (i != 1)
			assert_int_equal(lease(ids[i], 0, WORKER), OUTCOME_DONE);
		done[i].task = (char *)ids[i];
		done[i].epoch = 1;
		done[i].has_exit_code = i == 2;
		items[i] = (struct done_item){.worker = WORKER, .done = &done[i], .exited_ms = NOW};
	}
	store_done(real.store, ask_(), items, 3, NOW);
	ok();
	assert_int_equal(a.req.outcomes[0], OUTCOME_DONE);
	assert_int_equal(a.req.outcomes[1], OUTCOME_FENCED);
	assert_int_equal(a.req.outcomes[2], OUTCOME_DONE);
	assert_false(task(ids[0])->has_exit_code);
	assert_true(task(ids[2])->has_exit_code);
	store_done(real.store, ask_(), items, 0, NOW);
	ok();
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, start, end)
	const struct CMUnitTest tests[] = {
		T(a_task_lives_from_submit_to_remove),
		T(a_lease_made_twice_is_one_lease),
		T(a_lease_of_another_worker_or_epoch_is_fenced),
		T(phases_go_forward_only),
		T(done_twice_is_done_once),
		T(done_of_another_epoch_worker_or_content_is_fenced),
		T(done_with_a_result_that_is_not_here_changes_nothing),
		T(a_stopped_task_stays_stopped_and_gets_what_comes_late),
		T(stopping_what_has_ended_changes_nothing),
		T(a_lost_attempt_goes_back_to_its_old_place),
		T(a_task_that_loses_too_many_workers_fails),
		T(losses_by_one_owners_workers_count_less),
		T(a_task_that_took_workers_of_two_owners_down_is_quarantined),
		T(what_the_task_cannot_have_done_quarantines_nothing),
		T(only_the_latest_workers_are_remembered),
		T(an_exit_status_that_is_tried_again_puts_the_task_back),
		T(the_pool_fails_only_what_waits),
		T(only_an_ended_task_is_forgotten_and_only_by_its_owner),
		T(a_batch_moves_each_of_its_items),
		T(a_batch_of_done_is_as_good_as_one_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
