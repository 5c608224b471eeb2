/* store/store_move.c - what moves tasks from state to state. Batches: one script for up to STORE_BATCH_MAX
 * items. */
#include <string.h>

#include "proto/limits.h"
#include "store/call.h"
#include "store/record.h"

void store_lease(struct store *s, struct store_req *req, const struct lease_item *items, size_t n,
		 int64_t now_ms)
{
	call_begin_batch(s, req, SCRIPT_LEASE, n);
	call_key(req, "queue");
	for (size_t i = 0; i < n; i++)
		call_key(req, "task:%s", items[i].task);
	call_int(req, now_ms);
	for (size_t i = 0; i < n; i++) {
		call_text(req, items[i].task);
		call_unsigned(req, items[i].epoch);
		call_text(req, items[i].worker);
		call_text(req, items[i].worker_name);
	}
	call_send(req, read_outcomes);
}

void store_phase(struct store *s, struct store_req *req, const struct phase_item *items, size_t n)
{
	call_begin_batch(s, req, SCRIPT_PHASE, n);
	for (size_t i = 0; i < n; i++)
		call_key(req, "task:%s", items[i].task);
	for (size_t i = 0; i < n; i++) {
		call_unsigned(req, items[i].epoch);
		call_int(req, items[i].phase);
		call_int(req, items[i].time_ms);
	}
	call_send(req, read_outcomes);
}

/* --- done ---------------------------------------------------------------------------------------- */

/* Fields of Done that go into the task as they are, by the name that both messages have. */
static const char *const done_fields[] = {"exit_code",        "has_exit_code", "oom_killed",
					  "killed_by_worker", "result_size",   "usage"};

struct pairs {
	struct store_req *req; /* NULL = only count */
	int words;
};

static void put_pair(void *user, const char *name, const void *value, size_t n)
{
	struct pairs *pairs = user;

	for (size_t i = 0; i < sizeof(done_fields) / sizeof(done_fields[0]); i++) {
		if (strcmp(name, done_fields[i]) != 0)
			continue;
		pairs->words += 2;
		if (pairs->req != NULL) {
			call_text(pairs->req, name);
			call_bytes(pairs->req, value, n);
		}
	}
}

static void done_words(struct store_req *req, const struct done_item *item)
{
	struct pairs pairs = {NULL, 4};

	call_text(req, item->done->task);
	call_text(req, item->worker);
	call_unsigned(req, item->done->epoch);
	call_int(req, item->done->failure);
	call_text(req, item->done->result_sha256);
	call_text(req, item->done->reason);
	call_amount(req, item->charge_mcpt);
	call_amount(req, item->wall_ms);
	call_amount(req, item->start_mcpt);
	call_amount(req, item->rate_ncpt);
	call_int(req, item->done->exit_code);
	call_unsigned(req, item->again);
	record_write(&item->done->base, put_pair, &pairs);
	call_int(req, pairs.words);
	call_text(req, "exited_ms");
	call_int(req, item->exited_ms);
	call_text(req, "log_size");
	call_unsigned(req, item->log_size);
	pairs.req = req;
	record_write(&item->done->base, put_pair, &pairs);
}

void store_done(struct store *s, struct store_req *req, const struct done_item *items, size_t n,
		int64_t now_ms)
{
	call_begin_batch(s, req, SCRIPT_DONE, n);
	call_key(req, "queue");
	for (size_t i = 0; i < n; i++)
		call_key(req, "task:%s", items[i].done->task);
	call_int(req, now_ms);
	for (size_t i = 0; i < n; i++)
		done_words(req, &items[i]);
	call_send(req, read_outcomes);
}

/* --- the others ------------------------------------------------------------------------------------- */

void store_requeue(struct store *s, struct store_req *req, const struct requeue_item *items, size_t n,
		   int64_t now_ms)
{
	call_begin_batch(s, req, SCRIPT_REQUEUE, n);
	call_key(req, "queue");
	for (size_t i = 0; i < n; i++)
		call_key(req, "task:%s", items[i].task);
	call_int(req, now_ms);
	call_int(req, LOST_BY_MAX);
	for (size_t i = 0; i < n; i++) {
		call_text(req, items[i].task);
		call_unsigned(req, items[i].epoch);
		call_text(req, items[i].reason);
		call_int(req, items[i].loss);
		call_int(req, items[i].most);
		call_int(req, items[i].most_one_owner);
	}
	call_send(req, read_outcomes);
}

void store_returned(struct store *s, struct store_req *req, const char *task, const char *worker)
{
	call_begin(s, req, SCRIPT_RETURNED);
	call_key(req, "task:%s", task);
	call_text(req, worker);
	call_send(req, NULL);
}

void store_stop(struct store *s, struct store_req *req, const char *account, const char *task,
		const char *reason, int64_t now_ms)
{
	store_stop_once(s, req, account, task, reason, "", "", now_ms);
}

void store_stop_once(struct store *s, struct store_req *req, const char *account, const char *task,
		     const char *reason, const char *call_id, const char *content, int64_t now_ms)
{
	call_begin(s, req, SCRIPT_STOP);
	call_key(req, "task:%s", task);
	if (call_id[0] != '\0')
		call_key(req, "call:%s:%s", account, call_id);
	call_text(req, task);
	call_text(req, account);
	call_text(req, reason);
	call_int(req, now_ms);
	call_content(req, "stop", content);
	call_send(req, read_task);
}

void store_fail(struct store *s, struct store_req *req, const char *task, int failure, const char *reason,
		int64_t now_ms)
{
	call_begin_batch(s, req, SCRIPT_FAIL, 1);
	call_key(req, "task:%s", task);
	call_text(req, task);
	call_int(req, failure);
	call_text(req, reason);
	call_int(req, now_ms);
	call_send(req, read_outcomes);
}

void store_remove(struct store *s, struct store_req *req, const char *account, const char *task)
{
	store_remove_once(s, req, account, task, "", "");
}

void store_remove_once(struct store *s, struct store_req *req, const char *account, const char *task,
		       const char *call_id, const char *content)
{
	call_begin(s, req, SCRIPT_REMOVE);
	call_key(req, "task:%s", task);
	call_key(req, "submission:%.*s", (int)strcspn(task, "."), task);
	if (call_id[0] != '\0')
		call_key(req, "call:%s:%s", account, call_id);
	call_text(req, task);
	call_text(req, account);
	call_content(req, "remove", content);
	call_send(req, read_id);
}
