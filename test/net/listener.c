/* Listening and dialling: each is the other's counterpart. */
#include "net/listener.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/dial.h"
#include "proto/status.h"

static struct loop loop;
static struct listener listener, second;
static struct stream accepted, dialled;
static struct dial dial;
static struct error outcome;
static int open_things, connections, dials;
static char path[100];

static void on_data(struct stream *s, const uint8_t *data, size_t n)
{
	(void)s;
	(void)data;
	(void)n;
}

static void on_drained(struct stream *s)
{
	(void)s;
}

static void on_end(struct stream *s, int reason)
{
	(void)s;
	(void)reason;
}

static const struct stream_events events = {on_data, on_drained, on_end};

static void on_stream_closed(struct stream *s)
{
	(void)s;
	open_things--;
}

static void on_listener_closed(struct listener *ls)
{
	(void)ls;
	open_things--;
}

static void on_connection(struct listener *ls)
{
	connections++;
	assert_int_equal(listener_accept(ls, &accepted, &events), 0);
	open_things++;
}

static void on_dialled(struct dial *d, const struct error *e)
{
	(void)d;
	dials++;
	outcome = *e;
	if (e->status == 0)
		open_things++;
}

static int open_loop(void **state)
{
	(void)state;
	open_things = connections = dials = 0;
	loop_init(&loop);
	snprintf(path, sizeof path, "unix:/tmp/hivemind-test-%d.sock", (int)getpid());
	return 0;
}

static void wait_for(const int *count, int value)
{
	while (*count != value)
		uv_run(&loop.uv, UV_RUN_ONCE);
}

static int close_loop(void **state)
{
	(void)state;
	wait_for(&open_things, 0);
	loop_close(&loop);
	return 0;
}

static int open_at(struct listener *ls, const char *text, struct endpoint *at, struct error *e)
{
	assert_int_equal(endpoint_parse(at, text, e), 0);
	ls->on_connection = on_connection;
	open_things++;
	return listener_open(ls, &loop, at, on_listener_closed, e);
}

static void dial_and_close(const struct endpoint *at)
{
	dial_start(&dial, &loop, at, &dialled, &events, on_dialled);
	assert_int_equal(dials, 0);
	wait_for(&dials, 1);
	assert_int_equal(outcome.status, 0);
	wait_for(&connections, 1);
	stream_close(&dialled, on_stream_closed);
	stream_close(&accepted, on_stream_closed);
	listener_close(&listener);
}

static void tcp_connects(void **state)
{
	struct endpoint at;
	struct error e;

	(void)state;
	assert_int_equal(open_at(&listener, "127.0.0.1:0", &at, &e), 0);
	assert_int_not_equal(at.port, 0);
	dial_and_close(&at);
}

static void every_address_of_a_name_is_tried(void **state)
{
	struct endpoint at;
	struct error e;

	(void)state;
	assert_int_equal(open_at(&listener, "127.0.0.1:0", &at, &e), 0);
	strcpy(at.host, "localhost"); /* perhaps ::1 first, where nobody listens */
	dial_and_close(&at);
}

static void a_unix_socket_is_for_its_user_only(void **state)
{
	struct endpoint at;
	struct error e;
	struct stat st;

	(void)state;
	assert_int_equal(open_at(&listener, path, &at, &e), 0);
	assert_int_equal(stat(at.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	dial_and_close(&at);
}

static void what_is_in_use_is_said(void **state)
{
	static const char *texts[] = {"127.0.0.1:0", path};
	struct endpoint at;
	struct error e;
	char again[300];

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(open_at(&listener, texts[i], &at, &e), 0);
		endpoint_text(&at, again, sizeof again);
		assert_int_equal(open_at(&second, again, &at, &e), STATUS_ALREADY_EXISTS);
		assert_true(strstr(e.text, "in use") != NULL && e.hint[0] != '\0');
		listener_close(&second); /* closed already, which does no harm */
		listener_close(&listener);
		wait_for(&open_things, 0);
	}
}

static void a_socket_left_behind_is_replaced(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct endpoint at;
	struct error e;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	snprintf(address.sun_path, sizeof address.sun_path, "%s", path + 5);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	close(fd); /* the file stays */
	assert_int_equal(open_at(&listener, path, &at, &e), 0);
	dial_and_close(&at);
}

static void what_cannot_be_bound_is_said(void **state)
{
	struct endpoint at;
	struct error e;

	(void)state;
	assert_int_equal(open_at(&listener, "192.0.2.1:0", &at, &e), STATUS_INVALID_ARGUMENT);
	wait_for(&open_things, 0);
	assert_int_equal(open_at(&listener, "unix:/nonexistent/x", &at, &e), STATUS_INVALID_ARGUMENT);
	wait_for(&open_things, 0);
	assert_int_equal(open_at(&listener, "nowhere.invalid:0", &at, &e), STATUS_INVALID_ARGUMENT);
}

static void a_cancelled_dial_comes_back_once(void **state)
{
	static const char *const texts[] = {"127.0.0.1:1", "localhost:1", "unix:/nonexistent/x"};
	struct endpoint at;
	struct error e;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(endpoint_parse(&at, texts[i], &e), 0);
		dials = 0;
		dial_start(&dial, &loop, &at, &dialled, &events, on_dialled);
		dial_cancel(&dial);
		dial_cancel(&dial);
		assert_int_equal(dials, 0);
		wait_for(&dials, 1);
		assert_int_equal(outcome.status, STATUS_CANCELLED);
	}
}

static void nobody_there_is_said(void **state)
{
	struct endpoint at;
	struct error e;

	(void)state;
	assert_int_equal(endpoint_parse(&at, "unix:/nonexistent/x", &e), 0);
	dial_start(&dial, &loop, &at, &dialled, &events, on_dialled);
	wait_for(&dials, 1);
	assert_int_equal(outcome.status, STATUS_UNAVAILABLE);
	assert_string_equal(outcome.text, "cannot reach unix:/nonexistent/x: no such file or directory");
}

#define loop_test(name) cmocka_unit_test_setup_teardown(name, open_loop, close_loop)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    loop_test(tcp_connects),
	    loop_test(every_address_of_a_name_is_tried),
	    loop_test(a_unix_socket_is_for_its_user_only),
	    loop_test(what_is_in_use_is_said),
	    loop_test(a_socket_left_behind_is_replaced),
	    loop_test(what_cannot_be_bound_is_said),
	    loop_test(a_cancelled_dial_comes_back_once),
	    loop_test(nobody_there_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
