/* test/chaos/engine.c - a stub of a container engine: the part of the Docker Engine API that the worker speaks, on a unix
 * socket for each worker, with timers for containers (test/chaos/container.h).
 *
 *   engine RECORD SOCKET...              what ran goes on when a new process takes the record over
 *   engine --no-live-restore RECORD ...  it is killed then, as a plain dockerd does
 *
 * On RECORD.control the test speaks to it: POST /gone?i=N (that socket is no more), /hang?i=N (it takes no bytes), /back?i=N. */
#define _GNU_SOURCE /* memmem, strcasestr */
#include <cjson/cJSON.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

#include "net/buf.h"
#include "test/chaos/container.h"

struct listener {
	uv_pipe_t pipe;
	char path[200];
	bool open, hung;
};

struct conn {
	uv_pipe_t pipe;
	struct listener *listener;
	struct buf in;
	struct container *attached, *waiting; /* what its open answer is about */
	bool close_after;
	struct conn *prev, *next;
};

struct request {
	char method[8], path[400], query[600];
	const char *body;
	size_t body_size;
};

static struct listener *listeners; /* [0] is the control socket */
static int listener_count;
static struct conn *conns;
static uv_loop_t *uv;
static bool live; /* containers outlive us */

/* --- writing --------------------------------------------------------------------------------- */

static void on_conn_closed(uv_handle_t *handle)
{
	struct conn *c = handle->data;

	DL_DELETE(conns, c);
	buf_release(&c->in);
	free(c);
}

static void close_conn(struct conn *c)
{
	c->attached = c->waiting = NULL;
	if (!uv_is_closing((uv_handle_t *)&c->pipe))
		uv_close((uv_handle_t *)&c->pipe, on_conn_closed);
}

static void on_written(uv_write_t *w, int status)
{
	struct conn *c = w->data;

	free(w);
	if (status != 0 || (c->close_after && c->pipe.write_queue_size == 0))
		close_conn(c);
}

static void put(struct conn *c, const void *data, size_t n)
{
	uv_write_t *w = malloc(sizeof *w + n);
	uv_buf_t b = uv_buf_init((char *)(w + 1), (unsigned)n);

	memcpy(b.base, data, n);
	w->data = c;
	if (uv_is_closing((uv_handle_t *)&c->pipe) || uv_write(w, (uv_stream_t *)&c->pipe, &b, 1, on_written) != 0)
		free(w);
}

static void answer(struct conn *c, int http, const char *body)
{
	char head[200];
	int n = snprintf(head, sizeof head, "HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
			 http, http == 204 || http == 304 ? (size_t)0 : strlen(body));

	put(c, head, (size_t)n);
	if (http != 204 && http != 304)
		put(c, body, strlen(body));
}

static void refuse(struct conn *c, int http, const char *words, const char *name)
{
	char body[400];

	snprintf(body, sizeof body, "{\"message\":\"%s: %s\"}", words, name);
	answer(c, http, body);
}

/* --- attach and wait ------------------------------------------------------------------------- */

static void print_to(struct conn *c, const struct container *k)
{
	uint8_t frame[8 + 120] = {1};
	int n = snprintf((char *)frame + 8, sizeof frame - 8, "%s %s\n", k->say, k->epoch);

	frame[7] = (uint8_t)n;
	if (k->say[0] != '\0')
		put(c, frame, 8 + (size_t)n);
}

static void end_stream(struct conn *c)
{
	c->attached = NULL;
	c->close_after = true;
	if (c->pipe.write_queue_size == 0)
		close_conn(c);
}

static void attach(struct conn *c, struct container *k)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n";

	put(c, head, sizeof head - 1);
	c->attached = k;
	if (k->state == EXITED)
		end_stream(c);
}

/* What it has printed; with follow also what it will. */
static void read_log(struct conn *c, struct container *k, const struct request *r)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n";

	put(c, head, sizeof head - 1);
	if (k->started_us != 0)
		print_to(c, k);
	if (k->state == EXITED || strstr(r->query, "follow=1") == NULL)
		end_stream(c);
	else
		c->attached = k;
}

static void say_ended(struct conn *c, const struct container *k)
{
	char body[64], chunk[100];
	int n = snprintf(body, sizeof body, "{\"StatusCode\":%d}\n", k->exit_code);

	c->waiting = NULL;
	n = snprintf(chunk, sizeof chunk, "%x\r\n%s\r\n0\r\n\r\n", n, body);
	put(c, chunk, (size_t)n);
}

