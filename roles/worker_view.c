#include "roles/worker_view.h"

static const Pb__Resources *or_none(const Pb__Resources *r)
{
	static const Pb__Resources none = PB__RESOURCES__INIT;

	return r != NULL ? r : &none;
}

struct worker_share worker_share(const Pb__Worker *w)
{
	return (struct worker_share){or_none(w->host != NULL ? w->host->total : NULL),
			      or_none(w->host != NULL ? w->host->offered : NULL), or_none(w->used)};
}

static void share_json(struct json *j, const struct worker_share *s)
{
	json_object(j, "cpus"); /* thousandths of a core, written like thousandths of a second */
	json_seconds(j, "total", s->total->milli_cpus);
	json_seconds(j, "offered", s->offered->milli_cpus);
	json_seconds(j, "used", s->used->milli_cpus);
	json_end(j);
	json_object(j, "memory");
	json_uint(j, "total", s->total->memory);
	json_uint(j, "offered", s->offered->memory);
	json_uint(j, "used", s->used->memory);
	json_end(j);
	json_object(j, "disk");
	json_uint(j, "total", s->total->disk);
	json_uint(j, "offered", s->offered->disk);
	json_uint(j, "used", s->used->disk);
	json_end(j);
}

static void gpus_json(struct json *j, const Pb__Host *host)
{
	json_array(j, "gpus");
	for (size_t i = 0; host != NULL && i < host->n_gpus; i++) {
		json_object(j, NULL);
		json_text(j, "uuid", host->gpus[i]->uuid);
		json_text(j, "model", host->gpus[i]->model);
		json_uint(j, "memory", host->gpus[i]->memory);
		json_end(j);
	}
	json_end(j);
}

static void host_json(struct json *j, const Pb__Host *host)
{
	if (host == NULL) {
		json_null(j, "host");
		json_null(j, "engine");
		return;
	}
	json_object(j, "host");
	json_text(j, "name", host->name);
	json_text(j, "arch", host->arch);
	json_text(j, "kernel", host->kernel);
	json_text(j, "cpu_model", host->cpu_model);
	json_text(j, "version", host->version);
	json_end(j);
	json_object(j, "engine");
	json_text(j, "kind", host->engine[0] != '\0' ? host->engine : NULL);
	json_text(j, "version", host->engine_version[0] != '\0' ? host->engine_version : NULL);
	json_bool(j, "limits_enforced", host->limits_enforced);
	json_end(j);
}

void worker_json(struct json *j, const Pb__Worker *w)
{
	struct worker_share share = worker_share(w);

	json_text(j, "id", w->id);
	json_text(j, "name", w->name);
	json_text(j, "account", w->account);
	json_text(j, "state", w->state);
	json_text(j, "not_ready", w->not_ready[0] != '\0' ? w->not_ready : NULL);
	json_uint(j, "faults", w->faults);
	json_seconds(j, "rests_for", w->rest_ms);
	json_uint(j, "tasks", w->tasks);
	share_json(j, &share);
	gpus_json(j, w->host);
	host_json(j, w->host);
	json_time(j, "joined", w->joined_ms);
	json_seconds(j, "heartbeat_age", w->heartbeat_age_ms);
}
