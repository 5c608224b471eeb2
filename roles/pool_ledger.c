/* roles/pool_ledger.c - Ledger: what people have, where it went, giving it away, and the whole.
 * One question to the store each, then the answer; what moves money is followed by a second one,
 * for the balance after it. */
#include <stdlib.h>
#include <string.h>

#include "net/clock.h"
#include "net/crash.h"
#include "net/log.h"
#include "net/memory.h"
#include "roles/pool.h"
#include "roles/pool_call.h"
#include "store/ledger.h"

#define PAGE_DEFAULT 50

static uint32_t page_size(uint32_t asked)
{
	return asked == 0 ? PAGE_DEFAULT : asked < STORE_PAGE_MAX ? asked : STORE_PAGE_MAX;
}

/* --- Balance, Statement, Earnings ------------------------------------------------------------- */

static void on_balance(struct store_req *req)
{
	struct call *c = call_well_answered(req);
	Pb__BalanceReply reply = PB__BALANCE_REPLY__INIT;

	if (c == NULL)
		return;
	reply.balance_mcpt = req->money->balance_mcpt;
	reply.grant_mcpt = req->money->grant_mcpt;
	reply.pending_mcpt = req->money->pending_mcpt;
	reply.held_mcpt = req->money->held_mcpt;
	reply.earned_mcpt = req->money->earned_mcpt;
	reply.spent_mcpt = req->money->spent_mcpt;
	rpc_reply(c->rpc, &reply.base);
}

int pool_balance(struct rpc *rpc, const ProtobufCMessage *in)
{
	struct call *c = call_new(rpc, sizeof *c);

	(void)in;
	store_balance(call_store(c), call_ask(c, on_balance), caller_of(rpc)->account);
	return RPC_LATER;
}

static Pb__StatementLine *show_line(struct arena *arena, const struct statement_line *l)
{
	Pb__StatementLine *out = arena_alloc(arena, sizeof *out);

	pb__statement_line__init(out);
	out->seq = l->seq;
	out->time_ms = l->time_ms;
	out->id = (char *)l->id;
	out->kind = (char *)l->kind;
	out->counterparty = (char *)l->counterparty;
	out->name = (char *)l->name;
	out->task = (char *)l->task;
	out->epoch = l->epoch;
	out->wall_ms = l->wall_ms;
	out->start_mcpt = l->start_mcpt;
	out->rate_ncpt = l->rate_ncpt;
	out->charge_mcpt = l->charge_mcpt;
	out->amount_mcpt = l->amount_mcpt;
	return out;
}

static void on_statement(struct store_req *req)
{
	struct call *c = call_well_answered(req);
	Pb__StatementReply reply = PB__STATEMENT_REPLY__INIT;

	if (c == NULL)
		return;
	reply.lines = arena_alloc(&c->rpc->arena, (req->count + 1) * sizeof *reply.lines);
	for (size_t i = 0; i < req->count; i++)
		reply.lines[reply.n_lines++] = show_line(&c->rpc->arena, &req->lines[i]);
	reply.next = req->next;
	rpc_reply(c->rpc, &reply.base);
}

static void ask_statement(struct call *c, const Pb__StatementRequest *in, const char *account)
{
	store_statement(call_store(c), call_ask(c, on_statement), account, page_size(in->limit), in->after,
			in->since_ms > 0 ? in->since_ms : 0);
}

/* The statement of a task. */
struct task_statement {
	struct call call;
	const Pb__StatementRequest *in; /* lies in the arena of the rpc */
};

static void on_task_of_statement(struct store_req *req)
{
	struct task_statement *s = (struct task_statement *)call_well_answered(req);
	const char *id;

	if (s == NULL)
		return;
	id = req->tasks[0]->id;
	ask_statement(&s->call, s->in, arena_printf(&s->call.rpc->arena, "hold:%.*s", (int)strcspn(id, "."), id));
}

static int task_statement(struct rpc *rpc, const Pb__StatementRequest *in)
{
	struct task_statement *s;

	if (!id_prefix_valid(in->task))
		return error_set(&rpc->error, STATUS_INVALID_ARGUMENT, "\"%.40s\" cannot be the id of a task", in->task);
	s = call_new(rpc, sizeof *s);
	s->in = in;
	store_task(call_store(&s->call), call_ask(&s->call, on_task_of_statement), caller_of(rpc)->account,
		   in->task);
	return RPC_LATER;
}

