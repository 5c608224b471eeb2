/* test/ui/http_parse.c tests ui/http_parse.c: the same request is read the same however it is cut; what each
 * refusal is stands in test/e2e/http1_rules.py. */
#include "ui/http_parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void collect(void *user, const uint8_t *data, size_t n)
{
	buf_append(user, data, n);
}

/* Feed it in pieces of so many bytes, until it is done or bad: the bytes that were used. */
static size_t feed(struct http_parse *p, const char *text, size_t piece, struct buf *body)
{
	size_t n = strlen(text), at = 0, used = 1;

	http_parse_begin(p);
	while (at < n && used > 0 && p->part != HTTP_DONE && p->part != HTTP_BAD) {
		size_t left = n - at < piece ? n - at : piece;

		used = p->part == HTTP_IN_HEAD
		           ? http_parse_head(p, (const uint8_t *)text + at, left)
		           : http_parse_body(p, (const uint8_t *)text + at, left, collect, body);
		at += used;
	}
	return at;
}

static void a_request_is_the_same_however_it_is_cut(void **state)
{
	static const char text[] =
	    "\r\nPUT /a?b HTTP/1.1\r\nHost:  x \r\nX-Empty:\r\nCookie: a=\xff\t\r\n"
	    "Transfer-Encoding: Chunked\r\nConnection: x, Close\r\nExpect: 100-Continue\r\n\r\n"
	    "3\r\nabc\r\nA;ext=1\r\n0123456789\r\n0\r\n\r\n";
	static const char next[] = "GET /next";
	char both[sizeof text + sizeof next];

	(void)state;
	strcat(strcpy(both, text), next);
	for (size_t piece = 1; piece < sizeof both; piece++) {
		struct http_parse p = {0};
		struct buf body = {0};

		assert_int_equal(feed(&p, both, piece, &body), strlen(text));
		assert_int_equal(p.part, HTTP_DONE);
		assert_string_equal(p.head.method, "PUT");
		assert_string_equal(p.head.target, "/a?b");
		assert_int_equal(p.head.field_n, 6);
		assert_string_equal(http_head_field(&p.head, "host"), "x");
		assert_string_equal(http_head_field(&p.head, "x-empty"), "");
		assert_string_equal(http_head_field(&p.head, "cookie"), "a=\xff");
		assert_null(http_head_field(&p.head, "Host"));
		assert_int_equal(p.head.length, -1);
		assert_true(p.head.close && p.head.expects);
		assert_string_equal(buf_text(&body), "abc0123456789");
		buf_release(&body);
		http_parse_release(&p);
	}
}

static void a_body_ends_where_its_length_says(void **state)
{
	struct http_parse p = {0};
	struct buf body = {0};
	static const char text[] =
	    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\n";

	(void)state;
	assert_int_equal(feed(&p, text, sizeof text, &body), strstr(text, "GET") - text);
	assert_int_equal(p.part, HTTP_DONE);
	assert_string_equal(buf_text(&body), "hello");
	buf_release(&body);
	http_parse_release(&p);
}

static void what_is_wrong_is_wrong_however_it_is_cut(void **state)
{
	static const struct {
		const char *text;
		int status;
	} rows[] = {
	    {"GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n", 400},
	    {"GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", 400},
	    {"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", 400},
	    {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
	    {"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
	    {"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n", 400},
	    {"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n", 400},
	    {"GET / HTTP/1.1\r\n\r\n", 400},
	    {"GET / HTTP/1.0\r\nHost: x\r\n\r\n", 505},
	    {"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 501},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		for (size_t piece = 1; piece <= strlen(rows[i].text); piece++) {
			struct http_parse p = {0};
			struct buf body = {0};

			feed(&p, rows[i].text, piece, &body);
			if (p.part != HTTP_BAD || p.status != rows[i].status)
				fail_msg("row %zu by %zu: part %d, status %d", i, piece, p.part, p.status);
			buf_release(&body);
			http_parse_release(&p);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_request_is_the_same_however_it_is_cut),
	    cmocka_unit_test(a_body_ends_where_its_length_says),
	    cmocka_unit_test(what_is_wrong_is_wrong_however_it_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
