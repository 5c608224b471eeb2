/* roles/api_result.c - /tasks/{id}/result: the tar, whole or a part (Range). */
#include "roles/api_result.h"

#include <ctype.h>
#include <string.h>

#include "net/crash.h"
#include "proto/task.h"
#include "roles/api_handlers.h"
#include "roles/task_view.h"

/* --- a task with a result ---------------------------------------------------------------------------- */

struct wanted {
	void (*then)(struct api *a, const Pb__Task *task);
};

static void no_result(struct api *a, const Pb__Task *t)
{
	struct error err;

	if (!task_state_final((int)t->state)) {
		error_set(&err, STATUS_FAILED_PRECONDITION, "task %s is %s: it has no result yet", t->id,
			  task_state_name((int)t->state));
		error_hint(&err, "GET /api/v1/events says when it has ended");
	} else {
		error_set(&err, STATUS_NOT_FOUND, "task %s is %s and left no result", t->id,
			  task_state_name((int)t->state));
		error_hint(&err, "GET /api/v1/tasks/%s says why", t->id);
	}
	api_fail(a, &err);
}

static void on_task(struct api *a, const void *reply)
{
	const Pb__Task *t = reply;
	struct wanted *w = a->user;

	if (t->result_sha256[0] == '\0')
		no_result(a, t);
	else
		w->then(a, t);
}

void api_with_result(struct api *a, void (*then)(struct api *a, const Pb__Task *task))
{
	Pb__GetTaskRequest request = PB__GET_TASK_REQUEST__INIT;
	struct wanted *w = api_more(a, sizeof *w);

	request.id = (char *)api_task_id(a);
	w->then = then;
	if (request.id != NULL)
		api_ask(a, RPC_GET_TASK, &request, on_task);
}

/* --- its bytes ----------------------------------------------------------------------------------------- */

struct span {
	uint64_t left;
};

static void on_space(struct http_request *r)
{
	struct api *a = r->user;

	if (a->open)
		grpc_call_resume(&a->call);
}

static void on_chunk(struct grpc_call *call, const ProtobufCMessage *out)
{
	struct api *a = call->user;
	struct span *s = a->user;
	const ProtobufCBinaryData *data = &((const Pb__DownloadChunk *)out)->data;
	uint64_t n = data->len < s->left ? data->len : s->left;
	bool room = true;

	if (a->r == NULL || n == 0)
		return;
	for (uint64_t at = 0; at < n; at += (uint64_t)HTTP_PIECE)
		room = http_write(a->r, data->data + at,
				  n - at < (uint64_t)HTTP_PIECE ? (size_t)(n - at) : (size_t)HTTP_PIECE);
	crash_point(MASTER_RESULT_PIECE);
	s->left -= n;
	if (s->left == 0) {
		http_end(a->r);
		grpc_call_cancel(call); /* more than was wanted may follow */
	} else if (!room) {
		grpc_call_pause(call);
	}
}

static void on_end(struct grpc_call *call, const struct error *e)
{
	struct api *a = call->user;
	struct span *s = a->user;

	(void)e; /* the client goes on by itself, with Range, where it was cut short */
	a->open = false;
	if (a->r != NULL && s->left > 0)
		http_abort(a->r);
	api_wait(a);
	api_waited(a);
}

void api_send_result(struct api *a, const char *task, uint64_t from, uint64_t n)
{
	Pb__DownloadRequest request = PB__DOWNLOAD_REQUEST__INIT;
	struct span *s = api_more(a, sizeof *s);

	s->left = n;
	if (n == 0 || strcmp(a->r->method, "HEAD") == 0) {
		http_end(a->r);
		return;
	}
	request.task = (char *)task;
	request.kind = PB__BLOB_KIND__RESULT;
	request.offset = from;
	a->r->on_space = on_space;
	api_start(a, RPC_BLOB_DOWNLOAD, NULL);
	a->call.on_message = on_chunk;
	a->call.on_done = on_end;
	grpc_call_send(&a->call, &request.base);
	grpc_call_half_close(&a->call);
}

/* --- the tar ---------------------------------------------------------------------------------- */

/* A file name that no system minds. */
static const char *safe_name(struct arena *arena, const char *name)
{
	char *safe = arena_strdup(arena, name);

	for (char *p = safe; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && *p != '-' && *p != '_' && *p != '.')
			*p = '_';
	return safe[0] == '.' || safe[0] == '\0' ? "result" : safe;
}

static void send_tar(struct api *a, const Pb__Task *task)
{
	const char *etag = arena_printf(&a->arena, "\"%s\"", task->result_sha256),
		   *id = arena_strdup(&a->arena, task->id);
	int64_t from, n;
	int status;

	if (http_unchanged(a->r, etag))
		return;
	http_header(a->r, "Content-Disposition", "attachment; filename=\"%s.tar\"",
		    safe_name(&a->arena, task->name));
	status = http_range(a->r, (int64_t)task->result_size, etag, &from, &n);
	if (status == 416)
		return;
	http_begin(a->r, status, "application/x-tar", n);
	api_send_result(a, id, (uint64_t)from, (uint64_t)n);
}

void api_result(struct api *a)
{
	api_with_result(a, send_tar);
}
