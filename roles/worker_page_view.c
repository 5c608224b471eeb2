/* roles/worker_page_view.c - a worker's state, as its page and programs see it: GET /api/v1/status, and
 * the event of that name. */
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "net/clock.h"
#include "proto/cpt.h"
#include "proto/task.h"
#include "roles/money_view.h"
#include "roles/roles.h"
#include "roles/worker.h"
#include "roles/worker_page.h"

static const char *state_of(const struct worker_page *p, const char *reason)
{
	if (p->policy.paused)
		return "paused";
	if (p->policy.snooze_until_ms > clock_wall_ms())
		return "snoozing";
	if (p->worker->attempts != NULL)
		return "working";
	if (!worker_link_up(&p->worker->link))
		return "unlinked";
	return reason[0] != '\0' ? "not ready" : "ready";
}

static void share(struct json *j, const char *name, uint64_t most, uint64_t lent, uint64_t reserved,
		  double used, double scale)
{
	json_object(j, name);
	if (scale > 1) {
		json_seconds(j, "most", (int64_t)most);
		json_seconds(j, "lent", (int64_t)lent);
		json_seconds(j, "reserved", (int64_t)reserved);
		json_seconds(j, "used", (int64_t)(used * scale + 0.5));
	} else {
		json_uint(j, "most", most);
		json_uint(j, "lent", lent);
		json_uint(j, "reserved", reserved);
		json_uint(j, "used", (uint64_t)used);
	}
	json_end(j);
}

static void shares(struct json *j, const struct worker_page *p)
{
	const struct worker_resources *r = &p->worker->resources;
	uint64_t disk = 0;
	const struct attempt *a;

	DL_FOREACH(p->worker->attempts, a)
		disk += a->disk.used;
	share(j, "cpus", p->most.milli_cpus, r->milli_cpus, r->used_milli_cpus, p->cpus_now, 1000);
	share(j, "memory", p->most.memory, r->memory, r->used_memory, (double)p->memory_now, 1);
	share(j, "disk", p->most.disk, r->disk, r->used_disk, (double)disk, 1);
}

static const char *word_of(const struct attempt *a)
{
	static const char *const words[] = {
		[RESTORED] = "restored", [FETCHING] = "fetching", [UNPACKING] = "unpacking",
		[JOB] = "running", [PACKING] = "packing", [UPLOADING] = "uploading",
		[REPORTING] = "reporting", [REMOVING] = "removing"};

	if (a->step.at == JOB && a->started_us == 0)
		return "pulling";
	return a->step.at == JOB && job_is_paused(&a->job) ? "paused" : words[a->step.at];
}

static void attempt_json(struct json *j, const struct attempt *a)
{
	const Pb__Resources *need = a->spec->resources;

	json_object(j, NULL);
	json_text(j, "task", a->task);
	json_uint(j, "attempt", a->epoch);
	json_text(j, "name", a->spec->name);
	json_text(j, "image", a->spec->image[0] != '\0' ? a->spec->image : NULL);
	json_text(j, "phase", word_of(a));
	json_text(j, "detail", a->detail[0] != '\0' ? a->detail : NULL);
	json_time(j, "since", a->phase_ms);
	json_uint(j, "done", a->done);
	json_uint(j, "total", a->total);
	json_uint(j, "time_limit", a->spec->time_limit_s);
	json_object(j, "cpus");
	json_seconds(j, "reserved", need->milli_cpus);
	json_seconds(j, "used", (int64_t)(a->cpus_now * 1000 + 0.5));
	json_end(j);
	json_object(j, "memory");
	json_uint(j, "reserved", need->memory);
	json_uint(j, "used", a->seen_memory);
	json_end(j);
	json_object(j, "disk");
	json_uint(j, "reserved", need->disk);
	json_uint(j, "used", a->disk.used);
	json_end(j);
	json_end(j);
}

