/* gRPC over TLS: streams, calls and flow control are as in clear text, and nobody who is not meant gets a
 * byte. */
#include "test/tool/world.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/certificate.h"
#include "net/knock.h"
#include "net/tls.h"

#define CHUNK (64 * 1024)
#define CHUNKS 1024 /* 64 MiB */

static char pin[65];

/* A pool's certificate, from a folder that is gone afterwards. */
static struct certificate *a_certificate(void)
{
	char dir[] = "/tmp/hivemind-grpc-tls.XXXXXX", command[64];
	struct certificate *c = NULL;
	struct error err;

	assert_non_null(mkdtemp(dir));
	assert_int_equal(certificate_open(&c, dir, NULL, 0, &err), 0);
	snprintf(command, sizeof command, "rm -rf %s", dir);
	assert_int_equal(system(command), 0);
	strcpy(pin, certificate_pin(c));
	return c;
}

static struct tls_config *client_with(const char *expected)
{
	struct tls_config *config = NULL;
	struct error err;

	if (tls_config_client(&config, "127.0.0.1", expected, NULL, &err) != 0)
		fail_msg("%s", err.text);
	return config;
}

static int open_secure(void **state)
{
	(void)state;
	open_world("127.0.0.1:0");
	grpc_server_set_tls(w.server, tls_config_server(a_certificate()));
	grpc_channel_set_tls(w.channel, client_with(pin));
	return 0;
}

static int close_secure(void **state)
{
	(void)state;
	close_world();
	return 0;
}

/* A channel anew, with what it trusts. */
static void dial_anew(struct tls_config *config)
{
	grpc_channel_close(w.channel, on_flag, &w.channel_closed);
	run_until(w.channel_closed);
	w.channel_closed = false;
	w.channel = grpc_channel_new(&w.loop, &w.at);
	grpc_channel_set_tls(w.channel, config);
}

static void ask_once(struct ask *a)
{
	Item in = item("hello", 7, "");

	ask_unary(a, ECHO_UNARY, &in);
	run_until(a->done);
}

/* --- calls ---------------------------------------------------------------------------------------- */

static void a_call_is_answered(void **state)
{
	struct ask a;

	(void)state;
	ask_once(&a);
	assert_status(&a, 0);
	assert_int_equal(a.number, 7);
}

static void the_second_connection_resumes_the_session(void **state)
{
	struct tls_config *config = client_with(pin);
	struct ask a;

	(void)state;
	for (int i = 0; i < 2; i++) {
		dial_anew(tls_config_keep(config));
		ask_once(&a);
		assert_status(&a, 0);
	}
	assert_int_equal(tls_config_counts(config).full, 1);
	assert_int_equal(tls_config_counts(config).resumed, 1);
	tls_config_release(config);
}

static void down_64_mib_come_with_a_bounded_queue(void **state)
{
	char *data = malloc(CHUNK + 1);
	Item in;
	struct ask a;

	(void)state;
	memset(data, 'x', CHUNK);
	data[CHUNK] = '\0';
	in = item(data, CHUNKS, "");
	ask_init(&a, ECHO_REPEAT);
	ask_pausing(&a, 200);
	grpc_call_unary(w.channel, &a.call, &in.base);
	run_until(a.done);
	assert_status(&a, 0);
	assert_int_equal(a.bytes, (uint64_t)CHUNK * CHUNKS);
	assert_true(echo.queued_most <= SEND_QUEUE_HIGH + CHUNK + 100);
	free(data);
}

static char up_data[CHUNK];

static void send_more(struct grpc_call *call)
{
	struct ask *a = container_of(call, struct ask, call);
	Item in = ITEM_INIT;

	in.data.data = (uint8_t *)up_data;
	in.data.len = sizeof up_data;
	for (; a->left > 0 && grpc_call_queued(call) <= (size_t)SEND_QUEUE_HIGH; a->left--) {
		grpc_call_send(call, &in.base);
		if (grpc_call_queued(call) > a->queued_most)
			a->queued_most = grpc_call_queued(call);
	}
	if (a->left == 0)
		grpc_call_half_close(call);
}

