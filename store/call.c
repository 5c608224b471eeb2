/* store/call.c - see call.h. Everything of a call lies in its request's arena, so that it can be sent again.
 */
#include "store/call.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/memory.h"
#include "net/sha256.h"
#include "proto/status.h"

#define WORDS_BEFORE_KEYS 3 /* EVALSHA, the SHA-1, the number of keys */

/* --- gathering --------------------------------------------------------------------------------- */

static void put(struct store_req *req, const void *p, size_t n)
{
	char *word = arena_alloc(&req->arena, n + 1);

	if (req->argc == req->argc_max) {
		size_t max = req->argc_max > 0 ? 2 * (size_t)req->argc_max : 32;
		const char **argv = arena_alloc(&req->arena, max * sizeof(*argv));
		size_t *lengths = arena_alloc(&req->arena, max * sizeof(*lengths));

		for (int i = 0; i < req->argc; i++) {
			argv[i] = req->argv[i];
			lengths[i] = req->lengths[i];
		}
		req->argv = argv;
		req->lengths = lengths;
		req->argc_max = (int)max;
	}
	if (n > 0)
		memcpy(word, p, n);
	req->argv[req->argc] = word;
	req->lengths[req->argc++] = n;
}

void call_text(struct store_req *req, const char *text)
{
	put(req, text, strlen(text));
}

void call_bytes(struct store_req *req, const void *p, size_t n)
{
	put(req, p, n);
}

void call_key(struct store_req *req, const char *format, ...)
{
	char key[256];
	va_list args;
	int n;

	assert(req->argc == WORDS_BEFORE_KEYS + req->keys);
	va_start(args, format);
	n = vsnprintf(key, sizeof(key), format, args);
	va_end(args);
	put(req, key, (size_t)n < sizeof(key) ? (size_t)n : sizeof(key) - 1);
	req->keys++;
}

void call_int(struct store_req *req, int64_t n)
{
	char text[24];

	put(req, text, (size_t)snprintf(text, sizeof(text), "%lld", (long long)n));
}

void call_amount(struct store_req *req, int64_t n)
{
	call_int(req, n < 0 ? 0 : n > CPT_SUPPLY ? CPT_SUPPLY : n);
}

void call_unsigned(struct store_req *req, uint64_t n)
{
	char text[24];

	put(req, text, (size_t)snprintf(text, sizeof(text), "%llu", (unsigned long long)n));
}

void call_message(struct store_req *req, const ProtobufCMessage *message)
{
	size_t n = message != NULL ? protobuf_c_message_get_packed_size(message) : 0;
	uint8_t *packed = arena_alloc(&req->arena, n + 1);

	if (n > 0)
		protobuf_c_message_pack(message, packed);
	put(req, packed, n);
}

void call_content(struct store_req *req, const char *kind, const char *content)
{
	char digest[SHA256_HEX_SIZE];
	const char *text = arena_printf(&req->arena, "%s %s", kind, content);

	sha256_hex_of(text, strlen(text), digest);
	call_text(req, digest);
	call_int(req, CALL_TTL_MS);
}

void call_begin(struct store *s, struct store_req *req, int script)
{
	req->store = s;
	error_clear(&req->error);
	req->account = NULL;
	req->password = req->id = NULL;
	req->tasks = NULL;
	req->ids = NULL;
	req->outcomes = NULL;
	req->task_count = req->batch = 0;
	req->scopes = 0;
	req->expires_ms = 0;
	req->next = req->number = 0;
	req->amount = 0;
	req->money = NULL;
	req->totals = NULL;
	req->project = NULL;
	req->leader = NULL;
	req->projects = NULL;
	req->lines = NULL;
	req->earnings = NULL;
	req->records = NULL;
	req->balances = NULL;
	req->count = 0;
	req->subject = NULL;
	req->duplicate = req->loaded_again = false;
	req->argv = NULL;
	req->lengths = NULL;
	req->argc = req->argc_max = req->keys = 0;
	req->script = script;
	req->deferred = (struct deferred){0};
	call_text(req, "EVALSHA");
	call_text(req, script_sha(script));
	call_text(req, ""); /* the number of keys: call_send() */
}

void call_begin_batch(struct store *s, struct store_req *req, int script, size_t n)
{
	assert(n <= STORE_BATCH_MAX);
	call_begin(s, req, script);
	req->batch = n;
}

