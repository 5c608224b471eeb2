/* test/store/redis.c - one connection: addresses, refusal, passwords, databases, silence, closing. */
#include "test/store/asking.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "store/redis.h"

struct line {
	struct redis *redis;
	bool up, down, closed;
	int ups, downs;
	struct error why;
};

static void on_up(struct redis *r, void *user)
{
	struct line *line = user;

	(void)r;
	line->up = true;
	line->ups++;
}

static void on_down(struct redis *r, const struct error *err, void *user)
{
	struct line *line = user;

	(void)r;
	line->down = true;
	line->downs++;
	line->why = *err;
}

static void open_line(struct line *line, const char *url)
{
	const struct redis_events events = {on_up, on_down, line};
	struct redis_address address;
	struct error err = {0};

	assert_int_equal(redis_address_parse(&address, url, &err), 0);
	*line = (struct line){0};
	line->redis = redis_open(&real.loop, &address, &events);
}

static void open_unix(struct line *line)
{
	char url[200];

	snprintf(url, sizeof(url), "unix:%s", real.address.path);
	open_line(line, url);
}

static void close_line(struct line *line)
{
	redis_close(line->redis, real_set, &line->closed);
	assert_false(line->closed);
	run_until(&real.loop, &line->closed);
}

struct request {
	struct redis_req req;
	bool done;
	int answers, type, status;
	long long number;
	char text[100];
};

static void on_reply(struct redis_req *req, const redisReply *reply, const struct error *err)
{
	struct request *request = container_of(req, struct request, req);

	assert_true((reply == NULL) == (err != NULL));
	request->done = true;
	request->answers++;
	request->status = err != NULL ? err->status : 0;
	if (reply != NULL) {
		request->type = reply->type;
		request->number = reply->integer;
		text_copy(request->text, sizeof(request->text), reply->str != NULL ? reply->str : "");
	}
}

static void send_words(struct line *line, struct request *request, const char *a_, const char *b,
		       const char *c)
{
	const char *argv[] = {a_, b, c};
	const size_t lengths[] = {strlen(a_), b ? strlen(b) : 0, c ? strlen(c) : 0};

	*request = (struct request){.req.on_reply = on_reply};
	redis_send(line->redis, &request->req, c ? 3 : b ? 2 : 1, argv, lengths);
	assert_false(request->done);
}

static int told(struct request *request)
{
	run_until(&real.loop, &request->done);
	assert_int_equal(request->answers, 1);
	return request->status;
}

static void addresses_are_read(void **state)
{
	static const char *const bad[] = {
		"",      "localhost",      "redis://",    "redis://h:0",  "redis://h:70000", "redis://h:x",
		"unix:", "redis://user@h", "redis://h/x", "redis://[::1", "http://h",        "redis://h:1:2"};
	struct redis_address at;
	struct error err = {0};

	(void)state;
	assert_int_equal(redis_address_parse(&at, "redis://:pa:ss@example.org:7000/3", &err), 0);
	assert_string_equal(at.host, "example.org");
	assert_string_equal(at.password, "pa:ss");
	assert_int_equal(at.port, 7000);
	assert_int_equal(at.db, 3);
	assert_int_equal(redis_address_parse(&at, "redis://[::1]", &err), 0);
	assert_string_equal(at.host, "::1");
	assert_int_equal(at.port, 6379);
	assert_int_equal(redis_address_parse(&at, "unix:/run/redis.sock", &err), 0);
	assert_string_equal(at.path, "/run/redis.sock");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(redis_address_parse(&at, bad[i], &err), STATUS_INVALID_ARGUMENT);
}

static void a_command_is_answered(void **state)
{
	struct line line;
	struct request r;

	(void)state;
	open_unix(&line);
	run_until(&real.loop, &line.up);
	send_words(&line, &r, "ECHO", "hello", NULL);
	assert_int_equal(told(&r), 0);
	assert_string_equal(r.text, "hello");
	send_words(&line, &r, "NONSENSE", NULL, NULL);
	assert_int_equal(told(&r), STATUS_INTERNAL);
	send_words(&line, &r, "EVALSHA", "0000000000000000000000000000000000000000", "0");
	assert_int_equal(told(&r), STATUS_NOT_FOUND);
	close_line(&line);
}

static void a_refused_connection_is_told_and_tried_again(void **state)
{
	struct line line;
	struct request r;

	(void)state;
	open_line(&line, "redis://127.0.0.1:1");
	run_until(&real.loop, &line.down);
	assert_int_equal(line.why.status, STATUS_UNAVAILABLE);
	assert_non_null(strstr(line.why.text, "refused"));
	line.down = false;
	run_until(&real.loop, &line.down);
	send_words(&line, &r, "PING", NULL, NULL);
	assert_int_equal(told(&r), STATUS_UNAVAILABLE);
	close_line(&line);

	open_line(&line, "unix:/nonexistent/redis.sock");
	run_until(&real.loop, &line.down);
	close_line(&line);
}

