/* Client and server of net/ in one process, on one loop, over TCP and a unix socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/clock.h"
#include "net/grpc_client.h"
#include "net/grpc_server.h"
#include "test/tool/echo.h"

/* --- a world: one server, one channel ---------------------------------------------------------- */

static struct world {
	struct loop loop;
	struct grpc_server *server;
	struct grpc_channel *channel;
	struct endpoint at;
	struct timer limit;
	bool server_closed, channel_closed;
	int (*on_call)(struct rpc *rpc);
} w;

static void on_limit(struct timer *t)
{
	(void)t;
	fprintf(stderr, "a test waited too long\n");
	abort();
}

static int on_call(struct rpc *rpc)
{
	return w.on_call != NULL ? w.on_call(rpc) : 0;
}

static void open_world(const char *listen)
{
	const struct grpc_server_options options = {
		.handlers = echo_handlers, .handler_count = ECHO_METHODS, .on_call = on_call, .user = &w.loop};
	struct error e = {0};

	memset(&w, 0, sizeof w);
	memset(&echo, 0, sizeof echo);
	loop_init(&w.loop);
	timer_init(&w.loop, &w.limit, on_limit);
	timer_set(&w.limit, 60000);
	assert_int_equal(endpoint_parse(&w.at, listen, &e), 0);
	w.server = grpc_server_new(&w.loop, &options);
	assert_int_equal(grpc_server_listen(w.server, &w.at, &e), 0);
	w.channel = grpc_channel_new(&w.loop, &w.at);
}

static void on_flag(void *flag)
{
	*(bool *)flag = true;
}

/* Run the loop until the condition holds. */
#define run_until(condition) \
	do { \
		while (!(condition)) \
			uv_run(&w.loop.uv, UV_RUN_ONCE); \
	} while (0)

static void close_world(void)
{
	if (w.channel != NULL)
		grpc_channel_close(w.channel, on_flag, &w.channel_closed);
	else
		w.channel_closed = true;
	if (w.server != NULL)
		grpc_server_close(w.server, 100, on_flag, &w.server_closed);
	else
		w.server_closed = true;
	run_until(w.channel_closed && w.server_closed);
	timer_close(&w.limit, NULL);
	loop_close(&w.loop);
	assert_int_equal(echo.begun, echo.gone);
}

/* --- a call that remembers ---------------------------------------------------------------------- */

struct ask {
	struct grpc_call call;
	int done, messages, spaces;
	uint64_t bytes, number, left;
	struct error error;
	size_t queued_most;
	int pause_every, cancel_after;
	struct timer resume;
	bool timed;
};

static void ask_resume(struct timer *t)
{
	grpc_call_resume(&container_of(t, struct ask, resume)->call);
}

static void ask_message(struct grpc_call *call, const ProtobufCMessage *m)
{
	struct ask *a = container_of(call, struct ask, call);

	a->messages++;
	a->bytes += ((const Item *)m)->data.len;
	a->number = ((const Item *)m)->size;
	if (a->cancel_after > 0 && a->messages == a->cancel_after)
		grpc_call_cancel(call);
	if (a->pause_every > 0 && a->messages % a->pause_every == 0) {
		grpc_call_pause(call);
		timer_set(&a->resume, 1);
	}
}

static void ask_done(struct grpc_call *call, const struct error *e)
{
	struct ask *a = container_of(call, struct ask, call);

	a->done++;
	a->error = *e;
	if (a->timed)
		timer_close(&a->resume, NULL);
}

static void ask_init(struct ask *a, int method)
{
	*a = (struct ask){.call = {.method = &echo_methods[method], .on_message = ask_message, .on_done = ask_done}};
}

static void ask_pausing(struct ask *a, int every)
{
	a->pause_every = every;
	a->timed = true;
	timer_init(&w.loop, &a->resume, ask_resume);
}

static Item item(const char *data, uint64_t number, const char *words)
{
	Item i = ITEM_INIT;

	i.data.data = (uint8_t *)data;
	i.data.len = strlen(data);
	i.size = number;
	i.sha256 = (char *)words;
	return i;
}

static void ask_unary(struct ask *a, int method, const Item *in)
{
	ask_init(a, method);
	grpc_call_unary(w.channel, &a->call, &in->base);
}

#define assert_status(a, s) \
	do { \
		if ((a)->error.status != (s)) \
			fprintf(stderr, "status %d: %s\n", (a)->error.status, (a)->error.text); \
		assert_int_equal((a)->error.status, s); \
		assert_int_equal((a)->done, 1); \
	} while (0)

/* --- the four kinds ------------------------------------------------------------------------------ */

static void a_unary_call_is_answered(void **state)
{
	Item in = item("hello", 7, "");
	struct ask a;

	(void)state;
	open_world("127.0.0.1:0");
	ask_unary(&a, ECHO_UNARY, &in);
	assert_int_equal(a.done, 0);
	run_until(a.done);
	assert_status(&a, 0);
	assert_int_equal(a.messages, 1);
	assert_int_equal(a.bytes, 5);
	assert_int_equal(a.number, 7);
	close_world();
}

static void a_later_answer_arrives_too(void **state)
{
	Item in = item("hello", 7, "later");
	struct ask a;

	(void)state;
	open_world("127.0.0.1:0");
	ask_unary(&a, ECHO_UNARY, &in);
	run_until(a.done);
	assert_status(&a, 0);
	close_world();
}

static void a_unix_socket_serves_as_well(void **state)
{
	char listen[100];
	Item in = item("hello", 7, "");
	struct ask a;

	(void)state;
	snprintf(listen, sizeof listen, "unix:/tmp/hivemind-test-%d.sock", (int)getpid());
	open_world(listen);
	ask_unary(&a, ECHO_UNARY, &in);
	run_until(a.done);
	assert_status(&a, 0);
	close_world();
	assert_int_equal(access(listen + 5, F_OK), -1);
}

