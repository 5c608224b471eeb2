/* exec/manifest.c - hivemind.json into a spec.
 *
 * cJSON reads the values, exec/json_keys.h says where they stand. Each field has a row in `fields`, and its
 * bounds a row in exec/spec.c. All faults have the same shape: "hivemind.json, line 4: ...". */
#include "exec/manifest.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec/manifest_value.h"
#include "exec/visible.h"
#include "proto/cpt.h"
#include "proto/limits.h"
#include "proto/status.h"

/* --- fields --------------------------------------------------------------------------------------- */

static int read_version(struct manifest *m, const struct place *at, const cJSON *v)
{
	m->has_version = true;
	return manifest_whole(v) == 1 ? 0
	                              : manifest_wrong(m, at, "must be 1: that is the only version there is");
}

static int read_name(struct manifest *m, const struct place *at, const cJSON *v)
{
	return manifest_string(m, at, v, &m->spec->name);
}

static int read_image(struct manifest *m, const struct place *at, const cJSON *v)
{
	return manifest_string(m, at, v, &m->spec->image);
}

static void set_command(Pb__TaskSpec *spec, struct arena *arena, const char *a, const char *b, const char *c)
{
	const char *words[] = {a, b, c};

	spec->n_command = c != NULL ? 3 : 2;
	spec->command = arena_alloc(arena, 3 * sizeof *spec->command);
	for (size_t i = 0; i < spec->n_command; i++)
		spec->command[i] = arena_strdup(arena, words[i]);
}

static int read_command(struct manifest *m, const struct place *at, const cJSON *v)
{
	if (!cJSON_IsString(v))
		return manifest_strings(m, at, v, COMMAND_WORDS_MAX, &m->spec->n_command, &m->spec->command);
	if (v->valuestring[0] == '\0')
		return manifest_wrong(m, at, "is empty");
	set_command(m->spec, m->arena, "sh", "-c", v->valuestring);
	return 0;
}

static int read_env(struct manifest *m, const struct place *at, const cJSON *v)
{
	Pb__TaskSpec *s = m->spec;
	const cJSON *item;

	if (!cJSON_IsObject(v))
		return manifest_wrong(m, at, "must be an object of strings");
	s->env = arena_alloc(m->arena, (size_t)cJSON_GetArraySize(v) * sizeof *s->env);
	cJSON_ArrayForEach(item, v)
	{
		Pb__TaskSpec__EnvEntry *entry = arena_alloc(m->arena, sizeof *entry);

		if (!cJSON_IsString(item))
			return manifest_fail(m, manifest_line(m, at, item),
			                     "\"env\" must be an object of strings");
		pb__task_spec__env_entry__init(entry);
		entry->key = arena_strdup(m->arena, item->string);
		entry->value = arena_strdup(m->arena, item->valuestring);
		s->env[s->n_env++] = entry;
	}
	return 0;
}

static int read_labels(struct manifest *m, const struct place *at, const cJSON *v)
{
	Pb__TaskSpec *s = m->spec;
	const cJSON *item;

	if (!cJSON_IsObject(v))
		return manifest_wrong(m, at, "must be an object of strings");
	s->labels = arena_alloc(m->arena, (size_t)cJSON_GetArraySize(v) * sizeof *s->labels);
	cJSON_ArrayForEach(item, v)
	{
		Pb__TaskSpec__LabelsEntry *entry = arena_alloc(m->arena, sizeof *entry);

		if (!cJSON_IsString(item))
			return manifest_fail(m, manifest_line(m, at, item),
			                     "\"labels\" must be an object of strings");
		pb__task_spec__labels_entry__init(entry);
		entry->key = arena_strdup(m->arena, item->string);
		entry->value = arena_strdup(m->arena, item->valuestring);
		s->labels[s->n_labels++] = entry;
	}
	return 0;
}

static int read_outputs(struct manifest *m, const struct place *at, const cJSON *v)
{
	return manifest_strings(m, at, v, OUTPUTS_MAX, &m->spec->n_outputs, &m->spec->outputs);
}

static int read_max_output(struct manifest *m, const struct place *at, const cJSON *v)
{
	return manifest_size(m, at, v, &m->spec->max_output);
}

static int read_time_limit(struct manifest *m, const struct place *at, const cJSON *v)
{
	return manifest_duration(m, at, v, &m->spec->time_limit_s);
}

