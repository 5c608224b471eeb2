/* exec/private_engine.c owns: a container engine that runs only for us, as a child.
 *
 *   DIR/root, DIR/run     its storage and its state
 *   DIR/engine.sock       where it answers
 *   DIR/engine.log        what it said
 *
 * The happy path: what an earlier process left in DIR is removed; the program is started in a process
 * group of its own and told by the kernel to end when we do; its socket is asked until it answers;
 * ready(). At the end its containers are removed, it gets SIGTERM, SIGKILL after END_MS, and DIR is
 * cleared (exec/private_directory.h).
 *
 * Failures: no program (NOT_FOUND); it ends at once or does not answer within READY_MS (UNAVAILABLE). */
#include "exec/private_engine.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "exec/engine_call.h"
#include "exec/private_directory.h"
#include "net/clock.h"
#include "net/memory.h"
#include "net/step.h"
#include "proto/status.h"

#define READY_MS 30000
#define ASK_TIMEOUT_MS 2000
#define ASK_AGAIN_MS 10
#define END_MS 10000
#define ARGUMENTS_MAX 32
#define CGROUP2_MAGIC 0x63677270

enum { NEW, CLEARING, ASKING, WAITING, OPEN, LISTING, REMOVING, ENDING, SWEEPING, CLOSING };

static const struct state states[] = {
	[NEW] = {"NEW", TO(CLEARING)},
	[CLEARING] = {"CLEARING", TO(ASKING) | TO(OPEN)},
	[ASKING] = {"ASKING", TO(WAITING) | TO(OPEN)},
	[WAITING] = {"WAITING", TO(ASKING) | TO(OPEN)},
	[OPEN] = {"OPEN", TO(LISTING) | TO(ENDING)},
	[LISTING] = {"LISTING", TO(REMOVING)},
	[REMOVING] = {"REMOVING", TO(ENDING)},
	[ENDING] = {"ENDING", TO(SWEEPING)},
	[SWEEPING] = {"SWEEPING", TO(CLOSING)},
	[CLOSING] = {"CLOSING", 0},
};

struct private_engine {
	struct loop *loop;
	struct engine engine;   /* of its loop, fetch and socket */
	struct step step;
	char dir[256];
	char address[128];
	uv_process_t process;
	bool alive, spawned, close_asked, too_long;
	struct engine_call call;
	cJSON *containers;      /* to be removed at the end */
	const cJSON *next;
	struct timer timer;
	struct work work;
	int64_t deadline;
	int open_handles;
	void (*ready)(void *user, const struct error *err);
	void *user;
	void (*closed)(void *user);
	void *closed_user;
};

static void go(struct private_engine *p, int state)
{
	step_to(&p->step, state, "private engine");
}

/* --- the program and its arguments ------------------------------------------------------------- */
static bool is_installed(const char *program)
{
	char path[512], *list = xstrdup(getenv("PATH") != NULL ? getenv("PATH") : ""), *rest = list, *dir;
	bool found = false;

	while (!found && (dir = strsep(&rest, ":")) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", dir, program);
		found = access(path, X_OK) == 0;
	}
	free(list);
	return found;
}

/* Both must be known to a test; a user has one reason to choose: $HIVEMIND_ENGINE. */
static const char *choose_program(void)
{
	const char *wanted = getenv("HIVEMIND_ENGINE");

	if (wanted != NULL && strcmp(wanted, "dockerd") == 0)
		return is_installed("dockerd") ? "dockerd" : NULL;
	if (is_installed("podman"))
		return "podman";
	return geteuid() == 0 && is_installed("dockerd") ? "dockerd" : NULL;
}

struct arguments {
	char *word[ARGUMENTS_MAX + 1];
	int count;
};

static void add(struct arguments *a, const char *format, const char *value)
{
	int size = snprintf(NULL, 0, format, value) + 1;

	a->word[a->count] = xmalloc((size_t)size);
	snprintf(a->word[a->count++], (size_t)size, format, value);
}

static void add_all(struct arguments *a, const char *const *words)
{
	for (; *words != NULL; words++)
		add(a, "%s", *words);
}

/* crun, Podman's default, refuses to run where cgroup v1 and v2 are mixed; runc does not mind. */
static bool is_cgroup2(void)
{
	struct statfs fs;

	return statfs("/sys/fs/cgroup", &fs) == 0 && fs.f_type == CGROUP2_MAGIC;
}

