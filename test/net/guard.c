/* What one connection may do: frames counted from their bytes, phases by the clock, strangers by network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <nghttp2/nghttp2.h>

#include "net/guard.h"
#include "net/strangers.h"
#include "proto/limits.h"

#define NOW 1000000
#define HEAD 9

static struct guard g;

static enum guard_kind bytes(const void *data, size_t n, int64_t now)
{
	return guard_bytes(&g, data, n, now);
}

static enum guard_kind frame(uint8_t type, uint8_t flags, uint8_t length, int64_t now)
{
	uint8_t data[HEAD + 255] = {0, 0, length, type, flags, 0, 0, 0, 1};

	return bytes(data, HEAD + length, now);
}

static void open_guard(void)
{
	guard_init(&g, true, NOW);
	assert_int_equal(bytes(NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN, NOW), GUARD_FINE);
	assert_int_equal(frame(NGHTTP2_SETTINGS, 0, 6, NOW), GUARD_FINE);
}

static enum guard_kind late(struct guard_load load, int64_t now)
{
	return guard_late(&g, &guard_times_default, load, now);
}

static const struct guard_load none = {0};

/* --- too often ----------------------------------------------------------------------------------- */

/* How many of such frames are taken at one moment. */
static int taken(uint8_t type, uint8_t flags, uint8_t length, int64_t now)
{
	int n = 0;

	while (n < 100000 && frame(type, flags, length, now) == GUARD_FINE)
		n++;
	return n;
}

static void each_kind_of_frame_has_its_limit(void **state)
{
	static const struct {
		uint8_t type, flags, length;
		int most;
	} kinds[] = {
	    {NGHTTP2_PING, 0, 8, PINGS_BURST},
	    {NGHTTP2_SETTINGS, 0, 0, SETTINGS_BURST - 1}, /* one was used to open */
	    {NGHTTP2_DATA, 0, 0, EMPTY_DATA_BURST},
	    {NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 1, EMPTY_DATA_BURST},
	    {NGHTTP2_WINDOW_UPDATE, 0, 4, WINDOW_UPDATES_BURST},
	    {NGHTTP2_CONTINUATION, 0, 10, CONTINUATIONS_BURST},
	    {NGHTTP2_RST_STREAM, 0, 4, RESETS_BURST},
	    {NGHTTP2_PRIORITY, 0, 5, OTHER_FRAMES_BURST},
	    {0x55, 0, 100, OTHER_FRAMES_BURST},
	};

	(void)state;
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		open_guard();
		assert_int_equal(taken(kinds[i].type, kinds[i].flags, kinds[i].length, NOW), kinds[i].most);
	}
}

static void what_calls_are_made_of_is_not_counted(void **state)
{
	(void)state;
	open_guard();
	for (int i = 0; i < 10000; i++) {
		assert_int_equal(frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 20, NOW), GUARD_FINE);
		assert_int_equal(frame(NGHTTP2_DATA, 0, 20, NOW), GUARD_FINE);
		assert_int_equal(frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 0, NOW), GUARD_FINE);
		assert_int_equal(frame(NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, NOW), GUARD_FINE);
	}
}

static void frames_are_counted_however_they_are_cut(void **state)
{
	const uint8_t ping[HEAD + 8] = {0, 0, 8, NGHTTP2_PING};
	int n = 0;

	(void)state;
	open_guard();
	for (; n < 100; n++)
		for (size_t i = 0; i < sizeof ping; i++)
			if (bytes(ping + i, 1, NOW) != GUARD_FINE)
				goto out;
out:
	assert_int_equal(n, PINGS_BURST);
}

static int counted(enum guard_kind kind, int64_t now)
{
	int n = 0;

	while (guard_count(&g, kind, now) == GUARD_FINE)
		n++;
	return n;
}

static void buckets_fill_with_time_but_not_over(void **state)
{
	(void)state;
	open_guard();
	assert_int_equal(counted(GUARD_INVALID_FRAME, NOW), INVALID_FRAMES_BURST);
	assert_int_equal(counted(GUARD_INVALID_FRAME, NOW + 500), 0);
	assert_int_equal(counted(GUARD_INVALID_FRAME, NOW + 2500), 2);
	assert_int_equal(counted(GUARD_INVALID_FRAME, NOW + 3600 * 1000), INVALID_FRAMES_BURST);
}

static void one_ping_a_second_is_welcome_for_ever(void **state)
{
	(void)state;
	open_guard();
	for (int i = 0; i < 10000; i++)
		assert_int_equal(frame(NGHTTP2_PING, 0, 8, NOW + i * 1000), GUARD_FINE);
}

static void a_reader_of_much_may_answer_with_much(void **state)
{
	(void)state;
	open_guard();
	for (int i = 0; i < 100000; i++) {
		guard_sent(&g, 16384, true);
		assert_int_equal(frame(NGHTTP2_WINDOW_UPDATE, 0, 4, NOW), GUARD_FINE);
		assert_int_equal(frame(NGHTTP2_WINDOW_UPDATE, 0, 4, NOW), GUARD_FINE);
		assert_int_equal(frame(NGHTTP2_PING, 0, 8, NOW), GUARD_FINE);
	}
}

