/* test/store/store_leader.c - one pool leads; what another one would change is refused, whatever it is. */
#include "test/store/asking.h"

#include "store/call.h"
#include "store/ledger.h"

#define TASK "7kq2mm9c3v8w04ta.1"

static struct real other; /* a second pool on the same Redis: its store */

static void open_other(void)
{
	other = (struct real){.address = real.address};
	loop_init(&other.loop);
	real_open_store(&other);
	run_until(&other.loop, &other.up);
}

static void close_other(void)
{
	real_close_store(&other);
	loop_close(&other.loop);
}

static const struct leader_record *look(struct real *r)
{
	store_lead_look(r->store, ask_(), false);
	answered(r, &a, 0);
	return a.req.leader;
}

static uint64_t lead(struct real *r, const char *run)
{
	const struct leader_record *seen = look(r);
	char fence[64], beat[24];
	const struct lead_claim claim = {fence, beat, run, "the pool of a test", "d", true, false};

	text_copy(fence, sizeof(fence), seen->fence);
	text_copy(beat, sizeof(beat), seen->beat);
	store_lead(r->store, ask_(), &claim);
	answered(r, &a, 0);
	return a.req.number;
}

static void scripts_that_write_are_fenced(void **state)
{
	(void)state;
	for (int i = 0; i < SCRIPT_COUNT; i++) {
		size_t n;
		const char *text = script_text(i, &n);
		size_t line = strcspn(text, "\n");
		bool reads = memmem(text, line, "no-writes", 9) != NULL;
		bool leads = i == SCRIPT_LEADER_LOOK || i == SCRIPT_LEADER_TAKE;

		assert_int_equal(script_is_fenced(i), !reads && !leads);
		assert_int_equal(strstr(text, "ARGV[#ARGV]") != NULL, !reads && !leads);
	}
}

static void the_lead_is_taken_from_who_is_silent_only(void **state)
{
	struct lead_claim claim = {"", "", "run-a", "a", "d", true, false};
	char fence[64];

	(void)state;
	assert_string_equal(look(&real)->run, "");
	store_lead(real.store, ask_(), &claim);
	ok();
	assert_int_equal(a.req.number, 1);
	assert_string_equal(a.req.id, "run-a");
	store_lead(real.store, ask_(), &claim); /* the answer was lost: the same one again */
	ok();
	assert_int_equal(a.req.number, 1);
	assert_string_equal(a.req.id, "run-a");
	open_other();
	text_copy(fence, sizeof(fence), look(&other)->fence);
	assert_string_equal(a.req.leader->name, "a");
	assert_true(a.req.leader->locked);
	store_lead_beat(real.store, ask_(), false);
	ok();
	claim = (struct lead_claim){fence, "0", "run-b", "b", "d", false, false};
	store_lead(other.store, ask_(), &claim); /* it has said something since */
	answered(&other, &a, STATUS_ABORTED);
	assert_int_equal(lead(&other, "run-b"), 2);
	assert_string_equal(a.req.id, "run-a"); /* the pool is the same, whoever leads it */
	close_other();
}

static void a_redis_that_came_back_older_is_another_pool(void **state)
{
	struct lead_claim claim = {.run = "run-c", .name = "c", .data = "d", .other_id = true};
	char fence[64], beat[24];

	(void)state;
	lead(&real, "run-a");
	text_copy(fence, sizeof(fence), look(&real)->fence);
	text_copy(beat, sizeof(beat), a.req.leader->beat);
	claim.fence = fence;
	claim.beat = beat;
	store_lead(real.store, ask_(), &claim);
	ok();
	assert_string_equal(a.req.id, "run-c");
	lead(&real, "run-d");
	assert_string_equal(a.req.id, "run-c");
}

static void who_stands_by_is_counted(void **state)
{
	uint64_t before;

	(void)state;
	lead(&real, "run-a");
	store_lead_beat(real.store, ask_(), true);
	ok();
	before = a.req.number;
	look(&real);
	store_lead_look(real.store, ask_(), true);
	ok();
	store_lead_beat(real.store, ask_(), true);
	ok();
	assert_int_equal(a.req.number, before + 1);
}

/* --- everything that changes something ------------------------------------------------------------ */

