/* store/store_task.c - a submission, and questions about tasks. What moves them: store_move.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/sha256.h"
#include "proto/limits.h"
#include "store/call.h"
#include "store/record.h"

#define LIVE_PAGE 256

/* --- readers ------------------------------------------------------------------------------------ */

static void read_tasks_from(struct store_req *req, const redisReply *reply, size_t first)
{
	req->tasks = arena_alloc(&req->arena, (reply->elements + 1) * sizeof(Pb__Task *));
	for (size_t i = first; i < reply->elements; i++) {
		Pb__Task *task = record_read(&pb__task__descriptor, reply->element[i], &req->arena);

		if (task == NULL) {
			read_failed(req);
			return;
		}
		req->tasks[req->task_count++] = task;
	}
}

void read_task(struct store_req *req, const redisReply *reply)
{
	read_tasks_from(req, reply, 1);
	if (req->task_count != 1)
		read_failed(req);
}

void read_tasks(struct store_req *req, const redisReply *reply)
{
	if (reply->elements < 2 || reply->element[1]->type != REDIS_REPLY_STRING) {
		read_failed(req);
		return;
	}
	req->next = strtoull(reply->element[1]->str, NULL, 10);
	read_tasks_from(req, reply, 2);
}

/* --- a submission --------------------------------------------------------------------------------- */

/* What must be the same when a call is made again. */
static void content_digest(const struct submission *sub, char digest[SHA256_HEX_SIZE], struct arena *arena)
{
	size_t n = pb__task_spec__get_packed_size(sub->spec);
	uint8_t *packed = arena_alloc(arena, n + 1);
	struct sha256 hash;

	pb__task_spec__pack(sub->spec, packed);
	sha256_init(&hash);
	sha256_update(&hash, sub->bundle_sha256, strlen(sub->bundle_sha256));
	sha256_update(&hash, &sub->bundle_size, sizeof(sub->bundle_size));
	sha256_update(&hash, packed, n);
	sha256_hex(&hash, digest);
}

static void read_submitted(struct store_req *req, const redisReply *reply)
{
	if (reply->elements != 3 || reply->element[1]->type != REDIS_REPLY_STRING) {
		read_failed(req);
		return;
	}
	req->id = arena_strdup(&req->arena, reply->element[1]->str);
	req->duplicate = reply->element[2]->integer != 0;
}

static void submit_keys(struct store_req *req, const struct submission *sub)
{
	call_key(req, "submission:%s", sub->id);
	call_key(req, "task:%s.1", sub->id);
	call_key(req, "blob:%s", sub->bundle_sha256);
	call_key(req, "uploads:%s", sub->account);
	call_key(req, "named:%s", sub->account);
	call_key(req, "tasks:%s", sub->account);
	call_key(req, "ids:%s", sub->account);
	call_key(req, "live:%s", sub->account);
	call_key(req, "live");
	call_key(req, "queue");
	call_key(req, "seq");
	call_key(req, "counters");
	if (sub->call_id[0] != '\0')
		call_key(req, "call:%s:%s", sub->account, sub->call_id);
}

void store_submit(struct store *s, struct store_req *req, const struct submission *sub)
{
	char digest[SHA256_HEX_SIZE];

	call_begin(s, req, SCRIPT_SUBMIT);
	content_digest(sub, digest, &req->arena);
	submit_keys(req, sub);
	call_text(req, sub->id);
	call_text(req, sub->account);
	call_message(req, &sub->spec->base);
	call_text(req, sub->spec->name);
	call_text(req, sub->bundle_sha256);
	call_unsigned(req, sub->bundle_size);
	call_unsigned(req, sub->spec->keep_s);
	call_int(req, sub->now_ms);
	call_text(req, digest);
	call_int(req, TASKS_LIVE_MAX);
	call_int(req, CALL_TTL_MS);
	call_int(req, sub->hold_mcpt);
	call_int(req, sub->start_mcpt);
	call_int(req, sub->rate_ncpt);
	call_send(req, read_submitted);
}

/* --- questions -------------------------------------------------------------------------------------- */

void store_task(struct store *s, struct store_req *req, const char *account, const char *prefix)
{
	char whole[TASK_ID_SIZE + 2] = "";

	if (task_id_valid(prefix))
		snprintf(whole, sizeof(whole), "%s", prefix);
	else if (id_valid(prefix) && account[0] == '\0')
		snprintf(whole, sizeof(whole), "%s.1", prefix);
	call_begin(s, req, SCRIPT_TASK);
	call_key(req, "ids:%s", account);
	call_text(req, account);
	call_text(req, prefix);
	call_text(req, whole);
	call_send(req, read_task);
}

