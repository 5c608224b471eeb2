/* test/store/store.c - the connection that the store keeps: weak settings, lost scripts, Redis gone at any
 * moment. */
#include "test/store/asking.h"

#define TASK "7kq2mm9c3v8w04ta.1"

static void weak(const char *name, const char *bad, const char *good)
{
	bool down = false;

	real_close_store(&real);
	assert_int_equal(command("CONFIG SET %s %s", name, bad), 0);
	real.downs = 0;
	real_open_store(&real);
	while (!down) {
		uv_run(&real.loop.uv, UV_RUN_ONCE);
		down = real.downs > 0;
	}
	assert_false(store_is_up(real.store));
	assert_int_equal(real.down.status, STATUS_FAILED_PRECONDITION);
	assert_non_null(strstr(real.down.hint, "CONFIG SET"));
	assert_non_null(strstr(real.down.hint, good));
	store_counters(real.store, ask_());
	refused(STATUS_FAILED_PRECONDITION);
	assert_int_equal(command("CONFIG SET %s %s", name, good), 0);
}

static void weak_settings_are_refused_with_the_line_that_cures_them(void **state)
{
	(void)state;
	weak("appendonly", "no", "yes");
	weak("appendfsync", "everysec", "always");
	weak("no-appendfsync-on-rewrite", "yes", "no");
	weak("maxmemory-policy", "allkeys-lru", "noeviction");
	run_until(&real.loop, &real.up); /* cured: it comes up by itself */
	assert_true(store_is_up(real.store));
	assert_int_equal(atoi(store_redis_version(real.store)), 7);
}

static void settings_that_may_not_be_read_are_refused_too(void **state)
{
	(void)state;
	assert_int_equal(command("ACL SETUSER default -config"), 0);
	real_close_store(&real);
	real.downs = 0;
	real_open_store(&real);
	while (real.downs == 0)
		uv_run(&real.loop.uv, UV_RUN_ONCE);
	assert_int_equal(real.down.status, STATUS_FAILED_PRECONDITION);
	assert_non_null(strstr(real.down.hint, "+config|get"));
	assert_int_equal(command("ACL SETUSER default +config|get"), 0);
	run_until(&real.loop, &real.up);
}

/* The store asks again every two seconds at most; the same words are told once. */
static void the_same_trouble_is_told_once(void **state)
{
	int64_t end_ms;

	(void)state;
	real_close_child(&real);
	while (real.up)
		uv_run(&real.loop.uv, UV_RUN_ONCE);
	end_ms = clock_ms() + 1000;
	while (clock_ms() < end_ms)
		uv_run(&real.loop.uv, UV_RUN_ONCE);
	assert_true(real.downs <= 3); /* closed by the server, then refused or no such file */
	real_start_child(&real);
	run_until(&real.loop, &real.up);
}

static void scripts_that_redis_has_forgotten_are_sent_again(void **state)
{
	(void)state;
	upload(ALICE, BUNDLE);
	assert_int_equal(command("SCRIPT FLUSH"), 0);
	submit("7kq2mm9c3v8w04ta", "c");
	ok();
	assert_int_equal(command("SCRIPT FLUSH"), 0);
	assert_int_equal(lease(TASK, 0, WORKER), OUTCOME_DONE);
	assert_int_equal(lease(TASK, 0, WORKER), OUTCOME_DONE);
}

static void a_full_memory_refuses_writes_as_a_whole(void **state)
{
	(void)state;
	upload(ALICE, BUNDLE);
	assert_int_equal(command("CONFIG SET maxmemory 1"), 0);
	submit("7kq2mm9c3v8w04ta", "c");
	refused(STATUS_RESOURCE_EXHAUSTED);
	store_blob_find(real.store, ask_(), ALICE, BUNDLE);
	ok(); /* questions are answered all the same */
	assert_int_equal(command("CONFIG SET maxmemory 0"), 0);
	assert_int_equal(command("EXISTS submission:7kq2mm9c3v8w04ta live seq"), 0);
	submit("7kq2mm9c3v8w04ta", "c");
	ok();
	assert_false(a.req.duplicate);
}

static void a_redis_that_may_not_write_is_unavailable(void **state)
{
	(void)state;
	assert_int_equal(command("REPLICAOF 127.0.0.1 1"), 0);
	store_blob_add(real.store, ask_(), ALICE, BUNDLE, 1000, NOW);
	refused(STATUS_UNAVAILABLE);
	store_counters(real.store, ask_());
	ok();
	assert_int_equal(command("REPLICAOF NO ONE"), 0);
	upload(ALICE, BUNDLE);
}

