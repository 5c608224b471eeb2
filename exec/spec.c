/* exec/spec.c - the bounds of a task's spec, one row and one function for each field. */
#include "exec/spec.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "exec/tar.h"
#include "exec/visible.h"
#include "net/utf8.h"
#include "proto/cpt.h"
#include "proto/limits.h"
#include "proto/status.h"
#include "proto/typed.h"

#define LABEL_KEY_MAX 64
#define LABEL_VALUE_MAX 256
#define KEEP_MIN_S 60 /* time enough to fetch what is kept */

void spec_init(Pb__TaskSpec *spec, struct arena *arena)
{
	pb__task_spec__init(spec);
	spec->resources = arena_alloc(arena, sizeof *spec->resources);
	pb__resources__init(spec->resources);
	spec->resources->milli_cpus = MILLI_CPUS_DEFAULT;
	spec->resources->memory = MEMORY_DEFAULT;
	spec->resources->disk = DISK_DEFAULT;
	spec->max_output = OUTPUT_DEFAULT;
	spec->time_limit_s = TIME_LIMIT_DEFAULT_S;
	spec->grace_s = GRACE_DEFAULT_S;
	spec->keep_s = KEEP_DEFAULT_S;
}

static int refuse(struct error *err, const char *field, const char *words)
{
	return error_set(err, STATUS_INVALID_ARGUMENT, "\"%s\" %s", field, words);
}

static int refuse_named(struct error *err, const char *field, const char *what, const char *words)
{
	char shown[80];

	text_visible(shown, sizeof shown, what, strlen(what));
	return error_set(err, STATUS_INVALID_ARGUMENT, "\"%s\" has \"%s\", which %s", field, shown, words);
}

static int refuse_range(struct error *err, const char *field, const char *least, const char *most)
{
	return error_set(err, STATUS_INVALID_ARGUMENT, "\"%s\" must be from %s to %s", field, least, most);
}

/* --- fields --------------------------------------------------------------------------------------- */

static int check_name(const Pb__TaskSpec *s, struct error *err)
{
	if (s->name[0] == '\0')
		return refuse(err, "name", "is empty");
	if (strlen(s->name) > NAME_MAX_LENGTH)
		return refuse(err, "name", "is longer than 64 bytes");
	return text_is_visible(s->name) ? 0 : refuse(err, "name", "has a character that cannot be shown");
}

static int check_image(const Pb__TaskSpec *s, struct error *err)
{
	const char *p = s->image;

	if (strlen(p) > IMAGE_NAME_MAX)
		return refuse(err, "image", "is longer than 255 bytes");
	if (*p != '\0' && !isalnum((unsigned char)*p))
		return refuse(err, "image", "must begin with a letter or a digit");
	for (; *p != '\0'; p++) {
		if (!isalnum((unsigned char)*p) && strchr("._-/:@", *p) == NULL)
			return refuse(err, "image", "may have only letters, digits and . _ - / : @");
	}
	return 0;
}

static int check_command(const Pb__TaskSpec *s, struct error *err)
{
	size_t bytes = 0;

	if (s->n_command == 0)
		return refuse(err, "command", "is empty");
	if (s->n_command > COMMAND_WORDS_MAX)
		return refuse(err, "command", "has more than 256 words");
	for (size_t i = 0; i < s->n_command; i++) {
		bytes += strlen(s->command[i]) + 1;
		if (!utf8_valid(s->command[i], strlen(s->command[i])))
			return refuse_named(err, "command", s->command[i], "is not UTF-8");
	}
	if (s->command[0][0] == '\0')
		return refuse(err, "command", "names no program");
	return bytes <= COMMAND_BYTES_MAX ? 0 : refuse(err, "command", "is longer than 64 KiB");
}

static bool env_key_valid(const char *key)
{
	if (!isalpha((unsigned char)key[0]) && key[0] != '_')
		return false;
	while (isalnum((unsigned char)*key) || *key == '_')
		key++;
	return *key == '\0';
}

