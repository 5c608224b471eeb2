/* store/store.h - what is true: every question to Redis and every change of state, one function each.
 *
 * Every change is one Lua script (store/script/NAME.lua) that checks everything first and only then writes,
 * takes batches where the pool has batches, and is safe to send again: a repeated call finds its work
 * done and gives the first answer. So a lost reply (UNAVAILABLE) is answered by asking again.
 *
 * A request is embedded in its owner and on loan from the call to on_done(), which comes exactly once, on
 * the loop, never from inside the call. Results lie in req->arena until store_req_release().
 *
 * Redis keys (store/script/README names the fields):
 *   account:ID  account-name:NAME  token:SHA256  tokens:ACCOUNT  revoked  revoked:seq  call:ACCOUNT:CALL_ID
 *   submission:ID  task:ID.N  attempt:ID.N:EPOCH  queue  live  live:ACCOUNT  tasks:ACCOUNT  ids:ACCOUNT  keep
 *   worker:ID  workers  leases:WORKER  blob:SHA256  uploads:ACCOUNT  named:ACCOUNT  unused
 *   seq  counters  ending  pool:leader
 *   ledger  ledger:head  accounts  statement:ACCOUNT  transfer:ACCOUNT:CALL_ID  earning:ACCOUNT
 *   holds  unsettled  project:NAME  projects  project-tokens:NAME                 (money: store/ledger.h)
 * The fields of task:, worker:, account: hashes bear the names of the messages in hivemind.proto and are
 * read into them by store/record.c; nested messages are stored packed. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "net/arena.h"
#include "proto/id.h"
#include "store/redis.h"

#include "hivemind.pb-c.h"

struct store;

struct store_events {
	/* Redis answers, its settings are strong enough and the scripts are loaded; also after each reconnect. */
	void (*on_up)(struct store *, void *user);
	/* Redis is gone or cannot be had, or (FAILED_PRECONDITION) its settings are too weak: err's hint is the line
	 * to change. Said once for each reason, however often it is tried in vain. */
	void (*on_down)(struct store *, const struct error *err, void *user);
	void *user;
	/* Another pool has taken the lead (or Redis has lost that this one did): what this one would change
	 * is refused from now on, for good, with UNAVAILABLE. Once. May be NULL. */
	void (*on_fenced_off)(struct store *, const struct error *err, void *user);
};

struct store *store_open(struct loop *loop, const struct redis_address *a, const struct store_events *events);
bool store_is_up(const struct store *s);
const char *store_redis_version(const struct store *s);
/* Calls that may have moved money, ever: that it has grown says that the ledger may have. */
uint64_t store_money_moves(const struct store *s);
void store_close(struct store *s, void (*closed)(void *user), void *user);

struct store_req {
	void (*on_done)(struct store_req *req);
	void *user;
	struct error error; /* status 0 = done; words when not */
	struct arena arena; /* results */

	/* results, by call; see each function */
	Pb__Account *account;
	const char *password; /* yescrypt string */
	unsigned scopes;
	int64_t expires_ms;
	Pb__Token **tokens; /* count of them */
	Pb__Task **tasks;
	size_t task_count;
	const char *id;
	bool duplicate;
	uint64_t next; /* where the next page begins; 0 = that was all */
	int *outcomes; /* one enum outcome for each item of a batch, in its order */
	uint64_t number;
	int64_t amount;                      /* moved, milli-CPT */
	const struct money *money;           /* from here on: store/ledger.h */
	const struct ledger_totals *totals;
	const struct project *project;
	const struct leader_record *leader;
	struct statement_line *lines;
	struct project *projects;
	struct earning *earnings;
	struct ledger_record *records;
	struct ledger_balance *balances;
	size_t count; /* of tokens, lines, projects, earnings, records or balances */

	/* private: see store/call.h */
	struct redis_req redis;
	struct deferred deferred;
	struct store *store;
	void (*read)(struct store_req *, const redisReply *);
	const char **argv;
	size_t *lengths;
	int argc, argc_max, keys;
	int script;
	bool loaded_again;
	size_t batch;
	const char **ids;
	const char *subject; /* of the caller, for read() */
};

void store_req_release(struct store_req *req);

