/* roles/worker_page_api.c - the worker's JSON API: a function for each row of roles/worker_page_rows.c. What
 * comes was held against its row. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "net/clock.h"
#include "net/log.h"
#include "net/memory.h"
#include "roles/metrics_page.h"
#include "roles/money_view.h"
#include "roles/worker.h"
#include "roles/worker_page_handlers.h"

static struct worker_page *page_of(const struct http_request *r)
{
	return http_data(r);
}

static void answer(struct http_request *r, int status, struct json *j, struct buf *out)
{
	json_end(j);
	http_answer_json(r, status, out);
}

/* --- what is ------------------------------------------------------------------------------------- */

static void answer_status(struct http_request *r)
{
	struct buf out = {0};
	struct json j;

	json_document(&j, &out);
	worker_status_json(&j, page_of(r));
	answer(r, 200, &j, &out);
}

void page_status(struct http_request *r, const cJSON *body)
{
	(void)body;
	answer_status(r);
}

void page_session(struct http_request *r, const cJSON *body)
{
	struct buf out = {0};
	struct json j;

	(void)body;
	json_document(&j, &out);
	json_bool(&j, "signed_in", true);
	answer(r, 200, &j, &out);
}

/* A key has opened a session: the next browser needs another one. */
void page_session_open(struct http_request *r)
{
	http_session_post(r);
	if (r->session != 0)
		worker_page_say_address(page_of(r), "hivemind worker: for another browser, ");
}

void page_health(struct http_request *r, const cJSON *body)
{
	struct worker *w = page_of(r)->worker;
	const char *reason = worker_not_ready(w);
	bool linked = worker_link_up(&w->link);
	struct buf out = {0};
	struct json j;

	(void)body;
	json_document(&j, &out);
	json_text(&j, "worker", "ok");
	json_bool(&j, "linked", linked);
	json_bool(&j, "ready", linked && reason[0] == '\0');
	answer(r, 200, &j, &out);
}

void page_metrics(struct http_request *r, const cJSON *body)
{
	struct worker_page *p = page_of(r);
	struct worker *w = p->worker;
	double phases[3] = {0};
	const struct attempt *a;

	(void)body;
	DL_FOREACH(w->attempts, a)
		phases[a->step.at < JOB ? 0 : a->step.at == JOB ? 1 : 2]++;
	for (size_t i = 0; i < 3; i++)
		metrics_set(METRIC_ATTEMPTS, i, 0, phases[i]);
	metrics_set(METRIC_CORES, 0, 0, w->resources.milli_cpus / 1000.0);
	metrics_set(METRIC_CORES, 1, 0, w->resources.used_milli_cpus / 1000.0);
	metrics_set(METRIC_MEMORY, 0, 0, (double)w->resources.memory);
	metrics_set(METRIC_MEMORY, 1, 0, (double)w->resources.used_memory);
	metrics_set(METRIC_LINK_UP, 0, 0, worker_link_up(&w->link));
	metrics_set(METRIC_READY, 0, 0, worker_not_ready(w)[0] == '\0');
	metrics_page_answer(r, METRICS_WORKER);
}

void page_events(struct http_request *r, const cJSON *body)
{
	(void)body;
	worker_page_listen(page_of(r), r);
}

void page_log(struct http_request *r, const cJSON *body)
{
	struct buf text = {0};

	(void)body;
	log_tail(&text);
	http_answer(r, 200, "text/plain; charset=utf-8", text.data, text.n);
	buf_release(&text);
}

/* --- what was ------------------------------------------------------------------------------------ */

void page_history(struct http_request *r, const cJSON *body)
{
	struct worker_page *p = page_of(r);
	const char *text = http_query(r, "limit");
	unsigned long limit = text != NULL ? strtoul(text, NULL, 10) : 100;
	const struct history_entry *e;
	struct buf out = {0};
	struct json j;

	(void)body;
	json_document(&j, &out);
	json_array(&j, "history");
	for (uint64_t at = 0; at < limit && (e = worker_history_get(&p->history, at)) != NULL; at++) {
		json_object(&j, NULL);
		history_entry_json(&j, e);
		json_end(&j);
	}
	json_end(&j);
	answer(r, 200, &j, &out);
}

void page_earnings(struct http_request *r, const cJSON *body)
{
	const struct worker_earnings *e = &page_of(r)->earnings;
	struct buf out = {0};
	struct json j;

	(void)body;
	json_document(&j, &out);
	json_bool(&j, "known", e->known);
	json_text(&j, "error", e->error[0] != '\0' ? e->error : NULL);
	json_time(&j, "at", e->at_ms);
	json_cpt(&j, "settled_cpt", e->settled_mcpt);
	json_cpt(&j, "pending_cpt", e->pending_mcpt);
	json_array(&j, "tasks");
	for (size_t i = 0; i < e->count; i++) {
		json_object(&j, NULL);
		json_text(&j, "task", e->tasks[i].task);
		json_cpt(&j, "pending_cpt", e->tasks[i].pending_mcpt);
		json_end(&j);
	}
	json_end(&j);
	answer(r, 200, &j, &out);
}

