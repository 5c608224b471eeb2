/* roles/pool_link.c - Workers.Link: one long conversation with one worker. A session:
 *
 *   HELLO (wait for it) -> JOINING (the store looks whose worker it is) -> OPEN -> OVER
 *
 * In OPEN each kind of message has a row and a function. Nothing here waits: a heartbeat is answered at once,
 * all else goes into the batches of lease.h. The stream breaking changes nothing: the worker has
 * LOST_AFTER_MS to come back with a new Hello, which tells what it has; the answer says per attempt KEEP,
 * SEND or KILL, and sends again the stops that it has not heard of. A lease is said once: what it does not
 * name goes back into the queue. A message about an attempt that is not the current one is answered with
 * KILL. */
#include "roles/pool_link.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "net/clock.h"
#include "net/crash.h"
#include "net/log.h"
#include "net/memory.h"
#include "net/step.h"
#include "proto/task.h"
#include "roles/meter.h"
#include "roles/pool.h"
#include "roles/pool_call.h"

#define HOST_MAX (64 * KiB) /* what a worker may say of its machine */

enum { HELLO, JOINING, OPEN, OVER };

static const struct state states[] = {
	[HELLO] = {"hello", TO(JOINING) | TO(OVER)},
	[JOINING] = {"joining", TO(OPEN) | TO(OVER)},
	[OPEN] = {"open", TO(OVER)},
	[OVER] = {"over", 0},
};

struct link {
	struct call call;
	struct step step;
	char id[ID_SIZE];
	struct pool_worker *worker; /* NULL before OPEN and in OVER */
	Pb__Hello *hello;           /* in JOINING */
};

void link_say(struct pool_worker *w, const Pb__PoolMessage *m)
{
	if (w->link != NULL && w->link->call.rpc != NULL)
		rpc_send(w->link->call.rpc, &m->base);
}

/* --- the end --------------------------------------------------------------------------------- */

static void over(struct link *l)
{
	if (l->step.at == OVER)
		return;
	if (l->worker != NULL) {
		log_info("worker away worker=%s tasks=%u", l->id, l->worker->task_count);
		l->worker->link = NULL;
		l->worker = NULL;
	}
	step_to(&l->step, OVER, l->id);
}

static void on_gone(struct call *c)
{
	over((struct link *)c);
}

static void on_free(struct call *c)
{
	struct link *l = (struct link *)c;

	if (l->hello != NULL)
		pb__hello__free_unpacked(l->hello, NULL);
}

static int end_with(struct link *l, int status, const char *text)
{
	struct rpc *rpc = l->call.rpc;

	over(l);
	return error_set(&rpc->error, status, "%s", text);
}

static void drop(struct link *l, int status, const char *text)
{
	if (l != NULL)
		rpc_end(l->call.rpc, end_with(l, status, text));
}

void link_drop(struct pool_worker *w, const char *reason)
{
	drop(w->link, STATUS_ABORTED, reason);
}

void link_drop_all(struct pool *pool)
{
	struct pool_worker *w;

	DL_FOREACH(pool->workers.beats, w)
		drop(w->link, STATUS_UNAVAILABLE, "the pool is going down; come back");
}

/* --- hello: who are you, what have you got? --------------------------------------------------- */

/* The task that is this worker's in this epoch; NULL = it is not. */
static struct pool_task *its_own(struct link *l, const char *task, uint32_t epoch)
{
	struct pool_task *t = pool_index_find(l->call.pool, task);

	return t != NULL && t->worker == l->worker && t->epoch == epoch ? t : NULL;
}

/* The same, but not on its way back. */
static struct pool_task *held(struct link *l, const char *task, uint32_t epoch)
{
	struct pool_task *t = its_own(l, task, epoch);

	return t != NULL && (t->hold == HOLD_HELD || t->hold == HOLD_ENDING) ? t : NULL;
}

static bool names(const Pb__Hello *hello, const struct pool_task *t)
{
	for (size_t i = 0; i < hello->n_attempts; i++)
		if (strcmp(hello->attempts[i]->task, t->id) == 0 && hello->attempts[i]->epoch == t->epoch)
			return true;
	return false;
}

