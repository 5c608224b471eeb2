/* roles/pool_quote.c - Ledger.Quote and Ledger.Price: what a task would cost, before
 * anything is sent or set aside. */
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "exec/spec.h"
#include "net/memory.h"
#include "roles/pool.h"
#include "roles/pool_call.h"
#include "store/ledger.h"

struct quote {
	struct call call;
	const Pb__QuoteRequest *in;
};

/* Connected workers that lend enough, and take this price. */
static uint32_t count_workers(struct pool *pool, const Pb__TaskSpec *spec, const struct price *p)
{
	struct amounts need = amounts_of(spec->resources);
	const struct pool_worker *w;
	uint32_t n = 0;

	DL_FOREACH(pool->workers.beats, w)
		n += w->link != NULL && amounts_fit(&need, &w->offered) && price_accepted(&w->asks, p, spec->resources);
	return n;
}

static void on_balance(struct store_req *req)
{
	struct quote *q = (struct quote *)call_well_answered(req);
	Pb__QuoteReply reply = PB__QUOTE_REPLY__INIT;
	char reason[REASON_MAX];
	struct amounts need;
	struct price p;

	if (q == NULL)
		return;
	p = price_of(&q->call.pool->prices, q->in->spec->resources, "", PRIORITY_NORMAL);
	reply.most_mcpt = price_most(&p, q->in->spec);
	reply.start_mcpt = p.start_mcpt;
	reply.rate_ncpt = p.rate_ncpt;
	reply.lasts_ms = 1000 * (int64_t)q->in->spec->time_limit_s;
	if (price_amount(&p, reply.lasts_ms, 0) > reply.most_mcpt)
		reply.lasts_ms = price_lasts_ms(&p, reply.most_mcpt);
	reply.balance_mcpt = req->money->balance_mcpt;
	if (reply.most_mcpt > reply.balance_mcpt)
		reply.missing_mcpt = reply.most_mcpt - reply.balance_mcpt;
	reply.workers = count_workers(q->call.pool, q->in->spec, &p);
	need = amounts_of(q->in->spec->resources);
	pool_explain(q->call.pool, &need, price_per_core(&p, q->in->spec->resources), reason, sizeof reason);
	reply.reason = reason;
	rpc_reply(q->call.rpc, &reply.base);
}

int pool_quote(struct rpc *rpc, const ProtobufCMessage *message)
{
	const Pb__QuoteRequest *in = (const Pb__QuoteRequest *)message;
	struct quote *q;

	if (in->spec == NULL)
		return error_set(&rpc->error, STATUS_INVALID_ARGUMENT, "a quote needs a spec");
	if (spec_check(in->spec, &rpc->error) != 0)
		return rpc->error.status;
	q = call_new(rpc, sizeof *q);
	q->in = in;
	store_balance(call_store(&q->call), call_ask(&q->call, on_balance), caller_of(rpc)->account);
	return RPC_LATER;
}

int pool_price(struct rpc *rpc, const ProtobufCMessage *in)
{
	const struct pool *pool = grpc_server_user(rpc->server);
	const struct price_table *t = &pool->prices;
	Pb__PriceReply reply = PB__PRICE_REPLY__INIT;

	(void)in;
	reply.start_mcpt = t->start_mcpt;
	reply.core_ncpt = t->core_ncpt;
	reply.gib_ncpt = t->gib_ncpt;
	reply.gpu_ncpt = t->gpu_ncpt;
	reply.gift_mcpt = pool->admission.gift_mcpt;
	reply.gift_tasks_only = pool->admission.mode == ADMISSION_OPEN;
	reply.gpus = arena_alloc(&rpc->arena, PRICE_MODELS_MAX * sizeof *reply.gpus);
	for (int i = 0; i < t->model_count; i++) {
		Pb__GpuPrice *gpu = arena_alloc(&rpc->arena, sizeof *gpu);

		pb__gpu_price__init(gpu);
		gpu->model = (char *)t->models[i].name;
		gpu->gpu_ncpt = t->models[i].gpu_ncpt;
		reply.gpus[reply.n_gpus++] = gpu;
	}
	rpc_reply(rpc, &reply.base);
	return 0;
}
