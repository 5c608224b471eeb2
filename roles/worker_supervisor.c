/* roles/worker_supervisor.c - uv_spawn of ourselves under another verb. One that cannot be started is tried
 * again: meanwhile the worker keeps its deadlines itself. */
#include "roles/worker_supervisor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exec/supervisor.h"
#include "net/log.h"
#include "net/memory.h"
#include "proto/status.h"
#include "roles/roles.h"
#include "roles/worker.h"

#define AGAIN_MS 500
#define END_MS 1000

extern char **environ;

static void start(struct worker_supervisor *s);

static void on_timer_closed(struct timer *timer)
{
	struct worker_supervisor *s = container_of(timer, struct worker_supervisor, timer);

	s->closed(s);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct worker_supervisor *s = handle->data;

	if (--s->open > 0)
		return;
	if (s->closing)
		timer_close(&s->timer, on_timer_closed);
	else
		timer_set(&s->timer, AGAIN_MS);
}

static void let_go(struct worker_supervisor *s)
{
	if (!uv_is_closing((uv_handle_t *)&s->process))
		uv_close((uv_handle_t *)&s->process, on_handle_closed);
	if (!uv_is_closing((uv_handle_t *)&s->pipe))
		uv_close((uv_handle_t *)&s->pipe, on_handle_closed);
}

static void on_end(uv_process_t *process, int64_t status, int number)
{
	struct worker_supervisor *s = process->data;

	if (!s->closing)
		log_warn("the supervisor has ended, starting another status=%d signal=%d", (int)status, number);
	let_go(s);
}

static void on_timer(struct timer *timer)
{
	struct worker_supervisor *s = container_of(timer, struct worker_supervisor, timer);

	if (s->closing)
		let_go(s);
	else
		start(s);
}

/* Ours, without any token. */
static char **make_environment(void)
{
	char **env;
	size_t n = 0, kept = 0;

	while (environ[n] != NULL)
		n++;
	env = xcalloc(n + 1, sizeof *env);
	for (size_t i = 0; i < n; i++)
		if (strncmp(environ[i], "HIVEMIND_T", 10) != 0)
			env[kept++] = environ[i];
	return env;
}

static void start(struct worker_supervisor *s)
{
	char program[4096], verb[] = SUPERVISOR_VERB, generation[24];
	char *argv[] = {program, verb, s->worker->data, generation, NULL};
	ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
	uv_stdio_container_t stdio[] = {
		{.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&s->pipe},
		{.flags = UV_IGNORE},
		{.flags = UV_INHERIT_FD, .data.fd = 2},
	};
	uv_process_options_t options = {.exit_cb = on_end, .file = program, .args = argv,
					.stdio = stdio, .stdio_count = 3,
					.flags = UV_PROCESS_DETACHED, .env = make_environment()};
	int rc;

	program[n > 0 ? n : 0] = '\0';
	snprintf(generation, sizeof generation, "%llu", (unsigned long long)s->worker->leash.generation);
	uv_pipe_init(&s->worker->loop.uv, &s->pipe, 0);
	s->pipe.data = s->process.data = s;
	s->open = 2;
	rc = uv_spawn(&s->worker->loop.uv, &s->process, &options);
	free(options.env);
	if (rc == 0)
		return;
	log_warn("the supervisor could not be started text=\"%s\"", uv_strerror(rc));
	let_go(s);
}

void worker_supervisor_open(struct worker_supervisor *s, struct worker *w)
{
	*s = (struct worker_supervisor){.worker = w};
	timer_init(&w->loop, &s->timer, on_timer);
	start(s);
}

void worker_supervisor_close(struct worker_supervisor *s, void (*closed)(struct worker_supervisor *s))
{
	s->closed = closed;
	s->closing = true;
	if (s->open == 0) {
		timer_close(&s->timer, on_timer_closed);
		return;
	}
	if (!uv_is_closing((uv_handle_t *)&s->pipe))
		uv_close((uv_handle_t *)&s->pipe, on_handle_closed);
	timer_set(&s->timer, leash_live(&s->worker->leash) > 0 ? 0 : END_MS);
}

/* --- the process itself ---------------------------------------------------------------------- */

int worker_supervisor_main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "hivemind %s is started by hivemind worker\n", SUPERVISOR_VERB);
		return EXIT_USAGE;
	}
	return supervisor_run(argv[1], strtoull(argv[2], NULL, 10));
}
