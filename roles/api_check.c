/* roles/api_check.c - is a request as its row says? What nobody knows is an error, with the
 * nearest word that is known. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "exec/json_keys.h"
#include "exec/visible.h"
#include "net/memory.h"
#include "proto/cpt.h"
#include "proto/status.h"
#include "proto/typed.h"
#include "roles/api_table.h"

#define FIELDS_MAX 32
#define TEXT_MAX 4096

/* "what" is "the query" or "the body". */
static int unknown(const struct api_field *fields, const char *what, const char *name, struct error *err)
{
	const char *words[FIELDS_MAX + 1] = {NULL}, *nearest;
	char all[160] = "", shown[80];

	for (size_t i = 0; fields != NULL && fields[i].name != NULL && i < FIELDS_MAX; i++) {
		words[i] = fields[i].name;
		if (strlen(all) + strlen(fields[i].name) + 3 < sizeof all) {
			strcat(all, i > 0 ? ", " : "");
			strcat(all, fields[i].name);
		}
	}
	text_visible(shown, sizeof shown, name, strlen(name));
	error_set(err, STATUS_INVALID_ARGUMENT, "%s has no \"%s\"", what, shown);
	nearest = nearest_word(name, words);
	if (nearest != NULL)
		return error_hint(err, "did you mean \"%s\"?", nearest);
	return error_hint(err, all[0] != '\0' ? "it may have: %s" : "it takes none%s", all);
}

static const struct api_field *find(const struct api_field *fields, const char *name)
{
	for (; fields != NULL && fields->name != NULL; fields++)
		if (strcmp(fields->name, name) == 0)
			return fields;
	return NULL;
}

static int wrong(const struct api_field *f, const char *must, struct error *err)
{
	return error_set(err, STATUS_INVALID_ARGUMENT, "\"%s\" must be %s", f->name, must);
}

/* Is `text` one of "a|b|c"? */
static bool is_one_of(const char *words, const char *text)
{
	size_t n = strlen(text);

	for (const char *at = words; n > 0; at = strchr(at, '|') + 1) {
		if (strncmp(at, text, n) == 0 && (at[n] == '|' || at[n] == '\0'))
			return true;
		if (strchr(at, '|') == NULL)
			break;
	}
	return false;
}

static bool is_whole(double value, int64_t min, int64_t max)
{
	return value >= (double)min && value <= (double)max && value == (double)(int64_t)value;
}

static int check_count(const struct api_field *f, double value, struct error *err)
{
	if (is_whole(value, f->min, f->max))
		return 0;
	return error_set(err, STATUS_INVALID_ARGUMENT, "\"%s\" must be a whole number from %lld to %lld", f->name,
			 (long long)f->min, (long long)f->max);
}

static int check_text(const struct api_field *f, const char *text, struct error *err)
{
	struct error ignored;
	int64_t mcpt;

	switch (f->kind) {
	case API_ONE_OF:
		return is_one_of(f->words, text)
			       ? 0 : error_set(err, STATUS_INVALID_ARGUMENT, "\"%s\" must be one of %s", f->name, f->words);
	case API_SHA256:
		return api_sha256(text)[0] != '\0' ? 0 : wrong(f, "a SHA-256: 64 hexadecimal digits", err);
	case API_CPT:
		return cpt_parse(text, &mcpt, &ignored) == 0
			       ? 0 : wrong(f, "an amount of CPT with at most three decimals, as \"12.5\"", err);
	default:
		if (strlen(text) <= (size_t)(f->max > 0 ? f->max : TEXT_MAX))
			return 0;
		return error_set(err, STATUS_INVALID_ARGUMENT, "\"%s\" is longer than %lld bytes", f->name,
				 (long long)(f->max > 0 ? f->max : TEXT_MAX));
	}
}

const char *api_sha256(const char *text)
{
	if (strncmp(text, "sha256:", 7) == 0)
		text += 7;
	return sha256_hex_valid(text) ? text : "";
}

/* --- the query ------------------------------------------------------------------------------------ */

static int check_query_value(const struct api_field *f, const char *text, struct error *err)
{
	if (f->kind == API_COUNT) {
		bool number = text[0] != '\0' && strlen(text) <= 18 && text[strspn(text, "0123456789")] == '\0';

		return check_count(f, number ? (double)strtoll(text, NULL, 10) : -1, err);
	}
	if (f->kind == API_FLAG)
		return is_one_of("true|false|1|0", text) ? 0 : wrong(f, "true or false", err);
	return check_text(f, text, err);
}

int api_check_query(const struct api_row *row, const struct http_request *r, struct error *err)
{
	int rc = 0;

	for (int i = 0; i < r->query_n && rc == 0; i++) {
		const struct api_field *f = find(row->query, r->query[i].name);

		if (f == NULL)
			return unknown(row->query, "the query", r->query[i].name, err);
		for (int k = 0; k < i; k++)
			if (strcmp(r->query[k].name, f->name) == 0)
				return error_set(err, STATUS_INVALID_ARGUMENT, "\"%s\" comes twice in the query", f->name);
		rc = check_query_value(f, r->query[i].value, err);
	}
	for (const struct api_field *f = row->query; rc == 0 && f != NULL && f->name != NULL; f++)
		if (f->required && http_query(r, f->name) == NULL)
			rc = error_set(err, STATUS_INVALID_ARGUMENT, "\"%s\" is missing in the query: %s", f->name, f->text);
	return rc;
}

/* --- the body ------------------------------------------------------------------------------------- */

