/* exec/manifest.c - hivemind.json into a spec.
 *
 * cJSON reads the values; it knows no lines and lets through what JSON forbids, so the text is first walked here: each
 * field's name with its line, numbers with leading zeros, zero bytes. Then each field has a row in `fields`, and its
 * bounds a row in exec/spec.c. All faults have the same shape: "hivemind.json, line 4: ...". */
#include "exec/manifest.h"

#include <cjson/cJSON.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "exec/visible.h"
#include "proto/limits.h"
#include "proto/status.h"

#define KEYS_MAX 1024 /* fields, variables and labels together; a manifest within its bounds has fewer */

struct key {
	const char *text; /* in the manifest, not ended */
	size_t n;
	int line, depth;  /* depth 1: of the manifest itself */
	int parent;       /* index of the key whose value it stands in; -1 = none */
};

struct manifest {
	Pb__TaskSpec *spec;
	struct arena *arena;
	struct error *err;
	const char *text;
	struct key *keys;
	int count;
	bool has_version;
};

/* --- where things stand --------------------------------------------------------------------------- */

static int fail_at(struct manifest *m, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));

static int fail_at(struct manifest *m, int line, const char *format, ...)
{
	char words[360];
	va_list args;

	va_start(args, format);
	vsnprintf(words, sizeof words, format, args);
	va_end(args);
	return error_set(m->err, STATUS_INVALID_ARGUMENT, "%s, line %d: %s", MANIFEST_NAME, line, words);
}

static int line_of(const struct manifest *m, const char *p)
{
	int line = 1;

	for (const char *q = m->text; q < p; q++)
		line += *q == '\n';
	return line;
}