int pool_statement(struct rpc *rpc, const ProtobufCMessage *message)
{
	const Pb__StatementRequest *in = (const Pb__StatementRequest *)message;
	const char *account = caller_of(rpc)->account;

	if (in->task[0] != '\0')
		return task_statement(rpc, in);
	if (in->project[0] != '\0' && !project_name_valid(in->project))
		return error_set(&rpc->error, STATUS_NOT_FOUND, "there is no project \"%.64s\"", in->project);
	if (in->project[0] != '\0')
		account = arena_printf(&rpc->arena, "project:%s", in->project);
	ask_statement(call_new(rpc, sizeof(struct call)), in, account);
	return RPC_LATER;
}

struct earnings {
	struct call call;
	Pb__EarningsReply reply;
};

static void on_earned(struct store_req *req)
{
	struct earnings *e = (struct earnings *)call_well_answered(req);

	if (e == NULL)
		return;
	e->reply.pending_mcpt = req->money->pending_mcpt;
	e->reply.earned_mcpt = req->money->earned_mcpt;
	rpc_reply(e->call.rpc, &e->reply.base);
}

static void on_earnings(struct store_req *req)
{
	struct earnings *e = (struct earnings *)call_well_answered(req);
	struct arena *arena;

	if (e == NULL)
		return;
	arena = &e->call.rpc->arena;
	e->reply.tasks = arena_alloc(arena, (req->count + 1) * sizeof *e->reply.tasks);
	for (size_t i = 0; i < req->count; i++) {
		Pb__Earning *earning = arena_alloc(arena, sizeof *earning);

		pb__earning__init(earning);
		earning->task = arena_strdup(arena, req->earnings[i].task);
		earning->pending_mcpt = req->earnings[i].pending_mcpt;
		e->reply.tasks[e->reply.n_tasks++] = earning;
	}
	e->reply.next = arena_strdup(arena, req->id != NULL ? req->id : "");
	store_balance(call_store(&e->call), call_ask(&e->call, on_earned), caller_of(e->call.rpc)->account);
}

int pool_earnings(struct rpc *rpc, const ProtobufCMessage *message)
{
	const Pb__EarningsRequest *in = (const Pb__EarningsRequest *)message;
	struct earnings *e;

	if (in->after[0] != '\0' && !task_id_valid(in->after))
		return error_set(&rpc->error, STATUS_INVALID_ARGUMENT, "after must be what an earlier answer gave as next");
	e = call_new(rpc, sizeof *e);
	pb__earnings_reply__init(&e->reply);
	store_earnings(call_store(&e->call), call_ask(&e->call, on_earnings), caller_of(rpc)->account,
		       page_size(in->limit), in->after);
	return RPC_LATER;
}

/* --- Transfer, Tip, Withdraw -------------------------------------------------------------------- */

struct move {
	struct call call;
	Pb__TransferReply reply;
};

static void on_balance_after(struct store_req *req)
{
	struct move *m = (struct move *)call_well_answered(req);

	if (m == NULL)
		return;
	m->reply.balance_mcpt = req->money->balance_mcpt;
	rpc_reply(m->call.rpc, &m->reply.base);
}

static void on_moved(struct store_req *req)
{
	struct move *m = (struct move *)call_well_answered(req);

	crash_point(POOL_GIFT_DONE);
	if (m == NULL)
		return;
	m->reply.seq = req->number;
	m->reply.amount_mcpt = req->amount;
	m->reply.duplicate = req->duplicate;
	store_balance(call_store(&m->call), call_ask(&m->call, on_balance_after), caller_of(m->call.rpc)->account);
}

static struct move *move_new(struct rpc *rpc)
{
	struct move *m = call_new(rpc, sizeof *m);

	pb__transfer_reply__init(&m->reply);
	return m;
}