static void a_key_of_another_type_changes_nothing(void **state)
{
	(void)state;
	assert_int_equal(command("SET uploads:" ALICE " x"), 0);
	store_blob_add(real.store, ask_(), ALICE, BUNDLE, 1000, NOW);
	refused(STATUS_INTERNAL);
	assert_int_equal(command("EXISTS blob:" BUNDLE " unused"), 0);
}

enum { IN_FLIGHT = 200 };

/* Redis is killed with requests under way: each is answered once, and the store comes back by itself. */
static void every_request_in_flight_is_answered_once(void **state)
{
	static struct asked many[IN_FLIGHT];
	int unavailable = 0;

	(void)state;
	upload(ALICE, BUNDLE);
	for (int i = 0; i < IN_FLIGHT; i++)
		store_counters(real.store, ask(&many[i]));
	assert_int_equal(command("CLIENT KILL TYPE normal SKIPME yes"), IN_FLIGHT > 0 ? 1 : 0);
	for (int i = 0; i < IN_FLIGHT; i++) {
		run_until(&real.loop, &many[i].done);
		unavailable += many[i].req.error.status == STATUS_UNAVAILABLE;
	}
	run_until(&real.loop, &real.up);
	for (int i = 0; i < 20; i++)
		uv_run(&real.loop.uv, UV_RUN_NOWAIT);
	for (int i = 0; i < IN_FLIGHT; i++) {
		assert_int_equal(many[i].answers, 1);
		store_req_release(&many[i].req);
	}
	assert_true(unavailable > 0);
	submit("7kq2mm9c3v8w04ta", "c");
	ok();
}

static void closing_answers_what_is_in_flight(void **state)
{
	static struct asked many[10];

	(void)state;
	for (int i = 0; i < 10; i++)
		store_counters(real.store, ask(&many[i]));
	real_close_store(&real);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(many[i].answers, 1);
		assert_int_equal(many[i].req.error.status, STATUS_CANCELLED);
		store_req_release(&many[i].req);
	}
}

static void a_redis_that_was_restarted_has_everything(void **state)
{
	(void)state;
	upload(ALICE, BUNDLE);
	submit("7kq2mm9c3v8w04ta", "c");
	ok();
	real.up = false;
	command("SHUTDOWN NOSAVE");
	run_until(&real.loop, &real.up);
	assert_string_equal(task(TASK)->name, "hello");
	assert_int_equal(lease(TASK, 0, WORKER), OUTCOME_DONE);
}

/* --- a life of a task in which the connection breaks at one request after the other -------------------- */

static void step_blob(void)
{
	store_blob_add(real.store, ask_(), ALICE, BUNDLE, 1000, clock_wall_ms());
}

static void step_result(void)
{
	store_blob_add(real.store, ask_(), ALICE, RESULT, 1000, clock_wall_ms());
}

static void step_submit(void)
{
	submit("7kq2mm9c3v8w04ta", "call");
}

static void step_lease(void)
{
	static const struct lease_item items[] = {{TASK, 0, WORKER, "box"}};

	store_lease(real.store, ask_(), items, 1, NOW);
}

static void step_requeue(void)
{
	static const struct requeue_item items[] = {{TASK, 1, "lost", LOSS_OF_WORKER, LOSSES_MAX, LOSSES_MAX}};

	store_requeue(real.store, ask_(), items, 1, NOW);
}

static void step_lease_again(void)
{
	static const struct lease_item items[] = {{TASK, 1, WORKER, "box"}};

	store_lease(real.store, ask_(), items, 1, NOW);
}

static void step_phase(void)
{
	static const struct phase_item items[] = {{TASK, 2, PHASE_EXECUTING, NOW}};

	store_phase(real.store, ask_(), items, 1);
}

static void step_done(void)
{
	Pb__Done done = PB__DONE__INIT;
	const struct done_item item = {.worker = WORKER, .done = &done, .exited_ms = NOW};

	done.task = (char *)TASK;
	done.epoch = 2;
	done.result_sha256 = (char *)RESULT;
	store_done(real.store, ask_(), &item, 1, NOW);
}

