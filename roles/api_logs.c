/* roles/api_logs.c - /tasks/{id}/logs: what a task has printed, as text or as events, to its end when it is followed.
 *
 * As events (Accept: text/event-stream) each piece has as its id the place where the log goes on, so that a browser that was
 * away goes on there. The pool is held back when the browser does not read. */
#include "roles/api_handlers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/memory.h"
#include "roles/log_view.h"
#include "roles/master.h"
#include "roles/task_view.h"

enum { OUT = 1, ERR = 2, REMARK = 3 };

struct reading {
	Pb__LogsRequest request;
	bool events, streams[4];
	bool begun;
};

static void on_space(struct http_request *r)
{
	struct api *a = r->user;

	if (a->open)
		grpc_call_resume(&a->call);
}

static bool say_text(struct api *a, const Pb__LogChunk *m)
{
	bool room = true;

	for (size_t at = 0; at < m->data.len; at += (size_t)HTTP_PIECE) {
		size_t left = m->data.len - at;

		room = http_write(a->r, m->data.data + at, left < (size_t)HTTP_PIECE ? left : (size_t)HTTP_PIECE);
	}
	return room;
}

static bool say_event(struct api *a, const Pb__LogChunk *m)
{
	char id[24];
	struct buf out = {0};
	struct json j;
	bool room;

	json_document(&j, &out);
	log_piece_json(&j, m->stream, m->data.data, m->data.len, m->time_ms, m->next);
	json_end(&j);
	snprintf(id, sizeof id, "%llu", (unsigned long long)m->next);
	room = http_event(a->r, id, "log", out.data, out.n);
	buf_release(&out);
	return room;
}

static void begin(struct api *a)
{
	struct reading *k = a->user;

	if (k->begun)
		return;
	k->begun = true;
	a->r->on_space = on_space;
	if (k->events)
		http_events_begin(a->r);
	else
		http_begin(a->r, 200, "text/plain; charset=utf-8", -1);
}

static void on_chunk(struct grpc_call *call, const ProtobufCMessage *out)
{
	struct api *a = call->user;
	struct reading *k = a->user;
	const Pb__LogChunk *m = (const Pb__LogChunk *)out;

	if (a->r == NULL || m->stream > REMARK || !k->streams[m->stream] || m->data.len == 0)
		return;
	begin(a);
	if (!(k->events ? say_event(a, m) : say_text(a, m)))
		grpc_call_pause(call);
}

/* Before anything was said it is a problem; after that the client sees that it was cut short. */
static void on_log_end(struct grpc_call *call, const struct error *e)
{
	struct api *a = call->user;
	struct reading *k = a->user;

	a->open = false;
	if (a->r == NULL) {
		api_wait(a);
		api_waited(a);
	} else if (e->status != 0 && !k->begun) {
		api_fail(a, e);
	} else if (e->status != 0) {
		http_abort(a->r);
	} else {
		begin(a);
		if (k->events)
			http_event(a->r, NULL, "end", "{\"v\":1}", 7);
		http_end(a->r);
	}
}

/* The task is there. When it is followed the head goes out at once, though nothing was printed yet. */
static void on_task(struct api *a, const void *reply)
{
	struct reading *k = a->user;

	k->request.id = arena_strdup(&a->arena, ((const Pb__Task *)reply)->id);
	if (k->request.follow)
		begin(a);
	api_start(a, RPC_LOGS, NULL);
	a->call.on_message = on_chunk;
	a->call.on_done = on_log_end;
	grpc_call_send(&a->call, &k->request.base);
	grpc_call_half_close(&a->call);
}

void api_logs(struct api *a)
{
	struct reading *k = api_more(a, sizeof *k);
	Pb__GetTaskRequest get = PB__GET_TASK_REQUEST__INIT;
	const char *stream = api_query(a, "stream"), *last = http_last_event_id(a->r);

	get.id = (char *)api_task_id(a);
	if (get.id == NULL)
		return;
	pb__logs_request__init(&k->request);
	k->events = http_field(a->r, "accept") != NULL && strstr(http_field(a->r, "accept"), "text/event-stream") != NULL;
	k->streams[OUT] = stream == NULL || strcmp(stream, "stdout") == 0;
	k->streams[ERR] = stream == NULL || strcmp(stream, "stderr") == 0;
	k->streams[REMARK] = stream == NULL || strcmp(stream, "hivemind") == 0;
	k->request.follow = api_query_flag(a, "follow");
	k->request.epoch = (uint32_t)api_query_count(a, "attempt", 0);
	k->request.offset = (uint64_t)api_query_count(a, "offset", 0);
	if (k->events && last != NULL && last[0] != '\0')
		k->request.offset = strtoull(last, NULL, 10);
	api_ask(a, RPC_GET_TASK, &get, on_task);
}