/* What exec/container_body.c says for each container; whether limits hold was tried at the start. */
static void safety_json(struct json *j, const struct worker *w)
{
	static const struct {
		const char *name;
		bool is_limit;
	} settings[] = {{"network", false}, {"capabilities", false}, {"privileges", false}, {"root", false},
			{"user", false}, {"seccomp", false}, {"mounts", false}, {"memory", true},
			{"cpu", true}, {"pids", true}};
	const struct engine *e = &w->engine.engine;
	bool holds = w->engine.known && e->limits_enforced;

	json_object(j, "safety");
	json_text(j, "canary", !w->engine.known ? "waiting" : e->canary.status == 0 && holds ? "passed"
		  : "failed");
	json_text(j, "text", e->canary.status != 0 ? e->canary.text : NULL);
	json_text(j, "fix", e->canary.status != 0 && e->canary.hint[0] != '\0' ? e->canary.hint : NULL);
	json_array(j, "settings");
	for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
		json_object(j, NULL);
		json_text(j, "name", settings[i].name);
		json_bool(j, "set", !settings[i].is_limit || holds);
		json_end(j);
	}
	json_end(j);
	json_end(j);
}

static void engine_json(struct json *j, const struct worker *w)
{
	const struct engine *e = &w->engine.engine;

	json_object(j, "engine");
	json_text(j, "kind", e->kind[0] != '\0' ? e->kind : NULL);
	json_text(j, "version", e->version[0] != '\0' ? e->version : NULL);
	json_text(j, "error", w->engine.error.status != 0 ? w->engine.error.text : NULL);
	json_text(j, "fix", w->engine.error.status != 0 && w->engine.error.hint[0] != '\0'
		  ? w->engine.error.hint : NULL);
	json_end(j);
}

/* Since midnight, of what is remembered. */
static void today_json(struct json *j, const struct worker_page *p)
{
	time_t now = (time_t)(clock_wall_ms() / 1000);
	struct tm t;
	int64_t midnight, run_ms = 0;
	uint64_t completed = 0, others = 0;
	const struct history_entry *e;

	localtime_r(&now, &t);
	t.tm_hour = t.tm_min = t.tm_sec = 0;
	midnight = (int64_t)mktime(&t) * 1000;
	for (uint64_t at = 0; (e = worker_history_get(&p->history, at)) != NULL; at++) {
		bool well = strcmp(e->result, "completed") == 0;

		if (e->ended_ms < midnight)
			break;
		completed += well;
		others += !well;
		run_ms += e->run_ms;
	}
	json_object(j, "today");
	json_uint(j, "completed", completed);
	json_uint(j, "others", others);
	json_seconds(j, "ran", run_ms);
	json_end(j);
}

static void money_json(struct json *j, const struct worker_page *p)
{
	if (!p->earnings.known) {
		json_null(j, "earnings");
		return;
	}
	json_object(j, "earnings");
	json_cpt(j, "settled_cpt", p->earnings.settled_mcpt);
	json_cpt(j, "pending_cpt", p->earnings.pending_mcpt);
	json_end(j);
}

void worker_status_json(struct json *j, const struct worker_page *p)
{
	struct worker *w = p->worker;
	const char *reason = worker_not_ready(w);
	char pool[300];
	struct attempt *a;

	endpoint_text(&w->pool, pool, sizeof pool);
	json_text(j, "id", w->id);
	json_text(j, "name", w->name);
	json_text(j, "version", HIVEMIND_VERSION);
	json_text(j, "pool", pool);
	json_bool(j, "linked", worker_link_up(&w->link));
	json_text(j, "state", state_of(p, reason));
	json_text(j, "reason", reason[0] != '\0' ? reason : NULL);
	json_time(j, "snooze_until", p->policy.snooze_until_ms > clock_wall_ms() ? p->policy.snooze_until_ms
		  : 0);
	shares(j, p);
	json_array(j, "tasks");
	DL_FOREACH(w->attempts, a)
		attempt_json(j, a);
	json_end(j);
	json_object(j, "surroundings");
	json_bool(j, "on_mains", p->here.on_mains);
	json_bool(j, "in_use", p->here.in_use);
	json_end(j);
	today_json(j, p);
	money_json(j, p);
	engine_json(j, w);
	safety_json(j, w);
}
