/* roles/pool_metrics.c - what the pool knows anyway is set when somebody asks; what happens is counted
 * where it does. */
#include "roles/pool_metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/clock.h"
#include "net/log.h"
#include "proto/standard.h"
#include "roles/metrics_page.h"
#include "roles/pool.h"
#include "ui/json.h"

static void set(enum metric_id id, size_t a, double value)
{
	metrics_set(id, a, 0, value);
}

static void count_workers(struct pool *pool)
{
	enum { READY_NOW, BUSY, NOT_READY, RESTING, LOST, STATES };
	double states[STATES] = {0};
	struct amounts offered = {0}, used = {0};

	for (const struct pool_worker *w = pool->workers.by_id; w != NULL; w = w->hh.next) {
		if (w->link == NULL) {
			states[LOST]++;
			continue;
		}
		states[w->not_ready[0] != '\0' ? NOT_READY : w->rests_until_ms > clock_ms() ? RESTING
							     : w->task_count > 0 ? BUSY : READY_NOW]++;
		amounts_add(&offered, &w->offered);
		amounts_add(&used, &w->reserved);
	}
	for (int i = 0; i < STATES; i++)
		set(METRIC_WORKERS, (size_t)i, states[i]);
	set(METRIC_CORES, 0, (double)offered.milli_cpus / 1000);
	set(METRIC_CORES, 1, (double)used.milli_cpus / 1000);
	set(METRIC_MEMORY, 0, (double)offered.memory);
	set(METRIC_MEMORY, 1, (double)used.memory);
}

static void on_metrics(struct http_request *r)
{
	struct pool *pool = http_data(r);

	set(METRIC_TASKS, 0, (double)pool->index.pending);
	set(METRIC_TASKS, 1, (double)pool->index.running);
	set(METRIC_REDIS_UP, 0, pool->store != NULL && store_is_up(pool->store));
	set(METRIC_BLOB_BYTES, 0, pool->blobs != NULL ? (double)blobs_bytes(pool->blobs) : 0);
	set(METRIC_LEDGER_IMBALANCE, 0, pool->guard != NULL ? (double)ledger_guard_violations(pool->guard)
	    : 0);
	count_workers(pool);
	metrics_page_answer(r, METRICS_POOL);
}

static void on_health(struct http_request *r)
{
	struct pool *pool = http_data(r);
	struct error why = {0};
	struct buf out = {0};
	struct json j;
	bool serves = pool_serves(pool, &why) == 0, redis = pool->store != NULL && store_is_up(pool->store);

	json_document(&j, &out);
	json_text(&j, "pool", !serves ? "down" : redis ? "ok" : "degraded");
	json_text(&j, "reason", !serves ? why.text : redis ? NULL
		  : "the pool has no Redis: nothing can be changed until it is back");
	json_end(&j);
	http_answer_json(r, serves && redis ? 200 : 503, &out);
}

static const struct http_route routes[] = {
	{"GET", "/metrics", on_metrics, HTTP_PUBLIC, NULL, 0, NULL},
	{"GET", "/health", on_health, HTTP_PUBLIC, NULL, 0, NULL},
};

#define ROUTE_COUNT (sizeof routes / sizeof routes[0])

/* The methods, in the order of the server's handlers (roles/pool.c): that is how net/rpc.c knows them. */
static void name_methods(void)
{
	const char *words[RPC_COUNT + STANDARD_COUNT];
	size_t n = 0;

	for (const struct rpc_handler *h = pool_handlers; n < RPC_COUNT + STANDARD_COUNT; h++)
		words[n++] = h->method->path + 1;
	metrics_words(METRIC_RPC_REQUESTS, 0, words, n);
	metrics_words(METRIC_RPC_DURATION, 0, words, n);
}

/* The names by which scrapers on other machines call it: the address itself, and those of --name. */
static void name_hosts(struct pool *pool, const struct endpoint *at)
{
	struct pool_metrics *m = &pool->metrics;
	int n = 0;

	endpoint_text(at, m->names[n], sizeof m->names[n]);
	for (n = 1; n <= pool->options.names.n && n < METRICS_NAMES_MAX; n++)
		snprintf(m->names[n], sizeof m->names[n], "%s:%d", pool->options.names.at[n - 1], at->port);
	for (int i = 0; i < n; i++)
		m->hosts[i] = m->names[i];
	m->hosts[n] = NULL;
}

int pool_metrics_open(struct pool *pool, struct error *err)
{
	struct http_options options = {.routes = routes, .route_count = ROUTE_COUNT, .name = "hivemind_pool",
				       .data = pool, .anywhere = true, .hosts = pool->metrics.hosts,
				       .on_answered = metrics_page_answered};
	struct endpoint at;
	char text[300];

	metrics_page_open(METRICS_POOL, routes, ROUTE_COUNT);
	name_methods();
	if (pool->options.metrics == NULL)
		return 0;
	if (endpoint_parse(&at, pool->options.metrics, err) != 0)
		return err->status;
	name_hosts(pool, &at);
	pool->metrics.http = http_server_new(&pool->loop, &options);
	if (http_server_listen(pool->metrics.http, &at, err) != 0)
		return error_hint(err, "--metrics 127.0.0.1:0 takes any free port, and the log says which");
	name_hosts(pool, &at); /* the port is known now */
	endpoint_text(&at, text, sizeof text);
	log_info("metrics on http://%s/metrics", text);
	return 0;
}

static void on_closed(void *user)
{
	(void)user; /* the loop ends when nothing is left */
}

void pool_metrics_close(struct pool *pool)
{
	if (pool->metrics.http != NULL)
		http_server_close(pool->metrics.http, on_closed, pool);
	pool->metrics.http = NULL;
}