static const Pb__Host host = PB__HOST__INIT;

static void do_register(struct store *s)
{
	const struct registration r = {.id = ALICE, .name = "alice", .password = "x", .call_id = "c1", .gift_mcpt = 10};

	store_register(s, ask_(), &r);
}

static void do_token_add(struct store *s)
{
	const struct token_grant g = {.sha256 = RESULT, .account = ALICE, .id = "t", .name = "t", .by = "", .call_id = "c2",
				      .scopes = 1, .expires_ms = NOW + 1000, .now_ms = NOW};

	store_token_add(s, ask_(), &g);
}

static void do_submit(struct store *s)
{
	struct store *own = real.store;

	real.store = s;
	submit("7kq2mm9c3v8w04ta", "c3");
	real.store = own;
}

static void do_lease(struct store *s)
{
	const struct lease_item item = {TASK, 0, WORKER, "box"};

	store_lease(s, ask_(), &item, 1, NOW);
}

static void do_phase(struct store *s)
{
	const struct phase_item item = {TASK, 1, PHASE_EXECUTING, NOW};

	store_phase(s, ask_(), &item, 1);
}

static void do_done(struct store *s)
{
	Pb__Done done = PB__DONE__INIT;
	const struct done_item item = {.worker = WORKER, .done = &done};

	done.task = (char *)TASK;
	done.epoch = 1;
	store_done(s, ask_(), &item, 1, NOW);
}

static void do_requeue(struct store *s)
{
	const struct requeue_item item = {
	    .task = TASK, .epoch = 1, .reason = "lost", .loss = LOSS_OF_WORKER, .most = 5, .most_one_owner = 5};

	store_requeue(s, ask_(), &item, 1, NOW);
}

static void do_tick(struct store *s)
{
	const struct tick_item item = {.task = TASK, .epoch = 1, .worker = WORKER, .due_mcpt = 5};

	store_tick(s, ask_(), &item, 1, NOW);
}

static void do_blobs_known(struct store *s)
{
	const char *sha256 = BUNDLE;

	store_blobs_known(s, ask_(), &sha256, 1);
}

#define SIMPLE(name, call) \
	static void do_##name(struct store *s) \
	{ \
		call; \
	}

SIMPLE(token_revoke, store_token_revoke(s, ask_(), ALICE, "t", 31, "", false))
SIMPLE(token_used, store_token_used(s, ask_(), RESULT, NOW))
SIMPLE(stop, store_stop(s, ask_(), ALICE, TASK, "why", NOW))
SIMPLE(fail, store_fail(s, ask_(), TASK, 7, "why", NOW))
SIMPLE(remove, store_remove(s, ask_(), ALICE, TASK))
SIMPLE(refund, store_refund(s, ask_(), TASK, NOW))
SIMPLE(worker_join, store_worker_join(s, ask_(), WORKER, ALICE, "box", &host, NOW))
SIMPLE(worker_leave, store_worker_leave(s, ask_(), WORKER, NOW))
SIMPLE(blob_add, store_blob_add(s, ask_(), ALICE, BUNDLE, 1000, NOW))
SIMPLE(unused, store_unused_blobs(s, ask_(), INT64_MAX / 2, 10))
SIMPLE(transfer, store_transfer(s, ask_(), ALICE, "bob", 1, "c4", NOW))
SIMPLE(tip, store_tip(s, ask_(), ALICE, "p1", 1, "c5", NOW))
SIMPLE(withdraw, store_project_withdraw(s, ask_(), ALICE, "p1", 1, "c6", NOW))
SIMPLE(project_create, store_project_create(s, ask_(), ALICE, "p1", "https://x.y", NOW))
SIMPLE(project_token, store_project_token(s, ask_(), ALICE, "p1", "fresh"))
SIMPLE(project_claim, store_project_claim(s, ask_(), ALICE, "p1", NOW))
SIMPLE(freeze, store_ledger_freeze(s, ask_(), "why"))
SIMPLE(unfreeze, store_ledger_unfreeze(s, ask_()))
SIMPLE(beat, store_lead_beat(s, ask_(), true))
SIMPLE(resign, store_resign(s, ask_()))

