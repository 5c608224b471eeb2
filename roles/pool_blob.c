/* roles/pool_blob.c - the right to bring a blob, and Blobs.Offset, which asks only for that.
 *
 * A bundle may be brought by any account with the scope submit. A result only by the account whose worker has
 * the attempt: the task's current epoch, RUNNING, or STOPPED (late partial files). */
#include "roles/pool_blob.h"

#include <stdio.h>
#include <string.h>

#include "net/clock.h"
#include "net/crash.h"
#include "proto/task.h"
#include "roles/pool.h"

/* headers and padding of as many entries as there may be */
#define TAR_OVERHEAD (ARCHIVE_ENTRIES_MAX * 2 * KiB)

/* A result is not lost because something is full at this moment: its worker keeps it and asks again. */
void incoming_refuse(struct incoming *in, const struct error *err)
{
	struct error e = *err;

	if (in->task[0] != '\0' && e.status == STATUS_RESOURCE_EXHAUSTED)
		e.status = STATUS_UNAVAILABLE;
	call_refuse(&in->call, &e);
}

/* --- it is here ------------------------------------------------------------------------------- */

static void on_added(struct store_req *req)
{
	struct incoming *in = (struct incoming *)call_answered(req);
	Pb__UploadReply reply = PB__UPLOAD_REPLY__INIT;
	struct error err;
	uint64_t size;

	crash_point(POOL_BLOB_RECORDED);
	if (in == NULL)
		return;
	if (req->error.status != 0) {
		incoming_refuse(in, &req->error);
	} else if (!blobs_have(in->call.pool->blobs, in->sha256, &size)) {
		error_set(&err, STATUS_UNAVAILABLE,
		          "the blob was cleaned up while it was being recorded; send it again");
		call_refuse(&in->call, &err);
	} else {
		reply.offset = in->size;
		reply.complete = 1;
		rpc_reply(in->call.rpc, &reply.base);
	}
}

void incoming_finish(struct incoming *in)
{
	store_blob_add(call_store(&in->call), call_ask(&in->call, on_added), in->caller.account, in->sha256,
	               in->size, clock_wall_ms());
}

/* --- is it here already? ---------------------------------------------------------------------- */

static void on_found(struct store_req *req)
{
	struct incoming *in = (struct incoming *)call_answered(req);
	int status = in != NULL ? req->error.status : 0;
	struct error err;
	uint64_t size;

	if (in == NULL)
		return;
	if (status != 0 && status != STATUS_NOT_FOUND) {
		incoming_refuse(in, &req->error);
		return;
	}
	in->complete = status == 0 && blobs_have(in->call.pool->blobs, in->sha256, &size) && size == in->size;
	if (!in->complete && in->task[0] == '\0' && blobs_room(in->call.pool->blobs, in->size, &err) != 0)
		incoming_refuse(in, &err);
	else
		in->on_ready(in);
}

static void look(struct incoming *in)
{
	store_blob_find(call_store(&in->call), call_ask(&in->call, on_found), in->caller.account, in->sha256);
}

/* --- may it? ---------------------------------------------------------------------------------- */

/* Its worker asks for its files: also while the pool has no room for a result it is not one that hangs. */
static void moved(struct pool *pool, const Pb__Task *task)
{
	struct pool_task *t = pool_index_find(pool, task->id);

	if (t != NULL)
		t->moved_ms = clock_ms();
}

int attempt_check(struct pool *pool, const Pb__Task *task, uint32_t epoch, const char *account,
		  struct error *e)
{
	const struct pool_worker *w = pool_workers_find(pool, task->worker);
	bool current = (int)task->state == TASK_RUNNING || (int)task->state == TASK_STOPPED;

	if (current && task->epoch == epoch && w != NULL) {
		if (strcmp(w->account, account) == 0) {
			moved(pool, task);
			return 0;
		}
		if (w->account[0] == '\0')
			return error_set(e, STATUS_UNAVAILABLE,
			                 "the worker of %s has not come back to this pool yet", task->id);
	}
	return error_set(e, STATUS_PERMISSION_DENIED, "attempt %u of %s is not this worker's now", epoch,
	                 task->id);
}

static int check_result(struct incoming *in, const Pb__Task *task, struct error *e)
{
	if (attempt_check(in->call.pool, task, in->epoch, in->caller.account, e) != 0)
		return e->status;
	in->content_max = task->spec != NULL ? task->spec->max_output : 0;
	if (in->size > in->content_max + TAR_OVERHEAD)
		return error_set(e, STATUS_INVALID_ARGUMENT,
		                 "a result of %llu bytes is more than the task's max_output",
		                 (unsigned long long)in->size);
	return 0;
}

static void on_task(struct store_req *req)
{
	struct incoming *in = (struct incoming *)call_answered(req);
	struct error err;

	if (in == NULL)
		return;
	if (req->error.status != 0)
		incoming_refuse(in, &req->error);
	else if (check_result(in, req->tasks[0], &err) != 0)
		call_refuse(&in->call, &err);
	else
		look(in);
}

int incoming_start(struct incoming *in, const Pb__UploadHeader *header, struct error *e)
{
	bool bundle = header->task[0] == '\0';
	unsigned need = bundle ? SCOPE_SUBMIT : SCOPE_WORKER;

	in->caller = *caller_of(in->call.rpc);
	if ((in->caller.scopes & need) == 0)
		return error_set(e, STATUS_PERMISSION_DENIED, "this token may not upload that");
	if (!sha256_hex_valid(header->sha256))
		return error_set(e, STATUS_INVALID_ARGUMENT, "sha256 must be 64 lower-case hexadecimal digits");
	if (header->size > (uint64_t)BUNDLE_MAX)
		return error_set(e, STATUS_INVALID_ARGUMENT, "a blob has at most %lld bytes", BUNDLE_MAX);
	if (!bundle && !task_id_valid(header->task))
		return error_set(e, STATUS_INVALID_ARGUMENT, "\"%.40s\" is no task's id", header->task);
	memcpy(in->sha256, header->sha256, sizeof in->sha256);
	in->size = header->size;
	in->epoch = header->epoch;
	text_copy(in->task, sizeof in->task, header->task);
	if (bundle) {
		in->content_max = BUNDLE_MAX;
		snprintf(in->key, sizeof in->key, "%s.bundle.%s", in->caller.account, in->sha256);
		look(in);
		return 0;
	}
	snprintf(in->key, sizeof in->key, "%s.%s.%u.%s", in->caller.account, in->task, in->epoch, in->sha256);
	store_task(call_store(&in->call), call_ask(&in->call, on_task), "", in->task);
	return 0;
}

/* --- Blobs.Offset ----------------------------------------------------------------------------- */

static void answer_offset(struct incoming *in)
{
	Pb__UploadReply reply = PB__UPLOAD_REPLY__INIT;

	if (in->complete) {
		incoming_finish(in); /* it stays here for a while from now on */
		return;
	}
	reply.offset = blobs_upload_offset(in->call.pool->blobs, in->key);
	rpc_reply(in->call.rpc, &reply.base);
}

int pool_blob_offset(struct rpc *rpc, const ProtobufCMessage *message)
{
	struct incoming *in = call_new(rpc, sizeof *in);
	int status;

	in->on_ready = answer_offset;
	status = incoming_start(in, (const Pb__UploadHeader *)message, &rpc->error);
	return status != 0 ? status : RPC_LATER;
}