static void add_podman(struct arguments *a, const char *dir)
{
	static const char *const fixed[] = {"--storage-driver", "overlay", "--cgroup-manager", "cgroupfs", NULL};
	static const char *const service[] = {"--events-backend", "file", "system", "service", "--time", "0", NULL};

	add(a, "%s", "podman");
	add(a, "--root=%s/root", dir);
	add(a, "--runroot=%s/run", dir);
	add_all(a, fixed);
	if (!is_cgroup2() && is_installed("runc"))
		add(a, "--runtime=%s", "runc");
	add_all(a, service);
	add(a, "unix://%s/engine.sock", dir);
}

static void add_dockerd(struct arguments *a, const char *dir)
{
	static const char *const fixed[] = {"--iptables=false", "--ip6tables=false", "--bridge=none", NULL};

	add(a, "%s", "dockerd");
	add(a, "--data-root=%s/root", dir);
	add(a, "--exec-root=%s/run", dir);
	add(a, "--pidfile=%s/engine.pid", dir);
	add(a, "--host=unix://%s/engine.sock", dir);
	add_all(a, fixed);
}

/* --- closing ----------------------------------------------------------------------------------- */
static void handle_closed(struct private_engine *p)
{
	if (--p->open_handles > 0)
		return;
	p->closed(p->closed_user);
	cJSON_Delete(p->containers);
	free(p);
}

static void on_timer_closed(struct timer *t)
{
	handle_closed(container_of(t, struct private_engine, timer));
}

static void on_process_closed(uv_handle_t *handle)
{
	handle_closed(container_of((uv_process_t *)handle, struct private_engine, process));
}

static void on_fetch_closed(void *user)
{
	handle_closed(user);
}

static void on_swept(struct work *w)
{
	struct private_engine *p = container_of(w, struct private_engine, work);

	go(p, CLOSING);
	p->open_handles = p->spawned ? 3 : 2;
	if (p->spawned)
		uv_close((uv_handle_t *)&p->process, on_process_closed);
	timer_close(&p->timer, on_timer_closed);
	fetch_close(p->engine.fetch, on_fetch_closed, p);
}

static void clear(struct work *w)
{
	private_directory_clear(container_of(w, struct private_engine, work)->dir);
}

static void sweep(struct private_engine *p)
{
	go(p, SWEEPING);
	timer_clear(&p->timer);
	work_start(p->loop, &p->work, clear, on_swept);
}

static void end(struct private_engine *p)
{
	go(p, ENDING);
	if (!p->alive) {
		sweep(p);
		return;
	}
	kill(-p->process.pid, SIGTERM);
	timer_set(&p->timer, END_MS);
}

static void on_container_removed(struct engine_call *c);

static void remove_next(struct private_engine *p)
{
	if (p->next == NULL || !p->alive) {
		end(p);
		return;
	}
	p->call = (struct engine_call){.user = p};
	call_start(&p->engine, &p->call, on_container_removed, "DELETE", "/containers/%s?force=1&v=1",
		   json_string(p->next, "Id"));
	p->next = p->next->next;
}

static void on_container_removed(struct engine_call *c)
{
	remove_next(c->user);
}

static void on_containers(struct engine_call *c)
{
	struct private_engine *p = c->user;

	p->containers = call_json(c);
	p->next = cJSON_IsArray(p->containers) ? p->containers->child : NULL;
	go(p, REMOVING);
	remove_next(p);
}

static void begin_close(struct private_engine *p)
{
	if (!p->alive) {
		end(p);
		return;
	}
	go(p, LISTING);
	p->call = (struct engine_call){.user = p};
	p->call.request.timeout_ms = END_MS;
	call_start(&p->engine, &p->call, on_containers, "GET", "/containers/json?all=1");
}

/* --- starting ---------------------------------------------------------------------------------- */
static void started(struct private_engine *p, const struct error *err)
{
	struct error words = *err;
	bool unwanted = p->close_asked; /* before; who asks in ready() has it begun at once */

	go(p, OPEN);
	timer_clear(&p->timer);
	if (unwanted)
		error_set(&words, STATUS_CANCELLED, "the engine is no longer needed");
	p->ready(p->user, &words);
	if (unwanted)
		begin_close(p);
}

static void fail_start(struct private_engine *p, const char *why)
{
	struct error err;

	error_set(&err, STATUS_UNAVAILABLE, "the private container engine %s", why);
	error_hint(&err, "its log: %s/engine.log", p->dir);
	started(p, &err);
}

static void on_exit_of_process(uv_process_t *process, int64_t code, int number)
{
	struct private_engine *p = container_of(process, struct private_engine, process);

	(void)code;
	(void)number;
	p->alive = false;
	if (p->step.at == ENDING)
		sweep(p);
	else if (p->step.at == WAITING)
		fail_start(p, "ended while it started");
}

static void ask(struct private_engine *p);

