#include "roles/metrics_page.h"

#include <stdio.h>
#include <stdlib.h>

#include "net/memory.h"
#include "roles/roles.h"

const char *hivemind_commit = "unknown";

static const struct http_route *first_route;
static size_t route_count; /* beyond the last: what has no route, files among it */

void metrics_page_open(enum metrics_role role, const struct http_route *routes, size_t n)
{
	const char *version = HIVEMIND_VERSION, **words = xcalloc(n + 1, sizeof *words);

	metrics_words(METRIC_BUILD_INFO, 0, &version, 1);
	metrics_label(METRIC_BUILD_INFO, "commit", hivemind_commit);
	metrics_set(METRIC_BUILD_INFO, 0, role == METRICS_POOL ? 0 : role == METRICS_WORKER ? 1 : 2, 1);
	first_route = routes;
	route_count = n;
	for (size_t i = 0; i < n; i++)
		words[i] = xasprintf("%s %s", routes[i].method, routes[i].path);
	words[n] = xstrdup("other");
	metrics_words(METRIC_HTTP_REQUESTS, 0, words, n + 1);
	for (size_t i = 0; i <= n; i++)
		free((char *)words[i]);
	free(words);
}

void metrics_page_answered(void *data, const struct http_route *route, int status, int64_t ms)
{
	size_t at = route == NULL ? route_count : (size_t)(route - first_route);

	(void)data;
	(void)ms;
	metrics_add(METRIC_HTTP_REQUESTS, at, (size_t)(status / 100 - 1), 1);
}

void metrics_page_answer(struct http_request *r, enum metrics_role role)
{
	struct buf text = {0};

	metrics_set(METRIC_SSE_CLIENTS, 0, 0, http_server_event_streams(r->server));
	metrics_write(role, &text);
	http_answer(r, 200, METRICS_TYPE, text.data, text.n);
	buf_release(&text);
}
