/* store/ledger.c - money by hand, ticks, refunds, and the ledger as a whole. Reading: ledger_read.c;
 * projects: project.c. */
#include "store/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "proto/limits.h"
#include "proto/status.h"
#include "store/call.h"

/* --- money by hand ------------------------------------------------------------------------------- */

static void read_transfer(struct store_req *req, const redisReply *reply)
{
	if (reply->elements != 4 || reply->element[1]->type != REDIS_REPLY_STRING ||
	    reply->element[2]->type != REDIS_REPLY_STRING) {
		read_failed(req);
		return;
	}
	req->number = strtoull(reply->element[1]->str, NULL, 10);
	req->amount = strtoll(reply->element[2]->str, NULL, 10);
	req->duplicate = reply->element[3]->integer != 0;
}

static void send_transfer(struct store *s, struct store_req *req, const char *kind, const char *account,
                          const char *other_key, const char *name, int64_t mcpt, const char *call_id,
                          int64_t now_ms)
{
	call_begin(s, req, SCRIPT_TRANSFER);
	call_key(req, "account:%s", account);
	call_key(req, "%s:%s", other_key, name);
	call_key(req, "transfer:%s:%s", account, call_id);
	call_text(req, kind);
	call_text(req, account);
	call_text(req, name);
	call_int(req, mcpt);
	call_text(req, call_id);
	call_int(req, now_ms);
	call_send(req, read_transfer);
}

void store_transfer(struct store *s, struct store_req *req, const char *account, const char *to, int64_t mcpt,
                    const char *call_id, int64_t now_ms)
{
	send_transfer(s, req, "transfer", account, "account-name", to, mcpt, call_id, now_ms);
}

void store_tip(struct store *s, struct store_req *req, const char *account, const char *project, int64_t mcpt,
               const char *call_id, int64_t now_ms)
{
	send_transfer(s, req, "tip", account, "project", project, mcpt, call_id, now_ms);
}

void store_project_withdraw(struct store *s, struct store_req *req, const char *account, const char *project,
                            int64_t mcpt, const char *call_id, int64_t now_ms)
{
	send_transfer(s, req, "withdraw", account, "project", project, mcpt, call_id, now_ms);
}

/* --- of tasks ---------------------------------------------------------------------------------------- */

void store_tick(struct store *s, struct store_req *req, const struct tick_item *items, size_t n,
                int64_t now_ms)
{
	call_begin_batch(s, req, SCRIPT_TICK, n);
	for (size_t i = 0; i < n; i++)
		call_key(req, "task:%s", items[i].task);
	call_int(req, now_ms);
	for (size_t i = 0; i < n; i++) {
		call_text(req, items[i].task);
		call_unsigned(req, items[i].epoch);
		call_text(req, items[i].worker);
		call_amount(req, items[i].due_mcpt);
	}
	call_send(req, read_outcomes);
}

void store_unsettled(struct store *s, struct store_req *req, int64_t before_ms, uint32_t limit)
{
	call_begin(s, req, SCRIPT_EXPIRED);
	call_key(req, "unsettled");
	call_int(req, before_ms);
	call_unsigned(req, limit);
	call_send(req, read_ids_as_tasks);
}

void store_refund(struct store *s, struct store_req *req, const char *task, int64_t now_ms)
{
	call_begin_batch(s, req, SCRIPT_REFUND, 1);
	call_key(req, "task:%s", task);
	call_text(req, task);
	call_int(req, now_ms);
	call_send(req, read_outcomes);
}

/* --- the whole ------------------------------------------------------------------------------------- */

static void send_freeze(struct store *s, struct store_req *req, const char *why)
{
	call_begin(s, req, SCRIPT_LEDGER_FREEZE);
	call_key(req, "ledger:head");
	call_text(req, why);
	call_send(req, NULL);
}

void store_ledger_freeze(struct store *s, struct store_req *req, const char *why)
{
	send_freeze(s, req, why[0] != '\0' ? why : "an operator has frozen it");
}

void store_ledger_unfreeze(struct store *s, struct store_req *req)
{
	send_freeze(s, req, "");
}