static int read_grace(struct manifest *m, const struct place *at, const cJSON *v)
{
	return manifest_duration(m, at, v, &m->spec->grace_s);
}

static int read_keep(struct manifest *m, const struct place *at, const cJSON *v)
{
	return manifest_duration(m, at, v, &m->spec->keep_s);
}

static int read_cpus(struct manifest *m, const struct place *at, const cJSON *v)
{
	double steps = cJSON_IsNumber(v) ? v->valuedouble * 100 : -1, rest;

	if (!(steps >= 0 && steps <= 4e8))
		return manifest_wrong(m, at, "must be a number of cores, as 0.5 or 4");
	rest = steps - (double)(int64_t)(steps + 0.5);
	if (rest > 1e-6 || rest < -1e-6)
		return manifest_wrong(m, at, "goes in steps of 0.01");
	m->spec->resources->milli_cpus = (uint32_t)(steps + 0.5) * 10;
	return 0;
}

static int read_memory(struct manifest *m, const struct place *at, const cJSON *v)
{
	return manifest_size(m, at, v, &m->spec->resources->memory);
}

static int read_disk(struct manifest *m, const struct place *at, const cJSON *v)
{
	return manifest_size(m, at, v, &m->spec->resources->disk);
}

static int read_gpus(struct manifest *m, const struct place *at, const cJSON *v)
{
	int64_t count = manifest_whole(v);

	if (cJSON_IsObject(v))
		return manifest_wrong(m, at, "must be a number: choosing a model is not supported yet");
	if (count < 0 || count > UINT32_MAX)
		return manifest_wrong(m, at, "must be a whole number");
	m->spec->resources->gpus = (uint32_t)count;
	return 0;
}

/* 20, 0.5 or "12.345": a number is as exact as what was written, to the thousandth. */
static int read_max_cpt(struct manifest *m, const struct place *at, const cJSON *v)
{
	struct error ignored;
	char text[32] = "";

	if (cJSON_IsNumber(v))
		snprintf(text, sizeof text, "%.15g", v->valuedouble);
	else if (cJSON_IsString(v))
		text_copy(text, sizeof text, v->valuestring);
	if (cpt_parse(text, &m->spec->max_mcpt, &ignored) != 0 || m->spec->max_mcpt == 0)
		return manifest_wrong(
		    m, at, "must be an amount of CPT above 0 with at most three decimals, as 20 or 0.5");
	return 0;
}

/* "requeue", "fail" or "wait:10m" */
static int read_on_disconnect(struct manifest *m, const struct place *at, const cJSON *v)
{
	if (!cJSON_IsString(v) || !on_disconnect_parse(m->spec, v->valuestring))
		return manifest_wrong(
		    m, at, "must be \"requeue\", \"fail\" or \"wait:\" and a duration, as \"wait:10m\"");
	return 0;
}

static int read_infra(struct manifest *m, const struct place *at, const cJSON *v)
{
	int64_t times = manifest_whole(v);

	if (times < 0)
		return manifest_wrong(m, at, "must be a whole number");
	m->spec->retry->infra = times > INT32_MAX ? INT32_MAX : (int32_t)times;
	return 0;
}

/* {"75": 3}: an exit status, and how often another attempt follows it. */
static int read_on_exit(struct manifest *m, const struct place *at, const cJSON *v)
{
	Pb__Retry *retry = m->spec->retry;
	const cJSON *item;

	if (!cJSON_IsObject(v))
		return manifest_wrong(
		    m, at,
		    "must be an object, as {\"75\": 3}: an exit status and how often it is tried again");
	retry->on_exit = arena_alloc(m->arena, (size_t)cJSON_GetArraySize(v) * sizeof(Pb__RetryOnExit *));
	cJSON_ArrayForEach(item, v)
	{
		Pb__RetryOnExit *e = arena_alloc(m->arena, sizeof *e);
		size_t digits = strspn(item->string, "0123456789");
		int64_t times = manifest_whole(item);

		if (digits == 0 || digits > 3 || item->string[digits] != '\0' || times < 0)
			return manifest_wrong(
			    m, at,
			    "must have exit statuses as names and whole numbers as values, as {\"75\": 3}");
		pb__retry_on_exit__init(e);
		e->exit_code = (uint32_t)strtoul(item->string, NULL, 10);
		e->times = times > UINT32_MAX ? UINT32_MAX : (uint32_t)times;
		retry->on_exit[retry->n_on_exit++] = e;
	}
	return 0;
}

