/* exec/manifest_value.c - one reader for each kind of value of a manifest. */
#include "exec/manifest_value.h"

#include <stdarg.h>
#include <stdio.h>

#include "exec/manifest.h"
#include "proto/status.h"

int manifest_fail(struct manifest *m, int line, const char *format, ...)
{
	char words[360];
	va_list args;

	va_start(args, format);
	vsnprintf(words, sizeof words, format, args);
	va_end(args);
	return error_set(m->err, STATUS_INVALID_ARGUMENT, "%s, line %d: %s", MANIFEST_NAME, line, words);
}

int manifest_wrong(struct manifest *m, const struct place *at, const char *words)
{
	return manifest_fail(m, at->line, "\"%s\" %s", at->field, words);
}

int manifest_line(const struct manifest *m, const struct place *at, const cJSON *item)
{
	return json_keys_line(&m->keys, json_keys_find(&m->keys, at->key, item->string));
}

int manifest_string(struct manifest *m, const struct place *at, const cJSON *v, char **out)
{
	if (!cJSON_IsString(v))
		return manifest_wrong(m, at, "must be a string");
	*out = arena_strdup(m->arena, v->valuestring);
	return 0;
}

int manifest_strings(struct manifest *m, const struct place *at, const cJSON *v, size_t max, size_t *n,
			char ***out)
{
	size_t count = (size_t)cJSON_GetArraySize(v), i = 0;
	const cJSON *item;

	if (!cJSON_IsArray(v))
		return manifest_wrong(m, at, "must be a list of strings");
	if (count > max)
		return manifest_fail(m, at->line, "\"%s\" has more than %zu strings", at->field, max);
	*out = arena_alloc(m->arena, count * sizeof **out);
	cJSON_ArrayForEach(item, v)
	{
		if (!cJSON_IsString(item))
			return manifest_wrong(m, at, "must be a list of strings");
		(*out)[i++] = arena_strdup(m->arena, item->valuestring);
	}
	*n = count;
	return 0;
}

int64_t manifest_whole(const cJSON *v)
{
	if (!cJSON_IsNumber(v) || !(v->valuedouble >= 0 && v->valuedouble <= 9007199254740992.0) ||
	    (double)(int64_t)v->valuedouble != v->valuedouble)
		return -1;
	return (int64_t)v->valuedouble;
}

int manifest_size(struct manifest *m, const struct place *at, const cJSON *v, uint64_t *out)
{
	int64_t size = cJSON_IsString(v) ? parse_size(v->valuestring) : manifest_whole(v);

	if (size < 0)
		return manifest_wrong(m, at, "must be a size, as \"512MiB\" or a number of bytes");
	*out = (uint64_t)size;
	return 0;
}

int manifest_duration(struct manifest *m, const struct place *at, const cJSON *v, uint32_t *out)
{
	int64_t seconds = cJSON_IsString(v) ? parse_duration(v->valuestring) : manifest_whole(v);

	if (seconds < 0)
		return manifest_wrong(m, at, "must be a duration, as \"90s\", \"2h\" or a number of seconds");
	*out = seconds > UINT32_MAX ? UINT32_MAX : (uint32_t)seconds;
	return 0;
}