static int check_env_key(const char *key, struct error *err)
{
	if (!env_key_valid(key))
		return refuse_named(err, "env", key, "is no name of a variable (letters, digits and _)");
	if (strncmp(key, "HIVEMIND_", 9) == 0)
		return refuse_named(err, "env", key, "HiveMind sets itself");
	return 0;
}

static int check_env(const Pb__TaskSpec *s, struct error *err)
{
	size_t bytes = 0;
	int status;

	if (s->n_env > ENV_MAX)
		return refuse(err, "env", "has more than 256 variables");
	for (size_t i = 0; i < s->n_env; i++) {
		status = check_env_key(s->env[i]->key, err);
		if (status != 0)
			return status;
		if (!utf8_valid(s->env[i]->value, strlen(s->env[i]->value)))
			return refuse_named(err, "env", s->env[i]->key, "is not UTF-8");
		for (size_t j = 0; j < i; j++) {
			if (strcmp(s->env[i]->key, s->env[j]->key) == 0)
				return refuse_named(err, "env", s->env[i]->key, "is there twice");
		}
		bytes += strlen(s->env[i]->key) + strlen(s->env[i]->value) + 2;
	}
	return bytes <= ENV_BYTES_MAX ? 0 : refuse(err, "env", "is longer than 64 KiB");
}

static int check_cpus(const Pb__TaskSpec *s, struct error *err)
{
	uint32_t milli = s->resources != NULL ? s->resources->milli_cpus : 0;

	if (milli < MILLI_CPUS_MIN || milli > MILLI_CPUS_MAX || milli % 10 != 0)
		return refuse_range(err, "resources.cpus", "0.01", "1024, in steps of 0.01");
	return 0;
}

static int check_memory(const Pb__TaskSpec *s, struct error *err)
{
	uint64_t bytes = s->resources != NULL ? s->resources->memory : 0;

	return bytes >= MEMORY_MIN && bytes <= MEMORY_MAX
		       ? 0
		       : refuse_range(err, "resources.memory", "16MiB", "16TiB");
}

static int check_disk(const Pb__TaskSpec *s, struct error *err)
{
	uint64_t bytes = s->resources != NULL ? s->resources->disk : 0;

	return bytes >= DISK_MIN && bytes <= DISK_MAX ? 0
						      : refuse_range(err, "resources.disk", "1MiB", "16TiB");
}

static int check_gpus(const Pb__TaskSpec *s, struct error *err)
{
	return s->resources != NULL && s->resources->gpus <= GPUS_MAX
		       ? 0
		       : refuse_range(err, "resources.gpus", "0", "64");
}

/* A glob that stays below /work. */
static int check_output(const char *glob, struct error *err)
{
	const char *p = glob;

	if (*p == '\0')
		return refuse(err, "outputs", "has an empty pattern");
	if (strlen(p) > GLOB_MAX)
		return refuse_named(err, "outputs", p, "is longer than 255 bytes");
	if (*p == '/')
		return refuse_named(err, "outputs", p, "is absolute; patterns are below /work");
	for (; p != NULL; p = strchr(p, '/')) {
		const char *fault;

		p += *p == '/';
		fault = tar_component_fault(p, strcspn(p, "/"));
		if (fault != NULL)
			return refuse_named(err, "outputs", glob, fault);
	}
	return 0;
}

static int check_outputs(const Pb__TaskSpec *s, struct error *err)
{
	int status = 0;

	if (s->n_outputs > OUTPUTS_MAX)
		return refuse(err, "outputs", "has more than 64 patterns");
	for (size_t i = 0; status == 0 && i < s->n_outputs; i++) {
		if (!utf8_valid(s->outputs[i], strlen(s->outputs[i])))
			return refuse_named(err, "outputs", s->outputs[i], "is not UTF-8");
		status = check_output(s->outputs[i], err);
	}
	return status;
}

static int check_max_output(const Pb__TaskSpec *s, struct error *err)
{
	return s->max_output > 0 && s->max_output <= BUNDLE_MAX
		       ? 0
		       : refuse_range(err, "max_output", "1", "64GiB");
}