static void on_cleared(struct store_req *req)
{
	store_req_release(req);
	free(req);
}

/* It was given up with this attempt and is back: it was cut off, the task has not taken it down. */
static void clear_task(struct link *l, const Pb__AttemptRef *ref)
{
	struct pool_task *t = pool_index_find(l->call.pool, ref->task);
	struct store_req *req;

	if (t == NULL || t->wait.past == NULL || ref->epoch > t->epoch)
		return;
	req = xcalloc(1, sizeof *req);
	req->on_done = on_cleared;
	store_returned(l->call.pool->store, req, t->id, l->worker->id);
}

static void judge(struct link *l, const Pb__AttemptRef *ref)
{
	struct pool_task *t = held(l, ref->task, ref->epoch);
	int word = PB__VERDICT__WORD__KEEP;

	if (t == NULL) {
		word = PB__VERDICT__WORD__KILL;
		clear_task(l, ref);
	} else if (ref->phase == PB__TASK_PHASE__ENDED) {
		word = PB__VERDICT__WORD__SEND;
	}
	if (t != NULL)
		t->moved_ms = clock_ms();
	link_send_verdict(l->worker, ref->task, ref->epoch, word);
	if (t != NULL && word == PB__VERDICT__WORD__KEEP && t->state == TASK_STOPPED)
		link_send_stop(l->worker, t, PB__TASK_FAILURE__NO_FAILURE, "stopped by its owner");
	else if (t != NULL && word == PB__VERDICT__WORD__KEEP && t->metering.spent)
		meter_tell_spent(t);
}

/* What the worker should have and did not name. Its lease may have been lost on the way, or it began and was
 * given up by a worker that has forgotten it: the same epoch must not begin twice, so either is tried anew. Only
 * what is known to have begun counts as a loss. */
static void return_missing(struct link *l, const Pb__Hello *hello)
{
	struct pool_task *t, *next;

	DL_FOREACH_SAFE(l->worker->tasks, t, next)
		if (t->hold == HOLD_HELD && !names(hello, t))
			lease_return(l->call.pool, t, "its worker came back without it",
			             t->phase != PHASE_ASSIGNED, false);
}

/* Its rest does not end because it comes back. */
static void look_at_rest(struct pool *pool, struct pool_worker *w)
{
	pool_worker_recall(pool, w);
	if (w->rests_until_ms > 0)
		link_send_rest(w, w->rests_until_ms - clock_ms(), w->faults, "");
}

static void open_link(struct link *l)
{
	struct pool *pool = l->call.pool;
	const Pb__Hello *hello = l->hello;
	struct pool_worker *w = pool_workers_get(pool, l->id);

	link_drop(w, "the same worker has opened another link");
	step_to(&l->step, OPEN, l->id);
	l->worker = w;
	w->link = l;
	pool_worker_describe(w, caller_of(l->call.rpc)->account, hello->name, hello->host);
	pool_worker_set_ready(w, hello->not_ready);
	pool_worker_beat(pool, w);
	log_info("worker joined worker=%s name=%s attempts=%zu not_ready=\"%s\"", w->id, w->name,
	         hello->n_attempts, w->not_ready);
	link_send_welcome(w, &pool->leader);
	look_at_rest(pool, w);
	for (size_t i = 0; i < hello->n_attempts; i++)
		judge(l, hello->attempts[i]);
	return_missing(l, hello);
	lease_kick(pool);
}

static void on_joined(struct store_req *req)
{
	struct call *c = call_answered(req);
	struct link *l = (struct link *)c;

	if (c == NULL)
		return;
	if (req->error.status != 0) {
		over(l);
		call_fail(c);
		return;
	}
	crash_point(POOL_HELLO_RECORDED);
	open_link(l);
	crash_point(POOL_HELLO_ANSWERED);
	pb__hello__free_unpacked(l->hello, NULL);
	l->hello = NULL;
	rpc_resume(c->rpc);
}

static Pb__Hello *copy_hello(const Pb__Hello *hello)
{
	size_t n = pb__hello__get_packed_size(hello);
	uint8_t *packed = xmalloc(n + 1);
	Pb__Hello *copy;

	pb__hello__pack(hello, packed);
	copy = pb__hello__unpack(NULL, n, packed);
	free(packed);
	return copy;
}

