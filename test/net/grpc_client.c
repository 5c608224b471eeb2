/* How calls end: cancelled, late, refused, cut off; on_done and on_gone come exactly once each. */
#include <signal.h>
#include <unistd.h>

#include "test/tool/world.h"

static struct timer after;
static struct ask *target;

static void in_ms(uint64_t ms, void (*run)(struct timer *))
{
	timer_init(&w.loop, &after, run);
	timer_set(&after, ms);
}

/* --- cancel and deadline --------------------------------------------------------------------------- */

static void a_cancelled_call_ends_on_both_sides(void **state)
{
	Item in = item("", 0, "never");
	struct ask a;

	(void)state;
	open_world("127.0.0.1:0");
	ask_unary(&a, ECHO_UNARY, &in);
	run_until(echo.begun == 1);
	grpc_call_cancel(&a.call);
	assert_int_equal(a.done, 0);
	run_until(a.done && echo.gone == 1);
	assert_status(&a, STATUS_CANCELLED);
	close_world();
	assert_int_equal(a.done, 1);
}

static void a_call_cancelled_at_once_never_leaves(void **state)
{
	Item in = item("", 0, "");
	struct ask a;

	(void)state;
	open_world("127.0.0.1:0");
	ask_unary(&a, ECHO_UNARY, &in);
	grpc_call_cancel(&a.call);
	grpc_call_cancel(&a.call);
	grpc_call_send(&a.call, &in.base);
	run_until(a.done);
	assert_status(&a, STATUS_CANCELLED);
	close_world();
	assert_int_equal(echo.begun, 0);
}

static void a_call_may_be_cancelled_from_its_own_message(void **state)
{
	Item in = item("hello", 100000, "");
	struct ask a;

	(void)state;
	open_world("127.0.0.1:0");
	ask_init(&a, ECHO_REPEAT);
	a.cancel_after = 10;
	grpc_call_unary(w.channel, &a.call, &in.base);
	run_until(a.done && echo.gone == 1);
	assert_status(&a, STATUS_CANCELLED);
	assert_int_equal(a.messages, 10);
	close_world();
}

static void calls_above_the_peers_limit_wait_and_can_be_cancelled(void **state)
{
	enum { CALLS = 3 * STREAMS_MAX };
	static struct ask asks[CALLS];
	Item never = item("", 0, "never"), in = item("", 0, "");
	struct ask last;

	(void)state;
	open_world("127.0.0.1:0");
	for (int i = 0; i < CALLS; i++)
		ask_unary(&asks[i], ECHO_UNARY, &never);
	run_until(echo.begun >= STREAMS_MAX);
	for (int i = 0; i < 20; i++)
		uv_run(&w.loop.uv, UV_RUN_NOWAIT);
	assert_int_equal(echo.begun, STREAMS_MAX);
	for (int i = CALLS - 1; i >= 0; i--)
		grpc_call_cancel(&asks[i].call);
	ask_unary(&last, ECHO_UNARY, &in);
	run_until(last.done);
	for (int i = 0; i < CALLS; i++)
		assert_status(&asks[i], STATUS_CANCELLED);
	assert_status(&last, 0);
	close_world();
}

static void the_server_ends_a_call_that_is_late(void **state)
{
	Item in = item("", 0, "never");
	struct ask a;

	(void)state;
	open_world("127.0.0.1:0");
	ask_init(&a, ECHO_UNARY);
	a.call.timeout_ms = 50;
	grpc_call_unary(w.channel, &a.call, &in.base);
	run_until(a.done && echo.gone == 1);
	assert_status(&a, STATUS_DEADLINE_EXCEEDED);
	close_world();
}

static void ignore(uv_stream_t *io, int status)
{
	(void)io;
	(void)status;
}

