/* test/store/asking.h - one real store and what the tests of store_*.c ask of it, each call with its answer
 * waited for. */
#ifndef TEST_STORE_ASKING_H
#define TEST_STORE_ASKING_H

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

static inline struct store_req *ask_(void)
{
	return ask(&a);
}

static inline void ok(void)
{
	answered(&real, &a, 0);
}

static inline void refused(int status)
{
	answered(&real, &a, status);
}

static inline int start(void **state)
{
	(void)state;
	real_start(&real);
	return 0;
}

static inline int end(void **state)
{
	(void)state;
	store_req_release(&a.req);
	a = (struct asked){0};
	real_end(&real);
	return 0;
}

static inline void upload(const char *account, const char *sha256)
{
	store_blob_add(real.store, ask_(), account, sha256, 1000, clock_wall_ms());
	ok();
}

/* Submit as ALICE; id is the submission's, its task is id.1. */
static inline void submit(const char *id, const char *call_id)
{
	Pb__TaskSpec spec = PB__TASK_SPEC__INIT;
	struct submission sub = {.account = ALICE,
				 .spec = &spec,
				 .bundle_sha256 = BUNDLE,
				 .bundle_size = 1000,
				 .now_ms = NOW,
				 .call_id = call_id};
	char *command[] = {(char *)"true"};

	text_copy(sub.id, sizeof(sub.id), id);
	spec.name = (char *)"hello";
	spec.command = command;
	spec.n_command = 1;
	spec.keep_s = 60;
	store_submit(real.store, ask_(), &sub);
}

static inline Pb__Task *task(const char *id)
{
	store_task(real.store, ask_(), ALICE, id);
	ok();
	return a.req.tasks[0];
}

static inline int lease(const char *id, uint32_t epoch, const char *worker)
{
	const struct lease_item item = {id, epoch, worker, "box"};

	store_lease(real.store, ask_(), &item, 1, NOW + 1);
	ok();
	return a.req.outcomes[0];
}

static inline int phase(const char *id, uint32_t epoch, int to)
{
	const struct phase_item item = {id, epoch, to, NOW + 10 * to};

	store_phase(real.store, ask_(), &item, 1);
	ok();
	return a.req.outcomes[0];
}

static inline int done_as(const char *id, uint32_t epoch, const char *worker, int failure, const char *result)
{
	Pb__Usage usage = PB__USAGE__INIT;
	Pb__Done done = PB__DONE__INIT;
	const struct done_item item = {.worker = worker, .done = &done, .exited_ms = NOW + 70, .log_size = 123};

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

static inline int requeue(const char *id, uint32_t epoch, bool loss)
{
	const struct requeue_item item = {id, epoch, "worker lost", loss ? LOSS_OF_WORKER : LOSS_NONE, LOSSES_MAX,
					  LOSSES_ONE_OWNER_MAX};

	store_requeue(real.store, ask_(), &item, 1, NOW + 50);
	ok();
	return a.req.outcomes[0];
}

/* Straight to Redis, past the store: to look at keys and to do harm. Returns whole numbers, -1 for an error.
 */
static inline long long command(const char *format, ...)
{
	redisContext *c = redisConnectUnix(real.address.path);
	redisReply *reply;
	long long number;
	va_list args;

	assert_true(c != NULL && c->err == 0);
	va_start(args, format);
	reply = redisvCommand(c, format, args);
	va_end(args);
	number = reply == NULL || reply->type == REDIS_REPLY_ERROR ? -1 : reply->integer;
	if (reply != NULL)
		freeReplyObject(reply);
	redisFree(c);
	return number;
}

#endif
