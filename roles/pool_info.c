/* roles/pool_info.c - Pool.Info and Workers.List: what the pool sees of itself. */
#include "net/clock.h"
#include "roles/pool.h"
#include "roles/pool_call.h"
#include "roles/roles.h"

static void to_resources(Pb__Resources *r, const struct amounts *a)
{
	pb__resources__init(r);
	r->milli_cpus = (uint32_t)a->milli_cpus;
	r->memory = (uint64_t)a->memory;
	r->disk = (uint64_t)a->disk;
	r->gpus = (uint32_t)a->gpus;
}

/* --- Workers.List ----------------------------------------------------------------------------- */

static const char *state_of(const struct pool_worker *w, int64_t rest_ms)
{
	if (w->link == NULL)
		return "lost";
	if (w->not_ready[0] != '\0')
		return "not ready";
	if (rest_ms > 0)
		return "resting";
	return w->task_count > 0 ? "busy" : "ready";
}

Pb__Worker *pool_worker_show(struct arena *arena, struct pool_worker *w)
{
	int64_t rest_ms = w->rests_until_ms > clock_ms() ? w->rests_until_ms - clock_ms() : 0;
	Pb__Worker *out = arena_alloc(arena, sizeof *out);

	pb__worker__init(out);
	out->used = arena_alloc(arena, sizeof *out->used);
	to_resources(out->used, &w->reserved);
	out->id = w->id;
	out->account = w->account;
	out->name = w->name;
	out->state = (char *)state_of(w, rest_ms);
	out->rest_ms = (uint32_t)rest_ms;
	out->faults = w->faults;
	out->not_ready = w->not_ready;
	out->host = w->host;
	out->tasks = w->task_count;
	out->joined_ms = w->joined_ms;
	out->heartbeat_age_ms = (uint32_t)(clock_ms() - w->beat_ms);
	return out;
}

int pool_list_workers(struct rpc *rpc, const ProtobufCMessage *in)
{
	struct pool *pool = grpc_server_user(rpc->server);
	Pb__ListWorkersReply reply = PB__LIST_WORKERS_REPLY__INIT;
	struct pool_worker *w;

	(void)in;
	reply.workers = arena_alloc(&rpc->arena, (HASH_COUNT(pool->workers.by_id) + 1) * sizeof *reply.workers);
	for (w = pool->workers.by_id; w != NULL; w = w->hh.next)
		reply.workers[reply.n_workers++] = pool_worker_show(&rpc->arena, w);
	rpc_reply(rpc, &reply.base);
	return 0;
}

/* --- Pool.Info -------------------------------------------------------------------------------- */

static void add_up(struct pool *pool, Pb__InfoReply *reply)
{
	struct amounts offered = {0}, used = {0};

	reply->workers = (uint32_t)pool_workers_online(pool, &offered, &used);
	to_resources(reply->offered, &offered);
	to_resources(reply->used, &used);
}

static void on_counters(struct store_req *req)
{
	struct call *c = call_answered(req);
	Pb__InfoReply reply = PB__INFO_REPLY__INIT;
	Pb__Resources offered, used;

	if (c == NULL)
		return;
	reply.version = (char *)HIVEMIND_VERSION;
	reply.started_ms = c->pool->started_ms;
	reply.pending = (uint32_t)c->pool->index.pending;
	reply.running = (uint32_t)c->pool->index.running;
	reply.redis_up = req->error.status == 0; /* without it the rest is still worth knowing */
	reply.finished = reply.redis_up ? req->number : 0;
	reply.redis_version = (char *)store_redis_version(c->pool->store);
	reply.blob_bytes = blobs_bytes(c->pool->blobs);
	reply.offered = &offered;
	reply.used = &used;
	add_up(c->pool, &reply);
	rpc_reply(c->rpc, &reply.base);
}

int pool_info(struct rpc *rpc, const ProtobufCMessage *in)
{
	struct call *c = call_new(rpc, sizeof *c);

	(void)in;
	store_counters(call_store(c), call_ask(c, on_counters));
	return RPC_LATER;
}