static void up_64_mib_go_with_a_bounded_queue(void **state)
{
	struct ask a;

	(void)state;
	ask_init(&a, ECHO_COLLECT);
	a.call.on_space = send_more;
	a.left = CHUNKS;
	grpc_call_start(w.channel, &a.call);
	send_more(&a.call);
	run_until(a.done);
	assert_status(&a, 0);
	assert_int_equal(a.number, (uint64_t)CHUNK * CHUNKS);
	assert_true(a.queued_most <= SEND_QUEUE_HIGH + CHUNK + 100);
}

static void both_ways_at_once_until_the_half_close(void **state)
{
	struct ask a;

	(void)state;
	ask_init(&a, ECHO_CHAT);
	a.call.on_space = send_more;
	a.left = 256;
	grpc_call_start(w.channel, &a.call);
	send_more(&a.call);
	run_until(a.done);
	assert_status(&a, 0);
	assert_int_equal(a.bytes, 256ull * CHUNK);
}

/* Answers that end calls come in one read, with more records behind them. */
static void many_calls_at_once_are_answered(void **state)
{
	enum { CALLS = 100 };
	struct ask *asks = calloc(CALLS + 1, sizeof *asks), *chat = &asks[CALLS];
	Item in = item("hello", 7, "later");

	(void)state;
	ask_init(chat, ECHO_CHAT);
	chat->call.on_space = send_more;
	chat->left = 64;
	grpc_call_start(w.channel, &chat->call);
	send_more(&chat->call);
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < CALLS; i++)
			ask_unary(&asks[i], ECHO_UNARY, &in);
		for (int i = 0; i < CALLS; i++) {
			run_until(asks[i].done);
			assert_status(&asks[i], 0);
		}
	}
	run_until(chat->done);
	assert_status(chat, 0);
	assert_int_equal(chat->bytes, 64ull * CHUNK);
	free(asks);
}

static void a_server_that_goes_ends_the_calls_in_flight(void **state)
{
	Item in = item("", 0, "never");
	struct ask a;

	(void)state;
	ask_unary(&a, ECHO_UNARY, &in);
	run_until(echo.begun == 1);
	grpc_server_close(w.server, 1, on_flag, &w.server_closed);
	w.server = NULL;
	run_until(a.done && w.server_closed);
	assert_status(&a, STATUS_UNAVAILABLE);
}

static void a_renewed_certificate_is_for_new_connections(void **state)
{
	char old[65];
	struct ask a;

	(void)state;
	ask_once(&a);
	strcpy(old, pin);
	grpc_server_set_tls(w.server, tls_config_server(a_certificate()));
	ask_once(&a);
	assert_status(&a, 0); /* on the connection of before */
	dial_anew(client_with(old));
	ask_once(&a);
	assert_status(&a, STATUS_UNAUTHENTICATED);
	dial_anew(client_with(pin));
	ask_once(&a);
	assert_status(&a, 0);
}

/* --- who answers, and who asks --------------------------------------------------------------------- */

static void another_key_gets_no_call_and_both_are_named(void **state)
{
	const char *other = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	struct ask a;

	(void)state;
	dial_anew(client_with(other));
	ask_once(&a);
	assert_status(&a, STATUS_UNAUTHENTICATED);
	assert_non_null(strstr(a.error.text, other));
	assert_non_null(strstr(a.error.text, pin));
	assert_int_equal(echo.begun, 0);
}

static void clear_text_from_this_machine_is_served_on_the_same_port(void **state)
{
	struct ask a;

	(void)state;
	dial_anew(NULL);
	ask_once(&a);
	assert_status(&a, 0);
}

static void a_server_without_tls_is_said(void **state)
{
	struct ask a;

	(void)state;
	grpc_server_set_tls(w.server, NULL);
	ask_once(&a);
	assert_status(&a, STATUS_UNAVAILABLE);
	assert_non_null(strstr(a.error.text, "does not speak TLS"));
}