/* What became of one item of a batch. */
enum outcome {
	OUTCOME_DONE,   /* changed now, or the same change was made by an earlier sending of this call */
	OUTCOME_FENCED, /* another epoch or worker is current, or the state forbids it: nothing changed */
	OUTCOME_GONE,   /* there is no such task */
	OUTCOME_FAILED, /* (store_requeue) too many losses: the task is FAILED(infra) now */
	OUTCOME_MISSING, /* (store_done) the result's blob is not here: nothing changed; upload it, then ask again */
	OUTCOME_SPENT,   /* (store_tick) done, and the hold is used up now */
	OUTCOME_CONFLICT, /* (store_done) this attempt has ended already, and otherwise: nothing changed */
	OUTCOME_AGAIN,    /* (store_done) its exit status is tried again: the task is PENDING now */
};

/* Items in one call of store_lease, store_phase, store_done, store_requeue at most. */
#define STORE_BATCH_MAX 128

/* --- accounts and tokens -------------------------------------------------------------------- */

struct registration {
	const char *id, *name, *password; /* as stored */
	int64_t now_ms;
	const char *call_id;  /* "" = none (also for store_submit) */
	int64_t gift_mcpt;    /* from the treasury; nothing when it has less */
	bool gift_tasks_only; /* the gift cannot be transferred */
};

/* New account. Result: account, password (as stored), amount = the gift it got. ALREADY_EXISTS: the name.
 * With call_id seen before: the first answer and duplicate; the password is not part of the content (its hash
 * differs each time), so the caller must check it against the stored one before it opens a session. ABORTED:
 * call_id with another name. FAILED_PRECONDITION: the ledger is frozen. */
void store_register(struct store *s, struct store_req *req, const struct registration *r);
/* Result: account, password. NOT_FOUND. */
void store_account_by_name(struct store *s, struct store_req *req, const char *name);
struct token_grant {
	const char *sha256, *account;
	const char *id, *name;
	const char *by;      /* id of the token it is made with; "" = a password */
	const char *call_id; /* "" = none */
	unsigned scopes;
	int64_t expires_ms, now_ms;
	bool make_room; /* at TOKENS_MAX the one that expires first ends, else RESOURCE_EXHAUSTED */
};

/* A token by its SHA-256; it vanishes at expires_ms by itself. Result: id (of the first
 * sending, when call_id was seen before: then its first secret ends and this one takes its
 * place). ABORTED: call_id with other content. */
void store_token_add(struct store *s, struct store_req *req, const struct token_grant *g);
/* Result: account, token, scopes, expires_ms. NOT_FOUND. */
void store_token_find(struct store *s, struct store_req *req, const char *sha256);
/* End the token of this account with this id, or the one whose id begins so; with `made` also those made with
 * it. May end itself and what has no scope that `scopes` lacks. Result: number = how many. NOT_FOUND (also:
 * another account's), PERMISSION_DENIED; FAILED_PRECONDITION: several begin so. */
void store_token_revoke(struct store *s, struct store_req *req, const char *account, const char *id,
			unsigned scopes, const char *by, bool made);
/* The same for a call of this id, as store_stop_once(). */
void store_token_revoke_once(struct store *s, struct store_req *req, const char *account, const char *id,
			     unsigned scopes, const char *by, bool made, const char *call_id);
/* It was used now. */
void store_token_used(struct store *s, struct store_req *req, const char *sha256, int64_t now_ms);
/* Result: tokens, count; the scopes in words. */
void store_tokens(struct store *s, struct store_req *req, const char *account);
/* Tokens that store_token_revoke() has ended since `place`, in any pool. Result: next = the next place,
 * number and store_blob_id() = their SHA-256. place -1: only where we are. */
void store_revoked(struct store *s, struct store_req *req, int64_t place);

/* --- tasks ----------------------------------------------------------------------------------- */

struct submission {
	char id[ID_SIZE]; /* made by the pool for this call; not used when the call was seen before */
	const char *account;
	const Pb__TaskSpec *spec;
	const char *bundle_sha256;
	uint64_t bundle_size;
	int64_t now_ms;
	const char *call_id;
	int64_t hold_mcpt;             /* the most it can cost; 0 = it costs nothing */
	int64_t start_mcpt, rate_ncpt; /* its price (roles/price.h), kept for its life */
};

/* Result: id of the submission, duplicate. FAILED_PRECONDITION: the bundle is not the account's, or the
 * ledger is frozen. ABORTED: call_id was used with other content. RESOURCE_EXHAUSTED: TASKS_LIVE_MAX, or
 * (said first) the account has less than hold_mcpt: the words name what is missing. */
void store_submit(struct store *s, struct store_req *req, const struct submission *sub);

