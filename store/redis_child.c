/* store/redis_child.c - the private Redis: a child process with its files in DIR/redis.
 *
 *     LOCKING -> STARTING (until it answers PING) -> SERVING -> RESTING (it died) -> STARTING ...
 *
 * It must never outlive us, nor share its files with another. Two things see to that:
 *  - It is started through setpriv --pdeathsig TERM: prctl(PR_SET_PDEATHSIG) must be called between fork
 *    and exec, where uv_spawn lets nobody in, and survives exec. So kill -9 of this process ends it.
 *  - DIR/redis/lock is locked by flock() and the descriptor is inherited: the lock is free only when both
 *    we and the server are gone. A pool that starts while the last one's server is still
 *    writing its end waits for it (LOCKING).
 * It leads a session of its own, so that Ctrl-C reaches us alone and we decide when it ends. */
#include "store/redis_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/clock.h"
#include "net/log.h"
#include "net/memory.h"
#include "net/step.h"
#include "proto/status.h"
#include "store/redis.h"

#define LOCK_WAIT_MS 10000 /* how long another server may take to end */
#define LOCK_POLL_MS 20
#define REST_MIN_MS 100
#define REST_MAX_MS 5000
#define TERM_WAIT_MS 10000 /* then SIGKILL; what was acknowledged is on disk either way */

enum { LOCKING, STARTING, SERVING, RESTING, FAILED, CLOSING };

static const struct state states[] = {
	[LOCKING] = {"LOCKING", TO(STARTING) | TO(FAILED) | TO(CLOSING)},
	[STARTING] = {"STARTING", TO(SERVING) | TO(RESTING) | TO(FAILED) | TO(CLOSING)},
	[SERVING] = {"SERVING", TO(RESTING) | TO(CLOSING)},
	[RESTING] = {"RESTING", TO(STARTING) | TO(CLOSING)},
	[FAILED] = {"FAILED", TO(CLOSING)},
	[CLOSING] = {"CLOSING", 0},
};

struct redis_child {
	struct loop *loop;
	struct step step;
	char dir[4096], socket[108], server[4096], setpriv[4096];
	int lock;
	uv_process_t process;
	bool running;        /* the process handle is open */
	struct redis *probe; /* asks for the first PING */
	struct timer timer;  /* LOCKING: look again; RESTING: start again; CLOSING: SIGKILL */
	struct deferred report;
	struct error why;
	bool reported;
	int64_t lock_deadline_ms;
	uint32_t rest_ms;
	unsigned open; /* timer, process, probe */
	void (*ready)(void *user, const struct error *err);
	void *user;
	void (*closed)(void *user);
	void *closed_user;
};

static void one_closed(struct redis_child *c)
{
	void (*closed)(void *user) = c->closed;
	void *user = c->closed_user;

	if (--c->open > 0)
		return;
	loop_undefer(c->loop, &c->report);
	if (c->lock >= 0)
		close(c->lock);
	free(c);
	if (closed != NULL)
		closed(user);
}

static void on_report(struct deferred *d)
{
	struct redis_child *c = container_of(d, struct redis_child, report);

	if (c->reported || c->step.at == CLOSING)
		return;
	c->reported = true;
	c->ready(c->user, &c->why);
}

static void report(struct redis_child *c)
{
	loop_defer(c->loop, &c->report, on_report);
}

static void fail(struct redis_child *c)
{
	step_to(&c->step, FAILED, "redis child");
	report(c);
}

/* --- the process ----------------------------------------------------------------------------------- */

static bool find_program(const char *name, char *path, size_t size)
{
	const char *list = getenv("PATH");

	for (const char *p = list != NULL ? list : "/usr/bin:/bin"; *p != '\0'; p += strspn(p, ":")) {
		size_t n = strcspn(p, ":");

		if ((size_t)snprintf(path, size, "%.*s/%s", (int)n, p, name) < size &&
		    access(path, X_OK) == 0)
			return true;
		p += n;
	}
	return false;
}

static void probe_closed(void *user)
{
	one_closed(user);
}

static void end_probe(struct redis_child *c)
{
	struct redis *probe = c->probe;

	c->probe = NULL;
	if (probe != NULL)
		redis_close(probe, probe_closed, c);
}

