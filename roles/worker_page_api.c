/* roles/worker_page_api.c - the worker's JSON API: a row for each route, a function for each row. Whoever
 * is let in here (a session, or the key in DATA/page-key) is the machine's owner. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "exec/json_keys.h"
#include "net/clock.h"
#include "net/embed.h"
#include "net/log.h"
#include "net/memory.h"
#include "proto/status.h"
#include "roles/api.h"
#include "roles/metrics_page.h"
#include "roles/money_view.h"
#include "roles/worker.h"
#include "roles/worker_page.h"

#define V1 "/api/v1"

static struct worker_page *page_of(const struct http_request *r)
{
	return http_data(r);
}

static void answer(struct http_request *r, int status, struct json *j, struct buf *out)
{
	json_end(j);
	http_answer_json(r, status, out);
}

/* The body as an object; nothing = an empty one. NULL: it was none, and that is the answer. */
static cJSON *body_of(struct http_request *r)
{
	struct arena arena = {0};
	struct json_keys keys;
	struct error err = {0};
	const char *text = r->body_n > 0 ? (const char *)r->body : "{}", *fault;
	cJSON *object = cJSON_ParseWithOpts(text, NULL, true);

	json_keys_init(&keys, &arena, text);
	if (!cJSON_IsObject(object) || (r->body_n > 0 && strlen(text) != r->body_n))
		error_set(&err, STATUS_INVALID_ARGUMENT, "the body must be a JSON object");
	else if ((fault = json_keys_read(&keys)) != NULL)
		error_set(&err, STATUS_INVALID_ARGUMENT, "the body, line %d: %s", keys.line, fault);
	arena_release(&arena);
	if (err.status == 0)
		return object;
	api_problem(r, &err);
	cJSON_Delete(object);
	return NULL;
}

static void refuse(struct http_request *r, const char *words)
{
	struct error err = {0};

	error_set(&err, STATUS_INVALID_ARGUMENT, "%s", words);
	api_problem(r, &err);
}

/* --- what is ------------------------------------------------------------------------------------- */

static void on_status(struct http_request *r)
{
	struct buf out = {0};
	struct json j;

	json_document(&j, &out);
	worker_status_json(&j, page_of(r));
	answer(r, 200, &j, &out);
}

static void on_session(struct http_request *r)
{
	struct buf out = {0};
	struct json j;

	json_document(&j, &out);
	json_bool(&j, "signed_in", true);
	answer(r, 200, &j, &out);
}

/* A key has opened a session: the next browser needs another one. */
static void on_session_open(struct http_request *r)
{
	http_session_post(r);
	if (r->session != 0)
		worker_page_say_address(page_of(r), "hivemind worker: for another browser, ");
}

static void on_health(struct http_request *r)
{
	struct worker *w = page_of(r)->worker;
	const char *reason = worker_not_ready(w);
	bool linked = worker_link_up(&w->link);
	struct buf out = {0};
	struct json j;

	json_document(&j, &out);
	json_text(&j, "worker", "ok");
	json_bool(&j, "linked", linked);
	json_bool(&j, "ready", linked && reason[0] == '\0');
	answer(r, 200, &j, &out);
}