static void on_asked(struct engine_call *c)
{
	struct private_engine *p = c->user;

	if (c->request.error.status == 0) {
		started(p, &(struct error){0});
	} else if (!p->alive) {
		fail_start(p, "ended while it started");
	} else if (clock_ms() >= p->deadline || p->close_asked) {
		fail_start(p, "did not answer in time");
	} else {
		go(p, WAITING);
		timer_set(&p->timer, ASK_AGAIN_MS);
	}
}

static void ask(struct private_engine *p)
{
	go(p, ASKING);
	p->call = (struct engine_call){.user = p};
	p->call.request.timeout_ms = ASK_TIMEOUT_MS;
	call_start(&p->engine, &p->call, on_asked, "GET", "/_ping");
}

static void on_timer(struct timer *t)
{
	struct private_engine *p = container_of(t, struct private_engine, timer);

	if (p->step.at == WAITING)
		ask(p);
	else if (p->step.at == ENDING && p->alive)
		kill(-p->process.pid, SIGKILL);
}

static int spawn(struct private_engine *p, char **words)
{
	char *log = xasprintf("%s/engine.log", p->dir);
	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), rc;
	uv_stdio_container_t stdio[] = {
		{.flags = UV_IGNORE},
		{.flags = UV_INHERIT_FD, .data.fd = fd},
		{.flags = UV_INHERIT_FD, .data.fd = fd},
	};
	uv_process_options_t options = {
		.exit_cb = on_exit_of_process,
		.file = words[0],
		.args = words,
		.cwd = p->dir, /* absolute. conmon leaves a file "oom" where it stands when a container is out of memory */
		.flags = UV_PROCESS_DETACHED, /* a process group of its own: Ctrl-C is for us */
		.stdio_count = 3,
		.stdio = stdio,
	};

	free(log);
	if (fd < 0)
		return -errno;
	rc = uv_spawn(&p->loop->uv, &p->process, &options);
	p->spawned = true; /* the handle must be closed even when it failed */
	p->alive = rc == 0;
	close(fd);
	return rc;
}

static int run_program(struct private_engine *p, const char *program)
{
	static const char *const guard[] = {"setpriv", "--pdeathsig", "TERM", NULL};
	struct arguments a = {0};
	int rc;

	if (is_installed("setpriv"))
		add_all(&a, guard); /* it ends when we are killed */
	if (strcmp(program, "podman") == 0)
		add_podman(&a, p->dir);
	else
		add_dockerd(&a, p->dir);
	rc = spawn(p, a.word);
	while (a.count > 0)
		free(a.word[--a.count]);
	return rc;
}

static void start(struct private_engine *p)
{
	const char *program = choose_program();
	struct error err;

	if (program == NULL) {
		error_set(&err, STATUS_NOT_FOUND, "no container engine is installed");
		error_hint(&err, "sudo apt-get install podman runc");
		started(p, &err);
	} else if (p->too_long) {
		error_set(&err, STATUS_INVALID_ARGUMENT, "%s is too long a name for a directory with a socket", p->dir);
		error_hint(&err, "choose a --data directory with a shorter path");
		started(p, &err);
	} else if (mkdir(p->dir, 0700) != 0) {
		error_set(&err, status_from_errno(errno), "cannot make %s: %s", p->dir, strerror(errno));
		started(p, &err);
	} else if (run_program(p, program) != 0) {
		fail_start(p, "could not be started");
	} else {
		p->deadline = clock_ms() + READY_MS;
		ask(p);
	}
}

static void on_cleared(struct work *w)
{
	start(container_of(w, struct private_engine, work));
}

struct private_engine *private_engine_start(struct loop *loop, const char *dir,
					    void (*ready)(void *user, const struct error *err), void *user)
{
	struct private_engine *p = xcalloc(1, sizeof(*p));

	p->loop = loop;
	p->step = (struct step){states, NEW};
	p->ready = ready;
	p->user = user;
	p->engine = (struct engine){.loop = loop, .fetch = fetch_new(loop)};
	text_copy(p->dir, sizeof(p->dir), dir);
	p->too_long = snprintf(p->engine.socket, sizeof(p->engine.socket), "%s/engine.sock", dir) >=
		      (int)sizeof(p->engine.socket);
	snprintf(p->address, sizeof(p->address), "unix:%s", p->engine.socket);
	timer_init(loop, &p->timer, on_timer);
	go(p, CLEARING);
	work_start(loop, &p->work, clear, on_cleared);
	return p;
}

const char *private_engine_socket(const struct private_engine *p)
{
	return p->address;
}

void private_engine_close(struct private_engine *p, void (*closed)(void *user), void *user)
{
	p->closed = closed;
	p->closed_user = user;
	p->close_asked = true;
	if (p->step.at == OPEN)
		begin_close(p);
}
