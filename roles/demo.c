/* roles/demo.c - the machine of demo.h on one channel; every state starts its calls and
 * waits until none is on loan. */
#include "roles/demo.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exec/manifest.h"
#include "exec/tar.h"
#include "net/clock.h"
#include "net/embed.h"
#include "net/memory.h"
#include "proto/limits.h"
#include "proto/status.h"
#include "proto/task.h"

EMBED(primes_awk);
EMBED(hivemind_json); /* of examples/primes, as the other */

enum { UPLOADING, SUBMITTING, WATCHING, FETCHING, OVER };

static const struct state states[] = {
	[UPLOADING] = {"uploading", TO(SUBMITTING) | TO(OVER)},
	[SUBMITTING] = {"submitting", TO(WATCHING) | TO(OVER)},
	[WATCHING] = {"watching", TO(FETCHING) | TO(OVER)},
	[FETCHING] = {"fetching", TO(OVER)},
	[OVER] = {"over", 0},
};

static void advance(struct demo *m);

/* A call has come back, with this. */
static void returned(struct demo *m, const struct error *err)
{
	if (err->status != 0 && m->error.status == 0)
		m->error = *err;
	if (--m->open == 0)
		advance(m);
	else if (err->status != 0)
		demo_cancel(m);
}

/* --- what people see meanwhile --------------------------------------------------------------- */

static void show(struct demo *m)
{
	int ended = 0, running = 0;
	char text[100];

	for (int i = 0; i < DEMO_PIECES; i++) {
		ended += m->pieces[i].ended;
		running += !m->pieces[i].ended && m->pieces[i].state == TASK_RUNNING;
	}
	snprintf(text, sizeof text, "%d of %d counted, %d running", ended, DEMO_PIECES, running);
	progress_text(&m->progress, text);
}

static void say_piece(const struct demo *m, const struct demo_piece *p)
{
	if (m->quiet || m->progress.tty)
		return;
	printf("  %s on %s: %s, %.2f s\n", p->task, p->worker, task_state_name(p->state), (double)p->run_ms / 1000);
	fflush(stdout);
}

/* --- FETCHING -------------------------------------------------------------------------------- */

struct reading {
	struct demo_piece *piece;
	bool here;
	char text[32];
	size_t n;
};

static int on_entry(void *user, const struct tar_entry *entry, struct error *err)
{
	struct reading *r = user;

	(void)err;
	r->here = strcmp(entry->name, "out/count") == 0 || strcmp(entry->name, "count") == 0;
	return 0;
}

static int on_data(void *user, const void *data, size_t n, struct error *err)
{
	struct reading *r = user;

	(void)err;
	if (r->here && r->n + n < sizeof r->text) {
		memcpy(r->text + r->n, data, n);
		r->n += n;
	}
	return 0;
}

/* The number in its result; the file is a few KiB. */
static int read_count(struct demo_piece *p, struct error *err)
{
	struct reading reading = {.piece = p};
	const struct tar_reader_events events = {.on_entry = on_entry, .on_data = on_data, .user = &reading};
	struct tar_reader *tar = tar_reader_new(&events, MiB);
	uint8_t block[4096];
	ssize_t n;
	int rc = 0;

	lseek(p->fd, 0, SEEK_SET);
	while (rc == 0 && (n = read(p->fd, block, sizeof block)) > 0)
		rc = tar_reader_feed(tar, block, (size_t)n, err);
	if (rc == 0)
		rc = tar_reader_end(tar, err);
	tar_reader_free(tar);
	if (rc == 0 && reading.n == 0)
		rc = error_set(err, STATUS_DATA_LOSS, "the result of %s has no count in it", p->task);
	p->count = strtoull(reading.text, NULL, 10);
	return rc;
}

static void on_downloaded(struct download *d, const struct error *err)
{
	struct demo_piece *p = container_of(d, struct demo_piece, download);
	struct error mine = *err;

	if (mine.status == 0)
		read_count(p, &mine);
	close(p->fd);
	p->fetching = false;
	p->demo->answer += p->count;
	returned(p->demo, &mine);
}

