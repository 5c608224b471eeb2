/* roles/api_logs.c - /tasks/{id}/logs: what a task has printed, as text or as events, to
 * its end when it is followed.
 *
 * As events (Accept: text/event-stream) each piece has as its id the place where the log goes on, so that a
 * browser that was away goes on there. The pool is held back when the browser does not read. A character
 * whose end is in a later piece goes out with that one.
 *
 * The pool knows no lines, so tail= reads all that is there and keeps the end (LOG_TAIL_MAX); with
 * follow it then reads on. */
#include "roles/api_handlers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/clock.h"
#include "net/memory.h"
#include "roles/log_tail.h"
#include "roles/log_view.h"
#include "roles/master.h"
#include "roles/task_view.h"
#include "ui/text.h"

enum { OUT = 1, ERR = 2, REMARK = 3 };

struct reading {
	Pb__LogsRequest request;
	bool events, streams[4], follow;
	bool begun;
	struct log_tail tail;      /* while its lines > 0 */
	struct log_stream last[4]; /* of each stream */
};

static void say_tail(struct api *a);

static void on_space(struct http_request *r)
{
	struct api *a = r->user;

	if (a->open)
		grpc_call_resume(&a->call);
	else if (((struct reading *)a->user)->tail.lines > 0)
		say_tail(a);
}

static bool say_text(struct api *a, const uint8_t *data, size_t n)
{
	bool room = true;

	for (size_t at = 0; at < n; at += (size_t)HTTP_PIECE)
		room = http_write(a->r, data + at, n - at < (size_t)HTTP_PIECE ? n - at : (size_t)HTTP_PIECE);
	return room;
}

static bool say_event(struct api *a, const struct log_piece *piece, const uint8_t *data, size_t n)
{
	char id[24];
	struct buf out = {0};
	struct json j;
	bool room;

	json_document(&j, &out);
	log_piece_json(&j, piece->stream, data, n, piece->time_ms, piece->next);
	json_end(&j);
	snprintf(id, sizeof id, "%llu", (unsigned long long)piece->next);
	room = http_event(a->r, id, "log", out.data, out.n);
	buf_release(&out);
	return room;
}

/* What is whole of it, behind what was kept back of the piece before. */
static bool say(struct api *a, const struct log_piece *piece)
{
	struct reading *k = a->user;
	struct log_stream *last = &k->last[piece->stream];
	struct buf whole = {0};
	size_t n;
	bool room = true;

	buf_append(&whole, last->pending, last->pending_size);
	buf_append(&whole, piece->data, piece->n);
	last->pending_size =
		whole.n > 0 && whole.data[whole.n - 1] == '\r' ? 0 : text_incomplete(whole.data, whole.n);
	n = whole.n - last->pending_size;
	memcpy(last->pending, whole.data + n, last->pending_size);
	if (n > 0)
		room = k->events ? say_event(a, piece, whole.data, n) : say_text(a, whole.data, n);
	buf_release(&whole);
	return room;
}

/* The log ends in the middle of characters: as they are. */
static void say_rest(struct api *a)
{
	struct reading *k = a->user;

	for (uint32_t stream = OUT; stream <= REMARK; stream++) {
		struct log_stream *last = &k->last[stream];
		struct log_piece piece = {.stream = stream, .next = k->request.offset, .time_ms = clock_wall_ms()};

		if (last->pending_size == 0)
			continue;
		if (k->events)
			say_event(a, &piece, last->pending, last->pending_size);
		else
			say_text(a, last->pending, last->pending_size);
	}
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
	struct log_piece piece = {m->stream, m->time_ms, m->next, m->data.data, m->data.len};

	k->request.offset = m->next;
	if (a->r == NULL || m->stream > REMARK || !k->streams[m->stream] || m->data.len == 0)
		return;
	if (k->tail.lines > 0) {
		log_tail_add(&k->tail, &piece);
		return;
	}
	begin(a);
	if (!say(a, &piece))
		grpc_call_pause(call);
}

static void read_log(struct api *a);

static void end_log(struct api *a)
{
	say_rest(a);
	if (((struct reading *)a->user)->events)
		http_event(a->r, NULL, "end", "{\"v\":1}", 7);
	http_end(a->r);
}

/* All that is there was read. What comes next is asked for in a call of its own. */
static void say_tail(struct api *a)
{
	struct reading *k = a->user;
	struct log_piece piece;

	begin(a);
	while (log_tail_next(&k->tail, &piece))
		if (!say(a, &piece))
			return;
	log_tail_release(&k->tail);
	k->tail.lines = 0;
	k->request.follow = k->follow;
	if (k->follow)
		read_log(a);
	else
		end_log(a);
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
	} else if (k->tail.lines > 0) {
		say_tail(a);
	} else {
		begin(a);
		end_log(a);
	}
}

static void read_log(struct api *a)
{
	struct reading *k = a->user;

	api_start(a, RPC_LOGS, NULL);
	a->call.on_message = on_chunk;
	a->call.on_done = on_log_end;
	grpc_call_send(&a->call, &k->request.base);
	grpc_call_half_close(&a->call);
}

/* The task is there. When it is followed the head goes out at once, though nothing was printed yet. */
static void on_task(struct api *a, const void *reply)
{
	struct reading *k = a->user;

	k->request.id = arena_strdup(&a->arena, ((const Pb__Task *)reply)->id);
	if (k->request.follow)
		begin(a);
	read_log(a);
}

static void on_free(struct api *a)
{
	log_tail_release(&((struct reading *)a->user)->tail);
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
	k->events = http_field(a->r, "accept") != NULL &&
		    strstr(http_field(a->r, "accept"), "text/event-stream") != NULL;
	k->streams[OUT] = stream == NULL || strcmp(stream, "stdout") == 0;
	k->streams[ERR] = stream == NULL || strcmp(stream, "stderr") == 0;
	k->streams[REMARK] = stream == NULL || strcmp(stream, "hivemind") == 0;
	k->follow = api_query_flag(a, "follow");
	k->tail.lines = api_query_count(a, "tail", 0);
	k->tail.most = LOG_TAIL_MAX;
	k->request.follow = k->follow && k->tail.lines == 0;
	a->on_free = on_free;
	k->request.epoch = (uint32_t)api_query_count(a, "attempt", 0);
	k->request.offset = (uint64_t)api_query_count(a, "offset", 0);
	if (k->events && last != NULL && last[0] != '\0') {
		k->request.offset = strtoull(last, NULL, 10);
		k->tail.lines = 0; /* it has them */
		k->request.follow = k->follow;
	}
	api_ask(a, RPC_GET_TASK, &get, on_task);
}
