/* test/store/store.c - what the pool asks of the store, against a real Redis. */
#include "test/store/real.h"

#include "proto/limits.h"
#include "proto/task.h"

#define NOW 1700000000000ll
#define BUNDLE "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c"
#define RESULT "7d865e959b2466918c9863afca942d0fb89d7c9ac0c99bafc3749504ded97730"
#define ALICE "0000000000000001"
#define WORKER "aaaaaaaaaaaaaaaa"

static struct real real;
static struct asked a;

static struct store_req *ask_(void)
{
	return ask(&a);
}

static void ok(void)
{
	answered(&real, &a, 0);
}

static void refused(int status)
{
	answered(&real, &a, status);
}

static int start(void **state)
{
	(void)state;
	real_start(&real);
	return 0;
}

static int end(void **state)
{
	(void)state;
	store_req_release(&a.req);
	a = (struct asked){0};
	real_end(&real);
	return 0;
}

static void upload(const char *account, const char *sha256)
{
	store_blob_add(real.store, ask_(), account, sha256, 1000, clock_wall_ms());
	ok();
}

/* Submit as ALICE; id is the submission's, its task is id.1. */
static void submit(const char *id, const char *call_id)
{
	Pb__TaskSpec spec = PB__TASK_SPEC__INIT;
	struct submission sub = {.account = ALICE, .spec = &spec, .bundle_sha256 = BUNDLE, .bundle_size = 1000,
				 .now_ms = NOW, .call_id = call_id};
	char *command[] = {(char *)"true"};

	text_copy(sub.id, sizeof(sub.id), id);
	spec.name = (char *)"hello";
	spec.command = command;
	spec.n_command = 1;
	spec.keep_s = 60;
	store_submit(real.store, ask_(), &sub);
}

static Pb__Task *task(const char *id)
{
	store_task(real.store, ask_(), ALICE, id);
	ok();
	return a.req.tasks[0];
}

static int lease(const char *id, uint32_t epoch, const char *worker)
{
	const struct lease_item item = {id, epoch, worker, "box"};

	store_lease(real.store, ask_(), &item, 1, NOW + 1);
	ok();
	return a.req.outcomes[0];
}

static int phase(const char *id, uint32_t epoch, int to)
{
	const struct phase_item item = {id, epoch, to, NOW + 10 * to};

	store_phase(real.store, ask_(), &item, 1);
	ok();
	return a.req.outcomes[0];
}

static int done_as(const char *id, uint32_t epoch, const char *worker, int failure, const char *result)
{
	Pb__Usage usage = PB__USAGE__INIT;
	Pb__Done done = PB__DONE__INIT;
	const struct done_item item = {worker, &done, NOW + 70, 123};

	usage.cpu_us = 42;
	done.task = (char *)id;
	done.epoch = epoch;
	done.failure = failure;
	done.has_exit_code = true;
	done.exit_code = failure ? 3 : 0;
	done.result_sha256 = (char *)result;
	done.result_size = result[0] ? 1000 : 0;
	done.usage = &usage;
	done.reason = (char *)(failure ? "exit 3" : "");
	store_done(real.store, ask_(), &item, 1, NOW + 80);
	ok();
	return a.req.outcomes[0];
}

__attribute__((unused)) static int requeue(const char *id, uint32_t epoch, bool loss)
{
	const struct requeue_item item = {id, epoch, "worker lost", loss};

	store_requeue(real.store, ask_(), &item, 1, NOW + 50);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_task_lives_from_submit_to_remove, start, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