static void fetch(struct demo *m)
{
	step_to(&m->step, FETCHING, "demo");
	for (int i = 0; i < DEMO_PIECES; i++) {
		struct demo_piece *p = &m->pieces[i];

		snprintf(p->result_path, sizeof p->result_path, "%s/result-%d.tar", m->dir, i + 1);
		p->fd = open(p->result_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		p->download = (struct download){.loop = m->loop, .channel = m->channel, .kind = PB__BLOB_KIND__RESULT,
						.fd = p->fd, .max = MiB, .on_done = on_downloaded};
		text_copy(p->download.task, sizeof p->download.task, p->task);
		m->open++;
		p->fetching = true;
		download_start(&p->download);
	}
}

/* --- WATCHING -------------------------------------------------------------------------------- */

static void on_task(struct grpc_call *call, const ProtobufCMessage *out)
{
	struct demo_piece *p = container_of(call, struct demo_piece, call);
	const Pb__Task *t = (const Pb__Task *)out;
	struct error *err = &p->demo->error;

	p->state = (int)t->state;
	p->phase = (int)t->phase;
	text_copy(p->worker, sizeof p->worker, t->worker_name);
	if (task_state_final(p->state) && !p->ended) {
		p->ended = true;
		p->queue_ms = t->assigned_ms - t->created_ms;
		p->stage_ms = t->started_ms - t->assigned_ms;
		p->run_ms = t->exited_ms - t->started_ms;
		p->collect_ms = t->ended_ms - t->exited_ms;
		p->demo->took_ms = clock_ms() - p->demo->begun_ms;
		if (p->state != TASK_COMPLETED && err->status == 0)
			error_set(err, STATUS_ABORTED, "task %s is %s: %s", p->task, task_state_name(p->state), t->reason);
		say_piece(p->demo, p);
	}
	show(p->demo);
}

static void on_watch_done(struct grpc_call *call, const struct error *err)
{
	struct demo_piece *p = container_of(call, struct demo_piece, call);

	p->calling = false;
	returned(p->demo, err);
}

static void watch(struct demo *m)
{
	step_to(&m->step, WATCHING, "demo");
	for (int i = 0; i < DEMO_PIECES; i++) {
		struct demo_piece *p = &m->pieces[i];
		Pb__WatchTaskRequest request = PB__WATCH_TASK_REQUEST__INIT;

		request.id = p->task;
		p->call = (struct grpc_call){.method = &rpc_methods[RPC_WATCH_TASK], .on_message = on_task,
					     .on_done = on_watch_done};
		m->open++;
		p->calling = true;
		grpc_call_unary(m->channel, &p->call, &request.base);
	}
}

/* --- SUBMITTING ------------------------------------------------------------------------------ */

static void on_submitted(struct grpc_call *call, const ProtobufCMessage *out)
{
	struct demo_piece *p = container_of(call, struct demo_piece, call);

	snprintf(p->task, sizeof p->task, "%.16s.1", ((const Pb__SubmitReply *)out)->id);
}

static void on_submit_done(struct grpc_call *call, const struct error *err)
{
	struct demo_piece *p = container_of(call, struct demo_piece, call);

	p->calling = false;
	returned(p->demo, err);
}

static void submit_piece(struct demo *m, int i)
{
	struct demo_piece *p = &m->pieces[i];
	Pb__SubmitRequest request = PB__SUBMIT_REQUEST__INIT;
	char from[32], to[32], id[ID_SIZE];
	struct error err = {0};

	snprintf(from, sizeof from, "FROM=%d", DEMO_BELOW / DEMO_PIECES * i);
	snprintf(to, sizeof to, "TO=%d", DEMO_BELOW / DEMO_PIECES * (i + 1));
	spec_set_env(&m->bundle.spec, &m->bundle.arena, from, &err);
	spec_set_env(&m->bundle.spec, &m->bundle.arena, to, &err);
	random_id(id);
	request.spec = &m->bundle.spec;
	request.bundle_sha256 = m->bundle.sha256;
	request.bundle_size = m->bundle.size;
	request.call_id = id;
	p->call = (struct grpc_call){.method = &rpc_methods[RPC_SUBMIT], .timeout_ms = CONNECT_TIMEOUT_MS,
				     .on_message = on_submitted, .on_done = on_submit_done};
	m->open++;
	p->calling = true;
	grpc_call_unary(m->channel, &p->call, &request.base);
}

static void submit(struct demo *m)
{
	step_to(&m->step, SUBMITTING, "demo");
	m->begun_ms = clock_ms();
	for (int i = 0; i < DEMO_PIECES; i++)
		submit_piece(m, i);
}

/* --- UPLOADING ------------------------------------------------------------------------------- */

static void on_uploaded(struct upload *u, const struct error *err)
{
	returned(container_of(u, struct demo, upload), err);
}

static int write_file(const char *dir, const char *name, const char *data, uint64_t size, struct error *err)
{
	char path[400];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "we");
	if (f == NULL || fwrite(data, 1, size, f) != size || fclose(f) != 0)
		return error_set(err, status_from_errno(errno), "cannot write %s: %s", path, strerror(errno));
	return 0;
}

