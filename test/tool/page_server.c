/* test/tool/page_server.c - a server of the HTTP/1.1 front with routes that do what tests need.
 *
 *     page_server [HOST:PORT]      prints "PORT KEY" and serves until its standard input ends
 *
 *     GET    /api/echo/{id}?x=1    method, path, parameter, query, as JSON
 *     POST   /api/echo             the length of its body
 *     PUT    /api/put              streamed, any type, must say its length: bytes and SHA-256;
 *                                  with ?pause=N held back for N ms after the first piece
 *     GET    /api/bytes?n=N        N bytes, streamed; with ?chunked=1 in chunks; with ?cut=1 broken off half-way
 *     GET    /api/events           what is posted to /api/event; first N of S bytes (?n=N&size=S)
 *     POST   /api/event            one event to all of them
 *     GET    /api/later?ms=N       answers after N ms
 *     GET    /api/state            requests begun and gone, events posted, connections, streams; kB resident
 *     GET    /public               without a session
 *     POST   /session, DELETE /session
 *     GET    /files/{path...}      the path
 *     GET    /                     ui/page/worker.html */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "net/embed.h"
#include "net/log.h"
#include "net/memory.h"
#include "net/sha256.h"
#include "ui/http.h"
#include "ui/json.h"

HTTP_FILE_EMBED(worker_html);

static struct loop loop;
static struct http_server *server;
static int begun, gone, posted;

/* What a handler keeps of a request. */
struct job {
	struct http_request *r;
	struct job *prev, *next; /* event streams */
	struct timer timer;
	struct sha256 hash;
	int64_t n, left;
	bool ended; /* the request is gone */
};

static struct job *streams;

static void job_free(struct timer *t)
{
	free(container_of(t, struct job, timer));
}

static void on_gone(struct http_request *r)
{
	struct job *job = r->user;

	gone++;
	if (job->prev != NULL)
		DL_DELETE(streams, job);
	timer_close(&job->timer, job_free);
}

static struct job *begin(struct http_request *r, void (*on_time)(struct timer *))
{
	struct job *job = xcalloc(1, sizeof *job);

	begun++;
	job->r = r;
	r->user = job;
	r->on_gone = on_gone;
	timer_init(&loop, &job->timer, on_time);
	return job;
}

static int64_t number(const struct http_request *r, const char *name, int64_t otherwise)
{
	const char *text = http_query(r, name);

	return text == NULL ? otherwise : strtoll(text, NULL, 10);
}

/* --- answers at once ------------------------------------------------------------------------------ */

static void echo(struct http_request *r)
{
	struct buf b = {0};
	struct json j;

	json_document(&j, &b);
	json_text(&j, "method", r->method);
	json_text(&j, "path", r->path);
	json_text(&j, "id", http_param(r, "id"));
	json_object(&j, "query");
	for (int i = 0; i < r->query_n; i++)
		json_text(&j, r->query[i].name, r->query[i].value);
	json_end(&j);
	json_end(&j);
	http_answer_json(r, 200, &b);
}

static void echo_body(struct http_request *r)
{
	char text[64];

	http_answer(r, 200, "text/plain", text, (size_t)snprintf(text, sizeof text, "%zu\n", r->body_n));
}

static void path(struct http_request *r)
{
	const char *text = http_param(r, "path");

	http_answer(r, 200, "text/plain", text, strlen(text));
}

static void public(struct http_request *r)
{
	http_answer(r, 200, "text/plain", "public\n", 7);
}