static void on_metrics(struct http_request *r)
{
	struct worker_page *p = page_of(r);
	struct worker *w = p->worker;
	double phases[3] = {0};
	const struct attempt *a;

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

static void on_events(struct http_request *r)
{
	worker_page_listen(page_of(r), r);
}

static void on_log(struct http_request *r)
{
	struct buf text = {0};

	log_tail(&text);
	http_answer(r, 200, "text/plain; charset=utf-8", text.data, text.n);
	buf_release(&text);
}

/* --- what was ------------------------------------------------------------------------------------ */

static void on_history(struct http_request *r)
{
	struct worker_page *p = page_of(r);
	const char *text = http_query(r, "limit");
	unsigned long limit = text != NULL ? strtoul(text, NULL, 10) : 100;
	const struct history_entry *e;
	struct buf out = {0};
	struct json j;

	if (limit < 1 || limit > HISTORY_MAX) {
		refuse(r, "\"limit\" must be 1 to 500");
		return;
	}
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

static void on_earnings(struct http_request *r)
{
	const struct worker_earnings *e = &page_of(r)->earnings;
	struct buf out = {0};
	struct json j;

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

static void values_json(struct json *j, const float *values, size_t n)
{
	json_array(j, "values");
	for (size_t i = 0; i < n; i++)
		if (isnan(values[i]))
			json_null(j, NULL);
		else
			json_seconds(j, NULL, (int64_t)((double)values[i] * 1000 + 0.5));
	json_end(j);
}

/* ?name=cpus&step=1|60|3600 */
static void on_series(struct http_request *r)
{
	struct worker_page *p = page_of(r);
	const char *name = http_query(r, "name"), *step = http_query(r, "step");
	int at = name != NULL ? series_find(&p->series, name) : -1;
	enum series_step which = step == NULL || strcmp(step, "1") == 0 ? SERIES_SECONDS
				 : strcmp(step, "60") == 0 ? SERIES_MINUTES : strcmp(step, "3600") == 0
					 ? SERIES_HOURS : SERIES_STEPS;
	float *values;
	int64_t first;
	size_t n;
	struct buf out = {0};
	struct json j;

	if (at < 0 || which == SERIES_STEPS) {
		refuse(r,
		       "\"name\" is one of cpus, memory, tasks, on, earned; \"step\" is 1, 60 or 3600 seconds");
		return;
	}
	values = xcalloc(SERIES_POINTS_MAX, sizeof *values);
	n = series_read(&p->series, at, which, 0, values, &first);
	json_document(&j, &out);
	json_text(&j, "name", name);
	json_int(&j, "step", series_step_ms(which) / 1000);
	json_time(&j, "from", first);
	values_json(&j, values, n);
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

static void on_policy(struct http_request *r)
{
	answer_policy(r);
}

static void on_policy_change(struct http_request *r)
{
	struct worker_page *p = page_of(r);
	struct error err = {0};
	cJSON *object = body_of(r);

	if (object == NULL)
		return;
	if (worker_policy_change(&p->policy, object, &p->most, &err) == 0) {
		worker_page_changed(p);
		answer_policy(r);
	} else {
		api_problem(r, &err);
	}
	cJSON_Delete(object);
}

/* Its only member is this one, and a flag; absent = false. -1: it is not, and that is the answer. */
static int flag_of(struct http_request *r, const char *name)
{
	cJSON *object = body_of(r);
	const cJSON *v = object != NULL ? object->child : NULL;
	int flag = object == NULL ? -1 : v == NULL ? 0 : cJSON_IsTrue(v);

	if (v != NULL && (strcmp(v->string, name) != 0 || !cJSON_IsBool(v) || v->next != NULL)) {
		refuse(r, "the body may have \"give_back\", true or false, and nothing else");
		flag = -1;
	}
	cJSON_Delete(object);
	return flag;
}

/* What runs goes back to the pool, which gives it to others; what only has bytes to send may. */
static void give_back(struct worker *w)
{
	struct attempt *a, *next;

	DL_FOREACH_SAFE(w->attempts, a, next)
		if (!attempt_exited(a))
			attempt_lose(a, "its worker was paused by its owner");
}

static void on_pause(struct http_request *r)
{
	struct worker_page *p = page_of(r);
	int back = flag_of(r, "give_back");

	if (back < 0)
		return;
	p->policy.paused = true;
	p->policy.snooze_until_ms = 0;
	worker_page_changed(p);
	if (back > 0)
		give_back(p->worker);
	on_status(r);
}

static void on_resume(struct http_request *r)
{
	struct worker_page *p = page_of(r);

	p->policy.paused = false;
	p->policy.snooze_until_ms = 0;
	worker_page_changed(p);
	on_status(r);
}

static void on_snooze(struct http_request *r)
{
	struct worker_page *p = page_of(r);
	cJSON *object = body_of(r);
	const cJSON *v = object != NULL ? object->child : NULL;
	double seconds = v != NULL && v->next == NULL && strcmp(v->string, "seconds") == 0 &&
		cJSON_IsNumber(v) ? v->valuedouble : 0;

	cJSON_Delete(object);
	if (object == NULL)
		return;
	if (!(seconds >= 1 && seconds * 1000 <= POLICY_SNOOZE_MAX_MS)) {
		refuse(r, "the body must be {\"seconds\": N}, 1 to 604800");
		return;
	}
	p->policy.paused = false;
	p->policy.snooze_until_ms = clock_wall_ms() + (int64_t)(seconds * 1000);
	worker_page_changed(p);
	on_status(r);
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

static void on_doctor(struct http_request *r)
{
	struct worker_page *p = page_of(r);
	struct error err = {0};

	r->on_gone = on_doctor_gone;
	if (worker_doctor_start(&p->doctor, &p->worker->loop, p->worker->engine.engine.socket,
				p->worker->data, on_doctor_done, r,
				&err) != 0)
		api_problem(r, &err);
}

/* --- the rows ------------------------------------------------------------------------------------ */

#define ROW(method, path, handler, flags) {method, path, handler, flags, NULL, 0, NULL}

const struct http_route worker_page_routes[] = {
	ROW("GET", V1 "/session", on_session, 0),
	ROW("POST", V1 "/session", on_session_open, HTTP_PUBLIC),
	ROW("DELETE", V1 "/session", http_session_delete, 0),
	ROW("GET", V1 "/status", on_status, 0),
	ROW("GET", V1 "/policy", on_policy, 0),
	ROW("PATCH", V1 "/policy", on_policy_change, 0),
	ROW("POST", V1 "/pause", on_pause, 0),
	ROW("POST", V1 "/resume", on_resume, 0),
	ROW("POST", V1 "/snooze", on_snooze, 0),
	ROW("GET", V1 "/history", on_history, 0),
	ROW("GET", V1 "/earnings", on_earnings, 0),
	ROW("GET", V1 "/series", on_series, 0),
	ROW("GET", V1 "/events", on_events, 0),
	ROW("GET", V1 "/log", on_log, 0),
	ROW("POST", V1 "/doctor", on_doctor, 0),
	ROW("GET", V1 "/health", on_health, HTTP_PUBLIC),
	ROW("GET", "/metrics", on_metrics, 0),
};
const size_t worker_page_route_count = sizeof worker_page_routes / sizeof worker_page_routes[0];

/* --- the page's files ---------------------------------------------------------------------------- */

#define SCRIPT "text/javascript; charset=utf-8"

HTTP_FILE_EMBED(worker_html);
HTTP_FILE_EMBED(base_css);
HTTP_FILE_EMBED(worker_js);
HTTP_FILE_EMBED(live_hub_js);
HTTP_FILE_EMBED(en_json);
HTTP_FILE_EMBED(zh_TW_json);
HTTP_FILE_EMBED(worker_en_json);
HTTP_FILE_EMBED(worker_zh_TW_json);

const struct http_file worker_page_files[] = {
	HTTP_FILE("/", "text/html; charset=utf-8", worker_html),
	HTTP_FILE("/base.css", "text/css; charset=utf-8", base_css),
	HTTP_FILE("/worker.js", SCRIPT, worker_js),
	HTTP_FILE("/live-hub.js", SCRIPT, live_hub_js),
	HTTP_FILE("/lang/en.json", "application/json", en_json),
	HTTP_FILE("/lang/zh-TW.json", "application/json", zh_TW_json),
	HTTP_FILE("/lang/worker-en.json", "application/json", worker_en_json),
	HTTP_FILE("/lang/worker-zh-TW.json", "application/json", worker_zh_TW_json),
};
const size_t worker_page_file_count = sizeof worker_page_files / sizeof worker_page_files[0];
