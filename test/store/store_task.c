/* test/store/store_task.c - submissions, and finding tasks by id, by its beginning, in pages. */
#include "test/store/asking.h"

#define BOB "0000000000000002"

static void submit_as(const char *account, const char *bundle, uint64_t size, const char *name,
		      const char *id, const char *call_id)
{
	Pb__TaskSpec spec = PB__TASK_SPEC__INIT;
	struct submission sub = {.account = account,
				 .spec = &spec,
				 .bundle_sha256 = bundle,
				 .bundle_size = size,
				 .now_ms = clock_wall_ms(),
				 .call_id = call_id};

	text_copy(sub.id, sizeof(sub.id), id);
	spec.name = (char *)name;
	store_submit(real.store, ask_(), &sub);
}

static void a_submission_made_twice_is_one_submission(void **state)
{
	(void)state;
	upload(ALICE, BUNDLE);
	submit("7kq2mm9c3v8w04ta", "call-1");
	ok();
	submit("8888888888888888", "call-1");
	ok();
	assert_true(a.req.duplicate);
	assert_string_equal(a.req.id, "7kq2mm9c3v8w04ta");
	assert_int_equal(command("ZCARD live"), 1);
	assert_true(command("PTTL call:" ALICE ":call-1") > 6ll * 86400 * 1000);
}

static void a_call_id_with_other_content_is_refused(void **state)
{
	(void)state;
	upload(ALICE, BUNDLE);
	submit_as(ALICE, BUNDLE, 1000, "one", "1000000000000001", "c");
	ok();
	submit_as(ALICE, BUNDLE, 1000, "two", "1000000000000002", "c");
	refused(STATUS_ABORTED);
	upload(BOB, BUNDLE);
	submit_as(BOB, BUNDLE, 1000, "two", "1000000000000003", "c");
	ok(); /* call ids of different accounts have nothing to do with one another */
	submit_as(ALICE, BUNDLE, 1000, "two", "1000000000000001", "d");
	refused(STATUS_ABORTED);
}

static void a_bundle_must_be_here_of_this_size_and_of_this_account(void **state)
{
	(void)state;
	submit_as(ALICE, BUNDLE, 1000, "one", "1000000000000001", "c");
	refused(STATUS_FAILED_PRECONDITION);
	upload(ALICE, BUNDLE);
	submit_as(BOB, BUNDLE, 1000, "one", "1000000000000001", "c");
	refused(STATUS_FAILED_PRECONDITION);
	submit_as(ALICE, BUNDLE, 999, "one", "1000000000000001", "c");
	refused(STATUS_FAILED_PRECONDITION);
	submit_as(ALICE, BUNDLE, 1000, "one", "1000000000000001", "c");
	ok();
}

static void a_beginning_names_a_task_as_long_as_it_is_the_only_one(void **state)
{
	(void)state;
	upload(ALICE, BUNDLE);
	submit("7kq2mm9c3v8w04ta", "1");
	ok();
	submit("7kq3mm9c3v8w04ta", "2");
	ok();
	assert_string_equal(task("7kq2")->id, "7kq2mm9c3v8w04ta.1");
	assert_string_equal(task("7kq2.1")->id, "7kq2mm9c3v8w04ta.1");
	assert_string_equal(task("7kq2mm9c3v8w04ta")->id, "7kq2mm9c3v8w04ta.1");
	assert_string_equal(task("7kq2mm9c3v8w04ta.1")->account, ALICE);
	store_task(real.store, ask_(), ALICE, "7kq2.2");
	refused(STATUS_NOT_FOUND);
	store_task(real.store, ask_(), ALICE, "zzzz");
	refused(STATUS_NOT_FOUND);
	store_task(real.store, ask_(), BOB, "7kq2mm9c3v8w04ta.1");
	refused(STATUS_NOT_FOUND);
	submit("7kq2nnnnnnnnnnnn", "3");
	ok();
	store_task(real.store, ask_(), ALICE, "7kq2");
	refused(STATUS_FAILED_PRECONDITION);
	assert_non_null(strstr(a.req.error.text, "7kq2mm9c3v8w04ta.1, 7kq2nnnnnnnnnnnn.1"));
	store_task(real.store, ask_(), "", "7kq2");
	refused(STATUS_NOT_FOUND);
	store_task(real.store, ask_(), "", "7kq2mm9c3v8w04ta");
	ok();
	assert_string_equal(a.req.tasks[0]->spec->name, "hello");
}

