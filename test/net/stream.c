#include "net/stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/memory.h"
#include "proto/limits.h"

/* A stream on one end of a socket pair, the test's own file descriptor on the other. */
static struct loop loop;
static struct stream s;
static int peer;
static size_t got, drained, ended, closed;
static int reason;

static void on_data(struct stream *stream, const uint8_t *data, size_t n)
{
	(void)stream;
	(void)data;
	got += n;
}

static void on_drained(struct stream *stream)
{
	(void)stream;
	drained++;
}

static void on_end(struct stream *stream, int why)
{
	(void)stream;
	ended++;
	reason = why;
}

static void on_closed(struct stream *stream)
{
	(void)stream;
	closed++;
}

static const struct stream_events events = {on_data, on_drained, on_end};

static int open_stream(void **state)
{
	int fds[2];

	(void)state;
	got = drained = ended = closed = 0;
	loop_init(&loop);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	stream_init(&s, &loop, true, &events);
	assert_int_equal(uv_pipe_open(&s.uv.pipe, fds[0]), 0);
	stream_start(&s);
	peer = fds[1];
	return 0;
}

/* As open_stream(), with TCP between the two. */
static int open_tcp(void **state)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof here;
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd;

	(void)state;
	got = drained = ended = closed = 0;
	loop_init(&loop);
	assert_int_equal(bind(listener, (struct sockaddr *)&here, n), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&here, &n), 0);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&here, n), 0);
	peer = accept(listener, NULL, NULL);
	close(listener);
	stream_init(&s, &loop, false, &events);
	assert_int_equal(uv_tcp_open(&s.uv.tcp, fd), 0);
	stream_start(&s);
	return 0;
}

static int close_stream(void **state)
{
	(void)state;
	stream_close(&s, on_closed);
	while (closed == 0)
		uv_run(&loop.uv, UV_RUN_ONCE);
	close(peer);
	loop_close(&loop);
	return 0;
}

static void turn(int times)
{
	while (times-- > 0)
		uv_run(&loop.uv, UV_RUN_NOWAIT);
}

static void what_comes_is_delivered(void **state)
{
	(void)state;
	assert_int_equal(write(peer, "hello", 5), 5);
	turn(3);
	assert_int_equal(got, 5);
}

static void nothing_is_delivered_while_paused(void **state)
{
	(void)state;
	stream_pause(&s);
	assert_int_equal(write(peer, "hello", 5), 5);
	turn(3);
	assert_int_equal(got, 0);
	stream_resume(&s);
	turn(3);
	assert_int_equal(got, 5);
}

static void a_small_write_goes_out_at_once(void **state)
{
	char text[10];

	(void)state;
	stream_write(&s, "hello", 5);
	assert_false(stream_pending(&s));
	assert_int_equal(read(peer, text, sizeof text), 5);
}

static void a_large_write_is_pending_until_the_peer_has_read_it(void **state)
{
	enum { SIZE = 4 << 20 };
	uint8_t *data = xcalloc(1, SIZE), *back = xmalloc(SIZE);
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < SIZE; i++)
		data[i] = (uint8_t)(i * 31 >> 3);
	stream_write(&s, data, SIZE / 2);
	assert_true(stream_pending(&s));
	stream_write(&s, data + SIZE / 2, SIZE / 2);
	while (n < SIZE) {
		ssize_t r = recv(peer, back + n, SIZE - n, MSG_DONTWAIT);

		if (r > 0)
			n += (size_t)r;
		turn(1);
	}
	turn(3);
	assert_memory_equal(data, back, SIZE);
	assert_false(stream_pending(&s));
	assert_int_equal(drained, 1);
	free(data);
	free(back);
}

static void the_end_is_told_once(void **state)
{
	(void)state;
	assert_int_equal(shutdown(peer, SHUT_RDWR), 0);
	turn(3);
	stream_write(&s, "x", 1);
	turn(3);
	assert_int_equal(ended, 1);
	assert_int_equal(reason, 0);
}

static void a_failed_write_ends_it_but_not_from_inside(void **state)
{
	(void)state;
	stream_pause(&s);
	assert_int_equal(shutdown(peer, SHUT_RD), 0);
	stream_write(&s, "x", 1);
	stream_write(&s, "x", 1);
	assert_int_equal(ended, 0);
	turn(3);
	assert_int_equal(ended, 1);
	assert_int_equal(reason, UV_EPIPE);
}

static void closing_drops_what_is_pending(void **state)
{
	uint8_t *data = xcalloc(1, 4 << 20);

	(void)state;
	stream_write(&s, data, 4 << 20);
	stream_write(&s, data, 4 << 20);
	assert_true(stream_pending(&s)); /* the teardown closes it */
	free(data);
}

static int option_of(const struct stream *stream, int option)
{
	int value = -1;
	socklen_t n = sizeof value;
	uv_os_fd_t fd;

	assert_int_equal(uv_fileno(&stream->uv.handle, &fd), 0);
	return getsockopt(fd, IPPROTO_TCP, option, &value, &n) == 0 ? value : -1;
}

static void tcp_is_persistent_and_its_patience_is_bounded(void **state)
{
	const int longest_ms = 44; /* TCP_RTO_MAX_MS */
	int ms = option_of(&s, longest_ms);

	(void)state;
	assert_int_equal(option_of(&s, TCP_THIN_LINEAR_TIMEOUTS), 1);
	assert_true(ms == RETRANSMIT_MAX_MS || ms == -1); /* before Linux 6.15 there is none */
	assert_int_equal(option_of(&s, TCP_USER_TIMEOUT), PEER_TIMEOUT_MS);
	assert_int_equal(option_of(&s, TCP_NODELAY), 1);
}

#define stream_test(name) cmocka_unit_test_setup_teardown(name, open_stream, close_stream)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    stream_test(what_comes_is_delivered),
	    stream_test(nothing_is_delivered_while_paused),
	    stream_test(a_small_write_goes_out_at_once),
	    stream_test(a_large_write_is_pending_until_the_peer_has_read_it),
	    stream_test(the_end_is_told_once),
	    stream_test(a_failed_write_ends_it_but_not_from_inside),
	    stream_test(closing_drops_what_is_pending),
	    cmocka_unit_test_setup_teardown(tcp_is_persistent_and_its_patience_is_bounded, open_tcp,
	                                    close_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