static int read_oom_grow(struct manifest *m, const struct place *at, const cJSON *v)
{
	(void)v;
	return manifest_wrong(m, at, "is not supported yet");
}

static int read_retry(struct manifest *m, const struct place *at, const cJSON *v);
static int read_resources(struct manifest *m, const struct place *at, const cJSON *v);
static int read_budget(struct manifest *m, const struct place *at, const cJSON *v);

struct field {
	const char *name, *path;
	int (*read)(struct manifest *m, const struct place *at, const cJSON *v);
};

static const struct field fields[] = {
	{"hivemind", "hivemind", read_version},
	{"name", "name", read_name},
	{"image", "image", read_image},
	{"command", "command", read_command},
	{"env", "env", read_env},
	{"resources", "resources", read_resources},
	{"outputs", "outputs", read_outputs},
	{"max_output", "max_output", read_max_output},
	{"time_limit", "time_limit", read_time_limit},
	{"grace", "grace", read_grace},
	{"labels", "labels", read_labels},
	{"keep", "keep", read_keep},
	{"budget", "budget", read_budget},
	{"max_cpt", "max_cpt", read_max_cpt},
	{"on_disconnect", "on_disconnect", read_on_disconnect},
	{"retry", "retry", read_retry},
	{NULL, NULL, NULL},
};

static const struct field retry_fields[] = {
	{"infra", "retry.infra", read_infra},
	{"on_exit", "retry.on_exit", read_on_exit},
	{"oom_grow", "retry.oom_grow", read_oom_grow},
	{NULL, NULL, NULL},
};

static const struct field budget_fields[] = {
	{"max_cpt", "budget.max_cpt", read_max_cpt},
	{NULL, NULL, NULL},
};

static const struct field resource_fields[] = {
	{"cpus", "resources.cpus", read_cpus},
	{"memory", "resources.memory", read_memory},
	{"disk", "resources.disk", read_disk},
	{"gpus", "resources.gpus", read_gpus},
	{NULL, NULL, NULL},
};

/* What later versions will know. */
static const char *const later[] = {"sweep",  "after",  "hosts",        "network", "checkpoint",
				    "verify", "priority",     "secrets", "inputs", "notify",
				    "tip",    "where",  "start_within", "pull",   NULL};

static int unknown_field(struct manifest *m, int line, const char *name, const struct field *known)
{
	const char *words[32] = {NULL}, *nearest;
	char shown[80];

	for (size_t i = 0; known == fields && later[i] != NULL; i++) {
		if (strcmp(later[i], name) == 0)
			return manifest_fail(m, line, "\"%s\" is not supported yet", name);
	}
	for (size_t i = 0; known[i].name != NULL; i++)
		words[i] = known[i].name;
	text_visible(shown, sizeof shown, name, strlen(name));
	manifest_fail(m, line, "%s has no field \"%s\"",
		known == fields            ? "a manifest"
		: known == resource_fields ? "\"resources\""
		: known == retry_fields    ? "\"retry\""
					   : "\"budget\"",
		shown);
	nearest = nearest_word(name, words);
	if (nearest != NULL)
		return error_hint(m->err, "did you mean \"%s\"?", nearest);
	return error_hint(m->err, "man hivemind-bundle lists the fields");
}

/* Read every field of an object, then look whether it is within its bounds. */
static int read_fields(struct manifest *m, const cJSON *object, int parent, const struct field *known)
{
	const cJSON *v;
	int status = 0;

	cJSON_ArrayForEach(v, object)
	{
		int key = json_keys_find(&m->keys, parent, v->string), line = json_keys_line(&m->keys, key);
		const struct field *f = known;
		struct error fault = {0};

		while (f->name != NULL && strcmp(f->name, v->string) != 0)
			f++;
		if (f->name == NULL)
			return unknown_field(m, line, v->string, known);
		status = f->read(m, &(struct place){f->path, line, key}, v);
		if (status == 0 && spec_check_field(m->spec, f->path, &fault) != 0)
			status = manifest_fail(m, line, "%s", fault.text);
		if (status != 0)
			break;
	}
	return status;
}

