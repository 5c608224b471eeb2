/* test/ui/http_target.c tests ui/http_target.c: targets decoded, and the route that has them. */
#include "ui/http_target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_target_is_decoded_or_refused(void **state)
{
	static const struct {
		const char *target, *path; /* NULL = refused */
	} rows[] = {
	    {"/", "/"},
	    {"/a/b?x=1", "/a/b"},
	    {"/a%20b", "/a b"},
	    {"/caf%c3%a9", "/caf\xc3\xa9"},
	    {"/a+b", "/a+b"},
	    {"/a%2Fb", "/a/b"},
	    {"/...", "/..."},
	    {"/.hidden", "/.hidden"},
	    {"http://h:1/a", "/a"},
	    {"", NULL},
	    {"a", NULL},
	    {"*", NULL},
	    {"/..", NULL},
	    {"/a/../b", NULL},
	    {"/a/./b", NULL},
	    {"/a/%2e%2E/b", NULL},
	    {"/a%2f..%2fb", NULL},
	    {"/%00", NULL},
	    {"/%0a", NULL},
	    {"/%7f", NULL},
	    {"/%", NULL},
	    {"/%4", NULL},
	    {"/%zz", NULL},
	    {"/%c3", NULL},
	    {"/%ed%a0%80", NULL},
	    {"/a#b", NULL},
	    {"/a\\b", NULL},
	    {"/?%00=1", NULL},
	    {"/?a=%ff", NULL},
	    {"/?=1", NULL},
	    {"http://h", NULL},
	    {"https://h/", NULL},
	};
	struct arena a = {0};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct http_target t;
		const char *why = http_target_read(&t, rows[i].target, &a);

		if ((why == NULL) != (rows[i].path != NULL))
			fail_msg("%s: %s", rows[i].target, why == NULL ? "taken" : why);
		if (why == NULL)
			assert_string_equal(t.path, rows[i].path);
	}
	arena_release(&a);
}

static void a_query_keeps_its_order(void **state)
{
	struct arena a = {0};
	struct http_target t;

	(void)state;
	assert_null(http_target_read(&t, "/?b=1&a=x+y%2B&&b=&c&d=e=f", &a));
	assert_int_equal(t.query_n, 5);
	assert_string_equal(t.query[0].name, "b");
	assert_string_equal(t.query[1].value, "x y+");
	assert_string_equal(t.query[2].value, "");
	assert_string_equal(t.query[3].name, "c");
	assert_string_equal(t.query[3].value, "");
	assert_string_equal(t.query[4].value, "e=f");
	arena_release(&a);
}

static const struct http_route routes[] = {
    {.method = "GET", .path = "/"},
    {.method = "GET", .path = "/tasks"},
    {.method = "POST", .path = "/tasks"},
    {.method = "GET", .path = "/tasks/{id}"},
    {.method = "DELETE", .path = "/tasks/{id}"},
    {.method = "GET", .path = "/tasks/check"},
    {.method = "GET", .path = "/tasks/{id}/result"},
    {.method = "GET", .path = "/tasks/{id}/result/{path...}"},
    {.method = "GET", .path = "/{rest...}"},
};

static void the_nearest_route_is_found(void **state)
{
	static const struct {
		const char *method, *path;
		int route; /* -1 = 405 */
		const char *params;
	} rows[] = {
	    {"GET", "/", 0, ""},
	    {"HEAD", "/tasks", 1, ""},
	    {"POST", "/tasks", 2, ""},
	    {"PUT", "/tasks", -1, "GET, HEAD, POST"},
	    {"GET", "/tasks/7kq2", 3, "id=7kq2;"},
	    {"DELETE", "/tasks/7kq2", 4, "id=7kq2;"},
	    {"PATCH", "/tasks/7kq2", -1, "GET, HEAD, DELETE"},
	    {"GET", "/tasks/check", 5, ""},
	    {"GET", "/tasks/7/result", 6, "id=7;"},
	    {"GET", "/tasks/7/result/", 7, "id=7;path=;"},
	    {"GET", "/tasks/7/result/a/b c", 7, "id=7;path=a/b c;"},
	    {"GET", "/tasks/", 8, "rest=tasks/;"},
	    {"GET", "/tasks//result", 8, "rest=tasks//result;"},
	    {"GET", "/other", 8, "rest=other;"},
	};
	struct arena a = {0};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct http_found f;
		char params[100] = "";

		http_route_find(&f, routes, sizeof routes / sizeof *routes, rows[i].method, rows[i].path, &a);
		assert_non_null(f.best);
		for (int p = 0; p < f.param_n; p++) {
			strcat(strcat(params, f.params[p].name), "=");
			strcat(strcat(params, f.params[p].value), ";");
		}
		if (rows[i].route < 0) {
			assert_null(f.route);
			assert_string_equal(http_route_allow(&f, routes, sizeof routes / sizeof *routes, &a),
			                    rows[i].params);
			continue;
		}
		assert_ptr_equal(f.route, &routes[rows[i].route]);
		assert_string_equal(params, rows[i].params);
	}
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_target_is_decoded_or_refused),
	    cmocka_unit_test(a_query_keeps_its_order),
	    cmocka_unit_test(the_nearest_route_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