static void submit_many(int n)
{
	upload(ALICE, BUNDLE);
	for (int i = 0; i < n; i++) {
		char id[ID_SIZE], call[16];

		snprintf(id, sizeof(id), "%016d", 1000 + i);
		snprintf(call, sizeof(call), "c%d", i);
		submit(id, call);
		ok();
	}
}

static void a_list_comes_in_pages_newest_first(void **state)
{
	uint64_t next;

	(void)state;
	submit_many(5);
	store_tasks(real.store, ask_(), ALICE, 2, 0, false, false);
	ok();
	assert_int_equal(a.req.task_count, 2);
	assert_string_equal(a.req.tasks[0]->id, "0000000000001004.1");
	assert_null(a.req.tasks[0]->spec);
	next = a.req.next;
	assert_true(next != 0);
	store_tasks(real.store, ask_(), ALICE, 3, next, false, false);
	ok();
	assert_int_equal(a.req.task_count, 3);
	assert_string_equal(a.req.tasks[2]->id, "0000000000001000.1");
	assert_int_equal(a.req.next, 0);
	store_tasks(real.store, ask_(), BOB, 3, 0, false, false);
	ok();
	assert_int_equal(a.req.task_count, 0);
}

static void a_list_may_leave_out_what_has_ended(void **state)
{
	(void)state;
	submit_many(3);
	store_stop(real.store, ask_(), ALICE, "0000000000001001.1", "", NOW);
	ok();
	store_tasks(real.store, ask_(), ALICE, 10, 0, true, false);
	ok();
	assert_int_equal(a.req.task_count, 2);
	store_tasks(real.store, ask_(), ALICE, 10, 0, false, false);
	ok();
	assert_int_equal(a.req.task_count, 3);
}

static void all_live_tasks_come_in_pages_with_spec(void **state)
{
	uint64_t cursor = 0;
	int found = 0;

	(void)state;
	submit_many(300);
	store_stop(real.store, ask_(), ALICE, "0000000000001001.1", "", NOW);
	ok();
	do {
		store_live(real.store, ask_(), cursor);
		ok();
		for (size_t i = 0; i < a.req.task_count; i++, found++)
			assert_string_equal(a.req.tasks[i]->spec->command[0], "true");
		cursor = a.req.next;
	} while (cursor != 0);
	assert_int_equal(found, 299);
}

static void what_is_over_its_time_is_listed_up_to_a_limit(void **state)
{
	(void)state;
	submit_many(3);
	for (int i = 0; i < 3; i++) {
		char id[TASK_ID_SIZE];

		snprintf(id, sizeof(id), "%016d.1", 1000 + i);
		store_stop(real.store, ask_(), ALICE, id, "", NOW + i);
		ok();
	}
	store_expired(real.store, ask_(), NOW + 60001, 10);
	ok();
	assert_int_equal(a.req.task_count, 2);
	store_expired(real.store, ask_(), NOW + 60009, 1);
	ok();
	assert_int_equal(a.req.task_count, 1);
	assert_string_equal(a.req.tasks[0]->id, "0000000000001000.1");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, start, end)
	const struct CMUnitTest tests[] = {
		T(a_submission_made_twice_is_one_submission),
		T(a_call_id_with_other_content_is_refused),
		T(a_bundle_must_be_here_of_this_size_and_of_this_account),
		T(a_beginning_names_a_task_as_long_as_it_is_the_only_one),
		T(a_list_comes_in_pages_newest_first),
		T(a_list_may_leave_out_what_has_ended),
		T(all_live_tasks_come_in_pages_with_spec),
		T(what_is_over_its_time_is_listed_up_to_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
