/* test/exec/stdio_stream.c - attach's frames, cut anywhere. */
#include "exec/stdio_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/buf.h"

static struct buf seen[3];

static void output(void *user, int stream, const void *data, size_t n)
{
	(void)user;
	buf_append(&seen[stream], data, n);
}

static void frames_are_the_same_however_they_are_cut(void **state)
{
	static const uint8_t bytes[] = "\1\0\0\0\0\0\0\5hello" "\2\0\0\0\0\0\0\3err" "\1\0\0\0\0\0\0\0" "\1\0\0\0\0\0\0\6 world";
	size_t n = sizeof(bytes) - 1;

	(void)state;
	for (size_t piece = 1; piece <= n; piece++) {
		struct stdio_stream s = {0};

		for (size_t i = 0; i < n; i += piece)
			stdio_stream_feed(&s, bytes + i, piece < n - i ? piece : n - i, output, NULL);
		assert_string_equal(buf_text(&seen[1]), "hello world");
		assert_string_equal(buf_text(&seen[2]), "err");
		buf_release(&seen[1]);
		buf_release(&seen[2]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(frames_are_the_same_however_they_are_cut)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
