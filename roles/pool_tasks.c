/* roles/pool_tasks.c - Tasks: Submit, List, Get, Stop, Remove. One question to the store each, then the
 * answer; what follows from it (a round of the scheduler, a word to the worker) comes after the answer. */
#include <stdlib.h>
#include <string.h>

#include "exec/manifest.h"
#include "net/clock.h"
#include "net/crash.h"
#include "net/log.h"
#include "net/memory.h"
#include "net/metrics.h"
#include "proto/task.h"
#include "roles/meter.h"
#include "roles/pool.h"
#include "roles/pool_call.h"
#include "roles/pool_link.h"

#define LIST_DEFAULT 50
#define LIST_MAX 500
#define LIST_LABELS_MAX 100

static int check_call_id(struct error *e, const char *call_id)
{
	if (call_id[0] != '\0' && strlen(call_id) <= CALL_ID_MAX)
		return 0;
	return error_set(e, STATUS_INVALID_ARGUMENT, "call_id must have 1 to %d characters", CALL_ID_MAX);
}

static int check_id(struct error *e, const char *id)
{
	if (id_prefix_valid(id))
		return 0;
	error_set(e, STATUS_INVALID_ARGUMENT, "\"%.40s\" cannot be the id of a task", id);
	return error_hint(e, "%d or more of its characters do; hivemind ps lists them", ID_PREFIX_MIN);
}

/* --- Submit ----------------------------------------------------------------------------------- */

struct submit {
	struct call call;
	Pb__SubmitRequest *in; /* our own: the task is put into the index also when the peer has gone */
	char account[ID_SIZE], id[ID_SIZE];
	int64_t now_ms;
	struct price price;
	int64_t hold_mcpt;
};

static void free_submit(struct call *c)
{
	struct submit *s = (struct submit *)c;

	pb__submit_request__free_unpacked(s->in, NULL);
}

/* The new submission's member, as the store has it now. */
static void adopt_member(struct submit *s)
{
	Pb__Task task = PB__TASK__INIT;
	char id[TASK_ID_SIZE + 4];

	snprintf(id, sizeof id, "%s.1", s->id);
	task.id = id;
	task.account = s->account;
	task.state = PB__TASK_STATE__PENDING;
	task.phase = PB__TASK_PHASE__QUEUED;
	task.created_ms = s->now_ms;
	task.bundle_sha256 = s->in->bundle_sha256;
	task.bundle_size = s->in->bundle_size;
	task.spec = s->in->spec;
	task.hold_mcpt = s->hold_mcpt;
	task.start_mcpt = s->price.start_mcpt;
	task.rate_ncpt = s->price.rate_ncpt;
	pool_index_adopt(s->call.pool, &task);
	metrics_add(METRIC_TASKS_SUBMITTED, 0, 0, 1);
	log_info("task submitted task=%s account=%s", id, s->account);
	lease_kick(s->call.pool);
}

static void submitted(struct submit *s, const char *id, bool duplicate)
{
	Pb__SubmitReply reply = PB__SUBMIT_REPLY__INIT;

	reply.id = (char *)id;
	reply.count = 1;
	reply.duplicate = duplicate;
	reply.hold_mcpt = s->hold_mcpt;
	if (s->call.rpc != NULL)
		rpc_reply(s->call.rpc, &reply.base);
}

static void on_first(struct store_req *req)
{
	struct submit *s = req->user;
	struct pool *pool = s->call.pool;

	/* Its first call may have reached Redis and no further: then the index hears of the task only now. */
	if (req->error.status == 0 && pool_index_adopt(pool, req->tasks[0]) != NULL)
		lease_kick(pool);
	if (req->error.status == 0)
		s->hold_mcpt = req->tasks[0]->hold_mcpt;
	if (req->error.status == STATUS_UNAVAILABLE && s->call.rpc != NULL)
		call_fail(&s->call);
	else
		submitted(s, s->id, true);
	call_waited(&s->call); /* s may be gone from here on */
}