int pool_transfer(struct rpc *rpc, const ProtobufCMessage *message)
{
	const Pb__TransferRequest *in = (const Pb__TransferRequest *)message;
	struct move *m;

	if (strlen(in->to) > ACCOUNT_NAME_MAX)
		return error_set(&rpc->error, STATUS_NOT_FOUND, "there is no account \"%.40s\"", in->to);
	m = move_new(rpc);
	store_transfer(call_store(&m->call), call_ask(&m->call, on_moved), caller_of(rpc)->account, in->to,
		       in->amount_mcpt, in->call_id, clock_wall_ms());
	return RPC_LATER;
}

int pool_tip(struct rpc *rpc, const ProtobufCMessage *message)
{
	const Pb__TipRequest *in = (const Pb__TipRequest *)message;
	struct move *m;

	if (!project_name_valid(in->project))
		return error_set(&rpc->error, STATUS_NOT_FOUND, "there is no project \"%.64s\"", in->project);
	m = move_new(rpc);
	store_tip(call_store(&m->call), call_ask(&m->call, on_moved), caller_of(rpc)->account, in->project,
		  in->amount_mcpt, in->call_id, clock_wall_ms());
	return RPC_LATER;
}

int pool_withdraw(struct rpc *rpc, const ProtobufCMessage *message)
{
	const Pb__WithdrawRequest *in = (const Pb__WithdrawRequest *)message;
	struct move *m;

	if (!project_name_valid(in->project))
		return error_set(&rpc->error, STATUS_NOT_FOUND, "there is no project \"%.64s\"", in->project);
	m = move_new(rpc);
	store_project_withdraw(call_store(&m->call), call_ask(&m->call, on_moved), caller_of(rpc)->account,
			       in->project, in->amount_mcpt, in->call_id, clock_wall_ms());
	return RPC_LATER;
}

/* --- Totals, Freeze, Unfreeze --------------------------------------------------------------------- */

static void on_totals(struct store_req *req)
{
	struct call *c = call_answered(req);
	const struct ledger_totals *t = req->totals;
	Pb__TotalsReply reply = PB__TOTALS_REPLY__INIT;

	if (c == NULL)
		return;
	if (t == NULL) { /* sums that are wrong are shown all the same */
		call_fail(c);
		return;
	}
	reply.records = t->seq;
	reply.treasury_mcpt = t->treasury_mcpt;
	reply.users_mcpt = t->users_mcpt;
	reply.pending_mcpt = t->pending_mcpt;
	reply.holds_mcpt = t->holds_mcpt;
	reply.projects_mcpt = t->projects_mcpt;
	reply.supply_mcpt = CPT_SUPPLY;
	reply.frozen = t->frozen;
	reply.why = (char *)(t->why != NULL ? t->why : "");
	reply.chain = (char *)t->chain;
	reply.violations = c->pool->guard != NULL ? ledger_guard_violations(c->pool->guard) : 0;
	rpc_reply(c->rpc, &reply.base);
}

int pool_totals(struct rpc *rpc, const ProtobufCMessage *in)
{
	struct call *c = call_new(rpc, sizeof *c);

	(void)in;
	store_ledger_totals(call_store(c), call_ask(c, on_totals));
	return RPC_LATER;
}

static void on_frozen(struct store_req *req)
{
	struct call *c = call_well_answered(req);

	if (c != NULL)
		store_ledger_totals(call_store(c), call_ask(c, on_totals));
}

int pool_freeze(struct rpc *rpc, const ProtobufCMessage *message)
{
	const Pb__FreezeRequest *in = (const Pb__FreezeRequest *)message;
	struct call *c;

	if (strlen(in->why) > REASON_MAX)
		return error_set(&rpc->error, STATUS_INVALID_ARGUMENT, "why has at most %d bytes", REASON_MAX);
	c = call_new(rpc, sizeof *c);
	log_warn("ledger frozen by account=%s why=\"%s\"", caller_of(rpc)->account, in->why);
	store_ledger_freeze(call_store(c), call_ask(c, on_frozen),
			    in->why[0] != '\0' ? in->why : "its operator said so");
	return RPC_LATER;
}

int pool_unfreeze(struct rpc *rpc, const ProtobufCMessage *in)
{
	struct call *c = call_new(rpc, sizeof *c);

	(void)in;
	log_warn("ledger unfrozen by account=%s", caller_of(rpc)->account);
	store_ledger_unfreeze(call_store(c), call_ask(c, on_frozen));
	return RPC_LATER;
}