static int on_hello(struct link *l, const Pb__WorkerMessage *m)
{
	const Pb__Hello *hello = m->hello;
	struct rpc *rpc = l->call.rpc;

	if (!id_valid(hello->worker))
		return error_set(&rpc->error, STATUS_INVALID_ARGUMENT,
		                 "a worker's id is 16 characters of base32");
	if (hello->name[0] == '\0' || strlen(hello->name) > NAME_MAX_LENGTH)
		return error_set(&rpc->error, STATUS_INVALID_ARGUMENT, "a worker's name has 1 to %d bytes",
		                 NAME_MAX_LENGTH);
	if (hello->n_attempts > ATTEMPTS_MAX || hello->host == NULL ||
	    pb__host__get_packed_size(hello->host) > HOST_MAX)
		return error_set(&rpc->error, STATUS_INVALID_ARGUMENT,
		                 "this Hello has no host, or too much in it");
	step_to(&l->step, JOINING, hello->worker);
	text_copy(l->id, sizeof l->id, hello->worker);
	l->hello = copy_hello(hello);
	crash_point(POOL_HELLO_HEARD);
	rpc_pause(rpc);
	store_worker_join(call_store(&l->call), call_ask(&l->call, on_joined), l->id, caller_of(rpc)->account,
	                  hello->name, l->hello->host, clock_wall_ms());
	return RPC_LATER;
}

/* --- an open link: one function for each kind of message ------------------------------------- */

static void hear_attempts(struct link *l, const Pb__Heartbeat *beat)
{
	for (size_t i = 0; i < beat->n_attempts && i < ATTEMPTS_MAX; i++) {
		const Pb__AttemptRef *ref = beat->attempts[i];
		struct pool_task *t = its_own(l, ref->task, ref->epoch);

		if (t == NULL)
			link_send_verdict(l->worker, ref->task, ref->epoch, PB__VERDICT__WORD__KILL);
		else if (ref->usage != NULL && t->hold == HOLD_HELD)
			meter_said(t, ref->usage);
	}
}

static int on_heartbeat(struct link *l, const Pb__WorkerMessage *m)
{
	const Pb__Heartbeat *beat = m->heartbeat;
	Pb__PoolMessage answer = PB__POOL_MESSAGE__INIT;
	Pb__Ack ack = PB__ACK__INIT;

	if (rpc_queued(l->call.rpc) > (size_t)MESSAGE_MAX)
		return end_with(l, STATUS_RESOURCE_EXHAUSTED, "this worker does not read what it is told");
	pool_worker_beat(l->call.pool, l->worker);
	ack.seq = beat->seq;
	answer.kind_case = PB__POOL_MESSAGE__KIND_ACK;
	answer.ack = &ack;
	link_say(l->worker, &answer);
	if (pool_worker_set_ready(l->worker, beat->not_ready))
		lease_kick(l->call.pool);
	if (l->worker->rests_until_ms > 0 && clock_ms() >= l->worker->rests_until_ms) {
		l->worker->rests_until_ms = 0;
		lease_kick(l->call.pool);
	}
	hear_attempts(l, beat);
	return 0;
}

static int on_progress(struct link *l, const Pb__WorkerMessage *m)
{
	const Pb__Progress *p = m->progress;
	struct pool_task *t = held(l, p->task, p->epoch);

	if (t == NULL) {
		link_send_verdict(l->worker, p->task, p->epoch, PB__VERDICT__WORD__KILL);
		return 0;
	}
	if (p->phase < PB__TASK_PHASE__STAGING || p->phase > PB__TASK_PHASE__COLLECTING)
		return 0;
	crash_point(POOL_PHASE_HEARD);
	if ((int)p->phase > t->phase && t->state == TASK_RUNNING)
		lease_phase(l->call.pool, t, (int)p->phase, p->time_ms);
	if (t->progress_done != p->done || t->progress_total != p->total)
		t->moved_ms = clock_ms();
	t->progress_done = p->done;
	t->progress_total = p->total;
	pool_task_changed(l->call.pool, t);
	return 0;
}