static void on_submitted(struct store_req *req)
{
	struct submit *s = req->user;
	char id[TASK_ID_SIZE + 4];

	crash_point(POOL_SUBMIT_DONE);
	if (req->error.status == STATUS_UNAVAILABLE)
		s->call.pool->index.behind = true; /* it may be in Redis all the same */
	if (req->error.status != 0) {
		if (s->call.rpc != NULL)
			call_fail(&s->call);
	} else if (req->duplicate) {
		text_copy(s->id, sizeof s->id, req->id);
		snprintf(id, sizeof id, "%s.1", s->id);
		store_task(call_store(&s->call), call_ask(&s->call, on_first), "", id);
	} else {
		submitted(s, s->id, false);
		adopt_member(s);
		crash_point(POOL_SUBMIT_ANSWERED);
	}
	call_waited(&s->call); /* s may be gone from here on */
}

static Pb__SubmitRequest *copy_request(const Pb__SubmitRequest *in)
{
	size_t n = pb__submit_request__get_packed_size(in);
	uint8_t *packed = xmalloc(n + 1);
	Pb__SubmitRequest *copy;

	pb__submit_request__pack(in, packed);
	copy = pb__submit_request__unpack(NULL, n, packed);
	free(packed);
	return copy;
}

int pool_submit(struct rpc *rpc, const ProtobufCMessage *message)
{
	const Pb__SubmitRequest *in = (const Pb__SubmitRequest *)message;
	struct pool *pool = grpc_server_user(rpc->server);
	struct submission sub;
	struct submit *s;
	int status = check_call_id(&rpc->error, in->call_id);

	if (status == 0 && in->spec == NULL)
		status = error_set(&rpc->error, STATUS_INVALID_ARGUMENT, "a submission needs a spec");
	if (status == 0)
		status = spec_check(in->spec, &rpc->error);
	if (status == 0 && !sha256_hex_valid(in->bundle_sha256))
		status = error_set(&rpc->error, STATUS_INVALID_ARGUMENT,
		                   "bundle_sha256 must be 64 hexadecimal digits");
	if (status != 0)
		return status;
	s = call_new(rpc, sizeof *s);
	s->call.on_free = free_submit;
	s->in = copy_request(in);
	s->now_ms = clock_wall_ms();
	text_copy(s->account, sizeof s->account, caller_of(rpc)->account);
	random_id(s->id);
	s->price = price_of(&pool->prices, s->in->spec->resources, "", PRIORITY_NORMAL);
	s->hold_mcpt = price_most(&s->price, s->in->spec);
	sub = (struct submission){.account = s->account,
	                          .spec = s->in->spec,
	                          .bundle_sha256 = s->in->bundle_sha256,
	                          .bundle_size = s->in->bundle_size,
	                          .now_ms = s->now_ms,
	                          .call_id = s->in->call_id,
	                          .hold_mcpt = s->hold_mcpt,
	                          .start_mcpt = s->price.start_mcpt,
	                          .rate_ncpt = s->price.rate_ncpt};
	memcpy(sub.id, s->id, sizeof sub.id);
	store_submit(call_store(&s->call), call_ask(&s->call, on_submitted), &sub);
	crash_point(POOL_SUBMIT_ASKED);
	return RPC_LATER;
}

/* --- Get, List -------------------------------------------------------------------------------- */

static void on_task(struct store_req *req)
{
	struct call *c = call_well_answered(req);

	if (c == NULL)
		return;
	pool_task_complete(c->pool, req->tasks[0], &c->rpc->arena);
	rpc_reply(c->rpc, &req->tasks[0]->base);
}

int pool_get_task(struct rpc *rpc, const ProtobufCMessage *message)
{
	const Pb__GetTaskRequest *in = (const Pb__GetTaskRequest *)message;
	struct call *c;

	if (check_id(&rpc->error, in->id) != 0)
		return rpc->error.status;
	c = call_new(rpc, sizeof *c);
	store_task(call_store(c), call_ask(c, on_task), caller_of(rpc)->account, in->id);
	return RPC_LATER;
}

