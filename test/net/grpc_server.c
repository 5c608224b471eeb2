/* The four kinds of call, client and server in one process, over TCP and a unix socket. */
#include <sys/resource.h>
#include <unistd.h>

#include "test/tool/world.h"

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

/* 0 under a checker, which keeps freed memory. */
static long peak_kib(void)
{
	const char *preload = getenv("LD_PRELOAD");
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
#ifdef __SANITIZE_ADDRESS__
	return 0;
#endif
	return preload != NULL && strstr(preload, "vgpreload") != NULL ? 0 : u.ru_maxrss;
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
