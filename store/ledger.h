/* store/ledger.h - the books: transfers, statements, projects, ticks, freezing, and the check of all of it.
 *
 * Double entry in whole milli-CPT. Money lies in five classes of
 * accounts, which together hold CPT_SUPPLY always:
 *     treasury           opens with all of it
 *     user:ACCOUNT       what the account can spend; `grant` of it pays for tasks only
 *     pending:ACCOUNT    earned by attempts that still run
 *     hold:SUBMISSION    set aside for tasks that have not ended
 *     project:NAME       tips
 * Each change is one record in the stream `ledger` (store/script/README), written by the script that changes
 * the state it belongs to, numbered without gaps and chained by hash. A transfer's id is unique for ever; a
 * repeat gives the first answer and moves nothing. Money that a task moves, moves inside store_register,
 * store_submit, store_done, store_requeue, store_stop, store_fail (store.h); here is the rest.
 *
 *   what happens            call                      moved                               transfer id
 *   registration            store_register(gift)      treasury -> user                    grant:ACCOUNT
 *   submit                  store_submit(hold_mcpt)   user -> hold                        hold:SUBMISSION
 *   while it runs           store_tick                hold -> the worker's pending        tick:TASK:EPOCH:N
 *   end, also FAILED        store_done(charge_mcpt)   hold, pending -> the worker's user  settle:TASK:EPOCH
 *                                                     the rest -> the task's owner
 *   worker lost, given back store_requeue             pending -> hold                     return:TASK:EPOCH
 *   given up (infra, input) store_requeue, store_fail all -> the task's owner             refund:TASK
 *   stop before it runs     store_stop                all -> the task's owner             refund:TASK
 *   stop while it runs      store_stop, then store_done as at the end; with store_requeue (worker lost) or
 *                           store_refund (nobody came) all -> the task's owner
 *
 * "The worker's" is its owner's: pending:ACCOUNT, user:ACCOUNT.
 *
 * The payee is the account of the worker, as Redis knows it; on one's own worker nothing moves.
 * FAILED_PRECONDITION "the ledger is frozen ...": money stands still (store_ledger_freeze, or a check has
 * failed); reads go on. Results lie in req->arena as all results of store.h. */
#ifndef STORE_LEDGER_H
#define STORE_LEDGER_H

#include "proto/cpt.h"
#include "store/store.h"

/* --- moving ------------------------------------------------------------------------------------- */

/* From account to the account named `to`. call_id: 1 to 64 of A-Z a-z 0-9 _ . - ; remembered for ever.
 * Result: number = seq of the record, amount, duplicate.
 * INVALID_ARGUMENT: amount (1 to CPT_SUPPLY), call_id, to oneself. NOT_FOUND: no account `to`.
 * RESOURCE_EXHAUSTED: too little, names what is missing (and what of the balance pays for tasks only).
 * ABORTED: call_id was used with other content. FAILED_PRECONDITION: frozen. */
void store_transfer(struct store *s, struct store_req *req, const char *account, const char *to, int64_t mcpt,
		    const char *call_id, int64_t now_ms);
/* The same, to a project. NOT_FOUND: no such project. */
void store_tip(struct store *s, struct store_req *req, const char *account, const char *project, int64_t mcpt,
	       const char *call_id, int64_t now_ms);
/* From a project to the account that has claimed it. PERMISSION_DENIED: it is not this one's. */
void store_project_withdraw(struct store *s, struct store_req *req, const char *account, const char *project,
			    int64_t mcpt, const char *call_id, int64_t now_ms);

/* The whole price of a running attempt so far; what is not yet in `pending` moves there. Asking again moves
 * nothing; less than before moves nothing. Never more than the hold. Result: outcomes, and OUTCOME_SPENT when
 * the hold is used up: end the task as FAILED(budget). */
struct tick_item { const char *task; uint32_t epoch; const char *worker; int64_t due_mcpt; };
void store_tick(struct store *s, struct store_req *req, const struct tick_item *items, size_t n,
		int64_t now_ms);

/* Stopped tasks whose last attempt has not settled, stopped before before_ms. Result: tasks (id only). */
void store_unsettled(struct store *s, struct store_req *req, int64_t before_ms, uint32_t limit);
/* Give all of such a task's money back to its owner. Result:
 * outcomes[0]: DONE, FENCED (it has not ended), GONE. */
void store_refund(struct store *s, struct store_req *req, const char *task, int64_t now_ms);

/* --- reading ------------------------------------------------------------------------------------- */

struct money {
	int64_t balance_mcpt; /* spendable; includes grant */
	int64_t grant_mcpt;   /* pays for tasks only */
	int64_t pending_mcpt; /* earned, not yet spendable */
	int64_t held_mcpt;    /* in holds of tasks that have not ended */
	int64_t earned_mcpt, spent_mcpt; /* by and on tasks, ever */
};
/* Result: money. NOT_FOUND. */
void store_balance(struct store *s, struct store_req *req, const char *account);

