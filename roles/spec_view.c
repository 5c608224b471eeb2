#include "roles/spec_view.h"

#include <stdio.h>

#include "exec/spec.h"
#include "proto/limits.h"
#include "roles/money_view.h"

static void pairs_json(struct json *j, const char *key, Pb__TaskSpec__EnvEntry **entries, size_t count)
{
	json_object(j, key);
	for (size_t i = 0; i < count; i++)
		json_text(j, entries[i]->key, entries[i]->value);
	json_end(j);
}

static void labels_json(struct json *j, const Pb__TaskSpec *s)
{
	json_object(j, "labels");
	for (size_t i = 0; i < s->n_labels; i++)
		json_text(j, s->labels[i]->key, s->labels[i]->value);
	json_end(j);
}

static void texts_json(struct json *j, const char *key, char **texts, size_t count)
{
	json_array(j, key);
	for (size_t i = 0; i < count; i++)
		json_text(j, NULL, texts[i]);
	json_end(j);
}

/* What holds for it, said or not. */
static void retry_json(struct json *j, const Pb__Retry *retry)
{
	char code[16];

	json_object(j, "retry");
	json_int(j, "infra", retry != NULL && retry->infra >= 0 ? retry->infra : LOSSES_MAX);
	json_object(j, "on_exit");
	for (size_t i = 0; retry != NULL && i < retry->n_on_exit; i++) {
		snprintf(code, sizeof code, "%u", retry->on_exit[i]->exit_code);
		json_uint(j, code, retry->on_exit[i]->times);
	}
	json_end(j);
	json_end(j);
}

void spec_json(struct json *j, const char *key, const Pb__TaskSpec *s)
{
	static const Pb__Resources none = PB__RESOURCES__INIT;
	const Pb__Resources *r = s != NULL && s->resources != NULL ? s->resources : &none;
	char wait[32];

	if (s == NULL) {
		json_null(j, key);
		return;
	}
	json_object(j, key);
	json_text(j, "name", s->name);
	json_text(j, "image", s->image[0] != '\0' ? s->image : NULL);
	texts_json(j, "command", s->command, s->n_command);
	pairs_json(j, "env", s->env, s->n_env);
	json_object(j, "resources");
	/* Thousandths of a core are written like thousandths of a second. */
	json_seconds(j, "cpus", r->milli_cpus);
	json_uint(j, "memory", r->memory);
	json_uint(j, "disk", r->disk);
	json_uint(j, "gpus", r->gpus);
	json_end(j);
	texts_json(j, "outputs", s->outputs, s->n_outputs);
	json_uint(j, "max_output", s->max_output);
	json_seconds(j, "time_limit", (int64_t)s->time_limit_s * 1000);
	json_seconds(j, "grace", (int64_t)s->grace_s * 1000);
	json_seconds(j, "keep", (int64_t)s->keep_s * 1000);
	if (s->max_mcpt > 0)
		json_cpt(j, "max_cpt", s->max_mcpt);
	else
		json_null(j, "max_cpt");
	json_text(j, "on_disconnect", on_disconnect_text(s, wait, sizeof wait));
	retry_json(j, s->retry);
	labels_json(j, s);
	json_end(j);
}

void submitted_json(struct json *j, const Pb__TaskSpec *spec, const char *sha256, uint64_t size,
		    int64_t files, const Pb__SubmitReply *reply)
{
	json_text(j, "id", reply->id);
	json_text(j, "name", spec->name);
	json_uint(j, "count", reply->count);
	json_cpt(j, "reserved_cpt", reply->hold_mcpt);
	if (spec->max_mcpt > 0)
		json_cpt(j, "limit_cpt", spec->max_mcpt);
	else
		json_null(j, "limit_cpt");
	json_bool(j, "duplicate", reply->duplicate);
	json_object(j, "bundle");
	json_text(j, "sha256", sha256);
	json_uint(j, "bytes", size);
	if (files >= 0)
		json_int(j, "files", files);
	else
		json_null(j, "files");
	json_end(j);
}