static void the_client_ends_a_call_that_is_late(void **state)
{
	struct endpoint silent = {.host = "127.0.0.1"};
	Item in = item("", 0, "");
	struct ask a;
	uv_tcp_t mute;
	struct sockaddr_in address;
	int length = sizeof address;

	(void)state;
	open_world("127.0.0.1:0");
	uv_tcp_init(&w.loop.uv, &mute); /* the kernel accepts for it, nobody answers */
	uv_ip4_addr("127.0.0.1", 0, &address);
	uv_tcp_bind(&mute, (struct sockaddr *)&address, 0);
	uv_listen((uv_stream_t *)&mute, 4, ignore);
	uv_tcp_getsockname(&mute, (struct sockaddr *)&address, &length);
	silent.port = ntohs(address.sin_port);
	grpc_channel_close(w.channel, NULL, NULL);
	w.channel = grpc_channel_new(&w.loop, &silent);
	ask_init(&a, ECHO_UNARY);
	a.call.timeout_ms = 50;
	grpc_call_unary(w.channel, &a.call, &in.base);
	run_until(a.done);
	assert_status(&a, STATUS_DEADLINE_EXCEEDED);
	uv_close((uv_handle_t *)&mute, NULL);
	close_world();
}

/* --- connections ----------------------------------------------------------------------------------- */

static void nobody_there_is_said_in_words(void **state)
{
	Item in = item("", 0, "");
	char words[100];
	struct ask a, b;

	(void)state;
	open_world("127.0.0.1:0");
	grpc_server_close(w.server, 0, on_flag, &w.server_closed);
	run_until(w.server_closed);
	w.server = NULL;
	ask_unary(&a, ECHO_UNARY, &in);
	ask_unary(&b, ECHO_UNARY, &in);
	run_until(a.done && b.done);
	assert_status(&a, STATUS_UNAVAILABLE);
	assert_status(&b, STATUS_UNAVAILABLE);
	snprintf(words, sizeof words, "cannot reach 127.0.0.1:%d: connection refused", w.at.port);
	assert_string_equal(a.error.text, words);
	close_world();
}

static void a_name_that_does_not_exist_is_said_in_words(void **state)
{
	struct endpoint nowhere = {.host = "nowhere.invalid", .port = 1};
	Item in = item("", 0, "");
	struct ask a;

	(void)state;
	open_world("127.0.0.1:0");
	grpc_channel_close(w.channel, NULL, NULL);
	w.channel = grpc_channel_new(&w.loop, &nowhere);
	ask_unary(&a, ECHO_UNARY, &in);
	run_until(a.done);
	assert_status(&a, STATUS_UNAVAILABLE);
	close_world();
}

static void a_channel_connects_again(void **state)
{
	const struct grpc_server_options options = {
	    .handlers = echo_handlers, .handler_count = ECHO_METHODS, .on_call = on_call, .user = &w.loop};
	Item in = item("", 0, "");
	struct error e = {0};
	struct ask a;

	(void)state;
	open_world("127.0.0.1:0");
	ask_unary(&a, ECHO_UNARY, &in);
	run_until(a.done);
	grpc_server_close(w.server, 0, on_flag, &w.server_closed);
	run_until(w.server_closed);
	w.server_closed = false;
	w.server = grpc_server_new(&w.loop, &options);
	assert_int_equal(grpc_server_listen(w.server, &w.at, &e), 0);
	ask_unary(&a, ECHO_UNARY, &in);
	run_until(a.done);
	assert_status(&a, 0);
	close_world();
}

static void cancel_target(struct timer *t)
{
	grpc_call_half_close(&target->call);
	timer_close(t, NULL);
}

static void closing_lets_a_call_finish(void **state)
{
	Item in = item("", 0, "");
	struct ask a, late;

	(void)state;
	open_world("127.0.0.1:0");
	ask_init(&a, ECHO_CHAT);
	grpc_call_start(w.channel, &a.call);
	grpc_call_send(&a.call, &in.base);
	run_until(a.messages == 1);
	grpc_server_close(w.server, 10000, on_flag, &w.server_closed);
	target = &a;
	in_ms(50, cancel_target);
	run_until(a.done);
	assert_status(&a, 0);
	run_until(w.server_closed);
	w.server = NULL;
	ask_unary(&late, ECHO_UNARY, &in);
	run_until(late.done);
	assert_status(&late, STATUS_UNAVAILABLE);
	close_world();
}

static void closing_ends_what_does_not_finish(void **state)
{
	Item in = item("", 0, "never");
	struct ask a, b;

	(void)state;
	open_world("127.0.0.1:0");
	ask_unary(&a, ECHO_UNARY, &in);
	ask_init(&b, ECHO_CHAT);
	grpc_call_start(w.channel, &b.call);
	run_until(echo.begun == 2);
	grpc_server_close(w.server, 50, on_flag, &w.server_closed);
	run_until(a.done && b.done && w.server_closed);
	assert_status(&a, STATUS_UNAVAILABLE);
	assert_string_equal(a.error.text, "the server is shutting down");
	assert_status(&b, STATUS_UNAVAILABLE);
	assert_int_equal(echo.gone, 2);
	w.server = NULL;
	close_world();
}