/* The example as it stands in examples/primes, from inside the program. */
static int make_bundle(struct demo *m, struct error *err)
{
	char dir[350];
	int rc;

	snprintf(dir, sizeof dir, "%s/primes", m->dir);
	if (mkdir(dir, 0700) != 0)
		return error_set(err, status_from_errno(errno), "cannot make %s: %s", dir, strerror(errno));
	rc = write_file(dir, "primes.awk", embed_primes_awk, embed_primes_awk_size, err);
	if (rc == 0)
		rc = write_file(dir, "hivemind.json", embed_hivemind_json, embed_hivemind_json_size, err);
	return rc != 0 ? rc : bundle_open(&m->bundle, dir, NULL, NULL, err);
}

int demo_start(struct demo *m, struct error *err)
{
	int rc = make_bundle(m, err);

	if (rc != 0)
		return rc;
	m->has_bundle = true;
	m->step = (struct step){states, UPLOADING};
	for (int i = 0; i < DEMO_PIECES; i++)
		m->pieces[i].demo = m;
	progress_start(&m->progress, "Counting", m->quiet);
	m->upload = (struct upload){.loop = m->loop,
				    .channel = m->channel,
				    .fd = m->bundle.fd,
				    .size = m->bundle.size,
				    .on_done = on_uploaded};
	text_copy(m->upload.sha256, sizeof m->upload.sha256, m->bundle.sha256);
	m->open = 1;
	upload_start(&m->upload);
	return 0;
}

/* --- what follows what ----------------------------------------------------------------------- */

static void finish(struct demo *m)
{
	step_to(&m->step, OVER, "demo");
	progress_end(&m->progress, NULL);
	if (m->has_bundle)
		bundle_release(&m->bundle);
	m->has_bundle = false;
	m->over(m);
}

static void advance(struct demo *m)
{
	if (m->error.status != 0) {
		finish(m);
		return;
	}
	switch (m->step.at) {
	case UPLOADING: submit(m); break;
	case SUBMITTING: watch(m); break;
	case WATCHING: fetch(m); break;
	case FETCHING: finish(m); break;
	}
}

void demo_cancel(struct demo *m)
{
	if (m->cancelled)
		return;
	m->cancelled = true;
	if (m->error.status == 0)
		error_set(&m->error, STATUS_CANCELLED, "the demo was stopped");
	if (m->step.at == UPLOADING)
		upload_cancel(&m->upload);
	for (int i = 0; i < DEMO_PIECES; i++) {
		if (m->pieces[i].fetching)
			download_cancel(&m->pieces[i].download);
		if (m->pieces[i].calling)
			grpc_call_cancel(&m->pieces[i].call);
	}
}

/* --- where time went ------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

void demo_print_times(const struct demo *m)
{
	static const char *const names[] = {"queue", "stage", "run", "collect"};
	static const char *const words[] = {"waiting for a free core", "bundle, image, container created",
					    "the count itself, in the container", "result packed, sent, recorded"};

	printf("\nWhere time went, of %d tasks (ms)    median      max\n", DEMO_PIECES);
	for (int k = 0; k < 4; k++) {
		int64_t ms[DEMO_PIECES];

		for (int i = 0; i < DEMO_PIECES; i++) {
			const int64_t *of = &m->pieces[i].queue_ms;

			ms[i] = of[k];
		}
		qsort(ms, DEMO_PIECES, sizeof ms[0], compare);
		printf("  %-32s %10" PRId64 " %8" PRId64 "   %s\n", names[k],
		       (ms[DEMO_PIECES / 2 - 1] + ms[DEMO_PIECES / 2]) / 2, ms[DEMO_PIECES - 1], words[k]);
	}
	printf("  all of them together: %.1f s\n", (double)m->took_ms / 1000);
}
