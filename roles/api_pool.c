/* roles/api_pool.c - the pool as a whole: /info, /health, /workers, /series; and the document
 * that describes all this. */
#include "roles/api_handlers.h"

#include <stdlib.h>
#include <string.h>

#include "net/clock.h"
#include "proto/typed.h"
#include "roles/info_view.h"
#include "roles/master.h"
#include "roles/metrics_page.h"
#include "roles/roles.h"
#include "roles/worker_view.h"

static void on_info(struct api *a, const void *reply)
{
	info_json(api_reply(a), a->m->pool_text, reply);
	api_send(a);
}

void api_info(struct api *a)
{
	Pb__InfoRequest request = PB__INFO_REQUEST__INIT;

	api_ask(a, RPC_INFO, &request, on_info);
}

static void health(struct api *a, const char *pool, const char *reason)
{
	struct json *j = api_reply(a);

	json_text(j, "master", "ok");
	json_text(j, "version", HIVEMIND_VERSION);
	json_text(j, "pool", pool);
	json_text(j, "reason", reason);
	api_send_status(a, strcmp(pool, "ok") == 0 ? 200 : 503);
}

static void on_health(struct api *a, const void *reply)
{
	const Pb__InfoReply *info = reply;

	if (info->redis_up)
		health(a, "ok", NULL);
	else
		health(a, "degraded", "the pool has no Redis: nothing can be changed until it is back");
}

static bool is_ill(struct api *a, const struct error *e)
{
	health(a, "down", e->text);
	return true;
}

void api_health(struct api *a)
{
	Pb__InfoRequest request = PB__INFO_REQUEST__INIT;

	a->failed = is_ill;
	api_ask(a, RPC_INFO, &request, on_health);
}

void api_metrics(struct api *a)
{
	metrics_page_answer(a->r, METRICS_MASTER);
}

static void workers_json(struct api *a, const Pb__ListWorkersReply *workers)
{
	struct json *j = api_reply(a);

	json_array(j, "workers");
	for (size_t i = 0; i < workers->n_workers; i++) {
		json_object(j, NULL);
		worker_json(j, workers->workers[i]);
		json_end(j);
	}
	json_end(j);
}

static void on_workers(struct api *a, const void *reply)
{
	workers_json(a, reply);
	api_send(a);
}

void api_workers(struct api *a)
{
	Pb__ListWorkersRequest request = PB__LIST_WORKERS_REQUEST__INIT;

	api_ask(a, RPC_LIST_WORKERS, &request, on_workers);
}

static void on_one_worker(struct api *a, const void *reply)
{
	const Pb__ListWorkersReply *workers = reply;
	const char *id = api_param(a, "id");

	for (size_t i = 0; i < workers->n_workers; i++) {
		if (strcmp(workers->workers[i]->id, id) == 0) {
			worker_json(api_reply(a), workers->workers[i]);
			api_send(a);
			return;
		}
	}
	api_refuse(a, STATUS_NOT_FOUND, "there is no worker %.40s now", id);
}

void api_worker(struct api *a)
{
	Pb__ListWorkersRequest request = PB__LIST_WORKERS_REQUEST__INIT;

	api_ask(a, RPC_LIST_WORKERS, &request, on_one_worker);
}

static void on_series(struct api *a, const void *reply)
{
	const Pb__SeriesReply *series = reply;
	struct json *j = api_reply(a);

	json_text(j, "name", series->name);
	json_text(j, "unit", series->unit);
	json_uint(j, "step", series->step_s);
	json_time(j, "from", series->from_ms);
	json_floats(j, "values", series->values, series->n_values);
	api_send(a);
}

void api_series(struct api *a)
{
	const char *since = api_query(a, "since"), *step = api_query(a, "step");
	int64_t ms = since != NULL ? parse_duration_ms(since) : 0;
	Pb__SeriesRequest request = PB__SERIES_REQUEST__INIT;

	if (ms < 0) {
		api_refuse(a, STATUS_INVALID_ARGUMENT, "\"since\" must be a time back from now, as 12h or 30d");
		return;
	}
	request.name = (char *)api_query(a, "name");
	request.step_s = step != NULL ? (uint32_t)atoi(step) : 1; /* one of the row's words */
	request.from_ms = ms > 0 ? clock_wall_ms() - ms : 0;
	api_ask(a, RPC_SERIES, &request, on_series);
}

void api_openapi(struct api *a)
{
	api_document(&api_master, &a->out);
	api_send_as(a, 200, "application/json");
}