static void a_closed_channel_cancels_its_calls(void **state)
{
	Item in = item("", 0, "never");
	struct ask a, b, c;

	(void)state;
	open_world("127.0.0.1:0");
	ask_unary(&a, ECHO_UNARY, &in);
	run_until(echo.begun == 1);
	ask_unary(&b, ECHO_UNARY, &in);
	grpc_channel_close(w.channel, on_flag, &w.channel_closed);
	ask_unary(&c, ECHO_UNARY, &in);
	assert_int_equal(a.done + b.done + c.done, 0);
	run_until(w.channel_closed);
	assert_status(&a, STATUS_CANCELLED);
	assert_status(&b, STATUS_CANCELLED);
	assert_status(&c, STATUS_CANCELLED);
	w.channel = NULL;
	w.channel_closed = false;
	close_world();
}

static void after_hanging_up_the_next_call_dials_anew(void **state)
{
	Item in = item("", 0, "never"), quick = item("", 0, "");
	struct ask a, b;

	(void)state;
	open_world("127.0.0.1:0");
	ask_unary(&a, ECHO_UNARY, &in);
	run_until(echo.begun == 1);
	grpc_channel_hang_up(w.channel, "the peer is silent");
	ask_unary(&b, ECHO_UNARY, &quick);
	assert_int_equal(a.done + b.done, 0);
	run_until(a.done && b.done);
	assert_status(&a, STATUS_UNAVAILABLE);
	assert_status(&b, 0);
	run_until(echo.gone == 2);
	close_world();
}

static void a_peer_that_vanishes_ends_its_calls(void **state)
{
	Item in = item("", 0, "never");
	struct ask a;
	pid_t child;
	int fds[2];
	char port[12] = "";

	(void)state;
	assert_int_equal(pipe(fds), 0);
	child = fork();
	if (child == 0) { /* a server that is killed */
		open_world("127.0.0.1:0");
		dprintf(fds[1], "%d", w.at.port);
		loop_run(&w.loop);
		_exit(0);
	}
	assert_true(read(fds[0], port, sizeof port - 1) > 0);
	open_world("127.0.0.1:0");
	grpc_channel_close(w.channel, NULL, NULL);
	w.at.port = atoi(port);
	w.channel = grpc_channel_new(&w.loop, &w.at);
	ask_unary(&a, ECHO_UNARY, &in);
	for (int i = 0; i < 20; i++)
		uv_run(&w.loop.uv, UV_RUN_NOWAIT);
	assert_int_equal(a.done, 0);
	kill(child, SIGKILL);
	run_until(a.done);
	assert_status(&a, STATUS_UNAVAILABLE);
	close_world();
	close(fds[0]);
	close(fds[1]);
}

/* --- admission ------------------------------------------------------------------------------------- */

static char seen_token[40];
static struct rpc *waiting;

static int refuse_all(struct rpc *rpc)
{
	snprintf(seen_token, sizeof seen_token, "%s", rpc->token != NULL ? rpc->token : "none");
	return error_set(&rpc->error, STATUS_UNAUTHENTICATED, "who are you");
}

static int ask_later(struct rpc *rpc)
{
	waiting = rpc;
	return RPC_LATER;
}

static void a_call_that_is_not_admitted_is_refused(void **state)
{
	Item in = item("", 0, "");
	struct ask a;

	(void)state;
	open_world("127.0.0.1:0");
	w.on_call = refuse_all;
	grpc_channel_set_token(w.channel, "s3cret");
	ask_unary(&a, ECHO_UNARY, &in);
	run_until(a.done);
	assert_status(&a, STATUS_UNAUTHENTICATED);
	assert_string_equal(a.error.text, "who are you");
	assert_string_equal(seen_token, "s3cret");
	close_world();
}