static int check_time_limit(const Pb__TaskSpec *s, struct error *err)
{
	return s->time_limit_s > 0 && s->time_limit_s <= TIME_LIMIT_MAX_S
		       ? 0
		       : refuse_range(err, "time_limit", "1s", "30d");
}

static int check_grace(const Pb__TaskSpec *s, struct error *err)
{
	return s->grace_s <= GRACE_MAX_S ? 0 : refuse_range(err, "grace", "0s", "5m");
}

static int check_keep(const Pb__TaskSpec *s, struct error *err)
{
	return s->keep_s >= KEEP_MIN_S && s->keep_s <= KEEP_MAX_S ? 0
								  : refuse_range(err, "keep", "1m", "90d");
}

static int check_max_cpt(const Pb__TaskSpec *s, struct error *err)
{
	return cpt_valid(s->max_mcpt) ? 0 : refuse(err, "budget.max_cpt", "is no amount of CPT");
}

static int check_on_disconnect(const Pb__TaskSpec *s, struct error *err)
{
	if (s->on_disconnect > PB__ON_DISCONNECT__FAIL)
		return refuse(err, "on_disconnect", "is none that is known");
	if (s->on_disconnect == PB__ON_DISCONNECT__WAIT &&
	    (s->disconnect_wait_s == 0 || s->disconnect_wait_s > DISCONNECT_WAIT_MAX_S))
		return refuse(err, "on_disconnect", "may wait from 1s to 1d");
	return 0;
}

static int check_infra(const Pb__TaskSpec *s, struct error *err)
{
	return s->retry == NULL || (s->retry->infra >= -1 && s->retry->infra <= RETRY_INFRA_MAX)
		       ? 0
		       : refuse_range(err, "retry.infra", "0", "100");
}

static int check_on_exit(const Pb__TaskSpec *s, struct error *err)
{
	size_t n = s->retry != NULL ? s->retry->n_on_exit : 0;

	if (n > RETRY_EXITS_MAX)
		return refuse(err, "retry.on_exit", "has more than 16 exit statuses");
	for (size_t i = 0; i < n; i++) {
		const Pb__RetryOnExit *e = s->retry->on_exit[i];

		if (e->exit_code < 1 || e->exit_code > 255)
			return refuse(err, "retry.on_exit", "has an exit status that is not from 1 to 255");
		if (e->times < 1 || e->times > RETRY_TIMES_MAX)
			return refuse(err, "retry.on_exit", "may try again from 1 to 100 times");
		for (size_t j = 0; j < i; j++) {
			if (s->retry->on_exit[j]->exit_code == e->exit_code)
				return refuse(err, "retry.on_exit", "has an exit status twice");
		}
	}
	return 0;
}

static int check_labels(const Pb__TaskSpec *s, struct error *err)
{
	if (s->n_labels > LABELS_MAX)
		return refuse(err, "labels", "has more than 32 labels");
	for (size_t i = 0; i < s->n_labels; i++) {
		const char *key = s->labels[i]->key, *value = s->labels[i]->value;

		if (key[0] == '\0' || strlen(key) > LABEL_KEY_MAX || !text_is_visible(key))
			return refuse_named(err, "labels", key,
					    "is no label (1 to 64 bytes that can be shown)");
		if (strlen(value) > LABEL_VALUE_MAX || !text_is_visible(value))
			return refuse_named(err, "labels", key,
					    "has no value of at most 256 bytes that can be shown");
	}
	return 0;
}

static const struct {
	const char *field;
	int (*check)(const Pb__TaskSpec *s, struct error *err);
} checks[] = {
	{"name", check_name},
	{"image", check_image},
	{"command", check_command},
	{"env", check_env},
	{"resources.cpus", check_cpus},
	{"resources.memory", check_memory},
	{"resources.disk", check_disk},
	{"resources.gpus", check_gpus},
	{"outputs", check_outputs},
	{"max_output", check_max_output},
	{"time_limit", check_time_limit},
	{"grace", check_grace},
	{"labels", check_labels},
	{"keep", check_keep},
	{"budget.max_cpt", check_max_cpt},
	{"on_disconnect", check_on_disconnect},
	{"retry.infra", check_infra},
	{"retry.on_exit", check_on_exit},
};

