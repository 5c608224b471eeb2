/* exec/engine.c owns: finding the engine, what is known of it, and asking whether it is there.
 *
 * The happy path of engine_open(): the first socket of the list answers /version; the API version to speak is
 * chosen; /info tells runtime and live-restore; done().
 *
 * Failures: no socket answers within OPEN_TIMEOUT_MS each (the sentence lists what was tried and why it
 * failed), or one is there that we may not use. */
#include "exec/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exec/container_body.h"
#include "exec/engine_call.h"
#include "net/memory.h"
#include "proto/status.h"

#define OPEN_TIMEOUT_MS 5000
#define PING_TIMEOUT_MS 1000
#define API_OLDEST 40 /* 1.40 */
#define API_NEWEST 44 /* nothing we use changed from 1.40 to here */
#define CANDIDATES_MAX 4

struct opening {
	struct engine *engine;
	struct engine_call call;
	char candidates[CANDIDATES_MAX][sizeof(((struct engine *)0)->socket)];
	int count, at;
	struct error error;   /* of the most telling failure so far */
	char tried[300];
	void (*done)(struct engine *e, const struct error *err, void *user);
	void *user;
};

/* --- where it may be --------------------------------------------------------------------------- */
static void add_candidate(struct opening *o, const char *format, const char *value)
{
	char *path = o->candidates[o->count];

	if (value == NULL || value[0] == '\0' || o->count == CANDIDATES_MAX)
		return;
	if (snprintf(path, sizeof(o->candidates[0]), format, value) < (int)sizeof(o->candidates[0]))
		o->count++;
}

/* "unix:PATH", "unix://PATH" or "/PATH"; other kinds of address are refused. */
static int add_named(struct opening *o, const char *address, const char *origin)
{
	const char *path = strncmp(address, "unix://", 7) == 0 ? address + 7
			 : strncmp(address, "unix:", 5) == 0 ? address + 5 : address;

	if (path[0] != '/') {
		error_set(&o->error, STATUS_INVALID_ARGUMENT,
			  "%s names the engine \"%s\", which is not a unix socket", origin, address);
		return error_hint(&o->error, "use unix:PATH, for example unix:/var/run/docker.sock");
	}
	add_candidate(o, "%s", path);
	return 0;
}

static int list_candidates(struct opening *o, const char *wanted)
{
	const char *host = getenv("DOCKER_HOST"), *runtime_dir = getenv("XDG_RUNTIME_DIR");

	if (wanted != NULL)
		return add_named(o, wanted, "--docker");
	if (host != NULL && host[0] != '\0')
		return add_named(o, host, "DOCKER_HOST");
	add_candidate(o, "%s", "/var/run/docker.sock");
	add_candidate(o, "%s/docker.sock", runtime_dir);
	add_candidate(o, "%s", "/run/podman/podman.sock");
	add_candidate(o, "%s/podman/podman.sock", runtime_dir);
	return 0;
}

/* --- the end of opening ------------------------------------------------------------------------ */
static void finish(struct opening *o, const struct error *err)
{
	o->done(o->engine, err, o->user);
	free(o);
}

static void give_up(struct opening *o)
{
	struct error err;

	if (o->error.status == STATUS_PERMISSION_DENIED || o->error.status == STATUS_INVALID_ARGUMENT ||
	    o->error.status == STATUS_FAILED_PRECONDITION) {
		finish(o, &o->error);
		return;
	}
	error_set(&err, STATUS_UNAVAILABLE, "no container engine answers (%s)", o->tried);
	error_hint(&err, "sudo apt-get install podman runc   (or docker.io), then start the worker again");
	finish(o, &err);
}

/* --- what it says of itself -------------------------------------------------------------------- */
static void on_info(struct engine_call *c)
{
	struct opening *o = c->user;
	struct engine *e = o->engine;
	cJSON *info = call_json(c);

	text_copy(e->runtime, sizeof(e->runtime), json_string(info, "DefaultRuntime"));
	e->live_restore = json_true(info, "LiveRestoreEnabled") || strcmp(e->kind, "docker") != 0;
	/* Docker ships an init program as docker-init; Podman looks for catatonit, which is often missing. */
	e->has_init = json_string(info, "InitBinary")[0] != '\0';
	cJSON_Delete(info);
	finish(o, &c->request.error);
}

static int minor_version(const char *api)
{
	int major, minor;

	return sscanf(api, "%d.%d", &major, &minor) == 2 && major == 1 ? minor : -1;
}

/* The newest that both know; 0 = there is none. */
static int choose_api(const cJSON *version)
{
	int newest = minor_version(json_string(version, "ApiVersion"));
	int oldest = minor_version(json_string(version, "MinAPIVersion"));

	if (newest < API_OLDEST || oldest > API_NEWEST)
		return 0;
	return newest < API_NEWEST ? newest : API_NEWEST;
}