static long resident_kb(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long pages = 0;

	if (f == NULL || fscanf(f, "%*d %ld", &pages) != 1)
		pages = 0;
	if (f != NULL)
		fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void state(struct http_request *r)
{
	struct buf b = {0};
	struct json j;

	json_document(&j, &b);
	json_int(&j, "begun", begun);
	json_int(&j, "gone", gone);
	json_int(&j, "posted", posted);
	json_int(&j, "connections", http_server_connections(server));
	json_int(&j, "streams", http_server_event_streams(server));
	json_int(&j, "resident_kb", resident_kb());
	json_end(&j);
	http_answer_json(r, 200, &b);
}

/* --- answers later -------------------------------------------------------------------------------- */

static void on_later(struct timer *t)
{
	http_answer(container_of(t, struct job, timer)->r, 200, "text/plain", "later\n", 6);
}

static void later(struct http_request *r)
{
	timer_set(&begin(r, on_later)->timer, (uint64_t)number(r, "ms", 0));
}

/* --- much out ------------------------------------------------------------------------------------- */

static void send_more(struct http_request *r)
{
	static const char zeros[HTTP_PIECE];
	struct job *job = r->user;
	bool room = true;

	while (room && job->left > 0) {
		size_t piece = job->left < HTTP_PIECE ? (size_t)job->left : HTTP_PIECE;

		room = http_write(r, zeros, piece);
		job->left -= (int64_t)piece;
		if (job->left < job->n / 2 && http_query(r, "cut") != NULL) {
			http_abort(r);
			return;
		}
	}
	if (job->left == 0)
		http_end(r);
}

static void bytes(struct http_request *r)
{
	struct job *job = begin(r, NULL);

	job->n = job->left = number(r, "n", 0);
	r->on_space = send_more;
	http_begin(r, 200, "application/octet-stream", http_query(r, "chunked") != NULL ? -1 : job->n);
	send_more(r);
}

/* --- much in -------------------------------------------------------------------------------------- */

static void on_resume(struct timer *t)
{
	http_resume(container_of(t, struct job, timer)->r);
}

static void on_put_body(struct http_request *r, const uint8_t *data, size_t n)
{
	struct job *job = r->user;

	sha256_update(&job->hash, data, n);
	if (job->n == 0 && http_query(r, "pause") != NULL) {
		http_pause(r);
		timer_set(&job->timer, (uint64_t)number(r, "pause", 0));
	}
	job->n += (int64_t)n;
}

static void on_put_end(struct http_request *r)
{
	struct job *job = r->user;
	char hex[65], text[128];

	sha256_hex(&job->hash, hex);
	http_answer(r, 201, "text/plain", text,
	            (size_t)snprintf(text, sizeof text, "%lld %s\n", (long long)job->n, hex));
}

static void put(struct http_request *r)
{
	struct job *job = begin(r, on_resume);

	sha256_init(&job->hash);
	r->on_body = on_put_body;
	r->on_body_end = on_put_end;
}

/* --- events --------------------------------------------------------------------------------------- */

static void send_events(struct http_request *r)
{
	struct job *job = r->user;
	size_t size = (size_t)number(r, "size", 10);
	char *data = memset(xmalloc(size), 'x', size), id[32];

	while (job->left > 0 && !http_over(r)) {
		snprintf(id, sizeof id, "%lld", (long long)(job->n - job->left--));
		if (!http_event(r, id, "filler", data, size))
			break;
	}
	free(data);
}

static void events(struct http_request *r)
{
	struct job *job = begin(r, NULL);

	DL_APPEND(streams, job);
	http_events_begin(r);
	if (http_last_event_id(r) != NULL)
		http_event(r, NULL, "resumed", http_last_event_id(r), strlen(http_last_event_id(r)));
	r->on_space = send_events;
	job->n = job->left = number(r, "n", 0);
	send_events(r);
}

static void event(struct http_request *r)
{
	struct job *job, *next;

	posted++;
	DL_FOREACH_SAFE(streams, job, next)
		http_event(job->r, "7", NULL, r->body, r->body_n);
	http_answer(r, 204, NULL, NULL, 0);
}

/* --- the server ----------------------------------------------------------------------------------- */

static const struct http_route routes[] = {
    {.method = "GET", .path = "/api/echo/{id}", .handler = echo},
    {.method = "POST", .path = "/api/echo", .handler = echo_body},
    {.method = "PUT",
     .path = "/api/put",
     .handler = put,
     .flags = HTTP_STREAM_BODY | HTTP_NEEDS_LENGTH,
     .takes = "*",
     .body_max = 1 << 30},
    {.method = "GET", .path = "/api/bytes", .handler = bytes},
    {.method = "GET", .path = "/api/events", .handler = events},
    {.method = "POST", .path = "/api/event", .handler = event, .takes = "text/plain"},
    {.method = "GET", .path = "/api/later", .handler = later},
    {.method = "GET", .path = "/api/state", .handler = state},
    {.method = "GET", .path = "/public", .handler = public, .flags = HTTP_PUBLIC},
    {.method = "GET", .path = "/files/{path...}", .handler = path},
    {.method = "POST", .path = "/session", .handler = http_session_post, .flags = HTTP_PUBLIC},
    {.method = "DELETE", .path = "/session", .handler = http_session_delete},
};

static const struct http_file files[] = {HTTP_FILE("/", "text/html; charset=utf-8", worker_html)};

static bool bearer(void *data, const char *token)
{
	return http_secret_equal(data, token);
}

static void on_closed(void *user)
{
	(void)user;
	if (begun != gone)
		fprintf(stderr, "%d begun, %d gone\n", begun, gone);
	loop_stop(&loop);
}

static void on_input(uv_poll_t *poll, int status, int happened)
{
	char byte;

	(void)status;
	(void)happened;
	if (read(0, &byte, 1) > 0)
		return;
	uv_close((uv_handle_t *)poll, NULL);
	http_server_close(server, on_closed, NULL);
}

int main(int argc, char **argv)
{
	static const struct http_times quick = {
	    .head = 1000, .idle = 3000, .body = 1000, .stall = 2000, .keepalive = 1000, .linger = 1000};
	static char token[] = "bearer-of-the-test";
	const struct http_options options = {
	    .routes = routes,
	    .route_count = sizeof routes / sizeof *routes,
	    .files = files,
	    .file_count = sizeof files / sizeof *files,
	    .name = "hivemind",
	    .data = token,
	    .bearer = bearer,
	    .times = &quick,
	};
	struct endpoint at;
	struct error e;
	uv_poll_t input;
	char key[HTTP_KEY_SIZE];

	loop_init(&loop);
	server = http_server_new(&loop, &options);
	if (endpoint_parse(&at, argc > 1 ? argv[1] : "127.0.0.1:0", &e) != 0 ||
	    http_server_listen(server, &at, &e) != 0) {
		fprintf(stderr, "%s (%s)\n", e.text, e.hint);
		return 1;
	}
	http_server_key(server, key);
	printf("%d %s\n", at.port, key);
	fflush(stdout);
	uv_poll_init(&loop.uv, &input, 0);
	uv_poll_start(&input, UV_READABLE, on_input);
	loop_run(&loop);
	loop_close(&loop);
	return begun == gone ? 0 : 1;
}