/* --- sending and reading ------------------------------------------------------------------------ */

void read_failed(struct store_req *req)
{
	error_set(&req->error, STATUS_INTERNAL, "the script %s has answered in a shape that is not its own",
		  script_name(req->script));
}

static void read_reply(struct store_req *req, const redisReply *reply)
{
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 1 ||
	    reply->element[0]->type != REDIS_REPLY_INTEGER) {
		read_failed(req);
	} else if (reply->element[0]->integer == FENCED_OFF) {
		store_fenced_off(req->store, reply->elements > 1 && reply->element[1]->str != NULL
						     ? reply->element[1]->str
						     : "");
		req->error = *store_why(req->store);
	} else if (reply->element[0]->integer != 0) {
		bool words = reply->elements > 1 && reply->element[1]->type == REDIS_REPLY_STRING;

		error_set(&req->error, (int)reply->element[0]->integer, "%s",
			  words ? reply->element[1]->str : "refused");
	} else if (req->read != NULL) {
		req->read(req, reply);
	}
}

/* EVAL with the whole text does what loading and asking again would do, in one way there and back. */
static void send_with_text(struct store_req *req)
{
	size_t n;

	req->loaded_again = true;
	req->argv[0] = "EVAL";
	req->lengths[0] = 4;
	req->argv[1] = script_text(req->script, &n);
	req->lengths[1] = n;
	redis_send(req->redis.redis, &req->redis, req->argc, req->argv, req->lengths);
}

static void on_reply(struct redis_req *redis, const redisReply *reply, const struct error *err)
{
	struct store_req *req = container_of(redis, struct store_req, redis);

	if (reply == NULL && err->status == STATUS_NOT_FOUND && !req->loaded_again) {
		send_with_text(req);
		return;
	}
	if (script_moves_money(req->script))
		store_note_move(req->store);
	if (reply == NULL)
		req->error = *err;
	else
		read_reply(req, reply);
	req->on_done(req);
}

static void refuse(struct deferred *d)
{
	struct store_req *req = container_of(d, struct store_req, deferred);

	req->on_done(req);
}

void call_send(struct store_req *req, void (*read)(struct store_req *, const redisReply *))
{
	struct redis *redis = store_redis(req->store);
	char *keys = arena_printf(&req->arena, "%d", req->keys);

	req->argv[2] = keys;
	req->lengths[2] = strlen(keys);
	req->read = read;
	req->redis.on_reply = on_reply;
	if (script_is_fenced(req->script))
		call_text(req, store_fence(req->store));
	if (store_is_up(req->store)) {
		redis_send(redis, &req->redis, req->argc, req->argv, req->lengths);
		return;
	}
	req->error = *store_why(req->store);
	loop_defer(redis_loop(redis), &req->deferred, refuse);
}

void store_req_release(struct store_req *req)
{
	arena_release(&req->arena);
}

/* --- readers -------------------------------------------------------------------------------------- */

void read_outcomes(struct store_req *req, const redisReply *reply)
{
	if (reply->elements != req->batch + 1) {
		read_failed(req);
		return;
	}
	req->outcomes = arena_alloc(&req->arena, (req->batch + 1) * sizeof(*req->outcomes));
	for (size_t i = 0; i < req->batch; i++)
		req->outcomes[i] = (int)reply->element[i + 1]->integer;
}

void read_number(struct store_req *req, const redisReply *reply)
{
	if (reply->elements != 2 || reply->element[1]->type != REDIS_REPLY_STRING)
		read_failed(req);
	else
		req->number = strtoull(reply->element[1]->str, NULL, 10);
}

void read_id(struct store_req *req, const redisReply *reply)
{
	if (reply->elements != 2 || reply->element[1]->type != REDIS_REPLY_STRING)
		read_failed(req);
	else
		req->id = arena_strdup(&req->arena, reply->element[1]->str);
}

void read_ids(struct store_req *req, const redisReply *reply)
{
	req->number = reply->elements - 1;
	req->ids = arena_alloc(&req->arena, reply->elements * sizeof(*req->ids));
	for (size_t i = 1; i < reply->elements; i++) {
		if (reply->element[i]->type != REDIS_REPLY_STRING) {
			read_failed(req);
			return;
		}
		req->ids[i - 1] = arena_strdup(&req->arena, reply->element[i]->str);
	}
}
