/* store/call.h - one call of a script: its words are gathered in the request's arena, sent, sent again when
 * Redis has lost the script, and its answer is read.
 *
 *     call_begin(s, req, SCRIPT_LEASE);
 *     call_key(req, "task:%s", id); ...            all keys before the first argument
 *     call_text(req, worker); call_int(req, now);
 *     call_send(req, read_outcomes);
 *
 * A script answers with a list that begins with a status; 0 is followed by results, another by its words.
 * Private to store_*.c. */
#ifndef STORE_CALL_H
#define STORE_CALL_H

#include "store/ledger.h"

#define CALL_TTL_MS (7ll * 86400 * 1000) /* how long a call_id is remembered */

/* Each is store/script/NAME.lua. */
#define PLAIN_SCRIPTS(X) \
	X(SCRIPT_ACCOUNT, account) \
	X(SCRIPT_TOKEN_ADD, token_add) \
	X(SCRIPT_TOKEN_FIND, token_find) \
	X(SCRIPT_TOKEN_REVOKE, token_revoke) \
	X(SCRIPT_TOKEN_USED, token_used) \
	X(SCRIPT_TOKENS, tokens) \
	X(SCRIPT_REVOKED, revoked) \
	X(SCRIPT_TASK, task) \
	X(SCRIPT_TASKS, tasks) \
	X(SCRIPT_ATTEMPTS, attempts) \
	X(SCRIPT_LIVE, live) \
	X(SCRIPT_LEASE, lease) \
	X(SCRIPT_PHASE, phase) \
	X(SCRIPT_RETURNED, returned) \
	X(SCRIPT_REMOVE, remove) \
	X(SCRIPT_EXPIRED, expired) \
	X(SCRIPT_WORKER_JOIN, worker_join) \
	X(SCRIPT_WORKER_LEAVE, worker_leave) \
	X(SCRIPT_BLOB_ADD, blob_add) \
	X(SCRIPT_BLOB_FIND, blob_find) \
	X(SCRIPT_UNUSED, unused) \
	X(SCRIPT_BLOBS_KNOWN, blobs_known) \
	X(SCRIPT_COUNTERS, counters) \
	X(SCRIPT_BALANCE, balance) \
	X(SCRIPT_EARNINGS, earnings) \
	X(SCRIPT_STATEMENT, statement) \
	X(SCRIPT_PROJECT_CREATE, project_create) \
	X(SCRIPT_PROJECT_SHOW, project_show) \
	X(SCRIPT_PROJECTS, projects) \
	X(SCRIPT_PROJECT_TOKEN, project_token) \
	X(SCRIPT_PROJECT_CLAIM, project_claim) \
	X(SCRIPT_LEDGER_TOTALS, ledger_totals) \
	X(SCRIPT_LEDGER_PAGE, ledger_page) \
	X(SCRIPT_LEDGER_BALANCES, ledger_balances) \
	X(SCRIPT_LEADER_BEAT, leader_beat) \
	X(SCRIPT_LEADER_RESIGN, leader_resign)

/* Those that also get ledger.lua. */
#define MONEY_SCRIPTS(X) \
	X(SCRIPT_REGISTER, register) \
	X(SCRIPT_SUBMIT, submit) \
	X(SCRIPT_TICK, tick) \
	X(SCRIPT_DONE, done) \
	X(SCRIPT_REQUEUE, requeue) \
	X(SCRIPT_STOP, stop) \
	X(SCRIPT_FAIL, fail) \
	X(SCRIPT_REFUND, refund) \
	X(SCRIPT_TRANSFER, transfer) \
	X(SCRIPT_LEDGER_FREEZE, ledger_freeze)

/* Those that settle who leads: the only ones that write without fence.lua. */
#define LEADER_SCRIPTS(X) \
	X(SCRIPT_LEADER_LOOK, leader_look) \
	X(SCRIPT_LEADER_TAKE, leader_take)

#define SCRIPTS(X) PLAIN_SCRIPTS(X) MONEY_SCRIPTS(X) LEADER_SCRIPTS(X)

enum script {
#define SCRIPT_ENUM(id, name) id,
	SCRIPTS(SCRIPT_ENUM)
#undef SCRIPT_ENUM
	SCRIPT_COUNT,
};

/* What fence.lua answers in the place of a status, with the name of the pool that leads. */
#define FENCED_OFF 100

/* store/script.c: the text that Redis is given: the first line and the rest of NAME.lua, with common.lua
 * between; then fence.lua, unless its first line says no-writes; then, for MONEY_SCRIPTS, ledger.lua. */
const char *script_text(int script, size_t *n);
const char *script_name(int script);
/* Its SHA-1, by which Redis knows it. */
const char *script_sha(int script);
/* Is it refused to a pool that does not lead? call_send() adds the fence then. */
bool script_is_fenced(int script);
/* Does it move money: does the ledger grow with it? */
bool script_moves_money(int script);
/* Tests: from now on `to` stands for `from` wherever a script has it (from NULL: as they were). Returns how
 * many scripts had it. Before store_open(). */
int scripts_change_for_test(const char *from, const char *to);

void call_begin(struct store *s, struct store_req *req, int script);
/* The same for n items at once, at most STORE_BATCH_MAX; read_outcomes() wants an outcome of each. */
void call_begin_batch(struct store *s, struct store_req *req, int script, size_t n);
void call_key(struct store_req *req, const char *format, ...) __attribute__((format(printf, 2, 3)));
void call_text(struct store_req *req, const char *text); /* borrowed until call_send() returns or copied */
void call_bytes(struct store_req *req, const void *p, size_t n);
void call_int(struct store_req *req, int64_t n);
void call_amount(struct store_req *req, int64_t n); /* between 0 and CPT_SUPPLY, whatever n is */
void call_unsigned(struct store_req *req, uint64_t n);
void call_message(struct store_req *req, const ProtobufCMessage *message); /* packed; NULL = "" */
/* Two words: what must be the same when the call is made again (what it is, and what
 * it says), and how long that is remembered. */
void call_content(struct store_req *req, const char *kind, const char *content);
/* read gets the whole list after its status was found 0; NULL = nothing to read. */
void call_send(struct store_req *req, void (*read)(struct store_req *, const redisReply *));

/* store.c: the connection, and why it cannot be used now. */
struct redis *store_redis(const struct store *s);
const struct error *store_why(const struct store *s);
void store_note_move(struct store *s);
/* store.c: what this pool writes with, and the news that another one leads. */
const char *store_fence(const struct store *s);
void store_set_fence(struct store *s, const char *fence);
void store_fenced_off(struct store *s, const char *leader);

/* Readers that several calls share. */
void read_task(struct store_req *req, const redisReply *reply);     /* {0, fields} */
void read_tasks(struct store_req *req, const redisReply *reply);    /* {0, next, fields, fields, ...} */
/* {0, outcome, ...}, req->batch of them */
void read_outcomes(struct store_req *req, const redisReply *reply);
void read_account(struct store_req *req, const redisReply *reply);  /* {0, fields} */
void read_number(struct store_req *req, const redisReply *reply);   /* {0, number} */
void read_id(struct store_req *req, const redisReply *reply);       /* {0, id} */
void read_ids(struct store_req *req, const redisReply *reply);      /* {0, id, ...} */
void read_ids_as_tasks(struct store_req *req, const redisReply *reply); /* {0, id, ...} into tasks */
/* The answer is not of the shape that its reader expects. */
void read_failed(struct store_req *req);

#endif
