/* test/ui/http_gate.c tests ui/http_gate.c: the gate as a table. Each row changes one thing of a request that
 * may. */
#include "ui/http_gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *const names[] = {"127.0.0.1:5001", "localhost:5001", "[::1]:5001", NULL};

/* What the page itself sends when it reads, when it changes something, and what a program sends. */
static const struct http_gate_ask reads = {.host = "127.0.0.1:5001",
                                           .names = names,
                                           .takes = "application/json",
                                           .session = true,
                                           .site = "same-origin"};
static const struct http_gate_ask writes = {.host = "127.0.0.1:5001",
                                            .names = names,
                                            .takes = "application/json",
                                            .session = true,
                                            .site = "same-origin",
                                            .origin = "http://127.0.0.1:5001",
                                            .csrf = "1",
                                            .type = "application/json",
                                            .changes = true,
                                            .has_body = true};
static const struct http_gate_ask program = {.host = "localhost:5001",
                                             .names = names,
                                             .takes = "application/json",
                                             .bearer = true,
                                             .type = "application/json; charset=utf-8",
                                             .changes = true,
                                             .has_body = true};
/* A link on another site that somebody follows. */
static const struct http_gate_ask link = {.host = "127.0.0.1:5001",
                                          .names = names,
                                          .takes = "*",
                                          .is_public = true,
                                          .site = "cross-site",
                                          .mode = "navigate",
                                          .dest = "document"};

#define TEXT(field) offsetof(struct http_gate_ask, field), true
#define FLAG(field) offsetof(struct http_gate_ask, field), false

static const struct row {
	const struct http_gate_ask *like;
	size_t field;
	bool is_text;
	const char *text; /* "" and "1" for a flag */
	enum http_gate expected;
} rows[] = {
    {&reads, TEXT(host), "127.0.0.1:5001", GATE_OPEN},
    {&reads, TEXT(host), "localhost:5001", GATE_OPEN},
    {&reads, TEXT(host), "LOCALHOST:5001", GATE_OPEN},
    {&reads, TEXT(host), "[::1]:5001", GATE_OPEN},
    {&reads, TEXT(host), "127.0.0.1", GATE_HOST},
    {&reads, TEXT(host), "127.0.0.1:5000", GATE_HOST},
    {&reads, TEXT(host), "127.0.0.1:50010", GATE_HOST},
    {&reads, TEXT(host), "evil.example:5001", GATE_HOST},
    {&reads, TEXT(host), "localhost:5001.evil.example", GATE_HOST},
    {&reads, TEXT(host), "0.0.0.0:5001", GATE_HOST},
    {&reads, TEXT(host), "", GATE_HOST},
    {&reads, TEXT(host), NULL, GATE_HOST},
    {&reads, TEXT(authority), "127.0.0.1:5001", GATE_OPEN},
    {&reads, TEXT(authority), "localhost:5001", GATE_HOST},
    {&reads, TEXT(authority), "evil.example", GATE_HOST},

    {&reads, TEXT(origin), NULL, GATE_OPEN},
    {&reads, TEXT(origin), "http://127.0.0.1:5001", GATE_OPEN},
    {&reads, TEXT(origin), "http://localhost:5001", GATE_ORIGIN},
    {&reads, TEXT(origin), "https://127.0.0.1:5001", GATE_ORIGIN},
    {&reads, TEXT(origin), "http://127.0.0.1:5000", GATE_ORIGIN},
    {&reads, TEXT(origin), "http://127.0.0.1:5001.evil.example", GATE_ORIGIN},
    {&reads, TEXT(origin), "null", GATE_ORIGIN},
    {&reads, TEXT(origin), "", GATE_ORIGIN},

    {&reads, TEXT(site), NULL, GATE_OPEN},
    {&reads, TEXT(site), "none", GATE_OPEN},
    {&reads, TEXT(site), "same-site", GATE_SITE},
    {&reads, TEXT(site), "cross-site", GATE_SITE},
    {&reads, TEXT(site), "Same-Origin", GATE_SITE},
    {&link, TEXT(site), "cross-site", GATE_OPEN},
    {&link, TEXT(site), "same-site", GATE_OPEN},
    {&link, TEXT(dest), "iframe", GATE_SITE},
    {&link, TEXT(dest), NULL, GATE_SITE},
    {&link, TEXT(mode), "no-cors", GATE_SITE},
    {&link, FLAG(is_public), "", GATE_SITE},
    {&link, FLAG(changes), "1", GATE_SITE},
    {&link, TEXT(origin), "http://evil.example", GATE_ORIGIN},

    {&reads, FLAG(session), "", GATE_SESSION},
    {&writes, FLAG(session), "", GATE_SESSION},
    {&program, FLAG(bearer), "", GATE_SESSION},
    {&link, FLAG(session), "", GATE_OPEN},

    {&writes, TEXT(origin), "http://127.0.0.1:5001", GATE_OPEN},
    {&writes, TEXT(origin), NULL, GATE_NO_ORIGIN},
    {&writes, TEXT(csrf), NULL, GATE_CSRF},
    {&writes, TEXT(csrf), "", GATE_CSRF},
    {&writes, TEXT(csrf), "0", GATE_CSRF},
    {&writes, TEXT(site), NULL, GATE_OPEN},
    {&writes, TEXT(site), "cross-site", GATE_SITE},
    {&writes, TEXT(type), "application/json;charset=utf-8", GATE_OPEN},
    {&writes, TEXT(type), "Application/JSON", GATE_OPEN},
    {&writes, TEXT(type), "text/plain", GATE_TYPE},
    {&writes, TEXT(type), "application/x-www-form-urlencoded", GATE_TYPE},
    {&writes, TEXT(type), "multipart/form-data; boundary=x", GATE_TYPE},
    {&writes, TEXT(type), "application/jsonx", GATE_TYPE},
    {&writes, TEXT(type), "application/jso", GATE_TYPE},
    {&writes, TEXT(type), NULL, GATE_TYPE},
    {&writes, TEXT(takes), "*", GATE_OPEN},
    {&writes, TEXT(takes), "application/x-tar", GATE_TYPE},
    {&writes, FLAG(has_body), "", GATE_OPEN},

    {&program, TEXT(origin), NULL, GATE_OPEN},
    {&program, TEXT(origin), "http://evil.example", GATE_ORIGIN},
    {&program, TEXT(host), "evil.example", GATE_HOST},
    {&program, TEXT(type), "text/plain", GATE_TYPE},
};

static void each_row_is_let_in_or_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct row *row = &rows[i];
		struct http_gate_ask ask = *row->like;
		char *field = (char *)&ask + row->field;

		if (row->is_text)
			*(const char **)field = row->text;
		else
			*(bool *)field = row->text[0] != '\0';
		if (http_gate(&ask) != row->expected)
			fail_msg("row %zu (%s): %d, not %d", i, row->text, http_gate(&ask), row->expected);
	}
}

static void who_is_refused_is_told_why(void **state)
{
	(void)state;
	for (int kind = GATE_OPEN + 1; kind < GATE_KINDS; kind++) {
		assert_in_range(http_gate_refusals[kind].status, 401, 415);
		assert_true(strlen(http_gate_refusals[kind].detail) > 10);
		assert_true(strlen(http_gate_refusals[kind].hint) > 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_row_is_let_in_or_refused),
	    cmocka_unit_test(who_is_refused_is_told_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