static void (*const life[])(void) = {step_blob,        step_submit, step_lease,  step_requeue,
				     step_lease_again, step_phase,  step_result, step_done};
enum { LIFE = sizeof(life) / sizeof(life[0]) };

/* What the pool does about a lost reply: ask again. */
static void ask_until_answered(int step)
{
	for (int tries = 0;; tries++) {
		assert_true(tries < 100);
		run_until(&real.loop, &real.up);
		life[step]();
		run_until(&real.loop, &a.done);
		assert_int_equal(a.answers, 1);
		if (a.req.error.status == 0)
			break;
		assert_int_equal(a.req.error.status, STATUS_UNAVAILABLE);
	}
	if (a.req.outcomes != NULL)
		assert_int_equal(a.req.outcomes[0], OUTCOME_DONE);
}

enum fault { KILLED_BEFORE, KILLED_BEHIND, REDIS_DEAD, MEMORY_FULL, FORBIDDEN, FORGOTTEN, FAULTS };

static void break_at(int step, enum fault fault)
{
	if (fault == KILLED_BEFORE)
		command("CLIENT KILL TYPE normal SKIPME yes");
	if (fault == REDIS_DEAD)
		command("SHUTDOWN NOSAVE");
	if (fault == MEMORY_FULL)
		assert_int_equal(command("CONFIG SET maxmemory 1"), 0);
	if (fault == FORBIDDEN)
		assert_int_equal(command("ACL SETUSER default -evalsha"), 0);
	if (fault == FORGOTTEN)
		assert_int_equal(command("SCRIPT FLUSH"), 0);
	life[step]();
	if (fault == KILLED_BEHIND) {
		uv_run(&real.loop.uv, UV_RUN_NOWAIT); /* it leaves; its reply may or may not be read */
		command("CLIENT KILL TYPE normal SKIPME yes");
	}
	run_until(&real.loop, &a.done);
	assert_int_equal(a.answers, 1);
	assert_int_equal(a.req.error.status, fault == MEMORY_FULL ? STATUS_RESOURCE_EXHAUSTED
					     : fault == FORBIDDEN ? STATUS_PERMISSION_DENIED
					     : fault == FORGOTTEN || a.req.error.status == 0 ? 0
											     : STATUS_UNAVAILABLE);
	if (fault == MEMORY_FULL)
		assert_int_equal(command("CONFIG SET maxmemory 0"), 0);
	if (fault == FORBIDDEN)
		assert_int_equal(command("ACL SETUSER default +evalsha"), 0);
	for (int i = 0; i < 5 && fault != KILLED_BEHIND; i++)
		uv_run(&real.loop.uv, UV_RUN_NOWAIT);
}

static void a_life_converges_wherever_the_connection_breaks(void **state)
{
	(void)state;
	for (int fault = 0; fault < FAULTS; fault++) {
		for (int broken = 0; broken < LIFE; broken++) {
			Pb__Task *t;

			run_until(&real.loop, &real.up);
			assert_int_equal(command("FLUSHALL"), 0);
			for (int step = 0; step < LIFE; step++) {
				if (step == broken)
					break_at(step, fault);
				ask_until_answered(step);
			}
			t = task(TASK);
			assert_int_equal(t->state, TASK_COMPLETED);
			assert_int_equal(t->epoch, 2);
			assert_int_equal(t->losses, 1);
			assert_int_equal(command("HINCRBY counters finished 0"), 1);
			assert_int_equal(command("HINCRBY blob:" RESULT " refs 0"), 1);
			assert_int_equal(command("HINCRBY blob:" BUNDLE " refs 0"), 1);
			assert_int_equal(command("EXISTS live queue leases:" WORKER), 0);
			assert_int_equal(command("INCRBY seq 0"), 1);
		}
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, start, end)
	const struct CMUnitTest tests[] = {
		T(weak_settings_are_refused_with_the_line_that_cures_them),
		T(settings_that_may_not_be_read_are_refused_too),
		T(the_same_trouble_is_told_once),
		T(scripts_that_redis_has_forgotten_are_sent_again),
		T(a_full_memory_refuses_writes_as_a_whole),
		T(a_redis_that_may_not_write_is_unavailable),
		T(a_key_of_another_type_changes_nothing),
		T(every_request_in_flight_is_answered_once),
		T(closing_answers_what_is_in_flight),
		T(a_redis_that_was_restarted_has_everything),
		T(a_life_converges_wherever_the_connection_breaks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
