/* test/exec/progress_stream.c - what engines say while they pull, cut anywhere. */
#include "exec/progress_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void layers_are_added_up(void **state)
{
	static const char text[] =
		"{\"status\":\"Pulling from x\",\"id\":\"latest\"}\r\n"
		"{\"status\":\"Downloading\",\"progressDetail\":{\"current\":10,\"total\":100},\"id\":\"aaa\"}\r\n"
		"{\"status\":\"Downloading\",\"progressDetail\":{\"current\":5,\"total\":50},\"id\":\"bbb\"}\r\n"
		"{\"status\":\"Downloading\",\"progressDetail\":{\"current\":60,\"total\":100},\"id\":\"aaa\"}\r\n"
		"not json at all\r\n"
		"{\"status\":\"Extracting\",\"progressDetail\":{\"current\":1,\"total\":100},\"id\":\"aaa\"}\r\n"
		"{\"status\":\"Downloading\",\"progressDetail\":{\"current\":-5,\"total\":1e300},\"id\":\"bbb\"}";

	(void)state;
	for (size_t piece = 1; piece < sizeof(text); piece += 7) {
		struct progress_stream p = {0};

		for (size_t i = 0; i < sizeof(text) - 1; i += piece)
			progress_stream_feed(&p, text + i, piece < sizeof(text) - 1 - i ? piece : sizeof(text) - 1 - i);
		progress_stream_end(&p);
		assert_int_equal(p.done, 65);
		assert_int_equal(p.total, 150);
		assert_int_equal(p.error.status, 0);
		assert_string_equal(p.status, "Downloading");
		progress_stream_release(&p);
	}
}

static void an_error_after_200_is_found(void **state)
{
	struct progress_stream p = {0};
	static const char text[] = "{\"status\":\"x\"}\n{\"errorDetail\":{\"message\":\"no space left\"},\"error\":\"no space left\"}";

	(void)state;
	progress_stream_feed(&p, text, sizeof(text) - 1);
	progress_stream_end(&p);
	assert_true(p.error.status != 0);
	assert_string_equal(p.error.text, "no space left");
	progress_stream_release(&p);
}

static void endless_lines_and_layers_cost_bounded_memory(void **state)
{
	struct progress_stream p = {0};
	char line[120];

	(void)state;
	for (int i = 0; i < 100000; i++)
		progress_stream_feed(&p, "0123456789abcdef", 16);
	assert_true(p.line.size <= 128 << 10);
	progress_stream_feed(&p, "\n", 1);
	for (int i = 0; i < 1000; i++) {
		int n = snprintf(line, sizeof(line),
				 "{\"status\":\"Downloading\",\"progressDetail\":{\"current\":1,\"total\":2},\"id\":\"%d\"}\n", i);

		progress_stream_feed(&p, line, (size_t)n);
	}
	assert_int_equal(p.count, LAYERS_MAX);
	assert_int_equal(p.done, LAYERS_MAX);
	progress_stream_release(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layers_are_added_up),
		cmocka_unit_test(an_error_after_200_is_found),
		cmocka_unit_test(endless_lines_and_layers_cost_bounded_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
