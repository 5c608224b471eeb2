#include "roles/info_view.h"

static void resources_json(struct json *j, const char *key, const Pb__Resources *r)
{
	if (r == NULL) {
		json_null(j, key);
		return;
	}
	json_object(j, key);
	/* Thousandths of a core are written like thousandths of a second. */
	json_seconds(j, "cpus", r->milli_cpus);
	json_uint(j, "memory", r->memory);
	json_uint(j, "disk", r->disk);
	json_uint(j, "gpus", r->gpus);
	json_end(j);
}

void info_json(struct json *j, const char *pool, const Pb__InfoReply *r)
{
	json_text(j, "pool", pool);
	json_text(j, "version", r->version);
	json_time(j, "started", r->started_ms);
	json_uint(j, "workers", r->workers);
	json_object(j, "tasks");
	json_uint(j, "pending", r->pending);
	json_uint(j, "running", r->running);
	json_uint(j, "finished", r->finished);
	json_end(j);
	json_object(j, "redis");
	json_bool(j, "up", r->redis_up);
	json_text(j, "version", r->redis_version[0] != '\0' ? r->redis_version : NULL);
	json_end(j);
	json_uint(j, "blob_bytes", r->blob_bytes);
	resources_json(j, "offered", r->offered);
	resources_json(j, "used", r->used);
}