static const struct {
	const char *name;
	void (*change)(struct store *s);
} changes[] = {
#define CHANGE(name) {#name, do_##name}
	CHANGE(register), CHANGE(token_add), CHANGE(token_revoke), CHANGE(token_used), CHANGE(submit), CHANGE(lease),
	CHANGE(phase), CHANGE(done), CHANGE(requeue), CHANGE(tick), CHANGE(stop), CHANGE(fail), CHANGE(remove),
	CHANGE(refund), CHANGE(worker_join), CHANGE(worker_leave), CHANGE(blob_add), CHANGE(unused), CHANGE(blobs_known),
	CHANGE(transfer), CHANGE(tip), CHANGE(withdraw), CHANGE(project_create), CHANGE(project_token),
	CHANGE(project_claim), CHANGE(freeze), CHANGE(unfreeze), CHANGE(beat), CHANGE(resign),
};

/* Everything in Redis, as one hash. */
static void digest(char text[64])
{
	static const char script[] = "local all, keys = '', redis.call('KEYS', '*') table.sort(keys) "
				     "for _, key in ipairs(keys) do all = redis.sha1hex(all .. key .. redis.call('DUMP', key)) end "
				     "return all";
	redisContext *c = redisConnectUnix(real.address.path);
	redisReply *reply = redisCommand(c, "EVAL %s 0", script);

	assert_true(reply != NULL && reply->type == REDIS_REPLY_STRING);
	text_copy(text, 64, reply->str);
	freeReplyObject(reply);
	redisFree(c);
}

/* A world in which most of them would change something. */
static void make_world(void)
{
	do_register(real.store);
	ok();
	upload(ALICE, BUNDLE);
	submit("7kq2mm9c3v8w04ta", "c");
	ok();
	assert_int_equal(lease(TASK, 0, WORKER), OUTCOME_DONE);
	do_project_create(real.store);
	ok();
}

static void who_was_replaced_changes_nothing(void **state)
{
	char before[64], after[64];

	(void)state;
	lead(&real, "run-a");
	make_world();
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		open_other();
		lead(&other, "run-b");
		lead(&real, "run-a2");
		digest(before);
		changes[i].change(other.store);
		answered(&other, &a, STATUS_UNAVAILABLE);
		digest(after);
		if (strcmp(before, after) != 0 || strstr(a.req.error.text, "another pool leads now: the pool of a test") == NULL)
			fail_msg("%s: %s", changes[i].name, a.req.error.text);
		assert_false(store_is_up(other.store)); /* for good, and it need not ask for that */
		store_counters(other.store, ask_());
		answered(&other, &a, STATUS_UNAVAILABLE);
		close_other();
	}
}

static void nobody_writes_after_a_resignation(void **state)
{
	(void)state;
	lead(&real, "run-a3");
	upload(ALICE, BUNDLE);
	open_other();
	store_resign(real.store, ask_());
	ok();
	store_blob_add(real.store, ask_(), ALICE, RESULT, 1000, NOW);
	refused(STATUS_UNAVAILABLE);
	assert_int_equal(command("EXISTS blob:" RESULT), 0);
	assert_string_equal(look(&other)->run, "");
	lead(&other, "run-b2");
	store_blob_add(other.store, ask_(), ALICE, RESULT, 1000, NOW);
	answered(&other, &a, 0);
	close_other();
}

static void the_lead_is_settled_with_a_full_memory_too(void **state)
{
	(void)state;
	assert_int_equal(command("CONFIG SET maxmemory 1"), 0);
	lead(&real, "run-a");
	store_lead_beat(real.store, ask_(), true);
	ok();
	assert_int_equal(command("CONFIG SET maxmemory 0"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scripts_that_write_are_fenced),
		cmocka_unit_test_setup_teardown(the_lead_is_taken_from_who_is_silent_only, start, end),
		cmocka_unit_test_setup_teardown(a_redis_that_came_back_older_is_another_pool, start, end),
		cmocka_unit_test_setup_teardown(who_stands_by_is_counted, start, end),
		cmocka_unit_test_setup_teardown(who_was_replaced_changes_nothing, start, end),
		cmocka_unit_test_setup_teardown(nobody_writes_after_a_resignation, start, end),
		cmocka_unit_test_setup_teardown(the_lead_is_settled_with_a_full_memory_too, start, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
