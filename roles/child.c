/* roles/child.c - uv_spawn with a pid file, a log and a pipe for one line. Fails when the
 * program cannot be started. */
#include "roles/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "net/memory.h"
#include "proto/status.h"

#define TIE "HIVEMIND_TIED_TO"
#define READY_FD "3"

extern char **environ;

void child_tie_to_parent(void)
{
	const char *parent = getenv(TIE);

	if (parent == NULL)
		return;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != (pid_t)atoi(parent)) /* it died before we could ask for the signal */
		_exit(0);
	unsetenv(TIE);
}

/* --- its end --------------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
	struct child *c = handle->data;

	if (--c->open > 0)
		return;
	c->pid = 0;
	unlink(c->pid_path);
	c->ended(c, c->status, c->signal);
}

static void on_patience_closed(struct timer *timer)
{
	struct child *c = container_of(timer, struct child, patience);

	timer->uv.data = c;
	on_closed((uv_handle_t *)&timer->uv);
}

static void on_process_end(uv_process_t *process, int64_t status, int signal)
{
	struct child *c = container_of(process, struct child, process);

	c->status = status;
	c->signal = signal;
	uv_close((uv_handle_t *)&c->process, on_closed);
	uv_close((uv_handle_t *)&c->pipe, on_closed);
	timer_close(&c->patience, on_patience_closed);
}

static void on_patience(struct timer *timer)
{
	struct child *c = container_of(timer, struct child, patience);

	uv_process_kill(&c->process, SIGKILL);
}

void child_end(struct child *c, uint64_t patience_ms)
{
	if (c->pid == 0)
		return;
	uv_process_kill(&c->process, SIGTERM);
	timer_set(&c->patience, patience_ms);
}

/* --- its line -------------------------------------------------------------------------------- */

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct child *c = handle->data;

	(void)suggested;
	*buf = uv_buf_init(c->line + c->n, (unsigned)(sizeof c->line - 1 - c->n));
}

static void on_line(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct child *c = stream->data;
	char *end;

	(void)buf;
	if (n == 0)
		return;
	if (n < 0) {
		uv_read_stop(stream);
		return;
	}
	c->n += (size_t)n;
	c->line[c->n] = '\0';
	end = strchr(c->line, '\n');
	if (end == NULL)
		return;
	*end = '\0';
	uv_read_stop(stream);
	c->ready(c, c->line);
}

/* --- its start ------------------------------------------------------------------------------- */

/* Our environment, what the owner adds, and the tie. */
static char **make_environment(const struct child *c)
{
	char **env;
	size_t n = 0;

	while (environ[n] != NULL)
		n++;
	env = xcalloc(n + 6, sizeof *env);
	n = 0;
	for (int i = 0; c->env[i] != NULL; i++)
		env[n++] = xstrdup(c->env[i]);
	env[n++] = xasprintf(TIE "=%d", (int)getpid());
	for (size_t i = 0; environ[i] != NULL; i++)
		if (strncmp(environ[i], "HIVEMIND_T", 10) != 0) /* no token but the one it is given */
			env[n++] = xstrdup(environ[i]);
	return env;
}

static void free_environment(char **env)
{
	for (size_t i = 0; env[i] != NULL; i++)
		free(env[i]);
	free(env);
}

static int spawn(struct child *c, int log)
{
	char program[4096], ready_option[] = "--ready-fd", ready_value[] = READY_FD;
	char *argv[CHILD_WORDS_MAX + 4];
	ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
	uv_stdio_container_t stdio[4] = {
		{.flags = UV_IGNORE},
		{.flags = UV_INHERIT_FD, .data.fd = log},
		{.flags = UV_INHERIT_FD, .data.fd = log},
		{.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&c->pipe},
	};
	uv_process_options_t options = {.exit_cb = on_process_end, .file = program, .args = argv,
					.stdio = stdio, .stdio_count = 4, .flags = UV_PROCESS_DETACHED};
	int count = 0, rc;

	program[n > 0 ? n : 0] = '\0';
	argv[count++] = program;
	for (int i = 0; c->words[i] != NULL; i++)
		argv[count++] = (char *)c->words[i];
	argv[count++] = ready_option;
	argv[count++] = ready_value;
	argv[count] = NULL;
	options.env = make_environment(c);
	rc = uv_spawn(&c->loop->uv, &c->process, &options);
	free_environment(options.env);
	return rc;
}

static void write_pid(const struct child *c)
{
	FILE *f = fopen(c->pid_path, "we");

	if (f == NULL)
		return; /* only for people and tests */
	fprintf(f, "%d\n", (int)c->pid);
	fclose(f);
}

int child_start(struct child *c, struct error *err)
{
	int log = open(c->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), rc;

	if (log < 0)
		return error_set(err, status_from_errno(errno), "cannot write %s: %s", c->log_path, strerror(errno));
	c->n = 0;
	c->open = 3;
	uv_pipe_init(&c->loop->uv, &c->pipe, 0);
	timer_init(c->loop, &c->patience, on_patience);
	c->process.data = c->pipe.data = c;
	rc = spawn(c, log);
	close(log);
	if (rc != 0) {
		on_process_end(&c->process, 127, 0); /* libuv wants the handle closed also now; ended() follows */
		return error_set(err, STATUS_INTERNAL, "cannot start %s: %s", c->name, uv_strerror(rc));
	}
	c->pid = c->process.pid;
	write_pid(c);
	uv_read_start((uv_stream_t *)&c->pipe, on_room, on_line);
	return 0;
}

void child_last_words(const struct child *c, char *text, size_t n)
{
	FILE *f = fopen(c->log_path, "re");
	size_t got;

	text[0] = '\0';
	if (f == NULL)
		return;
	if (fseek(f, -(long)(n - 1), SEEK_END) != 0)
		rewind(f);
	got = fread(text, 1, n - 1, f);
	text[got] = '\0';
	fclose(f);
}
