/* roles/pool_logs.c - Tasks.Logs: what a task has printed, from its file, and with follow what it prints
 * next.
 *
 *   FINDING (which task, which attempt) -> READING (a part of the file) -> send its records -> READING ...
 *      ^                                         |-> FULL (the peer is slow; on_space)   -> READING
 *      |                                         |-> QUIET (all is sent; more, or an end) -> READING
 *      +-------- the attempt is over, the task is not: wait for the next one <-- PENDING
 *
 * `next` of a chunk is a place in a file and the attempt's number together (PLACE_BITS), so that who comes
 * back finds the attempt again. Without follow the call ends where the file ends. */
#include "net/memory.h"
#include "net/step.h"
#include "roles/pool.h"
#include "roles/pool_call.h"

#define PLACE_BITS 40 /* of `next`; the attempt's number is above them */

enum { FINDING, PENDING, READING, FULL, QUIET };

static const struct state states[] = {
	[FINDING] = {"finding", TO(PENDING) | TO(READING)},
	[PENDING] = {"pending", TO(FINDING)},
	[READING] = {"reading", TO(READING) | TO(FULL) | TO(QUIET) | TO(FINDING)},
	[FULL] = {"full", TO(READING)},
	[QUIET] = {"quiet", TO(READING)},
};

struct reader {
	struct call call;
	struct step step;
	struct task_watch task;    /* while PENDING */
	struct log_follower follower;
	struct log_read read;
	struct log *log;           /* of a running attempt, when following; NULL = its file is complete */
	char account[ID_SIZE], id[TASK_ID_SIZE];
	uint32_t epoch;            /* of the attempt being read; 0 = not known yet */
	uint32_t wanted;           /* by the caller; 0 = the current or last, and with follow those after it */
	uint64_t place;
	bool follow;
	bool more;                 /* something came during this read */
	bool over;                 /* the attempt was over before this read */
	bool all_sent;             /* the attempt is over and all of it was sent */
};

static void read_part(struct reader *r);
static void find(struct reader *r);

static void let_go(struct reader *r)
{
	task_watch_stop(&r->task);
	if (r->log != NULL) {
		log_unfollow(r->log, &r->follower);
		log_close(r->log);
		r->log = NULL;
	}
}

static void on_gone(struct call *c)
{
	let_go((struct reader *)c);
}

static void on_free(struct call *c)
{
	buf_release(&((struct reader *)c)->read.data);
}

/* --- the file --------------------------------------------------------------------------------- */

static void send_records(struct reader *r)
{
	struct log_record record;
	Pb__LogChunk chunk;
	size_t at = 0;

	while (log_record(&r->read.data, &at, &record)) {
		pb__log_chunk__init(&chunk);
		chunk.stream = (uint32_t)record.stream;
		chunk.time_ms = record.time_ms;
		chunk.data.data = (uint8_t *)record.data;
		chunk.data.len = record.n;
		chunk.next = (uint64_t)r->epoch << PLACE_BITS | (r->read.place + at);
		rpc_send(r->call.rpc, &chunk.base);
	}
	r->place = r->read.place + at;
}

/* Everything of this attempt has been sent. */
static void on_attempt_read(struct reader *r)
{
	let_go(r);
	r->all_sent = true;
	if (!r->follow || r->wanted != 0) {
		rpc_end(r->call.rpc, 0);
		return;
	}
	step_to(&r->step, FINDING, r->id);
	find(r);
}

static void on_part(struct log_read *read)
{
	struct reader *r = read->user;
	size_t n = read->data.n;

	if (!call_waited(&r->call))
		return;
	if (read->error.status != 0) {
		call_refuse(&r->call, &read->error);
		return;
	}
	send_records(r);
	if (rpc_queued(r->call.rpc) > (size_t)SEND_QUEUE_HIGH)
		step_to(&r->step, FULL, r->id);
	else if (n > 0 || r->more)
		read_part(r);
	else if (r->log == NULL || r->over)
		on_attempt_read(r);
	else
		step_to(&r->step, QUIET, r->id);
}