static int on_log(struct link *l, const Pb__WorkerMessage *m)
{
	const Pb__LogData *log = m->log;
	struct pool_task *t = held(l, log->task, log->epoch);

	crash_point(POOL_LOG_HEARD);
	if (t != NULL && log->stream >= 1 && log->stream <= 3)
		log_append(pool_task_log(l->call.pool, t), (int)log->stream, log->data.data, log->data.len,
		           log->time_ms, log->offset);
	return 0;
}

static int on_done(struct link *l, const Pb__WorkerMessage *m)
{
	const Pb__Done *done = m->done;

	if (!task_id_valid(done->task) || strlen(done->reason) > 4 * REASON_MAX ||
	    (done->result_sha256[0] != '\0' && !sha256_hex_valid(done->result_sha256)))
		return end_with(l, STATUS_INVALID_ARGUMENT,
		                "this Done has a task, reason or result that cannot be");
	lease_done(l->call.pool, l->worker, done);
	return 0;
}

static int on_give_back(struct link *l, const Pb__WorkerMessage *m)
{
	struct pool_task *t = held(l, m->give_back->task, m->give_back->epoch);
	char reason[REASON_MAX];

	if (t == NULL)
		return 0;
	text_copy(reason, sizeof reason, m->give_back->reason);
	if (!m->give_back->not_allowed)
		lease_fault(l->call.pool, l->worker, reason);
	/* One that takes no more tasks anyway, because it leaves, is no reason to wait. */
	lease_return(l->call.pool, t, reason, false, l->worker->not_ready[0] == '\0');
	return 0;
}

static int on_leave(struct link *l, const Pb__WorkerMessage *m)
{
	struct rpc *rpc = l->call.rpc;
	struct pool_worker *w = l->worker;

	(void)m;
	over(l);
	pool_worker_forgive(grpc_server_user(rpc->server), w);
	lease_remove_worker((struct pool *)grpc_server_user(rpc->server), w, "its worker has left", false);
	rpc_end(rpc, 0);
	return RPC_LATER;
}

static int (*const kinds[])(struct link *l, const Pb__WorkerMessage *m) = {
	[PB__WORKER_MESSAGE__KIND_HEARTBEAT] = on_heartbeat, [PB__WORKER_MESSAGE__KIND_PROGRESS] = on_progress,
	[PB__WORKER_MESSAGE__KIND_LOG] = on_log,             [PB__WORKER_MESSAGE__KIND_DONE] = on_done,
	[PB__WORKER_MESSAGE__KIND_GIVE_BACK] = on_give_back, [PB__WORKER_MESSAGE__KIND_LEAVE] = on_leave,
};

static struct link *link_new(struct rpc *rpc)
{
	struct link *l = call_new(rpc, sizeof *l);

	l->step = (struct step){states, HELLO};
	l->call.on_gone = on_gone;
	l->call.on_free = on_free;
	return l;
}

int pool_link(struct rpc *rpc, const ProtobufCMessage *in)
{
	const Pb__WorkerMessage *m = (const Pb__WorkerMessage *)in;
	struct link *l = call_of(rpc) != NULL ? call_of(rpc) : link_new(rpc);
	size_t kind = (size_t)m->kind_case;

	if (l->step.at == OVER || l->step.at == JOINING)
		return 0;
	if (l->step.at == HELLO && kind == PB__WORKER_MESSAGE__KIND_HELLO)
		return on_hello(l, m);
	if (l->step.at == HELLO || kind == PB__WORKER_MESSAGE__KIND_HELLO)
		return end_with(l, STATUS_INVALID_ARGUMENT, "Hello comes first on a link, once");
	if (kind >= sizeof kinds / sizeof kinds[0] || kinds[kind] == NULL)
		return 0; /* of a later version */
	return kinds[kind](l, m);
}

/* The worker has closed its side without Leave: it comes back, or is lost. */
void pool_link_end(struct rpc *rpc)
{
	struct link *l = call_of(rpc);

	if (l != NULL)
		over(l);
	rpc_end(rpc, 0);
}
