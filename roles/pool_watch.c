/* roles/pool_watch.c - Tasks.Watch: the task now, and again at each change, until it has ended.
 *
 *   READING (the store says what it is) -> send it -> QUIET -> a change, or room to send -> READING ...
 *
 * Changes that come while a read is away, or while the peer does not read, become one: a slow watcher gets
 * fewer pictures, never an old one last. */
#include "net/memory.h"
#include "proto/task.h"
#include "roles/pool.h"
#include "roles/pool_call.h"

struct watch {
	struct call call;
	struct task_watch task;
	char account[ID_SIZE], id[TASK_ID_SIZE];
	bool reading, dirty;
};

static void read_task(struct watch *w);

/* Something has changed: read it now, or when that is possible. */
static void look(struct watch *w)
{
	w->dirty = true;
	if (!w->reading && w->call.rpc != NULL && rpc_queued(w->call.rpc) <= (size_t)SEND_QUEUE_HIGH)
		read_task(w);
}

static void on_change(struct task_watch *task)
{
	look(container_of(task, struct watch, task));
}

static void on_gone(struct call *c)
{
	task_watch_stop(&((struct watch *)c)->task);
}

/* Be told of the next change. A live task that memory does not know is adopted. */
static void follow(struct watch *w, const Pb__Task *task)
{
	struct pool_task *t;

	if (w->task.task != NULL)
		return;
	t = pool_index_adopt(w->call.pool, task);
	if (t != NULL)
		task_watch_start(&w->task, t);
	lease_kick(w->call.pool);
}

static void on_task(struct store_req *req)
{
	struct watch *w = (struct watch *)call_answered(req);
	Pb__Task *task;

	if (w == NULL)
		return;
	w->reading = false;
	if (req->error.status != 0) {
		call_fail(&w->call);
		return;
	}
	task = req->tasks[0];
	text_copy(w->id, sizeof w->id, task->id);
	pool_task_complete(w->call.pool, task, &req->arena);
	rpc_send(w->call.rpc, &task->base);
	if (task_state_final((int)task->state)) {
		rpc_end(w->call.rpc, 0);
		return;
	}
	follow(w, task);
	if (w->dirty)
		look(w);
}

static void read_task(struct watch *w)
{
	w->reading = true;
	w->dirty = false;
	store_task(call_store(&w->call), call_ask(&w->call, on_task), w->account, w->id);
}

int pool_watch_task(struct rpc *rpc, const ProtobufCMessage *message)
{
	const Pb__WatchTaskRequest *in = (const Pb__WatchTaskRequest *)message;
	struct watch *w;

	if (!id_prefix_valid(in->id))
		return error_set(&rpc->error, STATUS_INVALID_ARGUMENT, "\"%.40s\" cannot be the id of a task",
		                 in->id);
	w = call_new(rpc, sizeof *w);
	w->call.on_gone = on_gone;
	w->task.on_change = on_change;
	text_copy(w->account, sizeof w->account, caller_of(rpc)->account);
	text_copy(w->id, sizeof w->id, in->id);
	read_task(w);
	return RPC_LATER;
}

void pool_watch_space(struct rpc *rpc)
{
	struct watch *w = call_of(rpc);

	if (w != NULL && w->dirty)
		look(w);
}
