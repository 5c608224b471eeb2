#include "roles/worker_doctor.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "net/memory.h"
#include "proto/limits.h"
#include "proto/status.h"

#define DOCTOR_MS 90000

static void on_timer_closed(struct timer *t)
{
	struct worker_doctor *d = container_of(t, struct worker_doctor, patience);
	struct error err = {0};

	d->running = false;
	if (d->cut || d->answer.n == 0)
		error_set(&err, STATUS_INTERNAL, "the checks ended without an answer");
	d->done(d, &err);
	buf_release(&d->answer);
}

/* Patience ends last: the process may live on without its pipe, and what it started with it. */
static void on_handle_closed(uv_handle_t *h)
{
	struct worker_doctor *d = h->data;

	if (--d->open == 0)
		timer_close(&d->patience, on_timer_closed);
}

static void on_exit(uv_process_t *process, int64_t status, int signal)
{
	(void)status; /* what is wrong is in the answer */
	(void)signal;
	uv_close((uv_handle_t *)process, on_handle_closed);
}

static void on_room(uv_handle_t *h, size_t wanted, uv_buf_t *room)
{
	struct worker_doctor *d = h->data;

	(void)wanted;
	*room = uv_buf_init((char *)buf_reserve(&d->answer, 4096), 4096);
	if (room->base == NULL)
		room->len = 0;
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *room)
{
	struct worker_doctor *d = s->data;

	(void)room;
	if (n >= 0) {
		d->answer.n += (size_t)n;
		return;
	}
	if (n != UV_EOF) /* it is too long, for one */
		worker_doctor_stop(d);
	if (!uv_is_closing((uv_handle_t *)s))
		uv_close((uv_handle_t *)s, on_handle_closed);
}

static void on_late(struct timer *t)
{
	worker_doctor_stop(container_of(t, struct worker_doctor, patience));
}

/* Its program is this one, wherever it lies by now. */
static int spawn(struct worker_doctor *d, struct loop *loop, const char *socket, const char *data)
{
	char verb[] = "doctor", name[] = "hivemind", json[] = "--json", docker[] = "--docker",
		place[] = "--data", where[140];
	char *argv[8] = {name, verb, json, place, (char *)data};
	uv_stdio_container_t io[3] = {{.flags = UV_IGNORE}, {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE},
				      {.flags = UV_IGNORE}};
	uv_process_options_t options = {.file = "/proc/self/exe", .args = argv, .stdio = io,
					.stdio_count = 3, .exit_cb = on_exit};

	io[1].data.stream = (uv_stream_t *)&d->out;
	if (socket[0] != '\0') {
		snprintf(where, sizeof where, "unix:%s", socket);
		argv[5] = docker;
		argv[6] = where;
	}
	return uv_spawn(&loop->uv, &d->process, &options);
}

int worker_doctor_start(struct worker_doctor *d, struct loop *loop, const char *socket, const char *data,
			void (*done)(struct worker_doctor *d, const struct error *err), void *user,
			struct error *err)
{
	int rc;

	if (d->running)
		return error_set(err, STATUS_ABORTED, "the checks are being made already");
	*d = (struct worker_doctor){.running = true, .done = done, .user = user, .open = 2,
				    .answer.max = DOCTOR_ANSWER_MAX};
	timer_init(loop, &d->patience, on_late);
	uv_pipe_init(&loop->uv, &d->out, 0);
	d->out.data = d->process.data = d;
	rc = spawn(d, loop, socket, data);
	if (rc == 0) {
		timer_set(&d->patience, DOCTOR_MS);
		uv_read_start((uv_stream_t *)&d->out, on_room, on_read);
		return 0;
	}
	uv_close((uv_handle_t *)&d->out, on_handle_closed); /* done() says the rest */
	uv_close((uv_handle_t *)&d->process, on_handle_closed);
	return 0;
}

void worker_doctor_stop(struct worker_doctor *d)
{
	if (!d->running)
		return;
	d->cut = true;
	if (uv_is_active((uv_handle_t *)&d->process))
		uv_process_kill(&d->process, SIGKILL);
	if (!uv_is_closing((uv_handle_t *)&d->out)) /* whoever else holds its other end */
		uv_close((uv_handle_t *)&d->out, on_handle_closed);
}