static void on_probe_up(struct redis *probe, void *user)
{
	struct redis_child *c = user;

	(void)probe;
	end_probe(c);
	c->rest_ms = REST_MIN_MS;
	step_to(&c->step, SERVING, "redis child");
	error_clear(&c->why);
	report(c);
}

static void on_probe_down(struct redis *probe, const struct error *err, void *user)
{
	/* It is starting or reading its file: the probe asks again by itself. */
	(void)probe;
	(void)err;
	(void)user;
}

/* The last line of its log says best why it ended. */
static void last_words(const struct redis_child *c, char *words, size_t size)
{
	char path[4200], line[160];
	FILE *log;

	snprintf(path, sizeof(path), "%s/redis.log", c->dir);
	log = fopen(path, "re");
	words[0] = '\0';
	while (log != NULL && fgets(line, sizeof(line), log) != NULL) {
		line[strcspn(line, "\r\n")] = '\0';
		if (line[0] != '\0')
			text_copy(words, size, strstr(line, " # ") != NULL ? strstr(line, " # ") + 3 : line);
	}
	if (log != NULL)
		fclose(log);
}

static void rest(struct redis_child *c)
{
	step_to(&c->step, RESTING, "redis child");
	timer_set(&c->timer, c->rest_ms);
	c->rest_ms = c->rest_ms * 2 < REST_MAX_MS ? c->rest_ms * 2 : REST_MAX_MS;
}

static void timer_closed(struct timer *t)
{
	one_closed(container_of(t, struct redis_child, timer));
}

static void process_closed(uv_handle_t *handle)
{
	struct redis_child *c = container_of((uv_process_t *)handle, struct redis_child, process);

	c->running = false;
	if (c->step.at == STARTING || c->step.at == SERVING)
		rest(c);
	if (c->step.at == CLOSING)
		timer_close(&c->timer, timer_closed);
	one_closed(c);
}

static void on_end(uv_process_t *process, int64_t status, int signal)
{
	struct redis_child *c = container_of(process, struct redis_child, process);
	char words[160];

	uv_close((uv_handle_t *)process, process_closed);
	if (c->step.at == CLOSING)
		return;
	last_words(c, words, sizeof(words));
	log_warn("the private redis-server has ended status=%d signal=%d log=\"%s\"", (int)status, signal,
		 words);
	if (c->step.at != STARTING)
		return;
	end_probe(c);
	if (c->reported)
		return;
	error_set(&c->why, STATUS_FAILED_PRECONDITION, "the private redis-server does not start: %s", words);
	error_hint(&c->why, "its log is %s/redis.log", c->dir);
	fail(c);
}

/* Each pair is one word of the command line and its value. */
static const char *const server_options[] = {
	"--port", "0",
	"--unixsocketperm", "700",
	"--logfile", "redis.log",
	"--loglevel", "warning",
	"--appendonly", "yes",
	"--appendfsync", "always",
	"--no-appendfsync-on-rewrite", "no",
	"--maxmemory-policy", "noeviction",
	"--save", "",
	"--daemonize", "no",
};

enum { OPTION_COUNT = sizeof(server_options) / sizeof(server_options[0]) };

static int spawn(struct redis_child *c)
{
	char *args[9 + OPTION_COUNT + 1] = {
		c->setpriv, (char *)"--pdeathsig", (char *)"TERM", (char *)"--",
		c->server, (char *)"--unixsocket", c->socket, (char *)"--dir", c->dir,
	};
	uv_stdio_container_t stdio[4] = {[3] = {.flags = UV_INHERIT_FD, .data.fd = c->lock}};
	const uv_process_options_t options = {
		.exit_cb = on_end,
		.file = c->setpriv,
		.args = args,
		.flags = UV_PROCESS_DETACHED,
		.stdio = stdio,
		.stdio_count = 4,
	};

	for (size_t i = 0; i < OPTION_COUNT; i++)
		args[9 + i] = (char *)server_options[i];
	return uv_spawn(&c->loop->uv, &c->process, &options);
}