static void a_window_opened_byte_by_byte_earns_nothing(void **state)
{
	int n = 0;

	(void)state;
	open_guard();
	for (; n < 100000 && frame(NGHTTP2_WINDOW_UPDATE, 0, 4, NOW) == GUARD_FINE; n++)
		guard_sent(&g, 1, false);
	assert_int_equal(n, WINDOW_UPDATES_BURST);
}

static void who_is_known_may_cancel_all_its_calls(void **state)
{
	(void)state;
	open_guard();
	guard_know(&g);
	assert_int_equal(taken(NGHTTP2_RST_STREAM, 0, 4, NOW), RESETS_KNOWN_BURST);
}

/* --- too late ------------------------------------------------------------------------------------ */

static void a_silent_opening_is_late(void **state)
{
	(void)state;
	guard_init(&g, true, NOW);
	assert_int_equal(bytes(NGHTTP2_CLIENT_MAGIC, 10, NOW + 4000), GUARD_FINE);
	assert_true(guard_waits(&g, none));
	assert_int_equal(late(none, NOW + OPENING_TIMEOUT_MS), GUARD_FINE);
	assert_int_equal(late(none, NOW + OPENING_TIMEOUT_MS + 1), GUARD_OPENING);
}

static void a_block_of_fields_has_its_time_however_it_dribbles(void **state)
{
	(void)state;
	open_guard();
	frame(NGHTTP2_HEADERS, 0, 10, NOW);
	for (int s = 1; s < 10; s++)
		frame(NGHTTP2_CONTINUATION, 0, 1, NOW + s * 1000);
	assert_int_equal(late(none, NOW + HEADERS_TIMEOUT_MS), GUARD_FINE);
	assert_int_equal(late(none, NOW + HEADERS_TIMEOUT_MS + 1), GUARD_HEADERS);
	frame(NGHTTP2_CONTINUATION, NGHTTP2_FLAG_END_HEADERS, 1, NOW);
	assert_int_equal(late(none, NOW + HEADERS_TIMEOUT_MS + 1), GUARD_FINE);
}

static void a_frame_that_never_ends_is_late(void **state)
{
	const uint8_t begun[HEAD + 1] = {0, 0, 200, NGHTTP2_DATA, 0, 0, 0, 0, 1};

	(void)state;
	open_guard();
	guard_know(&g);
	bytes(begun, sizeof begun, NOW);
	assert_int_equal(late(none, NOW + FRAME_TIMEOUT_MS), GUARD_FINE);
	assert_int_equal(late(none, NOW + FRAME_TIMEOUT_MS + 1), GUARD_FRAME);
}

static void a_stranger_owes_the_rest_of_its_request(void **state)
{
	const struct guard_load owing = {.calls = true, .request = true};

	(void)state;
	open_guard();
	frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 10, NOW + 500000);
	assert_int_equal(late(owing, NOW + 500000 + BODY_TIMEOUT_MS), GUARD_FINE);
	frame(NGHTTP2_DATA, 0, 1, NOW + 520000);
	assert_int_equal(late(owing, NOW + 520000 + BODY_TIMEOUT_MS), GUARD_FINE);
	assert_int_equal(late(owing, NOW + 520001 + BODY_TIMEOUT_MS), GUARD_BODY);
	guard_know(&g); /* a worker's stream may be silent: heartbeats are for others to miss */
	assert_int_equal(late(owing, NOW + 900000), GUARD_FINE);
	assert_false(guard_waits(&g, owing));
}

static void a_stranger_without_calls_goes(void **state)
{
	const struct guard_load waiting = {.calls = true};

	(void)state;
	open_guard();
	assert_int_equal(late(waiting, NOW + 10 * STRANGER_IDLE_MS), GUARD_FINE);
	assert_int_equal(late(none, NOW + 11 * STRANGER_IDLE_MS), GUARD_FINE);
	assert_int_equal(late(none, NOW + 11 * STRANGER_IDLE_MS + 1), GUARD_IDLE);
	g.local = true;
	assert_int_equal(late(none, NOW + 11 * STRANGER_IDLE_MS + 1), GUARD_FINE);
	assert_false(guard_waits(&g, none));
}

static void answers_that_nobody_takes_are_late(void **state)
{
	const struct guard_load waiting = {.calls = true, .answers = true};

	(void)state;
	open_guard();
	assert_int_equal(late(waiting, NOW), GUARD_FINE);
	for (int s = 1; s < 30; s++)
		guard_sent(&g, 1, false); /* a byte a second is not taking them */
	assert_int_equal(late(waiting, NOW + STALL_TIMEOUT_MS), GUARD_FINE);
	assert_int_equal(late(waiting, NOW + STALL_TIMEOUT_MS + 1), GUARD_STALLED);
	guard_sent(&g, STALL_BYTES, true);
	assert_int_equal(late(waiting, NOW + STALL_TIMEOUT_MS + 1), GUARD_FINE);
	guard_know(&g);
	assert_int_equal(late(waiting, NOW + 3 * STALL_TIMEOUT_MS), GUARD_FINE);
}