/* Of a spec in a list: commands and variables can be long. */
static void leave_labels(Pb__Task *task, struct arena *arena)
{
	Pb__TaskSpec *left;

	if (task->spec == NULL)
		return;
	left = arena_alloc(arena, sizeof *left);
	pb__task_spec__init(left);
	left->labels = task->spec->labels;
	left->n_labels = task->spec->n_labels;
	task->spec = left;
}

static void on_tasks(struct store_req *req)
{
	struct call *c = call_well_answered(req);
	Pb__ListTasksReply reply = PB__LIST_TASKS_REPLY__INIT;
	char next[24];

	if (c == NULL)
		return;
	for (size_t i = 0; i < req->task_count; i++) {
		pool_task_complete(c->pool, req->tasks[i], &c->rpc->arena);
		leave_labels(req->tasks[i], &c->rpc->arena);
	}
	snprintf(next, sizeof next, "%llu", (unsigned long long)req->next);
	reply.next = req->next != 0 ? next : (char *)"";
	reply.tasks = req->tasks;
	reply.n_tasks = req->task_count;
	rpc_reply(c->rpc, &reply.base);
}

int pool_list_tasks(struct rpc *rpc, const ProtobufCMessage *message)
{
	const Pb__ListTasksRequest *in = (const Pb__ListTasksRequest *)message;
	uint32_t limit = in->limit == 0 ? LIST_DEFAULT : in->limit,
		 most = in->with_labels ? LIST_LABELS_MAX : LIST_MAX;
	struct call *c;

	if (in->after[strspn(in->after, "0123456789")] != '\0' || strlen(in->after) > 19)
		return error_set(&rpc->error, STATUS_INVALID_ARGUMENT,
		                 "after must be what an earlier answer gave as next");
	c = call_new(rpc, sizeof *c);
	store_tasks(call_store(c), call_ask(c, on_tasks), caller_of(rpc)->account,
	            limit < most ? limit : most, strtoull(in->after, NULL, 10), in->only_live, in->with_labels);
	return RPC_LATER;
}

/* --- Attempts ------------------------------------------------------------------------------------ */

struct attempts {
	struct call call;
	char account[ID_SIZE];
};

static void on_task_of_attempts(struct store_req *req)
{
	struct attempts *a = (struct attempts *)call_well_answered(req);
	char id[TASK_ID_SIZE];

	if (a == NULL)
		return;
	text_copy(id, sizeof id, req->tasks[0]->id);
	store_attempts(call_store(&a->call), call_ask(&a->call, on_tasks), a->account, id);
}

int pool_attempts(struct rpc *rpc, const ProtobufCMessage *message)
{
	const Pb__GetTaskRequest *in = (const Pb__GetTaskRequest *)message;
	struct attempts *a;

	if (check_id(&rpc->error, in->id) != 0)
		return rpc->error.status;
	a = call_new(rpc, sizeof *a);
	text_copy(a->account, sizeof a->account, caller_of(rpc)->account);
	store_task(call_store(&a->call), call_ask(&a->call, on_task_of_attempts), a->account, in->id);
	return RPC_LATER;
}

/* --- Stop, Remove ----------------------------------------------------------------------------- */

struct end {
	struct call call;
	char account[ID_SIZE], id[TASK_ID_SIZE], reason[REASON_MAX];
	const char *call_id, *content; /* of the message: while the peer is there */
	uint32_t epoch;
};

/* The store says STOPPED: memory follows, and the worker hears of it. */
static void stop_in_index(struct pool *pool, const char *id, const char *reason)
{
	struct pool_task *t = pool_index_find(pool, id);

	if (t == NULL || task_state_final(t->state))
		return;
	log_info("task stopped task=%s epoch=%u", t->id, t->epoch);
	pool_task_become(pool, t, TASK_STOPPED, PHASE_ENDED);
	if (t->hold == HOLD_FREE)
		pool_task_drop(pool, t);
	else if (t->hold == HOLD_HELD) {
		meter_stop(t);
		link_send_stop(t->worker, t, PB__TASK_FAILURE__NO_FAILURE, reason);
	}
}