static int check_texts(const struct api_field *f, const cJSON *v, struct error *err)
{
	const cJSON *item;

	if (!cJSON_IsArray(v))
		return wrong(f, "a list of texts, as [\"run.sh\"]", err);
	cJSON_ArrayForEach(item, v)
		if (!cJSON_IsString(item))
			return wrong(f, "a list of texts, as [\"run.sh\"]", err);
	return 0;
}

static int check_pairs(const struct api_field *f, const cJSON *v, struct error *err)
{
	const cJSON *item;

	if (!cJSON_IsObject(v))
		return wrong(f, "an object of texts, as {\"run.sh\": \"echo hi\"}", err);
	cJSON_ArrayForEach(item, v)
		if (!cJSON_IsString(item))
			return wrong(f, "an object of texts, as {\"run.sh\": \"echo hi\"}", err);
	return 0;
}

static int check_blob(const struct api_field *f, const cJSON *v, struct error *err)
{
	const struct api_field *known = (const struct api_field[]){
		{.name = "sha256", .kind = API_SHA256}, {.name = "bytes", .kind = API_COUNT}, {0}};
	const cJSON *sha256 = cJSON_GetObjectItemCaseSensitive(v, "sha256");
	const cJSON *bytes = cJSON_GetObjectItemCaseSensitive(v, "bytes");
	const cJSON *item;

	if (!cJSON_IsObject(v))
		return wrong(f, "an object with sha256 and bytes", err);
	cJSON_ArrayForEach(item, v)
		if (find(known, item->string) == NULL)
			return unknown(known, "\"bundle\"", item->string, err);
	if (!cJSON_IsString(sha256) || api_sha256(sha256->valuestring)[0] == '\0')
		return wrong(f, "an object whose sha256 has 64 hexadecimal digits", err);
	if (!cJSON_IsNumber(bytes) || !is_whole(bytes->valuedouble, 1, BUNDLE_MAX))
		return wrong(f, "an object whose bytes say how long the tar is", err);
	return 0;
}

static int check_body_value(const struct api_field *f, const cJSON *v, struct error *err)
{
	if (cJSON_IsNull(v) && !f->required)
		return 0;
	switch (f->kind) {
	case API_COUNT:
		return check_count(f, cJSON_IsNumber(v) ? v->valuedouble : -1, err);
	case API_AMOUNT:
		if (cJSON_IsNumber(v) && v->valuedouble > 0 && v->valuedouble <= (double)f->max)
			return 0;
		return error_set(err, STATUS_INVALID_ARGUMENT, "\"%s\" must be a number above 0, at most %lld", f->name,
				 (long long)f->max);
	case API_FLAG:
		return cJSON_IsBool(v) ? 0 : wrong(f, "true or false", err);
	case API_TEXTS:
		return check_texts(f, v, err);
	case API_PAIRS:
		return check_pairs(f, v, err);
	case API_MANIFEST:
		return cJSON_IsObject(v) || cJSON_IsString(v) ? 0 : wrong(f, "a manifest: an object, or its text", err);
	case API_BLOB:
		return check_blob(f, v, err);
	default:
		if (cJSON_IsString(v))
			return check_text(f, v->valuestring, err);
		return wrong(f, f->kind == API_CPT ? "a text, as \"12.5\"" : "a text", err);
	}
}

static int check_members(const struct api_row *row, const cJSON *body, struct error *err)
{
	const cJSON *item;
	int rc = 0;

	cJSON_ArrayForEach(item, body)
	{
		const struct api_field *f = find(row->body, item->string);

		if (f == NULL)
			return unknown(row->body, "the body", item->string, err);
		rc = check_body_value(f, item, err);
		if (rc != 0)
			return rc;
	}
	for (const struct api_field *f = row->body; rc == 0 && f->name != NULL; f++)
		if (f->required && cJSON_GetObjectItemCaseSensitive(body, f->name) == NULL)
			rc = error_set(err, STATUS_INVALID_ARGUMENT, "\"%s\" is missing: %s", f->name, f->text);
	return rc;
}

/* What cJSON lets through: names that come twice, numbers that begin with zeros, zero characters. */
static int check_strictly(const char *text, struct error *err)
{
	struct arena arena = {0};
	struct json_keys keys;
	const char *fault;

	json_keys_init(&keys, &arena, text);
	fault = json_keys_read(&keys);
	if (fault != NULL)
		error_set(err, STATUS_INVALID_ARGUMENT, "the body, line %d: %s", keys.line, fault);
	arena_release(&arena);
	return err->status;
}

static int line_of(const char *text, const char *place)
{
	int line = 1;

	for (; place != NULL && text < place && *text != '\0'; text++)
		line += *text == '\n';
	return line;
}

int api_check_body(const struct api_row *row, const char *text, size_t n, cJSON **body, struct error *err)
{
	const char *stop = NULL;
	cJSON *v;

	if (n == 0)
		text = "{}"; /* a row whose members are all optional needs no body */
	if (n > 0 && strlen(text) != n)
		return error_set(err, STATUS_INVALID_ARGUMENT, "the body has a zero byte");
	v = cJSON_ParseWithOpts(text, &stop, true);
	if (v == NULL || !cJSON_IsObject(v)) {
		error_set(err, STATUS_INVALID_ARGUMENT,
			  v == NULL ? "the body, line %d: this is not JSON" : "the body must be an object",
			  line_of(text, stop));
		cJSON_Delete(v);
		return err->status;
	}
	if (check_strictly(text, err) != 0 || check_members(row, v, err) != 0) {
		cJSON_Delete(v);
		return err->status;
	}
	*body = v;
	return 0;
}
