/* A bare HTTP/2 server that says what each test wants, and what our gRPC client makes of it. */
#include "net/h2.h"

#include "net/listener.h"
#include "test/tool/world.h"

static struct peer {
	struct h2 h2; /* first member */
	struct h2_stream st;
	struct listener listener;
	void (*answer)(struct peer *p);
	bool closed;
} peer;

static nghttp2_nv trailers[4];
static size_t trailer_count;

static void on_open(struct h2 *h2, int32_t id)
{
	peer.st = (struct h2_stream){0};
	h2_attach(h2, &peer.st, id);
}

static void on_header(struct h2_stream *st, const char *name, size_t name_n, const char *value,
                      size_t value_n)
{
	(void)st;
	(void)name;
	(void)name_n;
	(void)value;
	(void)value_n;
}

static void on_nothing(struct h2_stream *st)
{
	(void)st;
}

static void on_data(struct h2_stream *st, const uint8_t *data, size_t n)
{
	(void)data;
	(void)n;
	h2_take(st);
}

static void on_remote_end(struct h2_stream *st)
{
	(void)st;
	peer.answer(&peer);
}

static void on_trailers(struct h2_stream *st)
{
	h2_send_trailers(st, trailers, trailer_count);
}

static void on_close(struct h2_stream *st, uint32_t code, bool lost)
{
	(void)st;
	(void)code;
	(void)lost;
}

static void on_peer_closed(struct h2 *h2)
{
	(void)h2;
	peer.closed = true;
}

static void on_down(struct h2 *h2, const char *why)
{
	(void)why;
	h2_close(h2, on_peer_closed);
}

static const struct h2_events peer_events = {.on_open = on_open,
                                             .on_header = on_header,
                                             .on_headers = on_nothing,
                                             .on_data = on_data,
                                             .on_remote_end = on_remote_end,
                                             .on_sent = on_nothing,
                                             .on_trailers = on_trailers,
                                             .on_close = on_close,
                                             .on_down = on_down};

static void on_connection(struct listener *ls)
{
	assert_int_equal(listener_accept(ls, &peer.h2.stream, &h2_stream_events), 0);
	h2_open(&peer.h2, &w.loop, true, &peer_events);
}

static void on_listener_closed(struct listener *ls)
{
	(void)ls;
}

/* --- what it says ---------------------------------------------------------------------------------- */

static void say(const char *status, const char *type, const char *bytes, size_t n)
{
	nghttp2_nv fields[] = {h2_field(":status", status), h2_field("content-type", type)};

	h2_respond(&peer.st, fields, 2, false);
	buf_append(&peer.st.out, bytes, n);
	peer.st.out_ended = true;
	h2_push(&peer.st);
}

static void say_end(const char *status)
{
	nghttp2_nv fields[] = {h2_field(":status", "200"), h2_field("content-type", "application/grpc"),
	                       h2_field("grpc-status", status)};

	h2_respond(&peer.st, fields, 3, true);
}

/* Ask it once; the channel is closed after. */
static void ask_peer(struct ask *a, void (*answer)(struct peer *p))
{
	struct endpoint at = {.host = "127.0.0.1"};
	Item in = item("", 0, "");
	struct error e;

	open_world("127.0.0.1:0");
	memset(&peer, 0, sizeof peer);
	peer.answer = answer;
	peer.listener.on_connection = on_connection;
	assert_int_equal(listener_open(&peer.listener, &w.loop, &at, on_listener_closed, &e), 0);
	grpc_channel_close(w.channel, NULL, NULL);
	w.channel = grpc_channel_new(&w.loop, &at);
	ask_unary(a, ECHO_UNARY, &in);
	run_until(a->done);
	grpc_channel_close(w.channel, NULL, NULL);
	w.channel = NULL;
	run_until(peer.closed);
	buf_release(&peer.st.out);
	listener_close(&peer.listener);
	close_world();
}

#define check(answer, status)                                                                                \
	do {                                                                                                 \
		struct ask asked;                                                                            \
		trailer_count = 0;                                                                           \
		ask_peer(&asked, answer);                                                                    \
		assert_status(&asked, status);                                                               \
		assert_true(status == 0 || asked.error.text[0] != '\0');                                     \
	} while (0)

static void html_503(struct peer *p)
{
	(void)p;
	say("503", "text/html", "<h1>busy</h1>", 13);
}