static bool is_podman(const cJSON *version)
{
	const cJSON *component;

	cJSON_ArrayForEach(component, json_get(version, "Components")) {
		if (strstr(json_string(component, "Name"), "Podman") != NULL)
			return true;
	}
	return false;
}

static int read_version(struct opening *o, const cJSON *version)
{
	struct engine *e = o->engine;
	int api = choose_api(version);

	if (api == 0) {
		error_set(&o->error, STATUS_FAILED_PRECONDITION,
			  "the engine at %s speaks API %s, and 1.%d to 1.%d are known here", e->socket,
			  json_string(version, "ApiVersion"), API_OLDEST, API_NEWEST);
		return error_hint(&o->error, "update Docker to 19.03 or Podman to 4.0, or later");
	}
	snprintf(e->api, sizeof(e->api), "1.%d", api);
	text_copy(e->kind, sizeof(e->kind), is_podman(version) ? "podman" : "docker");
	text_copy(e->version, sizeof(e->version), json_string(version, "Version"));
	text_copy(e->log_driver, sizeof(e->log_driver), is_podman(version) ? "k8s-file" : "local");
	if (is_podman(version))
		e->seccomp_fd = container_seccomp_file();
	return 0;
}

static void try_next(struct opening *o);

static void on_version(struct engine_call *c)
{
	struct opening *o = c->user;
	struct engine *e = o->engine;
	cJSON *version = NULL;
	size_t used = strlen(o->tried);

	if (c->request.error.status == 0 && (version = call_json(c)) != NULL) {
		int status = read_version(o, version);

		cJSON_Delete(version);
		if (status == 0)
			call_start(e, c, on_info, "GET", "/info");
		else
			give_up(o);
		return;
	}
	snprintf(o->tried + used, sizeof(o->tried) - used, "%s%s", used > 0 ? "; " : "",
		 c->request.error.status != 0 ? c->request.error.text : "an answer that is none");
	if (c->request.error.status == STATUS_PERMISSION_DENIED && o->error.status == 0) {
		error_set(&o->error, STATUS_PERMISSION_DENIED, "you may not use the container engine at %s", e->socket);
		error_hint(&o->error, "sudo usermod -aG docker $USER, then log in again");
	}
	try_next(o);
}

static void try_next(struct opening *o)
{
	struct engine *e = o->engine;

	if (o->at == o->count) {
		give_up(o);
		return;
	}
	strcpy(e->socket, o->candidates[o->at++]);
	e->api[0] = '\0';
	o->call.user = o;
	o->call.request.timeout_ms = OPEN_TIMEOUT_MS;
	call_start(e, &o->call, on_version, "GET", "/version");
}

struct late {
	struct deferred deferred;
	struct opening *opening;
};

static void on_refused(struct deferred *d)
{
	struct late *l = container_of(d, struct late, deferred);
	struct opening *o = l->opening;

	free(l);
	give_up(o);
}

void engine_open(struct engine *e, struct loop *loop, const char *wanted, const char *worker,
		 void (*done)(struct engine *e, const struct error *err, void *user), void *user)
{
	struct opening *o = xcalloc(1, sizeof(*o));

	*e = (struct engine){.loop = loop, .fetch = fetch_new(loop), .seccomp_fd = -1};
	text_copy(e->worker, sizeof(e->worker), worker);
	o->engine = e;
	o->done = done;
	o->user = user;
	if (list_candidates(o, wanted) != 0) {
		struct late *l = xcalloc(1, sizeof(*l));

		l->opening = o;
		loop_defer(loop, &l->deferred, on_refused);
		return;
	}
	try_next(o);
}

/* --- is it there? ------------------------------------------------------------------------------ */
struct ping {
	struct engine_call call;
	struct engine *engine;
	void (*done)(struct engine *e, const struct error *err, void *user);
	void *user;
};

static void on_ping(struct engine_call *c)
{
	struct ping *p = container_of(c, struct ping, call);

	p->done(p->engine, &c->request.error, p->user);
	free(p);
}

void engine_ping(struct engine *e, void (*done)(struct engine *e, const struct error *err, void *user),
		 void *user)
{
	struct ping *p = xcalloc(1, sizeof(*p));

	p->engine = e;
	p->done = done;
	p->user = user;
	p->call.request.timeout_ms = PING_TIMEOUT_MS;
	call_start(e, &p->call, on_ping, "GET", "/_ping");
}

void engine_close(struct engine *e, void (*closed)(void *user), void *user)
{
	if (e->seccomp_fd >= 0)
		close(e->seccomp_fd);
	e->seccomp_fd = -1;
	fetch_close(e->fetch, closed, user);
	e->fetch = NULL;
}