/* A change of what the account can spend. The lines of an account add up to its balance. */
struct statement_line {
	uint64_t seq;
	int64_t time_ms;
	const char *id;           /* of the transfer */
	const char *kind;         /* grant hold settle refund transfer tip withdraw */
	const char *counterparty; /* "treasury", "user:ID", "hold:SUBMISSION", "project:NAME" */
	const char *name;         /* of that account, "" when it is none */
	const char *task;         /* "" = none */
	uint32_t epoch;
	int64_t wall_ms, rate_ncpt, start_mcpt; /* of settle: how the charge came about */
	int64_t charge_mcpt;      /* of settle: what the attempt cost */
	int64_t amount_mcpt;      /* of this account's balance: below 0 = it went away */
};
/* Newest first. account "project:NAME" gives a project's, "hold:SUBMISSION" what was set aside for a
 * submission. after 0 = from the newest; since_ms 0 = all. Result: lines, count, next. */
void store_statement(struct store *s, struct store_req *req, const char *account, uint32_t limit,
		     uint64_t after, int64_t since_ms);

struct earning { const char *task; int64_t pending_mcpt; };
/* Result: earnings, count (tasks that run on the account's workers and have earned), id = the
 * next `after` ("" = that was all). The sums: store_balance. Settled ones are in the statement. */
void store_earnings(struct store *s, struct store_req *req, const char *account, uint32_t limit,
		    const char *after);

/* --- projects -------------------------------------------------------------------------------------- */

#define PROJECT_NAME_MIN 2
#define PROJECT_NAME_MAX 64
#define PROJECT_URL_MAX 256
#define STORE_PAGE_MAX 500 /* lines, projects, earnings in one answer */

struct project {
	const char *name, *url;
	const char *creator; /* account id */
	const char *owner;   /* account id; "" = nobody has claimed it */
	int64_t balance_mcpt, created_ms, claimed_ms;
};
/* Is it 2 to 64 of a-z 0-9 . _ -, beginning with a letter or digit? */
bool project_name_valid(const char *name);

/* Result: project. ALREADY_EXISTS (not when the same account asks again with the same URL). */
void store_project_create(struct store *s, struct store_req *req, const char *account, const char *name,
			  const char *url, int64_t now_ms);
/* Result: project. NOT_FOUND. */
void store_project_show(struct store *s, struct store_req *req, const char *name);
/* By name. after "" = from the first. Result: projects, count, id = the next `after` ("" = all). */
void store_projects(struct store *s, struct store_req *req, uint32_t limit, const char *after);
/* The token this account must publish under the project's URL: `fresh` (random, made by the caller) is kept
 * when there is none yet. Result: id = the token, project. NOT_FOUND. ALREADY_EXISTS: claimed by another. */
void store_project_token(struct store *s, struct store_req *req, const char *account, const char *name,
			 const char *fresh);
/* The caller has seen the token there. Result: project. ALREADY_EXISTS: claimed by another account.
 * FAILED_PRECONDITION: this account has no token. */
void store_project_claim(struct store *s, struct store_req *req, const char *account, const char *name,
			 int64_t now_ms);

/* --- the whole ---------------------------------------------------------------------------------------- */

struct ledger_totals {
	uint64_t seq; /* of the last record */
	char chain[41]; /* its hash */
	int64_t treasury_mcpt, users_mcpt, pending_mcpt, holds_mcpt, projects_mcpt;
	bool frozen;
	const char *why; /* it is frozen */
};
/* Result: totals. The sum is not CPT_SUPPLY: DATA_LOSS, and totals is there all the same: freeze it. */
void store_ledger_totals(struct store *s, struct store_req *req);
/* Money stands still from now on; tasks that cost nothing run on. The first reason stays. */
void store_ledger_freeze(struct store *s, struct store_req *req, const char *why);
/* FAILED_PRECONDITION: the sum is still wrong. */
void store_ledger_unfreeze(struct store *s, struct store_req *req);

/* Records from seq `from` on, as text (store/transfer.h reads them).
 * Result: records, count; totals as then. */
struct ledger_record { const char *text, *chain; };
void store_ledger_page(struct store *s, struct store_req *req, uint64_t from, uint32_t limit);
/* What the accounts hold, a page at a time, for store/ledger_guard.c.
 * which: users and pending, holds, projects. */
enum ledger_class { LEDGER_USERS, LEDGER_HOLDS, LEDGER_PROJECTS };
struct ledger_balance { const char *account; int64_t mcpt; }; /* "user:ID", ... */
/* Result: balances, count, next (0 = all), totals as then. */
void store_ledger_balances(struct store *s, struct store_req *req, enum ledger_class which, uint64_t after);

#endif
