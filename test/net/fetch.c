/* test/net/fetch.c - requests against a scripted server on a unix socket: whole, chunked, broken, silent. */
#include "net/fetch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/memory.h"
#include "proto/status.h"

/* --- the server: reads until `expect` is seen, writes the reply, then closes when told to ------ */
struct script {
	const char *expect; /* seen in what was received; "" = answer at once, NULL = never answer */
	const char *reply;
	bool close;
};

static struct loop loop;
static struct fetch *fetch;
static char socket_path[64];
static uv_pipe_t listener;
static struct script script;
static struct buf received;
static int connections, connections_open;
static int done_count;

struct peer {
	uv_pipe_t pipe;
	uv_write_t write;
	bool answered;
};

static void on_peer_closed(uv_handle_t *handle)
{
	connections_open--;
	free(container_of((uv_pipe_t *)handle, struct peer, pipe));
}

static void close_peer(struct peer *p)
{
	if (!uv_is_closing((uv_handle_t *)&p->pipe))
		uv_close((uv_handle_t *)&p->pipe, on_peer_closed);
}

static void on_written(uv_write_t *w, int status)
{
	struct peer *p = container_of(w, struct peer, write);

	(void)status;
	if (script.close)
		close_peer(p);
}

static void answer(struct peer *p)
{
	uv_buf_t out = uv_buf_init((char *)script.reply, (unsigned)strlen(script.reply));

	if (p->answered)
		return;
	p->answered = script.close;
	received.n = script.close ? received.n : 0;
	uv_write(&p->write, (uv_stream_t *)&p->pipe, &out, 1, on_written);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *out)
{
	static char space[65536];

	(void)handle;
	(void)size;
	*out = uv_buf_init(space, sizeof(space));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *in)
{
	struct peer *p = container_of((uv_pipe_t *)stream, struct peer, pipe);

	if (n < 0) {
		close_peer(p);
		return;
	}
	buf_append(&received, in->base, (size_t)n);
	if (script.expect != NULL && strstr(buf_text(&received), script.expect) != NULL)
		answer(p);
}

static void on_connection(uv_stream_t *server, int status)
{
	struct peer *p = xcalloc(1, sizeof(*p));

	assert_int_equal(status, 0);
	uv_pipe_init(&loop.uv, &p->pipe, 0);
	uv_accept(server, (uv_stream_t *)&p->pipe);
	connections++;
	connections_open++;
	uv_read_start((uv_stream_t *)&p->pipe, on_alloc, on_read);
}

/* --- requests ---------------------------------------------------------------------------------- */
static bool inside_start;

static void on_done(struct fetch_request *r)
{
	(void)r;
	assert_false(inside_start);
	done_count++;
}

static void start(struct fetch_request *r, const char *method, const char *path)
{
	char url[100];

	snprintf(url, sizeof(url), "http://engine%s", path);
	r->method = method;
	r->socket = socket_path;
	r->url = url;
	r->on_done = on_done;
	inside_start = true;
	fetch_start(fetch, r);
	inside_start = false;
}

static void on_deadline(struct timer *t)
{
	(void)t;
	fprintf(stderr, "nothing came\n");
	abort();
}

static void await_done(int count)
{
	struct timer deadline;

	timer_init(&loop, &deadline, on_deadline);
	timer_set(&deadline, 10000);
	while (done_count < count)
		uv_run(&loop.uv, UV_RUN_ONCE);
	timer_close(&deadline, NULL);
	uv_run(&loop.uv, UV_RUN_NOWAIT);
}

static void run(struct fetch_request *r, const char *method, const char *path)
{
	start(r, method, path);
	await_done(1);
}

static int setup(void **state)
{
	char dir[] = "/tmp/hm-fetch-XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(socket_path, sizeof(socket_path), "%s/s", dir);
	loop_init(&loop);
	uv_pipe_init(&loop.uv, &listener, 0);
	assert_int_equal(uv_pipe_bind(&listener, socket_path), 0);
	uv_listen((uv_stream_t *)&listener, 16, on_connection);
	fetch = fetch_new(&loop);
	done_count = connections = 0;
	script = (struct script){"\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", false};
	return 0;
}

static void on_closed(void *user)
{
	(*(int *)user)++;
}

static int teardown(void **state)
{
	int closed = 0;

	(void)state;
	fetch_close(fetch, on_closed, &closed);
	uv_close((uv_handle_t *)&listener, NULL);
	while (closed == 0 || connections_open > 0)
		uv_run(&loop.uv, UV_RUN_ONCE);
	loop_close(&loop);
	buf_release(&received);
	unlink(socket_path);
	*strrchr(socket_path, '/') = '\0';
	rmdir(socket_path);
	return 0;
}