int spec_check(const Pb__TaskSpec *spec, struct error *err)
{
	int status = 0;

	for (size_t i = 0; status == 0 && i < sizeof checks / sizeof *checks; i++)
		status = checks[i].check(spec, err);
	return status;
}

int spec_check_field(const Pb__TaskSpec *spec, const char *field, struct error *err)
{
	for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
		if (strcmp(checks[i].field, field) == 0)
			return checks[i].check(spec, err);
	}
	return 0;
}

/* --- lost and tried again ----------------------------------------------------------------------------- */

bool on_disconnect_parse(Pb__TaskSpec *spec, const char *text)
{
	int64_t seconds = strncmp(text, "wait:", 5) == 0 ? parse_duration(text + 5) : -1;

	spec->disconnect_wait_s = 0;
	if (strcmp(text, "requeue") == 0) {
		spec->on_disconnect = PB__ON_DISCONNECT__REQUEUE;
	} else if (strcmp(text, "fail") == 0) {
		spec->on_disconnect = PB__ON_DISCONNECT__FAIL;
	} else if (seconds >= 0) {
		spec->on_disconnect = PB__ON_DISCONNECT__WAIT;
		spec->disconnect_wait_s = seconds > UINT32_MAX ? UINT32_MAX : (uint32_t)seconds;
	} else {
		return false;
	}
	return true;
}

const char *on_disconnect_text(const Pb__TaskSpec *spec, char *buf, size_t n)
{
	if (spec->on_disconnect == PB__ON_DISCONNECT__WAIT)
		snprintf(buf, n, "wait:%us", spec->disconnect_wait_s);
	else
		snprintf(buf, n, "%s", spec->on_disconnect == PB__ON_DISCONNECT__FAIL ? "fail" : "requeue");
	return buf;
}

uint32_t retry_on_exit(const Pb__TaskSpec *spec, int exit_code)
{
	for (size_t i = 0; spec->retry != NULL && i < spec->retry->n_on_exit; i++) {
		if ((int)spec->retry->on_exit[i]->exit_code == exit_code)
			return spec->retry->on_exit[i]->times;
	}
	return 0;
}

uint32_t retry_on_exit_most(const Pb__TaskSpec *spec)
{
	uint32_t sum = 0;

	for (size_t i = 0; spec->retry != NULL && i < spec->retry->n_on_exit; i++)
		sum += spec->retry->on_exit[i]->times;
	return sum;
}

int spec_set_env(Pb__TaskSpec *spec, struct arena *arena, const char *assignment, struct error *err)
{
	const char *equals = strchr(assignment, '=');
	Pb__TaskSpec__EnvEntry *entry, **entries;
	char *key;
	int status;

	if (equals == NULL)
		return error_set(err, STATUS_INVALID_ARGUMENT, "a variable is given as NAME=VALUE");
	key = arena_printf(arena, "%.*s", (int)(equals - assignment), assignment);
	status = check_env_key(key, err);
	if (status != 0)
		return status;
	for (size_t i = 0; i < spec->n_env; i++) {
		if (strcmp(spec->env[i]->key, key) == 0) {
			spec->env[i]->value = arena_strdup(arena, equals + 1);
			return check_env(spec, err);
		}
	}
	entry = arena_alloc(arena, sizeof *entry);
	pb__task_spec__env_entry__init(entry);
	entry->key = key;
	entry->value = arena_strdup(arena, equals + 1);
	entries = arena_alloc(arena, (spec->n_env + 1) * sizeof *entries);
	if (spec->n_env > 0)
		memcpy(entries, spec->env, spec->n_env * sizeof *entries);
	entries[spec->n_env++] = entry;
	spec->env = entries;
	return check_env(spec, err);
}