void store_tasks(struct store *s, struct store_req *req, const char *account, uint32_t limit, uint64_t after,
		 bool only_live, bool with_spec)
{
	call_begin(s, req, SCRIPT_TASKS);
	call_key(req, only_live ? "live:%s" : "tasks:%s", account);
	call_unsigned(req, limit);
	call_unsigned(req, after);
	call_unsigned(req, with_spec);
	call_send(req, read_tasks);
}

/* --- what the index needs of every task (roles/pool_index.c; more of it is one name here) ------------ */

static const char *const live_fields[] = {
	"account",    "state",    "phase",  "epoch", "worker",  "worker_name", "created_ms",  "assigned_ms",
	"started_ms", "ended_ms", "losses", "exits", "lost_by", "paid_mcpt",   "charged_mcpt"};
static const char *const submission_fields[] = {"spec",      "bundle_sha256", "bundle_size",
						"hold_mcpt", "start_mcpt",    "rate_ncpt"};

enum {
	LIVE_FIELDS = sizeof(live_fields) / sizeof(live_fields[0]),
	SUBMISSION_FIELDS = sizeof(submission_fields) / sizeof(submission_fields[0]),
	LIVE_VALUES = LIVE_FIELDS + SUBMISSION_FIELDS + 1, /* and the id */
};

static const char *live_name(size_t i)
{
	if (i < LIVE_FIELDS)
		return live_fields[i];
	return i < LIVE_FIELDS + SUBMISSION_FIELDS ? submission_fields[i - LIVE_FIELDS] : "id";
}

/* Values without their names; the pairs that record_read() wants are put together here. */
static Pb__Task *live_task(struct store_req *req, const redisReply *values)
{
	redisReply names[LIVE_VALUES], *pairs[2 * LIVE_VALUES];
	redisReply fields = {.type = REDIS_REPLY_ARRAY, .element = pairs};

	if (values->type != REDIS_REPLY_ARRAY || values->elements != LIVE_VALUES)
		return NULL;
	for (size_t i = 0; i < LIVE_VALUES; i++) {
		if (values->element[i]->type == REDIS_REPLY_NIL)
			continue;
		names[i] = (redisReply){.type = REDIS_REPLY_STRING, .str = (char *)live_name(i)};
		pairs[fields.elements++] = &names[i];
		pairs[fields.elements++] = values->element[i];
	}
	return record_read(&pb__task__descriptor, &fields, &req->arena);
}

static void read_live(struct store_req *req, const redisReply *reply)
{
	if (reply->elements < 2 || reply->element[1]->type != REDIS_REPLY_STRING) {
		read_failed(req);
		return;
	}
	req->next = strtoull(reply->element[1]->str, NULL, 10);
	req->tasks = arena_alloc(&req->arena, reply->elements * sizeof(Pb__Task *));
	for (size_t i = 2; i < reply->elements; i++) {
		req->tasks[req->task_count] = live_task(req, reply->element[i]);
		if (req->tasks[req->task_count++] == NULL) {
			read_failed(req);
			return;
		}
	}
}

static void send_live(struct store *s, struct store_req *req, const char *key, uint64_t cursor)
{
	call_begin(s, req, SCRIPT_LIVE);
	call_key(req, "%s", key);
	call_unsigned(req, cursor);
	call_unsigned(req, LIVE_PAGE);
	call_int(req, LIVE_FIELDS);
	for (size_t i = 0; i < LIVE_VALUES - 1; i++)
		call_text(req, live_name(i));
	call_send(req, read_live);
}

void store_attempts(struct store *s, struct store_req *req, const char *account, const char *task)
{
	call_begin(s, req, SCRIPT_ATTEMPTS);
	call_text(req, task);
	call_text(req, account);
	call_send(req, read_tasks);
}

void store_live(struct store *s, struct store_req *req, uint64_t cursor)
{
	send_live(s, req, "live", cursor);
}

void store_stopped(struct store *s, struct store_req *req, uint64_t cursor)
{
	send_live(s, req, "ending", cursor);
}

void read_ids_as_tasks(struct store_req *req, const redisReply *reply)
{
	read_ids(req, reply);
	req->tasks = arena_alloc(&req->arena, reply->elements * sizeof(Pb__Task *));
	for (size_t i = 0; i < req->number; i++) {
		Pb__Task *task = arena_alloc(&req->arena, sizeof(*task));

		pb__task__init(task);
		task->id = (char *)req->ids[i];
		req->tasks[req->task_count++] = task;
	}
}

void store_expired(struct store *s, struct store_req *req, int64_t now_ms, uint32_t limit)
{
	call_begin(s, req, SCRIPT_EXPIRED);
	call_key(req, "keep");
	call_int(req, now_ms);
	call_unsigned(req, limit);
	call_send(req, read_ids_as_tasks);
}

void store_counters(struct store *s, struct store_req *req)
{
	call_begin(s, req, SCRIPT_COUNTERS);
	call_key(req, "counters");
	call_send(req, read_number);
}