void page_series(struct http_request *r, const cJSON *body)
{
	struct worker_page *p = page_of(r);
	const char *name = http_query(r, "name"), *seconds = http_query(r, "step");
	enum series_step step = series_step_of(seconds != NULL ? atoi(seconds) : 1);
	float *values;
	int64_t first;
	size_t n;
	struct buf out = {0};
	struct json j;

	(void)body;
	values = xcalloc(SERIES_POINTS_MAX, sizeof *values);
	n = series_read(&p->series, series_find(&p->series, name), step, 0, values, &first);
	json_document(&j, &out);
	json_text(&j, "name", name);
	json_int(&j, "step", series_step_ms(step) / 1000);
	json_time(&j, "from", first);
	json_floats(&j, "values", values, n);
	free(values);
	answer(r, 200, &j, &out);
}

/* --- what its owner wants ------------------------------------------------------------------------ */

static void answer_policy(struct http_request *r)
{
	struct worker_page *p = page_of(r);
	struct buf out = {0};
	struct json j;

	json_document(&j, &out);
	worker_policy_json(&j, &p->policy);
	json_object(&j, "most");
	json_seconds(&j, "cpus", p->most.milli_cpus);
	json_uint(&j, "memory", p->most.memory);
	json_uint(&j, "disk", p->most.disk);
	json_uint(&j, "max_tasks", p->most.tasks_max);
	json_end(&j);
	json_bool(&j, "has_battery", p->here.has_battery);
	json_text(&j, "reason", p->reason[0] != '\0' ? p->reason : NULL);
	answer(r, 200, &j, &out);
}

void page_policy(struct http_request *r, const cJSON *body)
{
	(void)body;
	answer_policy(r);
}

void page_policy_change(struct http_request *r, const cJSON *body)
{
	struct worker_page *p = page_of(r);
	struct error err = {0};

	if (worker_policy_change(&p->policy, body, &p->most, &err) == 0) {
		worker_page_changed(p);
		answer_policy(r);
	} else {
		api_problem(r, &err);
	}
}

/* What runs goes back to the pool, which gives it to others; what only has bytes to send may. */
static void give_back(struct worker *w)
{
	struct attempt *a, *next;

	DL_FOREACH_SAFE(w->attempts, a, next)
		if (!attempt_exited(a))
			attempt_lose(a, "its worker was paused by its owner");
}

void page_pause(struct http_request *r, const cJSON *body)
{
	struct worker_page *p = page_of(r);

	p->policy.paused = true;
	p->policy.snooze_until_ms = 0;
	worker_page_changed(p);
	if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(body, "give_back")))
		give_back(p->worker);
	answer_status(r);
}

void page_resume(struct http_request *r, const cJSON *body)
{
	struct worker_page *p = page_of(r);

	(void)body;
	p->policy.paused = false;
	p->policy.snooze_until_ms = 0;
	worker_page_changed(p);
	answer_status(r);
}

void page_snooze(struct http_request *r, const cJSON *body)
{
	struct worker_page *p = page_of(r);
	double seconds = cJSON_GetObjectItemCaseSensitive(body, "seconds")->valuedouble;

	p->policy.paused = false;
	p->policy.snooze_until_ms = clock_wall_ms() + (int64_t)(seconds * 1000);
	worker_page_changed(p);
	answer_status(r);
}

/* --- doctor -------------------------------------------------------------------------------------- */

static void on_doctor_gone(struct http_request *r)
{
	struct worker_page *p = page_of(r);

	if (p->doctor.user == r)
		p->doctor.user = NULL;
}

static void on_doctor_done(struct worker_doctor *d, const struct error *err)
{
	struct worker_page *p = container_of(d, struct worker_page, doctor);
	struct http_request *r = d->user;

	d->user = NULL;
	if (r != NULL && err->status != 0)
		api_problem(r, err);
	else if (r != NULL)
		http_answer(r, 200, "application/json", d->answer.data, d->answer.n);
	worker_page_check(p);
}

void page_doctor(struct http_request *r, const cJSON *body)
{
	struct worker_page *p = page_of(r);
	struct error err = {0};

	(void)body;
	r->on_gone = on_doctor_gone;
	if (worker_doctor_start(&p->doctor, &p->worker->loop, p->worker->engine.engine.socket,
				p->worker->data, on_doctor_done, r,
				&err) != 0)
		api_problem(r, &err);
}

/* --- the document -------------------------------------------------------------------------------- */

void page_openapi(struct http_request *r, const cJSON *body)
{
	struct buf out = {0};

	(void)body;
	api_document(&worker_page_table, &out);
	http_answer(r, 200, "application/json", out.data, out.n);
	buf_release(&out);
}