static void start(struct redis_child *c)
{
	const struct redis_events events = {on_probe_up, on_probe_down, c};
	struct redis_address address = {0};
	int rc;

	step_to(&c->step, STARTING, "redis child");
	unlink(c->socket);
	rc = spawn(c);
	c->open++;
	c->running = true;
	if (rc != 0) {
		error_set(&c->why, STATUS_FAILED_PRECONDITION, "%s cannot be started: %s", c->setpriv,
			  uv_strerror(rc));
		uv_close((uv_handle_t *)&c->process, process_closed);
		if (!c->reported)
			fail(c);
		return;
	}
	text_copy(address.path, sizeof(address.path), c->socket);
	c->probe = redis_open(c->loop, &address, &events);
	c->open++;
}

/* --- beginning --------------------------------------------------------------------------------------- */

static void try_lock(struct redis_child *c)
{
	if (flock(c->lock, LOCK_EX | LOCK_NB) == 0) {
		start(c);
	} else if (clock_ms() < c->lock_deadline_ms) {
		timer_set(&c->timer, LOCK_POLL_MS);
	} else {
		error_set(&c->why, STATUS_FAILED_PRECONDITION, "another pool is using %s", c->dir);
		error_hint(&c->why, "stop it, or give this one a directory of its own with --data DIR");
		fail(c);
	}
}

static void on_timer(struct timer *t)
{
	struct redis_child *c = container_of(t, struct redis_child, timer);

	if (c->step.at == LOCKING)
		try_lock(c);
	else if (c->step.at == RESTING)
		start(c);
	else if (c->step.at == CLOSING && c->running)
		uv_process_kill(&c->process, SIGKILL);
}

static int find_programs(struct redis_child *c)
{
	bool server = find_program("valkey-server", c->server, sizeof(c->server)) ||
		      find_program("redis-server", c->server, sizeof(c->server));

	if (server && find_program("setpriv", c->setpriv, sizeof(c->setpriv)))
		return 0;
	error_set(&c->why, STATUS_NOT_FOUND, "%s not in PATH",
		  server ? "setpriv is" : "neither valkey-server nor redis-server is");
	return error_hint(&c->why, "sudo apt-get install %s", server ? "util-linux" : "redis-server");
}

static int prepare(struct redis_child *c, const char *dir)
{
	char path[4200];

	if (find_programs(c) != 0)
		return c->why.status;
	mkdir(dir, 0700);
	snprintf(path, sizeof(path), "%s/redis", dir);
	if ((mkdir(path, 0700) != 0 && errno != EEXIST) || realpath(path, c->dir) == NULL)
		return error_set(&c->why, status_from_errno(errno), "%s cannot be made: %s", path,
				 strerror(errno));
	if ((size_t)snprintf(c->socket, sizeof(c->socket), "%s/redis.sock", c->dir) >= sizeof(c->socket)) {
		error_set(&c->why, STATUS_INVALID_ARGUMENT, "%s is too long a name for a socket to lie in",
			  c->dir);
		return error_hint(&c->why, "choose a directory of less than 90 characters with --data DIR");
	}
	snprintf(path, sizeof(path), "%s/lock", c->dir);
	c->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (c->lock < 0)
		return error_set(&c->why, status_from_errno(errno), "%s cannot be opened: %s", path,
				 strerror(errno));
	return 0;
}

struct redis_child *redis_child_start(struct loop *loop, const char *dir,
				      void (*ready)(void *user, const struct error *err), void *user)
{
	struct redis_child *c = xcalloc(1, sizeof(*c));

	c->loop = loop;
	c->step = (struct step){states, LOCKING};
	c->lock = -1;
	c->ready = ready;
	c->user = user;
	c->rest_ms = REST_MIN_MS;
	c->lock_deadline_ms = clock_ms() + LOCK_WAIT_MS;
	c->open = 1;
	timer_init(loop, &c->timer, on_timer);
	if (prepare(c, dir) != 0)
		fail(c);
	else
		try_lock(c);
	return c;
}

const char *redis_child_socket(const struct redis_child *c)
{
	return c->socket;
}

/* --- the end ------------------------------------------------------------------------------------------ */

void redis_child_close(struct redis_child *c, void (*closed)(void *user), void *user)
{
	c->closed = closed;
	c->closed_user = user;
	step_to(&c->step, CLOSING, "redis child");
	end_probe(c);
	timer_clear(&c->timer);
	if (!c->running) {
		timer_close(&c->timer, timer_closed);
		return;
	}
	if (uv_is_active((uv_handle_t *)&c->process))
		uv_process_kill(&c->process, SIGTERM);
	timer_set(&c->timer, TERM_WAIT_MS);
}