static void many_calls_share_one_connection(void **state)
{
	enum { CALLS = 1000 };
	static struct ask asks[CALLS];
	Item in = item("x", 0, "");
	int done = 0;

	(void)state;
	open_world("localhost:0");
	for (int i = 0; i < CALLS; i++)
		ask_unary(&asks[i], ECHO_UNARY, &in);
	while (done < CALLS) {
		uv_run(&w.loop.uv, UV_RUN_ONCE);
		done = 0;
		for (int i = 0; i < CALLS; i++)
			done += asks[i].done;
	}
	for (int i = 0; i < CALLS; i++)
		assert_status(&asks[i], 0);
	assert_int_equal(echo.begun, CALLS);
	close_world();
}

static void words_and_hint_of_an_error_arrive(void **state)
{
	Item in = item("", STATUS_NOT_FOUND, "fail");
	struct ask a;

	(void)state;
	open_world("127.0.0.1:0");
	ask_unary(&a, ECHO_UNARY, &in);
	run_until(a.done);
	assert_status(&a, STATUS_NOT_FOUND);
	assert_string_equal(a.error.text, "failed with 100% of it: caf\xc3\xa9");
	assert_string_equal(a.error.hint, "type something else");
	assert_int_equal(a.messages, 0);
	close_world();
}

static void a_chat_goes_back_and_forth(void **state)
{
	Item in = item("hello", 7, "");
	struct ask a;

	(void)state;
	open_world("127.0.0.1:0");
	ask_init(&a, ECHO_CHAT);
	grpc_call_start(w.channel, &a.call);
	for (int i = 1; i <= 100; i++) {
		grpc_call_send(&a.call, &in.base);
		run_until(a.messages == i);
	}
	grpc_call_half_close(&a.call);
	run_until(a.done);
	assert_status(&a, 0);
	close_world();
}

static void an_error_ends_a_chat_that_goes_on(void **state)
{
	Item in = item("hello", 0, ""), last = item("", STATUS_ABORTED, "fail");
	struct ask a;

	(void)state;
	open_world("127.0.0.1:0");
	ask_init(&a, ECHO_CHAT);
	grpc_call_start(w.channel, &a.call);
	grpc_call_send(&a.call, &in.base);
	grpc_call_send(&a.call, &last.base);
	run_until(a.done);
	assert_status(&a, STATUS_ABORTED);
	assert_int_equal(a.messages, 1);
	run_until(echo.gone == 1);
	close_world();
}

/* --- long streams ---------------------------------------------------------------------------------- */

#define STREAM_BYTES (64ull << 20)
static uint8_t chunk[CHUNK_SIZE];

static long peak_kib(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
#ifdef __SANITIZE_ADDRESS__
	return 0; /* which keeps freed memory */
#else
	return u.ru_maxrss;
#endif
}

static void a_long_stream_to_the_client_takes_constant_memory(void **state)
{
	Item in = ITEM_INIT;
	struct ask a;
	long before = peak_kib();

	(void)state;
	open_world("127.0.0.1:0");
	in.data.data = chunk;
	in.data.len = sizeof chunk;
	in.size = STREAM_BYTES / sizeof chunk;
	ask_init(&a, ECHO_REPEAT);
	ask_pausing(&a, 100);
	grpc_call_unary(w.channel, &a.call, &in.base);
	run_until(a.done);
	assert_status(&a, 0);
	assert_int_equal(a.bytes, STREAM_BYTES);
	assert_true(echo.queued_most <= (size_t)SEND_QUEUE_HIGH + sizeof chunk + 64);
	assert_true(peak_kib() - before < 16 * 1024);
	close_world();
}

static void send_more(struct grpc_call *call)
{
	struct ask *a = container_of(call, struct ask, call);
	Item in = ITEM_INIT;

	a->spaces++;
	in.data.data = chunk;
	in.data.len = sizeof chunk;
	while (a->left > 0 && grpc_call_queued(call) <= (size_t)SEND_QUEUE_HIGH) {
		a->left--;
		grpc_call_send(call, &in.base);
		if (grpc_call_queued(call) > a->queued_most)
			a->queued_most = grpc_call_queued(call);
	}
	if (a->left == 0)
		grpc_call_half_close(call);
}

static void a_long_stream_to_the_server_takes_constant_memory(void **state)
{
	struct ask a;
	long before = peak_kib();

	(void)state;
	open_world("127.0.0.1:0");
	ask_init(&a, ECHO_COLLECT);
	a.left = STREAM_BYTES / sizeof chunk;
	a.call.on_space = send_more;
	grpc_call_start(w.channel, &a.call);
	send_more(&a.call);
	run_until(a.done);
	assert_status(&a, 0);
	assert_int_equal(a.number, STREAM_BYTES);
	assert_true(a.spaces > 10);
	assert_true(a.queued_most <= (size_t)SEND_QUEUE_HIGH + sizeof chunk + 64);
	assert_true(peak_kib() - before < 16 * 1024);
	close_world();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_unary_call_is_answered),
		cmocka_unit_test(a_later_answer_arrives_too),
		cmocka_unit_test(a_unix_socket_serves_as_well),
		cmocka_unit_test(many_calls_share_one_connection),
		cmocka_unit_test(words_and_hint_of_an_error_arrive),
		cmocka_unit_test(a_chat_goes_back_and_forth),
		cmocka_unit_test(an_error_ends_a_chat_that_goes_on),
		cmocka_unit_test(a_long_stream_to_the_client_takes_constant_memory),
		cmocka_unit_test(a_long_stream_to_the_server_takes_constant_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