/* --- tests ------------------------------------------------------------------------------------- */
static void a_get_brings_status_and_body(void **state)
{
	struct fetch_request r = {0};

	(void)state;
	run(&r, "GET", "/x");
	assert_int_equal(r.error.status, 0);
	assert_int_equal(r.http, 200);
	assert_string_equal(buf_text(&r.answer), "hello");
	buf_release(&r.answer);
}

static void a_connection_is_used_again(void **state)
{
	(void)state;
	for (int i = 1; i <= 3; i++) {
		struct fetch_request r = {0};

		start(&r, "GET", "/x");
		await_done(i);
		assert_int_equal(r.error.status, 0);
		buf_release(&r.answer);
	}
	assert_int_equal(connections, 1);
}

static void one_of_its_own_is_not_shared(void **state)
{
	struct fetch_request a = {.own_connection = true}, b = {.own_connection = true};

	(void)state;
	start(&a, "GET", "/a");
	await_done(1);
	start(&b, "GET", "/b");
	await_done(2);
	assert_int_equal(connections, 2);
	buf_release(&a.answer);
	buf_release(&b.answer);
}

static void a_body_is_sent_with_its_type(void **state)
{
	struct fetch_request r = {.type = "application/json", .body = "{\"a\":1}", .body_size = 7};

	(void)state;
	script = (struct script){
		"{\"a\":1}", "HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", true};
	run(&r, "POST", "/containers/create");
	assert_int_equal(r.http, 201);
	assert_int_equal(r.error.status, 0);
	assert_non_null(strstr(buf_text(&received), "Content-Type: application/json\r\n"));
	assert_non_null(strstr(buf_text(&received), "Content-Length: 7\r\n"));
	assert_null(strstr(buf_text(&received), "Expect:"));
}

static int pieces;

static long read_piece(struct fetch_request *r, void *p, size_t n)
{
	(void)r;
	if (pieces == 2)
		return FETCH_PAUSE;
	if (pieces == 0)
		return 0;
	pieces--;
	memcpy(p, "part ", n < 5 ? n : 5);
	return 5;
}

static void on_resume_timer(struct timer *t)
{
	pieces = 1;
	fetch_resume(t->uv.data);
}

static void a_body_may_be_made_while_it_is_sent(void **state)
{
	struct fetch_request r = {.read_body = read_piece, .type = "application/x-tar"};
	struct timer later;

	(void)state;
	pieces = 3;
	script = (struct script){"\r\n0\r\n\r\n",
				 "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", true};
	timer_init(&loop, &later, on_resume_timer);
	later.uv.data = &r;
	timer_set(&later, 30);
	run(&r, "POST", "/images/load");
	timer_close(&later, NULL);
	assert_int_equal(r.error.status, 0);
	assert_non_null(strstr(buf_text(&received), "Transfer-Encoding: chunked\r\n"));
	assert_non_null(strstr(buf_text(&received), "5\r\npart \r\n"));
}

static long fail_body(struct fetch_request *r, void *p, size_t n)
{
	(void)r;
	(void)p;
	(void)n;
	return -1;
}

static void a_body_that_fails_fails_the_request(void **state)
{
	struct fetch_request r = {.read_body = fail_body};

	(void)state;
	run(&r, "PUT", "/x");
	assert_int_equal(r.error.status, STATUS_ABORTED);
	buf_release(&r.answer);
}

static void errors_carry_the_engines_own_words(void **state)
{
	struct fetch_request r = {0};

	(void)state;
	script.reply = "HTTP/1.1 404 Not Found\r\nContent-Length: 34\r\n\r\n{\"message\":\"No such container: x\"}\n";
	run(&r, "GET", "/containers/x/json");
	assert_int_equal(r.http, 404);
	assert_int_equal(r.error.status, STATUS_NOT_FOUND);
	assert_string_equal(r.error.text, "No such container: x");
	buf_release(&r.answer);
}

static void an_error_without_words_names_the_request(void **state)
{
	struct fetch_request r = {0};

	(void)state;
	script.reply = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\n\r\noops";
	run(&r, "GET", "/x");
	assert_non_null(strstr(r.error.text, "500"));
	assert_string_equal(buf_text(&r.answer), "oops");
	buf_release(&r.answer);
}

static void not_modified_is_success(void **state)
{
	struct fetch_request r = {0};

	(void)state;
	script.reply = "HTTP/1.1 304 Not Modified\r\n\r\n";
	run(&r, "POST", "/containers/x/start");
	assert_int_equal(r.http, 304);
	assert_int_equal(r.error.status, 0);
}

static struct buf streamed;
static int pauses, headers_seen;

static bool on_data(struct fetch_request *r, const void *data, size_t n)
{
	(void)r;
	if (pauses > 0)
		return false;
	buf_append(&streamed, data, n);
	return true;
}