static void await(struct conn *c, struct container *k, const struct request *r)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";

	put(c, head, sizeof head - 1);
	c->waiting = k;
	if (k->state == EXITED && strstr(r->query, "next-exit") == NULL)
		say_ended(c, k);
}

static void on_container_ended(struct container *k, bool gone)
{
	struct conn *c, *next;

	DL_FOREACH_SAFE(conns, c, next) {
		if (c->attached == k)
			end_stream(c);
		if (c->waiting == k)
			say_ended(c, k);
	}
	(void)gone;
}

/* --- one container --------------------------------------------------------------------------- */

/* As the engine writes times: by the clock on the wall. */
static void add_time(cJSON *state, const char *name, int64_t us)
{
	struct timespec now;
	char text[64] = "0001-01-01T00:00:00Z";
	int64_t wall;
	time_t s;

	clock_gettime(CLOCK_REALTIME, &now);
	wall = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000 - (boottime_us() - us);
	s = (time_t)(wall / 1000000);
	if (us > 0 && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", gmtime(&s)) > 0)
		snprintf(text + 19, sizeof text - 19, ".%06dZ", (int)(wall % 1000000));
	cJSON_AddStringToObject(state, name, text);
}

static char *describe(const struct container *k, bool in_list)
{
	char name[100], *text;
	cJSON *o = cJSON_CreateObject(), *labels, *state;

	cJSON_AddStringToObject(o, "Id", k->id);
	snprintf(name, sizeof name, "/%s", k->name);
	if (in_list)
		cJSON_AddItemToObject(o, "Names", cJSON_CreateStringArray((const char *[]){name}, 1));
	else
		cJSON_AddStringToObject(o, "Name", name);
	labels = cJSON_AddObjectToObject(in_list ? o : cJSON_AddObjectToObject(o, "Config"), "Labels");
	cJSON_AddStringToObject(labels, "hivemind.worker", k->worker);
	cJSON_AddStringToObject(labels, "hivemind.task", k->task);
	cJSON_AddStringToObject(labels, "hivemind.epoch", k->epoch);
	if (in_list) {
		cJSON_AddStringToObject(o, "State", container_state_name(k));
		cJSON_AddStringToObject(o, "Status", k->state == EXITED ? "Exited" : "Up");
	} else {
		state = cJSON_AddObjectToObject(o, "State");
		cJSON_AddStringToObject(state, "Status", container_state_name(k));
		cJSON_AddBoolToObject(state, "Running", k->state == IS_RUNNING || k->state == PAUSED);
		cJSON_AddBoolToObject(state, "Paused", k->state == PAUSED);
		cJSON_AddBoolToObject(state, "OOMKilled", k->oom && k->state == EXITED);
		cJSON_AddNumberToObject(state, "ExitCode", k->state == EXITED ? k->exit_code : 0);
		cJSON_AddNumberToObject(state, "Pid", 0);
		add_time(state, "StartedAt", k->started_us);
		add_time(state, "FinishedAt", k->state == EXITED ? k->ended_us : 0);
	}
	text = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	return text;
}

static void inspect(struct conn *c, struct container *k)
{
	char *text = describe(k, false);

	answer(c, 200, text);
	free(text);
}

static void list(struct conn *c, const struct request *r)
{
	struct buf out = {.max = 64 << 20};
	bool all = strstr(r->query, "all=1") != NULL || strstr(r->query, "all=true") != NULL;

	buf_append(&out, "[", 1);
	for (struct container *k = containers; k != NULL; k = k->hh.next) {
		char *text;

		if ((strstr(r->query, "hivemind.worker%3D") != NULL && strstr(r->query, k->worker) == NULL) ||
		    (!all && k->state != IS_RUNNING && k->state != PAUSED))
			continue;
		text = describe(k, true);
		if (out.n > 1)
			buf_append(&out, ",", 1);
		buf_append(&out, text, strlen(text));
		free(text);
	}
	buf_append(&out, "]", 2);
	answer(c, 200, (const char *)out.data);
	buf_release(&out);
}

static const char *text_of(const cJSON *o, const char *name)
{
	const cJSON *item = cJSON_GetObjectItem(o, name);

	return cJSON_IsString(item) ? item->valuestring : "";
}

static void read_word(struct container *k, const char *word)
{
	if (strncmp(word, "ms=", 3) == 0)
		k->ms = atoll(word + 3);
	else if (strncmp(word, "exit=", 5) == 0)
		k->exit_code = atoi(word + 5);
	else if (strncmp(word, "out=", 4) == 0)
		snprintf(k->out, sizeof k->out, "%s", word + 4);
	else if (strncmp(word, "say=", 4) == 0)
		snprintf(k->say, sizeof k->say, "%s", word + 4);
	else if (strcmp(word, "ignore=TERM") == 0)
		k->ignore_term = true;
	else if (strcmp(word, "/bin/sh") == 0)
		k->canary = true;
}

static void create(struct conn *c, const struct request *r)
{
	const char *name = strstr(r->query, "name=");
	cJSON *body = cJSON_ParseWithLength(r->body, r->body_size), *labels = cJSON_GetObjectItem(body, "Labels"), *word;
	const cJSON *binds = cJSON_GetObjectItem(cJSON_GetObjectItem(body, "HostConfig"), "Binds");
	const char *bind = cJSON_IsString(cJSON_GetArrayItem(binds, 0)) ? cJSON_GetArrayItem(binds, 0)->valuestring : "";
	struct container *k;
	char made[120];

	if (name == NULL || body == NULL) {
		refuse(c, 400, "no name or no body", "");
	} else if (container_find(name + 5) != NULL) {
		refuse(c, 409, "Conflict. The container name is already in use", name + 5);
	} else {
		k = container_new(name + 5);
		snprintf(k->worker, sizeof k->worker, "%s", text_of(labels, "hivemind.worker"));
		snprintf(k->task, sizeof k->task, "%s", text_of(labels, "hivemind.task"));
		snprintf(k->epoch, sizeof k->epoch, "%s", text_of(labels, "hivemind.epoch"));
		snprintf(k->work, sizeof k->work, "%.*s", (int)strcspn(bind, ":"), bind);
		cJSON_ArrayForEach(word, cJSON_GetObjectItem(body, "Entrypoint"))
			read_word(k, cJSON_IsString(word) ? word->valuestring : "");
		container_created(k);
		snprintf(made, sizeof made, "{\"Id\":\"%s\",\"Warnings\":[]}", k->id);
		answer(c, 201, made);
	}
	cJSON_Delete(body);
}

static void start(struct conn *c, struct container *k)
{
	struct conn *i;

	if (k->state == IS_RUNNING || k->state == PAUSED) {
		answer(c, 304, "");
		return;
	}
	container_start(k);
	DL_FOREACH(conns, i)
		if (i->attached == k)
			print_to(i, k);
	answer(c, 204, "");
}

static void set_paused(struct conn *c, struct container *k, bool paused)
{
	if (k->state != (paused ? IS_RUNNING : PAUSED)) {
		refuse(c, 409, paused ? "is not running or already paused" : "Container is not paused", k->name);
		return;
	}
	paused ? container_pause(k) : container_unpause(k);
	answer(c, 204, "");
}

static void kill_it(struct conn *c, struct container *k, const struct request *r)
{
	const char *signal = strstr(r->query, "signal=");

	if (k->state != IS_RUNNING && k->state != PAUSED) {
		refuse(c, 409, "Cannot kill container: is not running", k->name);
		return;
	}
	container_kill(k, signal != NULL ? signal + 7 : "SIGKILL");
	answer(c, 204, "");
}

static void stop(struct conn *c, struct container *k)
{
	if (k->state != IS_RUNNING && k->state != PAUSED) {
		answer(c, 304, "");
		return;
	}
	container_kill(k, k->ignore_term ? "SIGKILL" : "SIGTERM");
	answer(c, 204, "");
}

static void delete(struct conn *c, struct container *k, const struct request *r)
{
	bool runs = k->state == IS_RUNNING || k->state == PAUSED;

	if (runs && strstr(r->query, "force=1") == NULL && strstr(r->query, "force=true") == NULL) {
		refuse(c, 409, "You cannot remove a running container", k->name);
		return;
	}
	container_remove(k);
	answer(c, 204, "");
}

static void on_container(struct conn *c, const char *rest, const struct request *r)
{
	char name[96];
	const char *verb = strchr(rest, '/');
	struct container *k;

	snprintf(name, sizeof name, "%.*s", verb != NULL ? (int)(verb - rest) : (int)strlen(rest), rest);
	verb = verb != NULL ? verb + 1 : "";
	k = container_find(name);
	if (k == NULL)
		refuse(c, 404, "No such container", name);
	else if (strcmp(verb, "json") == 0)
		inspect(c, k);
	else if (strcmp(verb, "start") == 0)
		start(c, k);
	else if (strcmp(verb, "logs") == 0)
		read_log(c, k, r);
	else if (strcmp(verb, "attach") == 0)
		attach(c, k);
	else if (strcmp(verb, "wait") == 0)
		await(c, k, r);
	else if (strcmp(verb, "pause") == 0 || strcmp(verb, "unpause") == 0)
		set_paused(c, k, verb[0] == 'p');
	else if (strcmp(verb, "kill") == 0)
		kill_it(c, k, r);
	else if (strcmp(verb, "stop") == 0)
		stop(c, k);
	else if (strcmp(verb, "stats") == 0)
		answer(c, 200, "{\"memory_stats\":{\"usage\":1048576},\"cpu_stats\":{\"cpu_usage\":{\"total_usage\":1000000}}}");
	else if (verb[0] == '\0' && strcmp(r->method, "DELETE") == 0)
		delete(c, k, r);
	else
		refuse(c, 404, "page not found", verb);
}

/* What is kept in the memory of this process; a filter names one container. */
static void list_events(struct conn *c, const struct request *r)
{
	char text[100] = "";

	for (struct container *k = containers; k != NULL; k = k->hh.next)
		if (strstr(r->query, k->name) != NULL)
			snprintf(text, sizeof text, "%s%s", k->kill_event ? "{\"Action\":\"kill\"}\n" : "",
				 k->die_event ? "{\"Action\":\"die\"}\n" : "");
	answer(c, 200, text);
}

/* --- the test's own wishes ------------------------------------------------------------------- */

static void on_connection(uv_stream_t *server, int status);

static void open_listener(struct listener *l)
{
	unlink(l->path);
	uv_pipe_init(uv, &l->pipe, 0);
	l->pipe.data = l;
	l->open = uv_pipe_bind(&l->pipe, l->path) == 0 && uv_listen((uv_stream_t *)&l->pipe, 128, on_connection) == 0;
	if (!l->open) {
		fprintf(stderr, "cannot listen on %s\n", l->path);
		exit(1);
	}
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b);
static void on_room(uv_handle_t *h, size_t n, uv_buf_t *b);

static void set_hung(struct listener *l, bool hung)
{
	struct conn *c;

	l->hung = hung;
	DL_FOREACH(conns, c)
		if (c->listener == l)
			hung ? uv_read_stop((uv_stream_t *)&c->pipe) : uv_read_start((uv_stream_t *)&c->pipe, on_room, on_read);
}

static void go_away(struct listener *l)
{
	struct conn *c, *next;

	unlink(l->path);
	uv_close((uv_handle_t *)&l->pipe, NULL);
	l->open = false;
	DL_FOREACH_SAFE(conns, c, next)
		if (c->listener == l)
			close_conn(c);
}

static void on_control(struct conn *c, const struct request *r)
{
	const char *i = strstr(r->query, "i=");
	int at = i != NULL ? atoi(i + 2) + 1 : -1;
	struct listener *l = at > 0 && at < listener_count ? &listeners[at] : NULL;

	if (l == NULL) {
		refuse(c, 404, "no such socket", r->query);
		return;
	}
	record("%lld %s engine i=%d", (long long)boottime_us(), r->path + 1, at - 1);
	if (strcmp(r->path, "/gone") == 0 && l->open)
		go_away(l);
	else if (strcmp(r->path, "/hang") == 0)
		set_hung(l, true);
	else if (l->open)
		set_hung(l, false);
	else
		open_listener(l);
	answer(c, 204, "");
}

/* --- requests -------------------------------------------------------------------------------- */

static void on_request(struct conn *c, const struct request *r)
{
	const char *p = r->path;

	if (c->listener == listeners) {
		on_control(c, r);
		return;
	}
	if (strncmp(p, "/v1.", 4) == 0)
		p += strcspn(p + 1, "/") + 1;
	if (strcmp(p, "/_ping") == 0)
		answer(c, 200, "OK");
	else if (strcmp(p, "/version") == 0)
		answer(c, 200, "{\"Version\":\"20.10.24\",\"ApiVersion\":\"1.41\",\"MinAPIVersion\":\"1.12\","
			       "\"Components\":[{\"Name\":\"Engine\"}]}");
	else if (strcmp(p, "/info") == 0)
		answer(c, 200, live ? "{\"DefaultRuntime\":\"runc\",\"LiveRestoreEnabled\":true,\"InitBinary\":\"docker-init\"}"
				    : "{\"DefaultRuntime\":\"runc\",\"LiveRestoreEnabled\":false,\"InitBinary\":\"docker-init\"}");
	else if (strcmp(p, "/containers/json") == 0)
		list(c, r);
	else if (strcmp(p, "/events") == 0)
		list_events(c, r);
	else if (strcmp(p, "/containers/create") == 0)
		create(c, r);
	else if (strncmp(p, "/containers/", 12) == 0)
		on_container(c, p + 12, r);
	else if (strcmp(p, "/images/json") == 0 || (strncmp(p, "/images/", 8) == 0 && strcmp(r->method, "DELETE") == 0))
		answer(c, 200, "[]");
	else if (strncmp(p, "/images/", 8) == 0)
		answer(c, 200, "{\"Id\":\"sha256:0\",\"Config\":{}}");
	else if (strcmp(p, "/volumes") == 0)
		answer(c, 200, "{\"Volumes\":[]}");
	else
		refuse(c, 404, "page not found", p);
}

/* A whole request at the beginning of what has come? Then take it. */
static bool take_request(struct conn *c)
{
	char *text = (char *)c->in.data, *end, *length, *query;
	struct request r = {.body = ""};
	size_t head;

	if (c->in.n == 0 || (end = memmem(text, c->in.n, "\r\n\r\n", 4)) == NULL)
		return false;
	head = (size_t)(end - text) + 4;
	*end = '\0';
	length = strcasestr(text, "\r\nContent-Length:");
	r.body_size = length != NULL ? (size_t)atoll(length + 17) : 0;
	*end = '\r';
	if (c->in.n < head + r.body_size)
		return false;
	r.body = text + head;
	if (sscanf(text, "%7s %399s", r.method, r.path) != 2)
		exit(2);
	if ((query = strchr(r.path, '?')) != NULL) {
		snprintf(r.query, sizeof r.query, "%s", query + 1);
		*query = '\0';
	}
	on_request(c, &r);
	buf_consume(&c->in, head + r.body_size);
	return true;
}

static void on_room(uv_handle_t *h, size_t n, uv_buf_t *b)
{
	static char room[65536];

	(void)h;
	(void)n;
	*b = uv_buf_init(room, sizeof room);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct conn *c = s->data;

	if (n < 0) {
		close_conn(c);
		return;
	}
	buf_append(&c->in, b->base, (size_t)n);
	while (take_request(c))
		;
}

static void on_connection(uv_stream_t *server, int status)
{
	struct listener *l = server->data;
	struct conn *c;

	if (status != 0)
		return;
	c = calloc(1, sizeof *c);
	c->listener = l;
	c->in.max = 64 << 20;
	uv_pipe_init(uv, &c->pipe, 0);
	c->pipe.data = c;
	uv_accept(server, (uv_stream_t *)&c->pipe);
	DL_APPEND(conns, c);
	if (!l->hung)
		uv_read_start((uv_stream_t *)&c->pipe, on_room, on_read);
}

int main(int argc, char **argv)
{
	char **words;

	live = argc < 2 || strcmp(argv[1], "--no-live-restore") != 0;
	words = argv + (live ? 1 : 2);
	if (words[0] == NULL || words[1] == NULL) {
		fprintf(stderr, "engine [--no-live-restore] RECORD SOCKET...\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	uv = uv_default_loop();
	container_ended = on_container_ended;
	containers_open(uv, words[0], live);
	listener_count = argc - (int)(words - argv);
	listeners = calloc((size_t)listener_count, sizeof *listeners);
	snprintf(listeners[0].path, sizeof listeners[0].path, "%s.control", words[0]);
	for (int i = 0; i < listener_count; i++) {
		if (i > 0)
			snprintf(listeners[i].path, sizeof listeners[i].path, "%s", words[i]);
		open_listener(&listeners[i]);
	}
	return uv_run(uv, UV_RUN_DEFAULT);
}
