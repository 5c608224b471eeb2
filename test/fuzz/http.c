/* test/fuzz/http.c - a client says anything to a page: every kind of route, with handlers that answer at
 * once, later, much, or never.
 *
 * First byte: 1 a slow socket; 2 the whole in one piece; 4 answers come a turn later; 8 bodies are held back
 * for a turn; 16 the client stays until the server is closed. Then HTTP/1.1. */
#include "ui/http.h"
#include "test/fuzz/wire.h"

#define LARGE (100 * 1024)

enum { SLOW = 1, WHOLE = 2, LATE = 4, HELD = 8, STAYS = 16 };

static uint8_t flags;
static int begun, gone;
static struct http_request *waiting; /* for its answer; one connection has one request */
static bool owed;                    /* its answer comes a turn later */
static size_t body_came;

static void answer(struct http_request *r)
{
	struct buf b = {0};

	buf_printf(&b, "{\"path\":%zu}", strlen(r->path));
	http_header(r, "X-Path", "%s", r->path);
	http_answer_json(r, 200, &b);
	http_answer_json(r, 500, &b); /* is not heard */
}

static void on_gone(struct http_request *r)
{
	must(waiting == r);
	waiting = NULL;
	gone++;
}

static void begin(struct http_request *r)
{
	must(waiting == NULL); /* the last one heard that it is gone */
	waiting = r;
	owed = false;
	begun++;
	r->on_gone = on_gone;
	for (int i = 0; i < r->query_n; i++)
		must(*r->query[i].name != '\0' && http_query(r, r->query[i].name) != NULL);
	must(strstr(r->path, "/../") == NULL && r->path[0] == '/');
}

static void plain(struct http_request *r)
{
	begin(r);
	must(r->body == NULL || strlen((const char *)r->body) <= r->body_n);
	owed = flags & LATE;
	if (!owed)
		answer(r);
}

static void named(struct http_request *r)
{
	must(*http_param(r, "id") != '\0' && strchr(http_param(r, "id"), '/') == NULL);
	http_accepts(r, "text/html");
	plain(r);
}

static void on_body(struct http_request *r, const uint8_t *data, size_t n)
{
	must(r == waiting && n > 0);
	for (size_t i = 0; i < n; i++)
		wire.sum += data[i];
	body_came += n;
	must(r->length < 0 || body_came <= (size_t)r->length);
	if (flags & HELD)
		http_pause(r);
}

static void on_body_end(struct http_request *r)
{
	must(r->length < 0 || body_came == (size_t)r->length);
	answer(r);
}

static void streamed(struct http_request *r)
{
	begin(r);
	body_came = 0;
	r->on_body = on_body;
	r->on_body_end = on_body_end;
}

static void on_space(struct http_request *r)
{
	http_end(r);
}

static void large(struct http_request *r)
{
	static const char zeros[HTTP_PIECE];
	int64_t from, n;
	bool room = true;

	begin(r);
	r->on_space = on_space;
	if (http_unchanged(r, "\"tag\"") || http_range(r, LARGE, "\"tag\"", &from, &n) == 416)
		return;
	must(from >= 0 && n > 0 && from + n <= LARGE);
	http_begin(r, 200, "text/plain", -1);
	for (int i = 0; i < 3 && room; i++)
		room = http_write(r, zeros, HTTP_PIECE);
	if (room)
		http_end(r);
}

static void events(struct http_request *r)
{
	begin(r);
	http_events_begin(r);
	http_event(r, "1", http_last_event_id(r), r->path, strlen(r->path));
}

static const struct http_route routes[] = {
    {.method = "GET", .path = "/public", .handler = plain, .flags = HTTP_PUBLIC},
    {.method = "GET", .path = "/t/{id}", .handler = named},
    {.method = "DELETE", .path = "/t/{id}", .handler = named},
    {.method = "POST", .path = "/t", .handler = plain, .body_max = 200},
    {.method = "PUT", .path = "/up", .handler = streamed, .flags = HTTP_STREAM_BODY, .takes = "*"},
    {.method = "GET", .path = "/large", .handler = large, .flags = HTTP_PUBLIC},
    {.method = "GET", .path = "/events", .handler = events, .flags = HTTP_PUBLIC},
    {.method = "POST", .path = "/session", .handler = http_session_post, .flags = HTTP_PUBLIC},
};

static bool bearer(void *data, const char *token)
{
	(void)data;
	return http_secret_equal(token, "t");
}

static void turn(void)
{
	wire_turn();
	if (waiting != NULL && !http_over(waiting) && waiting->on_body != NULL)
		http_resume(waiting);
	else if (waiting != NULL && !http_over(waiting) && owed)
		answer(waiting);
	wire_turn();
}

static void converse(const uint8_t *data, size_t n)
{
	uint32_t seed = (uint32_t)n;

	while (n > 0) {
		size_t piece = flags & WHOLE ? n : next_piece(&seed, n);

		wire_feed(data, piece);
		turn();
		data += piece;
		n -= piece;
	}
	for (int i = 0; i < 4; i++)
		turn();
	if (!(flags & STAYS))
		wire_feed_end(0);
	turn();
}

static void on_closed(void *user)
{
	*(bool *)user = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct http_options options = {
	    .routes = routes, .route_count = sizeof routes / sizeof *routes, .name = "c", .bearer = bearer};
	struct endpoint at = {.path = "fuzz"};
	struct http_server *server;
	bool closed = false;

	if (n == 0)
		return 0;
	flags = data[0];
	begun = gone = 0;
	waiting = NULL;
	server = http_server_new(wire_begin(flags & SLOW), &options);
	must(http_server_listen(server, &at, NULL) == 0);
	wire.listener->on_connection(wire.listener);
	converse(data + 1, n - 1);
	http_server_close(server, on_closed, &closed);
	wire_run_until(&closed);
	must(begun == gone && waiting == NULL && wire.stream == NULL);
	return 0;
}