static const char *skip_blanks(const char *p, int *line)
{
	for (; *p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'; p++)
		*line += *p == '\n';
	return p;
}

/* From the quote that opens a string to the one that closes it; NULL = a zero character is in it. */
static const char *string_end(const char *p)
{
	for (p++; *p != '"' && *p != '\0'; p++) {
		if (*p != '\\')
			continue;
		if (strncmp(p, "\\u0000", 6) == 0)
			return NULL;
		if (p[1] != '\0')
			p++;
	}
	return p;
}

static int add_key(struct manifest *m, struct key key)
{
	char shown[80];

	text_visible(shown, sizeof shown, key.text, key.n);
	if (memchr(key.text, '\\', key.n) != NULL)
		return fail_at(m, key.line, "the name of a field has a backslash in it");
	if (m->count == KEYS_MAX)
		return fail_at(m, key.line, "there are more than %d fields", KEYS_MAX);
	for (int i = 0; i < m->count; i++) {
		if (m->keys[i].parent == key.parent && m->keys[i].n == key.n &&
		    memcmp(m->keys[i].text, key.text, key.n) == 0)
			return fail_at(m, key.line, "\"%s\" is there twice, first in line %d", shown, m->keys[i].line);
	}
	m->keys[m->count++] = key;
	return 0;
}

/* Note the names of fields down to depth 2 and look for what cJSON overlooks. The text is whole JSON by now. */
static int walk(struct manifest *m)
{
	int line = 1, depth = 0, parent = -1, status = 0;
	const char *p = m->text;

	while (status == 0 && *(p = skip_blanks(p, &line)) != '\0') {
		if (*p == '"') {
			struct key key = {p + 1, 0, line, depth, depth == 2 ? parent : -1};

			p = string_end(p);
			if (p == NULL)
				return fail_at(m, line, "a string has a zero character in it (\\u0000)");
			key.n = (size_t)(p - key.text);
			p = skip_blanks(p + 1, &line);
			if (*p != ':' || depth > 2)
				continue;
			if (depth == 1)
				parent = m->count;
			status = add_key(m, key);
		} else if (*p == '{' || *p == '[') {
			depth++;
		} else if (*p == '}' || *p == ']') {
			depth--;
		} else if (*p == '-' || (*p >= '0' && *p <= '9')) {
			p += *p == '-';
			if (p[0] == '0' && p[1] >= '0' && p[1] <= '9')
				return fail_at(m, line, "a number begins with a zero");
			p += strspn(p, "0123456789.eE+-");
			continue;
		}
		p++;
	}
	return status;
}

/* The line of field `name` (below the field of index parent, or -1). */
static int key_index(const struct manifest *m, int parent, const char *name)
{
	for (int i = 0; i < m->count; i++) {
		if (m->keys[i].parent == parent && m->keys[i].n == strlen(name) &&
		    memcmp(m->keys[i].text, name, m->keys[i].n) == 0)
			return i;
	}
	return -1;
}

static int key_line(const struct manifest *m, int parent, const char *name)
{
	int i = key_index(m, parent, name);

	return i < 0 ? 1 : m->keys[i].line;
}

/* --- one reader for each kind of value ------------------------------------------------------------ */

struct place {
	const char *field; /* "resources.memory" */
	int line, key;
};

static int wrong(struct manifest *m, const struct place *at, const char *words)
{
	return fail_at(m, at->line, "\"%s\" %s", at->field, words);
}

static int read_string(struct manifest *m, const struct place *at, const cJSON *v, char **out)
{
	if (!cJSON_IsString(v))
		return wrong(m, at, "must be a string");
	*out = arena_strdup(m->arena, v->valuestring);
	return 0;
}

static int read_strings(struct manifest *m, const struct place *at, const cJSON *v, size_t max, size_t *n, char ***out)
{
	size_t count = (size_t)cJSON_GetArraySize(v), i = 0;
	const cJSON *item;

	if (!cJSON_IsArray(v))
		return wrong(m, at, "must be a list of strings");
	if (count > max)
		return fail_at(m, at->line, "\"%s\" has more than %zu strings", at->field, max);
	*out = arena_alloc(m->arena, count * sizeof **out);
	cJSON_ArrayForEach(item, v)
	{
		if (!cJSON_IsString(item))
			return wrong(m, at, "must be a list of strings");
		(*out)[i++] = arena_strdup(m->arena, item->valuestring);
	}
	*n = count;
	return 0;
}

/* A whole number that a double holds exactly; -1 = it is none. */
static int64_t whole(const cJSON *v)
{
	if (!cJSON_IsNumber(v) || !(v->valuedouble >= 0 && v->valuedouble <= 9007199254740992.0) ||
	    (double)(int64_t)v->valuedouble != v->valuedouble)
		return -1;
	return (int64_t)v->valuedouble;
}

static int read_size(struct manifest *m, const struct place *at, const cJSON *v, uint64_t *out)
{
	int64_t size = cJSON_IsString(v) ? parse_size(v->valuestring) : whole(v);

	if (size < 0)
		return wrong(m, at, "must be a size, as \"512MiB\" or a number of bytes");
	*out = (uint64_t)size;
	return 0;
}

static int read_duration(struct manifest *m, const struct place *at, const cJSON *v, uint32_t *out)
{
	int64_t seconds = cJSON_IsString(v) ? parse_duration(v->valuestring) : whole(v);

	if (seconds < 0)
		return wrong(m, at, "must be a duration, as \"90s\", \"2h\" or a number of seconds");
	*out = seconds > UINT32_MAX ? UINT32_MAX : (uint32_t)seconds;
	return 0;
}

/* --- fields --------------------------------------------------------------------------------------- */

static int read_version(struct manifest *m, const struct place *at, const cJSON *v)
{
	m->has_version = true;
	return whole(v) == 1 ? 0 : wrong(m, at, "must be 1: that is the only version there is");
}

static int read_name(struct manifest *m, const struct place *at, const cJSON *v)
{
	return read_string(m, at, v, &m->spec->name);
}

static int read_image(struct manifest *m, const struct place *at, const cJSON *v)
{
	return read_string(m, at, v, &m->spec->image);
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
		return read_strings(m, at, v, COMMAND_WORDS_MAX, &m->spec->n_command, &m->spec->command);
	if (v->valuestring[0] == '\0')
		return wrong(m, at, "is empty");
	set_command(m->spec, m->arena, "sh", "-c", v->valuestring);
	return 0;
}

static int read_env(struct manifest *m, const struct place *at, const cJSON *v)
{
	Pb__TaskSpec *s = m->spec;
	const cJSON *item;

	if (!cJSON_IsObject(v))
		return wrong(m, at, "must be an object of strings");
	s->env = arena_alloc(m->arena, (size_t)cJSON_GetArraySize(v) * sizeof *s->env);
	cJSON_ArrayForEach(item, v)
	{
		Pb__TaskSpec__EnvEntry *entry = arena_alloc(m->arena, sizeof *entry);

		if (!cJSON_IsString(item))
			return fail_at(m, key_line(m, at->key, item->string), "\"env\" must be an object of strings");
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
		return wrong(m, at, "must be an object of strings");
	s->labels = arena_alloc(m->arena, (size_t)cJSON_GetArraySize(v) * sizeof *s->labels);
	cJSON_ArrayForEach(item, v)
	{
		Pb__TaskSpec__LabelsEntry *entry = arena_alloc(m->arena, sizeof *entry);

		if (!cJSON_IsString(item))
			return fail_at(m, key_line(m, at->key, item->string), "\"labels\" must be an object of strings");
		pb__task_spec__labels_entry__init(entry);
		entry->key = arena_strdup(m->arena, item->string);
		entry->value = arena_strdup(m->arena, item->valuestring);
		s->labels[s->n_labels++] = entry;
	}
	return 0;
}

static int read_outputs(struct manifest *m, const struct place *at, const cJSON *v)
{
	return read_strings(m, at, v, OUTPUTS_MAX, &m->spec->n_outputs, &m->spec->outputs);
}

static int read_max_output(struct manifest *m, const struct place *at, const cJSON *v)
{
	return read_size(m, at, v, &m->spec->max_output);
}

static int read_time_limit(struct manifest *m, const struct place *at, const cJSON *v)
{
	return read_duration(m, at, v, &m->spec->time_limit_s);
}

static int read_grace(struct manifest *m, const struct place *at, const cJSON *v)
{
	return read_duration(m, at, v, &m->spec->grace_s);
}

static int read_keep(struct manifest *m, const struct place *at, const cJSON *v)
{
	return read_duration(m, at, v, &m->spec->keep_s);
}

static int read_cpus(struct manifest *m, const struct place *at, const cJSON *v)
{
	double steps = cJSON_IsNumber(v) ? v->valuedouble * 100 : -1, rest;

	if (!(steps >= 0 && steps <= 4e8))
		return wrong(m, at, "must be a number of cores, as 0.5 or 4");
	rest = steps - (double)(int64_t)(steps + 0.5);
	if (rest > 1e-6 || rest < -1e-6)
		return wrong(m, at, "goes in steps of 0.01");
	m->spec->resources->milli_cpus = (uint32_t)(steps + 0.5) * 10;
	return 0;
}

static int read_memory(struct manifest *m, const struct place *at, const cJSON *v)
{
	return read_size(m, at, v, &m->spec->resources->memory);
}

static int read_disk(struct manifest *m, const struct place *at, const cJSON *v)
{
	return read_size(m, at, v, &m->spec->resources->disk);
}

static int read_gpus(struct manifest *m, const struct place *at, const cJSON *v)
{
	int64_t count = whole(v);

	if (cJSON_IsObject(v))
		return wrong(m, at, "must be a number: choosing a model is not supported yet");
	if (count < 0 || count > UINT32_MAX)
		return wrong(m, at, "must be a whole number");
	m->spec->resources->gpus = (uint32_t)count;
	return 0;
}

static int read_resources(struct manifest *m, const struct place *at, const cJSON *v);

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
static const char *const later[] = {"sweep",   "after",	   "hosts", "network", "retry",	       "checkpoint",
				    "verify",  "budget",   "priority", "secrets", "inputs",    "notify",
				    "tip",     "where",	   "start_within", "max_cpt", "pull",  NULL};

static int unknown_field(struct manifest *m, int line, const char *name, const struct field *known)
{
	const char *words[32] = {NULL}, *nearest;
	char shown[80];

	for (size_t i = 0; known == fields && later[i] != NULL; i++) {
		if (strcmp(later[i], name) == 0)
			return fail_at(m, line, "\"%s\" is not supported yet", name);
	}
	for (size_t i = 0; known[i].name != NULL; i++)
		words[i] = known[i].name;
	text_visible(shown, sizeof shown, name, strlen(name));
	fail_at(m, line, "%s has no field \"%s\"", known == fields ? "a manifest" : "\"resources\"", shown);
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
		int key = key_index(m, parent, v->string), line = key < 0 ? 1 : m->keys[key].line;
		const struct field *f = known;
		struct error fault = {0};

		while (f->name != NULL && strcmp(f->name, v->string) != 0)
			f++;
		if (f->name == NULL)
			return unknown_field(m, line, v->string, known);
		status = f->read(m, &(struct place){f->path, line, key}, v);
		if (status == 0 && spec_check_field(m->spec, f->path, &fault) != 0)
			status = fail_at(m, line, "%s", fault.text);
		if (status != 0)
			break;
	}
	return status;
}

static int read_resources(struct manifest *m, const struct place *at, const cJSON *v)
{
	if (!cJSON_IsObject(v))
		return wrong(m, at, "must be an object with cpus, memory, disk, gpus");
	return read_fields(m, v, at->key, resource_fields);
}

static int read_manifest(struct manifest *m, const cJSON *root)
{
	int status;

	if (!cJSON_IsObject(root))
		return fail_at(m, 1, "the manifest must be an object: { \"hivemind\": 1, ... }");
	status = walk(m);
	if (status == 0)
		status = read_fields(m, root, -1, fields);
	if (status == 0 && !m->has_version) {
		fail_at(m, 1, "\"hivemind\" is missing");
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
	struct manifest m = {spec, arena, err, .count = 0};
	const char *stop = NULL;
	cJSON *root;
	char *copy;
	int status;

	if (n > MANIFEST_MAX)
		return error_set(err, STATUS_INVALID_ARGUMENT, "%s has more than 1 MiB", MANIFEST_NAME);
	copy = arena_alloc(arena, n + 1);
	memcpy(copy, text, n);
	m.text = copy;
	if (strlen(copy) != n)
		return fail_at(&m, line_of(&m, copy + strlen(copy)), "there is a zero byte");
	spec_init(spec, arena);
	name_after_bundle(spec, arena, name);
	root = cJSON_ParseWithOpts(copy, &stop, true);
	if (root == NULL)
		return fail_at(&m, line_of(&m, stop != NULL ? stop : copy), "this is not JSON");
	m.keys = arena_alloc(arena, KEYS_MAX * sizeof *m.keys);
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

int manifest_guess(Pb__TaskSpec *spec, struct arena *arena, bool has_run_sh, bool has_main_py, const char *name,
		   struct error *err)
{
	spec_init(spec, arena);
	name_after_bundle(spec, arena, name);
	return manifest_choose_command(spec, has_run_sh, has_main_py, arena, err);
}