/* Result: tasks[0] with spec. `prefix` (id_prefix_valid) of a task of this account; "" account = any,
 * then it must be a whole id (of a task, or of a submission: its member 1). NOT_FOUND;
 * FAILED_PRECONDITION: several begin so (text names two). */
void store_task(struct store *s, struct store_req *req, const char *account, const char *prefix);

/* The account's tasks, newest first. Result: tasks, next (0 = no more). after 0 = from the newest. */
void store_tasks(struct store *s, struct store_req *req, const char *account, uint32_t limit, uint64_t after,
		 bool only_live, bool with_spec);

/* The attempts of this task of the account, the first first, each as the task was at its end; the last
 * is as it is now. Result: tasks. NOT_FOUND. */
void store_attempts(struct store *s, struct store_req *req, const char *account, const char *task);

/* Every task that has not ended, a page at a time, with what the pool's index needs (live_fields in
 * store_task.c) and spec. Begin with cursor 0; until next is 0. */
void store_live(struct store *s, struct store_req *req, uint64_t cursor);
/* The same of tasks that were stopped while they ran and whose attempt has not ended. */
void store_stopped(struct store *s, struct store_req *req, uint64_t cursor);

struct lease_item {
	const char *task;
	uint32_t epoch; /* the one it has now; it gets epoch + 1 */
	const char *worker, *worker_name;
};
/* PENDING -> RUNNING(ASSIGNED). Result: outcomes. */
void store_lease(struct store *s, struct store_req *req, const struct lease_item *items, size_t n,
		 int64_t now_ms);

struct phase_item { const char *task; uint32_t epoch; int phase; int64_t time_ms; };
/* The phase of running tasks. Result: outcomes. */
void store_phase(struct store *s, struct store_req *req, const struct phase_item *items, size_t n);

struct done_item {
	const char *worker;
	const Pb__Done *done;
	int64_t exited_ms;
	uint64_t log_size;
	int64_t charge_mcpt;                    /* what the attempt costs (never more than the hold is taken) */
	int64_t wall_ms, start_mcpt, rate_ncpt; /* how that came about, for the statement */
	uint32_t again;                         /* attempts that may follow one with this exit status */
};
/* RUNNING -> COMPLETED or FAILED as done->failure says, or PENDING again (AGAIN), then only this
 * attempt is charged. A STOPPED task of the same epoch gets result, usage and log attached and
 * stays STOPPED. Both settle: charge to the worker's owner, the rest of the hold back. On one's own
 * worker the charge is 0. Result: outcomes. FAILED_PRECONDITION: the ledger is frozen; items
 * without money may have been done, ask again later. */
void store_done(struct store *s, struct store_req *req, const struct done_item *items, size_t n,
		int64_t now_ms);

enum loss {
	LOSS_NONE,      /* given back, or stopped */
	LOSS_OF_WORKER, /* its worker went down or away with it */
	LOSS_REPORTED,  /* its worker says that its machine failed: the task has not taken it down */
};

struct requeue_item {
	const char *task;
	uint32_t epoch;
	const char *reason;
	enum loss loss;
	/* losses that are followed by another attempt; when all are of one owner's workers */
	int most, most_one_owner;
};

/* RUNNING -> PENDING (its place in the queue is the old one), or FAILED(infra): this was one loss too many,
 * or workers of two owners were lost after they had begun it. What the attempt has earned goes back to the
 * hold, or all to the owner. A STOPPED task's money too (FENCED all the same). Result: outcomes. */
void store_requeue(struct store *s, struct store_req *req, const struct requeue_item *items, size_t n,
		   int64_t now_ms);

/* A worker that was given up is back with an attempt of this task: its loss was not the task's doing. */
void store_returned(struct store *s, struct store_req *req, const char *task, const char *worker);

/* -> STOPPED unless it has ended. Money: at once when it waited; when it ran, store_done, store_requeue or
 * store_refund settles it. Result: tasks[0] as it is then. NOT_FOUND (also: not this account's). */
void store_stop(struct store *s, struct store_req *req, const char *account, const char *task,
		const char *reason, int64_t now_ms);

/* The same for a call of this id: again with the same content it changes nothing and gives that task as it is
 * then, for CALL_TTL_MS; with other content it is ABORTED. call_id "" = none. */
void store_stop_once(struct store *s, struct store_req *req, const char *account, const char *task,
		     const char *reason, const char *call_id, const char *content, int64_t now_ms);

