/* test/exec/engine_proxy.h - a proxy in front of the fixture's engine that makes one request fail,
 * in one of several ways. */
#ifndef TEST_EXEC_ENGINE_PROXY_H
#define TEST_EXEC_ENGINE_PROXY_H

#include "test/exec/engine_fixture.h"

/* --- the proxy --------------------------------------------------------------------------------- */
enum fault { CLOSE_BEFORE, ANSWER_500, LOSE_REPLY, FAULTS };

static const char *const fault_names[] = {"closed before it is read", "answered with 500",
					  "its answer is lost"};

static struct {
	uv_pipe_t listener;
	char path[96];
	int requests, fail_at;   /* the fail_at-th request fails; 0 = none */
	enum fault fault;
	bool hit, dead;          /* dead: nobody is heard any more */
	struct side *sides;
} proxy;

/* One direction of a connection. */
struct side {
	uv_pipe_t pipe;
	struct side *other;
	uv_connect_t connect;
	bool is_client, lose;
	struct side *next;
};

struct piece {
	uv_write_t write;
	char data[];
};

static void on_side_closed(uv_handle_t *handle)
{
	struct side *s = container_of((uv_pipe_t *)handle, struct side, pipe), **at = &proxy.sides;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	free(s);
}

static void close_side(struct side *s)
{
	if (s != NULL && !uv_is_closing((uv_handle_t *)&s->pipe))
		uv_close((uv_handle_t *)&s->pipe, on_side_closed);
}

static void close_both(struct side *s)
{
	struct side *other = s->other;

	if (other != NULL) {
		other->other = NULL;
		close_side(other);
	}
	s->other = NULL;
	close_side(s);
}

static void on_piece_written(uv_write_t *w, int status)
{
	(void)status;
	free(container_of(w, struct piece, write));
}

static void send_piece(struct side *to, const char *data, size_t n)
{
	struct piece *p = xmalloc(sizeof(*p) + n);
	uv_buf_t out = uv_buf_init(p->data, (unsigned)n);

	memcpy(p->data, data, n);
	uv_write(&p->write, (uv_stream_t *)&to->pipe, &out, 1, on_piece_written);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *out)
{
	static char space[65536];

	(void)handle;
	(void)size;
	*out = uv_buf_init(space, sizeof(space));
}

static bool begins_request(const char *data, size_t n)
{
	return n > 8 && (memcmp(data, "GET /", 5) == 0 || memcmp(data, "POST /", 6) == 0 ||
			 memcmp(data, "DELETE /", 8) == 0);
}

/* Returns true when it has been dealt with. */
static bool inject(struct side *s, const char *data, size_t n)
{
	static const char answer[] =
		"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 22\r\nConnection: close\r\n\r\n"
		"{\"message\":\"injected\"}";

	if (!s->is_client || !begins_request(data, n) || ++proxy.requests != proxy.fail_at)
		return false;
	proxy.hit = true;
	if (proxy.fault == LOSE_REPLY) {
		s->other->lose = true;
		return false;
	}
	if (proxy.fault == ANSWER_500) {
		struct side *server = s->other;

		send_piece(s, answer, sizeof(answer) - 1);
		s->other = NULL;
		server->other = NULL;
		close_side(server);
		uv_read_stop((uv_stream_t *)&s->pipe);
		return true;
	}
	close_both(s);
	return true;
}

static void on_piece(uv_stream_t *stream, ssize_t n, const uv_buf_t *in)
{
	struct side *s = container_of((uv_pipe_t *)stream, struct side, pipe);

	if (n < 0 || s->other == NULL || (s->lose && n > 0)) {
		close_both(s);
		return;
	}
	if (n > 0 && !inject(s, in->base, (size_t)n))
		send_piece(s->other, in->base, (size_t)n);
}

static struct side *side_new(bool is_client)
{
	struct side *s = xcalloc(1, sizeof(*s));

	s->is_client = is_client;
	s->next = proxy.sides;
	proxy.sides = s;
	uv_pipe_init(&loop.uv, &s->pipe, 0);
	return s;
}

static void on_connected(uv_connect_t *connect, int status)
{
	struct side *s = container_of(connect, struct side, connect);

	if (status != 0 || s->other == NULL) {
		close_both(s);
		return;
	}
	uv_read_start((uv_stream_t *)&s->pipe, on_alloc, on_piece);
	uv_read_start((uv_stream_t *)&s->other->pipe, on_alloc, on_piece);
}

static void on_connection(uv_stream_t *server, int status)
{
	struct side *client = side_new(true), *upstream;

	(void)status;
	uv_accept(server, (uv_stream_t *)&client->pipe);
	if (proxy.dead) {
		close_side(client);
		return;
	}
	upstream = side_new(false);
	client->other = upstream;
	upstream->other = client;
	uv_pipe_connect(&upstream->connect, &upstream->pipe, private_engine_socket(private_engine) + 5,
			on_connected);
}

static void close_connections(void)
{
	for (struct side *s = proxy.sides; s != NULL; s = s->next) {
		s->other = NULL;
		close_side(s);
	}
}

/* From here on the engine is spoken to through the proxy. */
static void start_proxy(void)
{
	snprintf(proxy.path, sizeof(proxy.path), "%s/proxy.sock", fixture_dir);
	uv_pipe_init(&loop.uv, &proxy.listener, 0);
	assert_int_equal(uv_pipe_bind(&proxy.listener, proxy.path), 0);
	uv_listen((uv_stream_t *)&proxy.listener, 64, on_connection);
	text_copy(engine.socket, sizeof(engine.socket), proxy.path);
}

static int setup_docker(void **state)
{
	start_docker(state);
	start_proxy();
	return 0;
}

static int setup_podman(void **state)
{
	start_podman(state);
	start_proxy();
	return 0;
}

static int teardown(void **state)
{
	uv_close((uv_handle_t *)&proxy.listener, NULL);
	close_connections();
	return stop_engine(state);
}

#endif