static void read_part(struct reader *r)
{
	step_to(&r->step, READING, r->id);
	r->more = false;
	r->over = r->log != NULL && log_over(r->log);
	r->read.user = r;
	r->read.on_done = on_part;
	call_wait(&r->call);
	log_read(r->call.pool->logs, &r->read, r->id, r->epoch, r->place);
}

static void on_more(struct log_follower *f)
{
	struct reader *r = container_of(f, struct reader, follower);

	r->more = true;
	if (r->step.at == QUIET)
		read_part(r);
}

/* --- the task --------------------------------------------------------------------------------- */

/* A task that waits has moved. */
static void on_change(struct task_watch *w)
{
	struct reader *r = container_of(w, struct reader, task);

	task_watch_stop(w);
	step_to(&r->step, FINDING, r->id);
	find(r);
}

/* Which attempt is to be read now? False = none there is, or not yet. */
static bool choose(struct reader *r, const Pb__Task *task)
{
	uint32_t next = r->wanted != 0 ? r->wanted : task->epoch;

	if (r->epoch != 0 && !r->all_sent)
		return true; /* the caller goes on where it was */
	if (next == 0 || next > task->epoch || (r->all_sent && next <= r->epoch))
		return false;
	r->epoch = next;
	r->place = 0;
	r->all_sent = false;
	return true;
}

/* The attempt runs: be told when it has printed more, and when it is over. */
static void follow_log(struct reader *r, struct pool_task *t)
{
	/* LEASING has a worker already, but its epoch is still that of the attempt before. */
	if (t == NULL || t->worker == NULL || t->hold == HOLD_LEASING || t->epoch != r->epoch)
		return;
	pool_task_log(r->call.pool, t); /* the task's own hold on it says when it is over */
	r->log = log_open(r->call.pool->logs, t->id, t->epoch);
	log_follow(r->log, &r->follower);
}

static void on_task(struct store_req *req)
{
	struct reader *r = (struct reader *)call_well_answered(req);
	struct pool_task *t;

	if (r == NULL)
		return;
	text_copy(r->id, sizeof r->id, req->tasks[0]->id);
	t = r->follow ? pool_index_adopt(r->call.pool, req->tasks[0]) : NULL;
	if (choose(r, req->tasks[0])) {
		follow_log(r, t);
		read_part(r);
	} else if (t != NULL) {
		step_to(&r->step, PENDING, r->id);
		task_watch_start(&r->task, t);
	} else {
		rpc_end(r->call.rpc, 0); /* nothing was printed, and nothing will be */
	}
}

static void find(struct reader *r)
{
	store_task(call_store(&r->call), call_ask(&r->call, on_task), r->account, r->id);
}

int pool_logs(struct rpc *rpc, const ProtobufCMessage *message)
{
	const Pb__LogsRequest *in = (const Pb__LogsRequest *)message;
	struct reader *r;

	if (!id_prefix_valid(in->id))
		return error_set(&rpc->error, STATUS_INVALID_ARGUMENT, "\"%.40s\" cannot be the id of a task",
		                 in->id);
	r = call_new(rpc, sizeof *r);
	r->step = (struct step){states, FINDING};
	r->call.on_gone = on_gone;
	r->call.on_free = on_free;
	r->task.on_change = on_change;
	r->follower.on_more = on_more;
	r->follow = in->follow;
	r->wanted = in->epoch;
	r->epoch = (uint32_t)(in->offset >> PLACE_BITS);
	r->place = in->offset & ((1ull << PLACE_BITS) - 1);
	text_copy(r->account, sizeof r->account, caller_of(rpc)->account);
	text_copy(r->id, sizeof r->id, in->id);
	find(r);
	return RPC_LATER;
}

void pool_logs_space(struct rpc *rpc)
{
	struct reader *r = call_of(rpc);

	if (r != NULL && r->step.at == FULL)
		read_part(r);
}