static void messages_wait_until_the_call_is_admitted(void **state)
{
	Item in = item("hello", 0, "");
	struct ask a;

	(void)state;
	open_world("127.0.0.1:0");
	w.on_call = ask_later;
	ask_init(&a, ECHO_CHAT);
	grpc_call_start(w.channel, &a.call);
	grpc_call_send(&a.call, &in.base);
	grpc_call_send(&a.call, &in.base);
	grpc_call_half_close(&a.call);
	run_until(echo.begun == 1);
	for (int i = 0; i < 20; i++)
		uv_run(&w.loop.uv, UV_RUN_NOWAIT);
	assert_int_equal(a.messages, 0);
	rpc_admit(waiting, 0);
	run_until(a.done);
	assert_status(&a, 0);
	assert_int_equal(a.messages, 2);
	close_world();
}

/* --- flow control ------------------------------------------------------------------------------------ */

static uint8_t chunk[CHUNK_SIZE];
static uint64_t held_bytes;
static struct rpc *held;

static int pausing_collect(struct rpc *rpc, const ProtobufCMessage *m)
{
	held = rpc;
	held_bytes += ((const Item *)m)->data.len;
	rpc_pause(rpc);
	return 0;
}

static void a_paused_server_holds_the_client_back(void **state)
{
	static struct rpc_handler handlers[ECHO_METHODS];
	const struct grpc_server_options options = {
	    .handlers = handlers, .handler_count = ECHO_METHODS, .on_call = on_call, .user = &w.loop};
	Item in = ITEM_INIT, small = item("", 0, "");
	struct endpoint at = {.host = "127.0.0.1"};
	struct error e = {0};
	struct ask a, b;

	(void)state;
	open_world("127.0.0.1:0");
	memcpy(handlers, echo_handlers, sizeof handlers);
	handlers[ECHO_COLLECT].on_message = pausing_collect;
	grpc_server_close(w.server, 0, on_flag, &w.server_closed);
	run_until(w.server_closed);
	w.server = grpc_server_new(&w.loop, &options);
	assert_int_equal(grpc_server_listen(w.server, &at, &e), 0);
	grpc_channel_close(w.channel, NULL, NULL);
	w.channel = grpc_channel_new(&w.loop, &at);
	in.data.data = chunk;
	in.data.len = sizeof chunk;
	held_bytes = 0;
	ask_init(&a, ECHO_COLLECT);
	grpc_call_start(w.channel, &a.call);
	for (int i = 0; i < 100; i++)
		grpc_call_send(&a.call, &in.base);
	run_until(held_bytes > 0);
	for (int i = 0; i < 100; i++)
		uv_run(&w.loop.uv, UV_RUN_NOWAIT);
	assert_int_equal(held_bytes, sizeof chunk);
	assert_true(grpc_call_queued(&a.call) >
	            99 * sizeof chunk - (size_t)WINDOW_STREAM - (size_t)WINDOW_CALL);
	ask_unary(&b, ECHO_UNARY, &small); /* which others do not feel */
	run_until(b.done);
	assert_status(&b, 0);
	for (int i = 2; i <= 100; i++) {
		rpc_resume(held);
		run_until(held_bytes == (uint64_t)i * sizeof chunk);
	}
	grpc_call_cancel(&a.call);
	run_until(a.done);
	close_world();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_cancelled_call_ends_on_both_sides),
	    cmocka_unit_test(a_call_cancelled_at_once_never_leaves),
	    cmocka_unit_test(a_call_may_be_cancelled_from_its_own_message),
	    cmocka_unit_test(calls_above_the_peers_limit_wait_and_can_be_cancelled),
	    cmocka_unit_test(the_server_ends_a_call_that_is_late),
	    cmocka_unit_test(the_client_ends_a_call_that_is_late),
	    cmocka_unit_test(nobody_there_is_said_in_words),
	    cmocka_unit_test(a_name_that_does_not_exist_is_said_in_words),
	    cmocka_unit_test(a_channel_connects_again),
	    cmocka_unit_test(closing_lets_a_call_finish),
	    cmocka_unit_test(closing_ends_what_does_not_finish),
	    cmocka_unit_test(a_closed_channel_cancels_its_calls),
	    cmocka_unit_test(after_hanging_up_the_next_call_dials_anew),
	    cmocka_unit_test(a_peer_that_vanishes_ends_its_calls),
	    cmocka_unit_test(a_call_that_is_not_admitted_is_refused),
	    cmocka_unit_test(messages_wait_until_the_call_is_admitted),
	    cmocka_unit_test(a_paused_server_holds_the_client_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