/* What a raw peer is answered that says this first. */
static void say_first(const char *words, char answer[600])
{
	struct sockaddr_in to;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	size_t n = 0;
	ssize_t got = 1;

	uv_ip4_addr("127.0.0.1", w.at.port, &to);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	assert_int_equal(write(fd, words, strlen(words)), strlen(words));
	while (got != 0 && n < 599) {
		uv_run(&w.loop.uv, UV_RUN_NOWAIT);
		got = recv(fd, answer + n, 599 - n, MSG_DONTWAIT);
		n += got > 0 ? (size_t)got : 0;
	}
	answer[n] = '\0';
	close(fd);
}

static void a_browser_is_told_one_sentence(void **state)
{
	char answer[600];

	(void)state;
	say_first("GET / HTTP/1.1\r\nHost: x\r\n\r\n", answer);
	assert_int_equal(strncmp(answer, "HTTP/1.1 400 Bad Request\r\n", 26), 0);
	assert_non_null(strstr(answer, "\r\n\r\nThis is a gRPC port"));
	say_first("nonsense", answer);
	assert_int_equal(strncmp(answer, "HTTP/1.1 400 ", 13), 0);
}

/* --- knocking -------------------------------------------------------------------------------------- */

struct asked {
	struct knock knock;
	struct error error;
	int done;
};

static void on_knocked(struct knock *k, const struct error *e)
{
	struct asked *a = container_of(k, struct asked, knock);

	a->error = *e;
	a->done++;
}

static void knock(struct asked *a, const struct endpoint *to, struct tls_config *config, bool cancel)
{
	*a = (struct asked){0};
	knock_start(&a->knock, &w.loop, to, config, on_knocked);
	if (cancel)
		knock_cancel(&a->knock);
	run_until(a->done);
	assert_int_equal(a->done, 1);
}

static void knocking_tells_who_a_stranger_is(void **state)
{
	struct tls_config *stranger = client_with(""), *friend = client_with(pin);
	struct asked a;

	(void)state;
	knock(&a, &w.at, stranger, false);
	assert_int_equal(a.error.status, STATUS_UNAUTHENTICATED);
	assert_string_equal(a.knock.pin, pin);
	knock(&a, &w.at, friend, false);
	assert_int_equal(a.error.status, 0);
	assert_int_equal(echo.begun, 0);
	tls_config_release(stranger);
	tls_config_release(friend);
}

static void knocking_ends_once_also_when_cancelled_or_nobody_answers(void **state)
{
	struct tls_config *friend = client_with(pin);
	struct endpoint nowhere = {.host = "127.0.0.1", .port = 1};
	struct asked a;

	(void)state;
	knock(&a, &w.at, friend, true);
	assert_int_equal(a.error.status, STATUS_CANCELLED);
	knock(&a, &nowhere, friend, false);
	assert_int_equal(a.error.status, STATUS_UNAVAILABLE);
	grpc_server_set_tls(w.server, NULL);
	knock(&a, &w.at, friend, false);
	assert_int_equal(a.error.status, STATUS_UNAVAILABLE);
	tls_config_release(friend);
}

#define secure_test(name) cmocka_unit_test_setup_teardown(name, open_secure, close_secure)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    secure_test(a_call_is_answered),
	    secure_test(the_second_connection_resumes_the_session),
	    secure_test(down_64_mib_come_with_a_bounded_queue),
	    secure_test(up_64_mib_go_with_a_bounded_queue),
	    secure_test(both_ways_at_once_until_the_half_close),
	    secure_test(many_calls_at_once_are_answered),
	    secure_test(a_server_that_goes_ends_the_calls_in_flight),
	    secure_test(a_renewed_certificate_is_for_new_connections),
	    secure_test(another_key_gets_no_call_and_both_are_named),
	    secure_test(clear_text_from_this_machine_is_served_on_the_same_port),
	    secure_test(a_server_without_tls_is_said),
	    secure_test(a_browser_is_told_one_sentence),
	    secure_test(knocking_tells_who_a_stranger_is),
	    secure_test(knocking_ends_once_also_when_cancelled_or_nobody_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