/* PENDING -> FAILED(failure) by the pool itself (an unusable bundle, ...). Result: outcomes[0]. */
void store_fail(struct store *s, struct store_req *req, const char *task, int failure, const char *reason,
		int64_t now_ms);

/* Forget an ended task. NOT_FOUND; FAILED_PRECONDITION: it has not ended, or its money is not
 * settled. Blobs that nobody names any more
 * are in store_unused_blobs() afterwards. account "" = any. Asked again after UNAVAILABLE,
 * NOT_FOUND says that the first sending did it. */
void store_remove(struct store *s, struct store_req *req, const char *account, const char *task);
/* The same for a call of this id, as store_stop_once(). Result: id = of the task that this call has removed,
 * now or at its first sending; `task` may be one that is not there. */
void store_remove_once(struct store *s, struct store_req *req, const char *account, const char *task,
		       const char *call_id, const char *content);

/* Ended tasks whose keep time has come, up to limit. Result: tasks (id only). */
void store_expired(struct store *s, struct store_req *req, int64_t now_ms, uint32_t limit);

/* --- workers --------------------------------------------------------------------------------- */

/* This worker belongs to this account from now on. PERMISSION_DENIED: it is another account's. */
void store_worker_join(struct store *s, struct store_req *req, const char *worker, const char *account,
		       const char *name, const Pb__Host *host, int64_t now_ms);
void store_worker_leave(struct store *s, struct store_req *req, const char *worker, int64_t now_ms);

/* --- blobs (their bytes: store/blob.h) -------------------------------------------------------- */

/* The bytes are safe on disk: this account may name them. */
void store_blob_add(struct store *s, struct store_req *req, const char *account, const char *sha256,
		    uint64_t size, int64_t now_ms);
/* May the account name this blob? NOT_FOUND. Result: number = its size. */
void store_blob_find(struct store *s, struct store_req *req, const char *account, const char *sha256);
/* Blobs no task names and that were added before before_ms; they are forgotten with this call, the caller
 * deletes the files. Result: tasks NULL; ids in arena: see store_blob_id(). number = how many. */
void store_unused_blobs(struct store *s, struct store_req *req, int64_t before_ms, uint32_t limit);
const char *store_blob_id(const struct store_req *req, size_t i);
/* Which of these does Redis know? A file that it does not know was left by a crash between the disk and Redis
 * (or between store_unused_blobs() and the deletion): see blobs_list(). Result: outcomes, DONE or GONE. */
void store_blobs_known(struct store *s, struct store_req *req, const char *const *sha256, size_t n);

/* --- who leads --------------------------------------------------------------------------------
 * Several pools may run on one Redis; one of them leads, and only it can change anything: every script that
 * writes begins with store/script/fence.lua, which compares what this pool got when it took the lead with
 * what stands in Redis at that moment. So no clock and no lease is trusted: who was replaced while it slept
 * is refused. When to take the lead is decided by roles/leader.h. A store whose pool never takes it can
 * write as long as nobody ever did (tests). */

struct leader_record {
	const char *fence; /* "" = nobody ever led here, "nobody" = the last one has resigned */
	const char *beat;  /* changes while it lives */
	const char *run;   /* of its process; "" = nobody leads */
	const char *name;  /* for people */
	const char *data;  /* id of its data directory */
	uint64_t epoch;    /* number of changes of leader */
	bool locked;       /* it holds the lock of its data directory */
};

struct lead_claim {
	const char *fence, *beat; /* what was seen of the one before */
	const char *run, *name, *data;
	bool locked;
	bool other_id; /* the pool is to be another one for its workers: this Redis may have come back older */
};

/* Result: leader. stand_by: the one that leads hears that there is another. */
void store_lead_look(struct store *s, struct store_req *req, bool stand_by);
/* Take the lead; from its answer on this store's changes are made, and everybody else's are refused. Result:
 * number = the epoch; id = the pool's, the same for all that ever led it. ABORTED: the one before is alive,
 * or another was faster. The same run again: the first answer. */
void store_lead(struct store *s, struct store_req *req, const struct lead_claim *claim);
/* Result: number = how often others that stand by have looked, ever. */
void store_lead_beat(struct store *s, struct store_req *req, bool locked);
/* Nobody leads and nobody writes, until one takes the lead. */
void store_resign(struct store *s, struct store_req *req);

/* --- counts ------------------------------------------------------------------------------------ */

/* Result: number = tasks that have ended since the pool exists. */
void store_counters(struct store *s, struct store_req *req);

#endif