static void on_stopped(struct store_req *req)
{
	struct end *e = req->user;
	struct pool *pool = e->call.pool;

	crash_point(POOL_STOP_DONE);
	if (req->error.status == 0 && (int)req->tasks[0]->state == TASK_STOPPED)
		stop_in_index(pool, req->tasks[0]->id, e->reason);
	if (e->call.rpc != NULL && req->error.status != 0)
		call_fail(&e->call);
	else if (e->call.rpc != NULL)
		rpc_reply(e->call.rpc, &req->tasks[0]->base);
	call_waited(&e->call); /* e may be gone from here on */
}

static void on_task_to_stop(struct store_req *req)
{
	struct end *e = (struct end *)call_well_answered(req);

	if (e == NULL)
		return;
	text_copy(e->id, sizeof e->id, req->tasks[0]->id);
	store_stop_once(call_store(&e->call), call_ask(&e->call, on_stopped), e->account, e->id, e->reason,
			e->call_id, e->content, clock_wall_ms());
}

static struct end *end_new(struct rpc *rpc, const char *call_id, const char *content)
{
	struct end *e = call_new(rpc, sizeof *e);

	text_copy(e->account, sizeof e->account, caller_of(rpc)->account);
	e->call_id = call_id;
	e->content = content;
	return e;
}

int pool_stop_task(struct rpc *rpc, const ProtobufCMessage *message)
{
	const Pb__StopTaskRequest *in = (const Pb__StopTaskRequest *)message;
	struct end *e;

	if (check_call_id(&rpc->error, in->call_id) != 0 || check_id(&rpc->error, in->id) != 0)
		return rpc->error.status;
	e = end_new(rpc, in->call_id, arena_printf(&rpc->arena, "%s %s", in->id, in->reason));
	text_copy(e->reason, sizeof e->reason, in->reason[0] != '\0' ? in->reason : "stopped by its owner");
	store_task(call_store(&e->call), call_ask(&e->call, on_task_to_stop), e->account, in->id);
	return RPC_LATER;
}

static void on_removed(struct store_req *req)
{
	struct end *e = req->user;
	struct pool *pool = e->call.pool;
	Pb__RemoveTaskReply reply = PB__REMOVE_TASK_REPLY__INIT;

	crash_point(POOL_REMOVE_DONE);
	if (req->error.status == 0) {
		pool_events_task(pool, e->account, req->id);
		logs_delete(pool->logs, req->id, strcmp(req->id, e->id) == 0 ? e->epoch : LOSSES_MAX + 1);
		pool_sweep_soon(&pool->sweep);
	}
	if (req->error.status == STATUS_NOT_FOUND && e->call.rpc != NULL)
		error_set(&req->error, STATUS_NOT_FOUND, "no task of yours begins with %s", e->content);
	if (e->call.rpc != NULL && req->error.status != 0)
		call_fail(&e->call);
	else if (e->call.rpc != NULL)
		rpc_reply(e->call.rpc, &reply.base);
	call_waited(&e->call); /* e may be gone from here on */
}

/* What is not there may be what this very call has removed: the store knows. */
static void on_task_to_remove(struct store_req *req)
{
	struct end *e = (struct end *)call_answered(req);

	if (e == NULL)
		return;
	if (req->error.status != 0 && req->error.status != STATUS_NOT_FOUND) {
		call_fail(&e->call);
		return;
	}
	if (req->error.status == 0) {
		text_copy(e->id, sizeof e->id, req->tasks[0]->id);
		e->epoch = req->tasks[0]->epoch;
	}
	store_remove_once(call_store(&e->call), call_ask(&e->call, on_removed), e->account, e->id, e->call_id,
			  e->content);
}

int pool_remove_task(struct rpc *rpc, const ProtobufCMessage *message)
{
	const Pb__RemoveTaskRequest *in = (const Pb__RemoveTaskRequest *)message;
	struct end *e;

	if (check_call_id(&rpc->error, in->call_id) != 0 || check_id(&rpc->error, in->id) != 0)
		return rpc->error.status;
	e = end_new(rpc, in->call_id, in->id);
	store_task(call_store(&e->call), call_ask(&e->call, on_task_to_remove), e->account, in->id);
	return RPC_LATER;
}