/* --- too many ------------------------------------------------------------------------------------ */

static uint64_t prefix(const char *address)
{
	struct sockaddr_in four = {.sin_family = AF_INET};
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};

	if (inet_pton(AF_INET, address, &four.sin_addr) == 1)
		return strangers_prefix((struct sockaddr *)&four);
	assert_int_equal(inet_pton(AF_INET6, address, &six.sin6_addr), 1);
	return strangers_prefix((struct sockaddr *)&six);
}

static void networks_are_told_apart(void **state)
{
	(void)state;
	assert_int_equal(prefix("127.3.2.1"), PREFIX_LOCAL);
	assert_int_equal(prefix("::1"), PREFIX_LOCAL);
	assert_int_equal(prefix("::ffff:127.0.0.1"), PREFIX_LOCAL);
	assert_int_equal(strangers_prefix(NULL), PREFIX_LOCAL);
	assert_true(prefix("192.0.2.1") == prefix("192.0.2.255"));
	assert_true(prefix("192.0.2.1") != prefix("192.0.3.1"));
	assert_true(prefix("::ffff:192.0.2.1") == prefix("192.0.2.1"));
	assert_true(prefix("2001:db8:1:2ff::1") == prefix("2001:db8:1:200::2"));
	assert_true(prefix("2001:db8:1:100::1") != prefix("2001:db8:1:200::1"));
	assert_true(prefix("0.0.0.1") != PREFIX_LOCAL);
}

static void a_network_and_all_of_them_have_a_limit(void **state)
{
	struct strangers s = {0};
	const uint64_t here = prefix("192.0.2.1");

	(void)state;
	for (int i = 0; i < STRANGERS_PREFIX_MAX; i++)
		assert_int_equal(strangers_enter(&s, here), GUARD_FINE);
	assert_int_equal(strangers_enter(&s, here), GUARD_STRANGERS_PREFIX);
	for (int i = STRANGERS_PREFIX_MAX; i < STRANGERS_MAX; i++)
		assert_int_equal(strangers_enter(&s, 1000 + (uint64_t)i), GUARD_FINE);
	assert_int_equal(strangers_enter(&s, 7), GUARD_STRANGERS);
	assert_int_equal(strangers_enter(&s, PREFIX_LOCAL), GUARD_FINE);
	strangers_leave(&s, here);
	assert_int_equal(strangers_enter(&s, 7), GUARD_FINE);
	strangers_leave(&s, 7);
	for (int i = STRANGERS_PREFIX_MAX; i < STRANGERS_MAX; i++)
		strangers_leave(&s, 1000 + (uint64_t)i);
	for (int i = 1; i < STRANGERS_PREFIX_MAX; i++)
		strangers_leave(&s, here);
	assert_int_equal(s.count, 0);
	assert_null(s.networks);
}

static void each_limit_has_a_name(void **state)
{
	(void)state;
	for (int i = 0; i < GUARD_KINDS; i++)
		for (int j = 0; j < i; j++)
			assert_string_not_equal(guard_name(i), guard_name(j));
}

static void what_was_broken_is_counted(void **state)
{
	struct guard_stats s = {0};

	(void)state;
	for (int i = 0; i < 1000; i++)
		guard_note(&s, GUARD_PING, "192.0.2.1:1", NOW + i);
	assert_int_equal(s.count[GUARD_PING], 1000);
	assert_int_equal(s.unsaid[GUARD_PING], 999);
	guard_note(&s, GUARD_PING, "192.0.2.1:1", NOW + 1000);
	assert_int_equal(s.unsaid[GUARD_PING], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_kind_of_frame_has_its_limit),
	    cmocka_unit_test(what_calls_are_made_of_is_not_counted),
	    cmocka_unit_test(frames_are_counted_however_they_are_cut),
	    cmocka_unit_test(buckets_fill_with_time_but_not_over),
	    cmocka_unit_test(one_ping_a_second_is_welcome_for_ever),
	    cmocka_unit_test(a_reader_of_much_may_answer_with_much),
	    cmocka_unit_test(a_window_opened_byte_by_byte_earns_nothing),
	    cmocka_unit_test(who_is_known_may_cancel_all_its_calls),
	    cmocka_unit_test(a_silent_opening_is_late),
	    cmocka_unit_test(a_block_of_fields_has_its_time_however_it_dribbles),
	    cmocka_unit_test(a_frame_that_never_ends_is_late),
	    cmocka_unit_test(a_stranger_owes_the_rest_of_its_request),
	    cmocka_unit_test(a_stranger_without_calls_goes),
	    cmocka_unit_test(answers_that_nobody_takes_are_late),
	    cmocka_unit_test(networks_are_told_apart),
	    cmocka_unit_test(a_network_and_all_of_them_have_a_limit),
	    cmocka_unit_test(each_limit_has_a_name),
	    cmocka_unit_test(what_was_broken_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