static void html_404(struct peer *p)
{
	(void)p;
	say("404", "text/html", "<h1>no</h1>", 11);
}

static void html_200(struct peer *p)
{
	(void)p;
	say("200", "text/html", "<h1>hello</h1>", 14);
}

static void answers_that_are_not_grpc_have_a_status(void **state)
{
	(void)state;
	trailers[0] = h2_field("x", "y");
	check(html_503, STATUS_UNAVAILABLE);
	check(html_404, STATUS_UNIMPLEMENTED);
	check(html_200, STATUS_UNKNOWN);
}

static void no_status(struct peer *p)
{
	(void)p;
	trailers[0] = h2_field("x", "y");
	trailer_count = 1;
	say("200", "application/grpc", "\0\0\0\0\0", 5);
}

static void two_messages(struct peer *p)
{
	(void)p;
	trailers[0] = h2_field("grpc-status", "0");
	trailer_count = 1;
	say("200", "application/grpc", "\0\0\0\0\0\0\0\0\0\0", 10);
}

static void cut_message(struct peer *p)
{
	(void)p;
	trailers[0] = h2_field("grpc-status", "0");
	trailer_count = 1;
	say("200", "application/grpc", "\0\0\0\0\5abc", 8);
}

static void compressed_message(struct peer *p)
{
	(void)p;
	trailers[0] = h2_field("grpc-status", "0");
	trailer_count = 1;
	say("200", "application/grpc", "\1\0\0\0\1a", 6);
}

static void giant_message(struct peer *p)
{
	(void)p;
	trailers[0] = h2_field("grpc-status", "0");
	trailer_count = 1;
	say("200", "application/grpc", "\0\xff\xff\xff\xff", 5);
}

static void one_message(struct peer *p)
{
	(void)p;
	trailers[0] = h2_field("grpc-status", "0");
	trailer_count = 1;
	say("200", "application/grpc+proto", "\0\0\0\0\0", 5);
}

static void ok_without_message(struct peer *p)
{
	(void)p;
	say_end("0");
}

static void strange_status(struct peer *p)
{
	(void)p;
	say_end("77");
}

static void aborted(struct peer *p)
{
	(void)p;
	say_end("10");
}

static void grpc_answers_out_of_order_have_a_status(void **state)
{
	(void)state;
	check(one_message, 0);
	check(no_status, STATUS_INTERNAL);
	check(two_messages, STATUS_UNIMPLEMENTED);
	check(cut_message, STATUS_INTERNAL);
	check(compressed_message, STATUS_INTERNAL);
	check(giant_message, STATUS_RESOURCE_EXHAUSTED);
	check(ok_without_message, STATUS_UNIMPLEMENTED);
	check(strange_status, STATUS_UNKNOWN);
	check(aborted, STATUS_ABORTED);
}

static void reset_cancel(struct peer *p)
{
	h2_reset(&p->st, NGHTTP2_CANCEL);
}

static void reset_refused(struct peer *p)
{
	h2_reset(&p->st, NGHTTP2_REFUSED_STREAM);
}

static void reset_calm(struct peer *p)
{
	h2_reset(&p->st, NGHTTP2_ENHANCE_YOUR_CALM);
}

static void resets_have_a_status(void **state)
{
	(void)state;
	check(reset_cancel, STATUS_CANCELLED);
	check(reset_refused, STATUS_UNAVAILABLE);
	check(reset_calm, STATUS_RESOURCE_EXHAUSTED);
}

static void hang_up(struct peer *p)
{
	h2_abort(&p->h2, "test");
}

static void go_away(struct peer *p)
{
	nghttp2_submit_goaway(p->h2.ng, NGHTTP2_FLAG_NONE, 0, NGHTTP2_ENHANCE_YOUR_CALM, NULL, 0);
	h2_flush_later(&p->h2);
}

static void a_lost_connection_is_said_in_words(void **state)
{
	struct ask a;

	(void)state;
	ask_peer(&a, hang_up);
	assert_status(&a, STATUS_UNAVAILABLE);
	assert_true(strstr(a.error.text, "the peer closed the connection") != NULL);
	check(go_away, STATUS_UNAVAILABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(answers_that_are_not_grpc_have_a_status),
	    cmocka_unit_test(grpc_answers_out_of_order_have_a_status),
	    cmocka_unit_test(resets_have_a_status),
	    cmocka_unit_test(a_lost_connection_is_said_in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
