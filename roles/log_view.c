#include "roles/log_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/memory.h"
#include "proto/status.h"
#include "ui/json.h"
#include "ui/term.h"

enum { OUT = 1, ERR = 2, REMARK = 3 };

static bool is_shown(const struct log_view *v, uint32_t stream)
{
	switch (stream) {
	case OUT:    return !v->no_out;
	case ERR:    return !v->no_err;
	case REMARK: return !v->no_err;
	default:     return false;
	}
}

void log_piece_json(struct json *j, uint32_t stream, const void *data, size_t n, int64_t time_ms,
		    uint64_t next)
{
	static const char *const names[] = {NULL, "stdout", "stderr", "hivemind"};

	json_text(j, "stream", stream < 4 ? names[stream] : NULL);
	json_text_n(j, "text", data, n);
	json_time(j, "time", time_ms);
	json_uint(j, "next", next);
}

static void show_json(struct log_view *v, const struct log_piece *piece)
{
	struct buf out = {0};
	struct json j;

	json_document(&j, &out);
	log_piece_json(&j, piece->stream, piece->data, piece->n, piece->time_ms, piece->next);
	json_end(&j);
	client_print(v->client, &out);
	buf_release(&out);
}

/* To a terminal: whole characters only, so what is begun waits for its end. */
static void show_safe(struct log_stream *s, FILE *f, const uint8_t *data, size_t n)
{
	struct buf whole = {0}, safe = {0};
	size_t rest;

	buf_append(&whole, s->pending, s->pending_size);
	buf_append(&whole, data, n);
	rest = text_incomplete(whole.data, whole.n);
	term_safe(&safe, whole.data, whole.n - rest, true);
	fwrite(safe.data, 1, safe.n, f);
	memcpy(s->pending, whole.data + whole.n - rest, rest);
	s->pending_size = rest;
	buf_release(&whole);
	buf_release(&safe);
}

static void show_remark(const uint8_t *data, size_t n)
{
	struct buf safe = {0};

	while (n > 0 && data[n - 1] == '\n')
		n--;
	term_safe(&safe, data, n, false);
	term_styled(stderr, STYLE_DIM, "hivemind:");
	fprintf(stderr, " %s\n", buf_text(&safe));
	buf_release(&safe);
}

static void show(struct log_view *v, const struct log_piece *piece)
{
	FILE *f = piece->stream == OUT ? stdout : stderr;

	if (!is_shown(v, piece->stream) || piece->n == 0)
		return;
	if (v->client->globals.json)
		show_json(v, piece);
	else if (piece->stream == REMARK)
		show_remark(piece->data, piece->n);
	else if (term_is_tty(f))
		show_safe(&v->streams[piece->stream - 1], f, piece->data, piece->n);
	else
		fwrite(piece->data, 1, piece->n, f);
	client_flush(v->client);
}

/* --- the stream --------------------------------------------------------------------------------- */

static bool on_chunk(struct client *c, const void *out, void *user)
{
	struct log_view *v = user;
	const Pb__LogChunk *m = out;
	struct log_piece piece = {m->stream, m->time_ms, m->next, m->data.data, m->data.len};

	v->next = m->next;
	if (v->tail == 0)
		show(v, &piece);
	else if (is_shown(v, piece.stream))
		log_tail_add(&v->last, &piece);
	return c->error.status == 0; /* a full disk under standard output ends it */
}

static int read_log(struct log_view *v, const char *task, bool follow)
{
	Pb__LogsRequest request = PB__LOGS_REQUEST__INIT;
	int rc;

	do {
		request.id = (char *)task;
		request.offset = v->next;
		request.follow = follow;
		rc = client_stream(v->client, RPC_LOGS, &request, on_chunk, v);
	} while (rc != 0 && client_again(v->client));
	return rc;
}

int log_view_show(struct log_view *v, struct client *c, const char *task)
{
	struct log_piece piece;
	int rc = 0;

	v->client = c;
	if (v->tail > 0) {
		v->last.lines = v->tail;
		rc = read_log(v, task, false);
		while (log_tail_next(&v->last, &piece))
			show(v, &piece);
		log_tail_release(&v->last);
		v->tail = 0;
		if (rc != 0 || !v->follow)
			return rc;
	}
	return read_log(v, task, v->follow);
}