static void a_host_without_address_is_told(void **state)
{
	struct line line;

	(void)state;
	open_line(&line, "redis://no-such-host.invalid");
	run_until(&real.loop, &line.down);
	assert_int_equal(line.why.status, STATUS_UNAVAILABLE);
	assert_non_null(strstr(line.why.text, "no-such-host.invalid"));
	close_line(&line);
	open_line(&line, "redis://no-such-host.invalid");
	close_line(&line);
}

static void a_password_and_a_database_are_used(void **state)
{
	struct line line;
	struct request r;
	char url[300];
	const struct redis_events events = {on_up, on_down, &line};
	struct redis_address at = real.address;

	(void)state;
	real_close_store(&real);
	assert_int_equal(command("CONFIG SET requirepass secret"), 0);
	snprintf(url, sizeof(url), "unix:%s", real.address.path);
	open_line(&line, url);
	run_until(&real.loop, &line.down);
	assert_int_equal(line.why.status, STATUS_UNAUTHENTICATED);
	close_line(&line);

	text_copy(at.password, sizeof(at.password), "wrong");
	line = (struct line){0};
	line.redis = redis_open(&real.loop, &at, &events);
	run_until(&real.loop, &line.down);
	assert_int_equal(line.why.status, STATUS_UNAUTHENTICATED);
	close_line(&line);

	text_copy(at.password, sizeof(at.password), "secret");
	at.db = 3;
	line = (struct line){0};
	line.redis = redis_open(&real.loop, &at, &events);
	run_until(&real.loop, &line.up);
	send_words(&line, &r, "SWAPDB", "3", "4");
	assert_int_equal(told(&r), 0);
	send_words(&line, &r, "CLIENT", "INFO", NULL);
	assert_int_equal(told(&r), 0);
	assert_int_equal(line.downs, 0);
	close_line(&line);
}

/* A server that takes connections and says nothing. */
static void silence_is_given_up(void **state)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct line line;
	char url[200];

	(void)state;
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/mute", real.dir);
	snprintf(url, sizeof(url), "unix:%s", at.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 8), 0);
	open_line(&line, url);
	run_until(&real.loop, &line.down);
	assert_int_equal(line.why.status, STATUS_UNAVAILABLE);
	assert_non_null(strstr(line.why.text, "not answered"));
	close_line(&line);
	close(fd);
}

static void a_command_that_takes_too_long_is_unavailable(void **state)
{
	struct line line;
	struct request slow, behind;
	int64_t begin;

	(void)state;
	open_unix(&line);
	run_until(&real.loop, &line.up);
	begin = clock_ms();
	send_words(&line, &slow, "BLPOP", "nothing", "0");
	send_words(&line, &behind, "PING", NULL, NULL);
	assert_int_equal(told(&slow), STATUS_UNAVAILABLE);
	assert_int_equal(told(&behind), STATUS_UNAVAILABLE);
	assert_true(clock_ms() - begin >= REDIS_TIMEOUT_MS);
	line.up = false;
	run_until(&real.loop, &line.up);
	send_words(&line, &behind, "PING", NULL, NULL);
	assert_int_equal(told(&behind), 0);
	close_line(&line);
}

static void closing_answers_pending_commands_before_it_is_closed(void **state)
{
	struct line line;
	struct request first, second;

	(void)state;
	open_unix(&line);
	send_words(&line, &first, "PING", NULL, NULL);
	assert_int_equal(told(&first), STATUS_UNAVAILABLE); /* not connected yet */
	run_until(&real.loop, &line.up);
	send_words(&line, &first, "PING", NULL, NULL);
	redis_close(line.redis, real_set, &line.closed);
	send_words(&line, &second, "PING", NULL, NULL);
	run_until(&real.loop, &line.closed);
	assert_int_equal(first.answers, 1);
	assert_int_equal(first.status, STATUS_CANCELLED);
	assert_int_equal(second.answers, 1);
	assert_int_equal(second.status, STATUS_CANCELLED);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, start, end)
	const struct CMUnitTest tests[] = {
		T(addresses_are_read),
		T(a_command_is_answered),
		T(a_refused_connection_is_told_and_tried_again),
		T(a_host_without_address_is_told),
		T(a_password_and_a_database_are_used),
		T(silence_is_given_up),
		T(a_command_that_takes_too_long_is_unavailable),
		T(closing_answers_pending_commands_before_it_is_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