static void on_headers(struct fetch_request *r)
{
	(void)r;
	headers_seen++;
}

static void on_unpause(struct timer *t)
{
	assert_int_equal(streamed.n, 0);
	pauses = 0;
	fetch_resume(t->uv.data);
}

static void a_stream_is_followed_until_it_is_closed_and_may_be_paused(void **state)
{
	struct fetch_request r = {.on_data = on_data, .on_headers = on_headers, .own_connection = true};
	struct timer later;

	(void)state;
	pauses = 1;
	headers_seen = 0;
	script = (struct script){"\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\nlive bytes", true};
	timer_init(&loop, &later, on_unpause);
	later.uv.data = &r;
	timer_set(&later, 50);
	run(&r, "POST", "/attach");
	timer_close(&later, NULL);
	assert_int_equal(headers_seen, 1);
	assert_int_equal(r.error.status, 0);
	assert_string_equal(buf_text(&streamed), "live bytes");
	buf_release(&streamed);
}

static void an_answer_larger_than_wanted_is_refused(void **state)
{
	struct fetch_request r = {.answer_max = 4};

	(void)state;
	run(&r, "GET", "/x");
	assert_int_equal(r.error.status, STATUS_RESOURCE_EXHAUSTED);
	buf_release(&r.answer);
}

static void a_silent_server_meets_the_deadline(void **state)
{
	struct fetch_request r = {.timeout_ms = 50};

	(void)state;
	script.expect = NULL;
	run(&r, "GET", "/x");
	assert_int_equal(r.error.status, STATUS_DEADLINE_EXCEEDED);
	assert_int_equal(r.http, 0);
}

static void no_server_is_unavailable(void **state)
{
	struct fetch_request r = {0};
	char path[80];

	(void)state;
	snprintf(path, sizeof(path), "%s.none", socket_path);
	r.socket = path;
	r.method = "GET";
	r.url = "http://engine/x";
	r.on_done = on_done;
	fetch_start(fetch, &r);
	await_done(1);
	assert_int_equal(r.error.status, STATUS_UNAVAILABLE);
	assert_non_null(strstr(r.error.text, "No such file or directory"));
}

static void a_connection_that_breaks_is_unavailable(void **state)
{
	static const char *const replies[] = {"", "HTTP/1.1 200 OK\r\nContent-Le",
					      "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"};

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct fetch_request r = {.own_connection = true};

		script = (struct script){"\r\n\r\n", replies[i], true};
		start(&r, "GET", "/x");
		await_done(i + 1);
		assert_int_equal(r.error.status, STATUS_UNAVAILABLE);
		buf_release(&r.answer);
	}
}

static void a_cancelled_request_ends_once_and_later(void **state)
{
	struct fetch_request r = {0}, running = {0};

	(void)state;
	script.expect = NULL;
	start(&r, "GET", "/x");
	fetch_cancel(&r);
	fetch_cancel(&r);
	assert_int_equal(done_count, 0);
	await_done(1);
	assert_int_equal(r.error.status, STATUS_CANCELLED);
	start(&running, "GET", "/y");
	while (connections == 0 || received.n == 0)
		uv_run(&loop.uv, UV_RUN_ONCE);
	fetch_cancel(&running);
	await_done(2);
	assert_int_equal(running.error.status, STATUS_CANCELLED);
	fetch_cancel(&running); /* over already: nothing */
	uv_run(&loop.uv, UV_RUN_NOWAIT);
	assert_int_equal(done_count, 2);
}

static struct fetch_request second;

static void start_second(struct fetch_request *r)
{
	on_done(r);
	start(&second, "GET", "/second");
}

static void a_completion_may_start_the_next(void **state)
{
	struct fetch_request r = {0};

	(void)state;
	second = (struct fetch_request){0};
	start(&r, "GET", "/first");
	r.on_done = start_second;
	await_done(2);
	assert_int_equal(second.error.status, 0);
	buf_release(&r.answer);
	buf_release(&second.answer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_get_brings_status_and_body),
		TEST(a_connection_is_used_again),
		TEST(one_of_its_own_is_not_shared),
		TEST(a_body_is_sent_with_its_type),
		TEST(a_body_may_be_made_while_it_is_sent),
		TEST(a_body_that_fails_fails_the_request),
		TEST(errors_carry_the_engines_own_words),
		TEST(an_error_without_words_names_the_request),
		TEST(not_modified_is_success),
		TEST(a_stream_is_followed_until_it_is_closed_and_may_be_paused),
		TEST(an_answer_larger_than_wanted_is_refused),
		TEST(a_silent_server_meets_the_deadline),
		TEST(no_server_is_unavailable),
		TEST(a_connection_that_breaks_is_unavailable),
		TEST(a_cancelled_request_ends_once_and_later),
		TEST(a_completion_may_start_the_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
