/* roles/worker_policy_file.c - DATA/policy.json: the same JSON as on the worker's page. */
#include <string.h>

#include "net/log.h"
#include "net/secret_file.h"
#include "proto/status.h"
#include "roles/worker_policy.h"

void worker_policy_text(const struct worker_policy *p, struct buf *out)
{
	struct json j;

	json_document(&j, out);
	worker_policy_json(&j, p);
	json_int(&j, "snooze_until_ms", p->snooze_until_ms);
	json_end(&j);
	buf_append(out, "\n", 1);
}

/* A machine that lends less than it did: as much as there is. */
static void cut(cJSON *object, const char *name, double most)
{
	cJSON *v = cJSON_GetObjectItemCaseSensitive(object, name);

	if (cJSON_IsNumber(v) && v->valuedouble > most)
		cJSON_SetNumberValue(v, most);
}

static void take(struct worker_policy *p, cJSON *object, const struct worker_resources *most,
		 struct error *err)
{
	const cJSON *until = cJSON_GetObjectItemCaseSensitive(object, "snooze_until_ms");

	p->paused = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, "paused"));
	if (cJSON_IsNumber(until) && until->valuedouble > 0 && until->valuedouble < 1e15)
		p->snooze_until_ms = (int64_t)until->valuedouble;
	cJSON_DeleteItemFromObjectCaseSensitive(object, "v");
	cJSON_DeleteItemFromObjectCaseSensitive(object, "paused");
	cJSON_DeleteItemFromObjectCaseSensitive(object, "snooze_until");
	cJSON_DeleteItemFromObjectCaseSensitive(object, "snooze_until_ms");
	cut(object, "cpus", most->milli_cpus / 1000.0);
	cut(object, "memory", (double)most->memory);
	cut(object, "disk", (double)most->disk);
	cut(object, "max_tasks", most->tasks_max);
	worker_policy_change(p, object, most, err);
}

void worker_policy_load(struct worker_policy *p, const char *path, const struct worker_resources *most)
{
	struct error err = {0};
	struct buf text = {.max = POLICY_FILE_MAX};
	cJSON *object = NULL;

	if (secret_file_read(path, &text, &err) == 0) {
		object = cJSON_Parse(buf_text(&text));
		if (cJSON_IsObject(object))
			take(p, object, most, &err);
		else
			error_set(&err, STATUS_INVALID_ARGUMENT, "it is no JSON object");
	}
	if (err.status != 0 && err.status != STATUS_NOT_FOUND)
		log_warn("limits of an earlier time are left out file=%s text=\"%s\"", path, err.text);
	cJSON_Delete(object);
	buf_release(&text);
}