static int read_resources(struct manifest *m, const struct place *at, const cJSON *v)
{
	if (!cJSON_IsObject(v))
		return manifest_wrong(m, at, "must be an object with cpus, memory, disk, gpus");
	return read_fields(m, v, at->key, resource_fields);
}

static int read_budget(struct manifest *m, const struct place *at, const cJSON *v)
{
	if (!cJSON_IsObject(v))
		return manifest_wrong(m, at, "must be an object with max_cpt");
	return read_fields(m, v, at->key, budget_fields);
}

static int read_retry(struct manifest *m, const struct place *at, const cJSON *v)
{
	if (!cJSON_IsObject(v))
		return manifest_wrong(m, at, "must be an object with infra, on_exit");
	m->spec->retry = arena_alloc(m->arena, sizeof *m->spec->retry);
	pb__retry__init(m->spec->retry);
	m->spec->retry->infra = -1;
	return read_fields(m, v, at->key, retry_fields);
}

static int read_manifest(struct manifest *m, const cJSON *root)
{
	const char *fault;
	int status;

	if (!cJSON_IsObject(root))
		return manifest_fail(m, 1, "the manifest must be an object: { \"hivemind\": 1, ... }");
	fault = json_keys_read(&m->keys);
	if (fault != NULL)
		return manifest_fail(m, m->keys.line, "%s", fault);
	status = read_fields(m, root, -1, fields);
	if (status == 0 && !m->has_version) {
		manifest_fail(m, 1, "\"hivemind\" is missing");
		status = error_hint(m->err, "begin it with \"hivemind\": 1");
	}
	return status;
}

/* A bundle's name need not be one of a task: shorten it, replace what cannot be shown. */
static void name_after_bundle(Pb__TaskSpec *spec, struct arena *arena, const char *name)
{
	char shown[NAME_MAX_LENGTH + 1];

	text_visible(shown, sizeof shown, name, strlen(name));
	spec->name = arena_strdup(arena, shown[0] != '\0' ? shown : "task");
}

int manifest_parse(Pb__TaskSpec *spec, struct arena *arena, const char *text, size_t n, const char *name,
		   struct error *err)
{
	struct manifest m = {.spec = spec, .arena = arena, .err = err};
	const char *stop = NULL;
	cJSON *root;
	char *copy;
	int status;

	if (n > MANIFEST_MAX)
		return error_set(err, STATUS_INVALID_ARGUMENT, "%s has more than 1 MiB", MANIFEST_NAME);
	copy = arena_alloc(arena, n + 1);
	memcpy(copy, text, n);
	json_keys_init(&m.keys, arena, copy);
	if (strlen(copy) != n)
		return manifest_fail(&m, json_keys_line_of(&m.keys, copy + strlen(copy)),
		                     "there is a zero byte");
	spec_init(spec, arena);
	name_after_bundle(spec, arena, name);
	root = cJSON_ParseWithOpts(copy, &stop, true);
	if (root == NULL)
		return manifest_fail(&m, json_keys_line_of(&m.keys, stop != NULL ? stop : copy),
			       "this is not JSON");
	status = read_manifest(&m, root);
	cJSON_Delete(root);
	return status;
}

int manifest_choose_command(Pb__TaskSpec *spec, bool has_run_sh, bool has_main_py, struct arena *arena,
			    struct error *err)
{
	if (spec->n_command > 0)
		return 0;
	if (has_run_sh) {
		set_command(spec, arena, "sh", "run.sh", NULL);
	} else if (has_main_py) {
		set_command(spec, arena, "python3", "main.py", NULL);
		if (spec->image[0] == '\0')
			spec->image = arena_strdup(arena, "python:3-slim");
	} else {
		error_set(err, STATUS_INVALID_ARGUMENT, "the bundle does not say what to run");
		return error_hint(err, "add run.sh or main.py, or name a \"command\" in %s", MANIFEST_NAME);
	}
	return 0;
}

int manifest_guess(Pb__TaskSpec *spec, struct arena *arena, bool has_run_sh, bool has_main_py,
		   const char *name, struct error *err)
{
	spec_init(spec, arena);
	name_after_bundle(spec, arena, name);
	return manifest_choose_command(spec, has_run_sh, has_main_py, arena, err);
}
