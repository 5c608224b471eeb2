/* roles/pool_download.c - Blobs.Download: a bundle or a result, from an offset on.
 *
 *   FINDING (may this caller have it?) -> READING (a part of the file) -> send -> READING ...
 *                                            ^---- FULL (the peer is slow; on_space)
 *
 * One part is read while the one before is on its way: memory is the same for any size. */
#include "net/step.h"
#include "proto/task.h"
#include "roles/pool.h"
#include "roles/pool_blob.h"
#include "roles/pool_call.h"

enum { FINDING, READING, FULL };

static const struct state states[] = {
	[FINDING] = {"finding", TO(READING)},
	[READING] = {"reading", TO(READING) | TO(FULL)},
	[FULL] = {"full", TO(READING)},
};

struct sending {
	struct call call;
	struct step step;
	struct blob_reader reader;
	struct caller caller;
	char id[TASK_ID_SIZE], sha256[SHA256_HEX_SIZE];
	int kind;
	uint64_t offset;
	uint32_t epoch; /* of a worker; 0 = the owner asks */
	bool open, begun;
};

static void on_free(struct call *c)
{
	struct sending *s = (struct sending *)c;

	if (s->open)
		blob_reader_close(&s->reader);
}

static void read_part(struct sending *s)
{
	step_to(&s->step, READING, s->id);
	call_wait(&s->call);
	blob_reader_next(&s->reader);
}

static void send_part(struct sending *s, const uint8_t *data, size_t n)
{
	Pb__DownloadChunk chunk = PB__DOWNLOAD_CHUNK__INIT;

	chunk.data.data = (uint8_t *)data;
	chunk.data.len = n;
	if (!s->begun) {
		chunk.size = s->reader.size;
		chunk.sha256 = s->sha256;
	}
	s->begun = true;
	rpc_send(s->call.rpc, &chunk.base);
}

static void on_data(struct blob_reader *reader)
{
	struct sending *s = reader->user;

	if (!call_waited(&s->call))
		return;
	if (reader->error.status != 0) {
		call_refuse(&s->call, &reader->error);
		return;
	}
	if (reader->n == 0) {
		if (!s->begun)
			send_part(s, NULL, 0);
		rpc_end(s->call.rpc, 0);
		return;
	}
	send_part(s, reader->data, reader->n);
	if (rpc_queued(s->call.rpc) > (size_t)SEND_QUEUE_HIGH)
		step_to(&s->step, FULL, s->id);
	else
		read_part(s);
}

/* A worker may have the bundle of what it is running. */
static int check_worker(struct sending *s, const Pb__Task *task, struct error *e)
{
	if (s->kind != PB__BLOB_KIND__BUNDLE)
		return error_set(e, STATUS_PERMISSION_DENIED, "a worker fetches bundles only");
	return attempt_check(s->call.pool, task, s->epoch, s->caller.account, e);
}

static int find_blob(struct sending *s, const Pb__Task *task, struct error *e)
{
	const char *sha256 = s->kind == PB__BLOB_KIND__BUNDLE ? task->bundle_sha256 : task->result_sha256;

	if (s->epoch != 0 && check_worker(s, task, e) != 0)
		return e->status;
	if (sha256[0] == '\0') {
		if (task_state_final((int)task->state))
			return error_set(e, STATUS_NOT_FOUND, "%s ended without a result", task->id);
		error_set(e, STATUS_FAILED_PRECONDITION, "%s has not ended: there is no result yet", task->id);
		return error_hint(e, "hivemind wait %s", task->id);
	}
	text_copy(s->sha256, sizeof s->sha256, sha256);
	return blob_reader_open(&s->reader, s->call.pool->blobs, s->sha256, s->offset, e);
}

static void on_task(struct store_req *req)
{
	struct sending *s = (struct sending *)call_well_answered(req);
	struct error err;

	if (s == NULL)
		return;
	if (find_blob(s, req->tasks[0], &err) != 0) {
		call_refuse(&s->call, &err);
		return;
	}
	s->open = true;
	s->reader.user = s;
	s->reader.on_data = on_data;
	read_part(s);
}

static int check(struct rpc *rpc, const Pb__DownloadRequest *in)
{
	unsigned need = in->epoch != 0 ? SCOPE_WORKER : SCOPE_READ;

	if ((caller_of(rpc)->scopes & need) == 0)
		return error_set(&rpc->error, STATUS_PERMISSION_DENIED, "this token may not read that");
	if (in->epoch != 0 ? !task_id_valid(in->task) : !id_prefix_valid(in->task))
		return error_set(&rpc->error, STATUS_INVALID_ARGUMENT, "\"%.40s\" cannot be the id of a task",
		                 in->task);
	if (in->kind != PB__BLOB_KIND__BUNDLE && in->kind != PB__BLOB_KIND__RESULT)
		return error_set(&rpc->error, STATUS_INVALID_ARGUMENT, "kind must be BUNDLE or RESULT");
	return 0;
}

int pool_blob_download(struct rpc *rpc, const ProtobufCMessage *message)
{
	const Pb__DownloadRequest *in = (const Pb__DownloadRequest *)message;
	struct sending *s;

	if (check(rpc, in) != 0)
		return rpc->error.status;
	s = call_new(rpc, sizeof *s);
	s->step = (struct step){states, FINDING};
	s->call.on_free = on_free;
	s->caller = *caller_of(rpc);
	s->kind = (int)in->kind;
	s->offset = in->offset;
	s->epoch = in->epoch;
	text_copy(s->id, sizeof s->id, in->task);
	store_task(call_store(&s->call), call_ask(&s->call, on_task), s->epoch != 0 ? "" : s->caller.account,
	           s->id);
	return RPC_LATER;
}

void pool_blob_download_space(struct rpc *rpc)
{
	struct sending *s = call_of(rpc);

	if (s != NULL && s->step.at == FULL)
		read_part(s);
}
