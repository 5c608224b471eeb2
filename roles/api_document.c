/* roles/api_document.c - the OpenAPI 3.1 document of a table of routes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "roles/api_table.h"
#include "roles/roles.h"
#include "ui/json.h"

/* A JSON text that was written elsewhere, as a value. */
static void json_raw(struct json *j, const char *key, const char *text, size_t n)
{
	json_int(j, key, 0);
	j->out->n--; /* its place */
	buf_append(j->out, text, n);
}

static void ref(struct json *j, const char *key, const char *kind, const char *name)
{
	char text[120];

	snprintf(text, sizeof text, "#/components/%s/%s", kind, name);
	json_object(j, key);
	json_text(j, "$ref", text);
	json_end(j);
}

/* --- what comes ------------------------------------------------------------------------------------ */

static void words_schema(struct json *j, const char *words)
{
	json_text(j, "type", "string");
	json_array(j, "enum");
	while (*words != '\0') {
		size_t n = strcspn(words, "|");

		json_text_n(j, NULL, words, n);
		words += n + (words[n] == '|');
	}
	json_end(j);
}

static void manifest_schema(struct json *j)
{
	json_array(j, "type");
	json_text(j, NULL, "object");
	json_text(j, NULL, "string");
	json_end(j);
}

static void list_schema(struct json *j, const char *type, const char *of)
{
	json_text(j, "type", type);
	json_object(j, of);
	json_text(j, "type", "string");
	json_end(j);
}

static void field_schema(struct json *j, const char *key, const struct api_field *f)
{
	json_object(j, key);
	switch (f->kind) {
	case API_COUNT:
		json_text(j, "type", "integer");
		json_int(j, "minimum", f->min);
		json_int(j, "maximum", f->max);
		break;
	case API_AMOUNT:
		json_text(j, "type", "number");
		json_int(j, "exclusiveMinimum", 0);
		json_int(j, "maximum", f->max);
		break;
	case API_FLAG:
		json_text(j, "type", "boolean");
		break;
	case API_ONE_OF:
		words_schema(j, f->words);
		break;
	case API_CPT:
		json_text(j, "type", "string");
		json_text(j, "pattern", "^[0-9]+(\\.[0-9]{1,3})?$");
		break;
	case API_TEXTS:
		list_schema(j, "array", "items");
		break;
	case API_PAIRS:
		list_schema(j, "object", "additionalProperties");
		break;
	case API_MANIFEST:
		manifest_schema(j);
		break;
	case API_BLOB:
		json_text(j, "$ref", "#/components/schemas/Blob");
		break;
	default:
		json_text(j, "type", "string");
		if (f->max > 0)
			json_int(j, "maxLength", f->max);
		break;
	}
	json_end(j);
}

static void parameter(struct json *j, const struct api_field *f, const char *in)
{
	json_object(j, NULL);
	json_text(j, "name", f->name);
	json_text(j, "in", in);
	json_text(j, "description", f->text);
	json_bool(j, "required", f->required || strcmp(in, "path") == 0);
	field_schema(j, "schema", f);
	json_end(j);
}

static const char *about(const char *const (*words)[2], const char *name)
{
	for (; (*words)[0] != NULL; words++)
		if (strcmp((*words)[0], name) == 0)
			return (*words)[1];
	return "";
}

/* {id} of the path. */
static void path_parameters(struct json *j, const struct api_table *t, const char *path)
{
	char name[40];

	while ((path = strchr(path, '{')) != NULL) {
		size_t n = strcspn(++path, ".}");

		snprintf(name, sizeof name, "%.*s", (int)n, path);
		parameter(j, &(struct api_field){.name = name, .kind = API_TEXT, .text = about(t->params, name)},
			  "path");
	}
}

static void parameters(struct json *j, const struct api_table *t, const struct api_row *row)
{
	if (strchr(row->path, '{') == NULL && row->query == NULL && row->headers == NULL)
		return;
	json_array(j, "parameters");
	path_parameters(j, t, row->path);
	for (const struct api_field *f = row->query; f != NULL && f->name != NULL; f++)
		parameter(j, f, "query");
	for (const struct api_field *f = row->headers; f != NULL && f->name != NULL; f++)
		if (strcmp(f->name, "Accept") != 0) /* said by the media types of the answer */
			parameter(j, f, "header");
	json_end(j);
}

static void body_schema(struct json *j, const struct api_row *row)
{
	bool any = false;

	json_object(j, "schema");
	json_text(j, "type", "object");
	json_bool(j, "additionalProperties", false);
	json_object(j, "properties");
	for (const struct api_field *f = row->body; f->name != NULL; f++) {
		field_schema(j, f->name, f);
		any |= f->required;
	}
	json_end(j);
	if (any) {
		json_array(j, "required");
		for (const struct api_field *f = row->body; f->name != NULL; f++)
			if (f->required)
				json_text(j, NULL, f->name);
		json_end(j);
	}
	json_end(j);
}

static void request_body(struct json *j, const struct api_row *row)
{
	if (row->body == NULL && row->takes == NULL)
		return;
	json_object(j, "requestBody");
	json_bool(j, "required", row->takes != NULL || row->body[0].required);
	json_object(j, "content");
	json_object(j, row->takes != NULL ? row->takes : "application/json");
	if (row->body != NULL) {
		body_schema(j, row);
		if (row->example != NULL)
			json_raw(j, "example", row->example, strlen(row->example));
	} else {
		json_object(j, "schema");
		json_text(j, "type", "string");
		json_text(j, "format", "binary");
		json_end(j);
	}
	json_end(j);
	json_end(j);
	json_end(j);
}

/* --- what goes ------------------------------------------------------------------------------------- */

static void text_content(struct json *j, const char *type)
{
	json_object(j, type);
	json_object(j, "schema");
	json_text(j, "type", "string");
	json_end(j);
	json_end(j);
}

static void content(struct json *j, const struct api_row *row)
{
	const char *type = row->gives != NULL ? row->gives : "application/json";

	json_object(j, "content");
	json_object(j, type);
	if (row->schema != NULL) {
		ref(j, "schema", "schemas", row->schema);
	} else {
		json_object(j, "schema");
		json_text(j, "type", strcmp(type, "application/json") == 0 ? "object" : "string");
		json_end(j);
	}
	json_end(j);
	if (row->gives_too != NULL)
		text_content(j, row->gives_too);
	json_end(j);
}

static void responses(struct json *j, const struct api_row *row)
{
	char status[8];

	snprintf(status, sizeof status, "%d", row->status);
	json_object(j, "responses");
	json_object(j, status);
	json_text(j, "description", row->summary);
	if (row->status != 204)
		content(j, row);
	json_end(j);
	ref(j, "4XX", "responses", "Problem");
	ref(j, "5XX", "responses", "Problem");
	json_end(j);
}

static void operation(struct json *j, const struct api_table *t, const struct api_row *row)
{
	char method[8] = "";

	for (size_t i = 0; row->method[i] != '\0'; i++)
		method[i] = (char)(row->method[i] | 0x20);
	json_object(j, method);
	json_text(j, "operationId", row->id);
	json_array(j, "tags");
	json_text(j, NULL, row->tag);
	json_end(j);
	json_text(j, "summary", row->summary);
	if (row->text != NULL)
		json_text(j, "description", row->text);
	if (row->flags & HTTP_PUBLIC) {
		json_array(j, "security");
		json_end(j);
	}
	parameters(j, t, row);
	if (row->example != NULL && row->body == NULL)
		json_text(j, "x-example", row->example);
	request_body(j, row);
	responses(j, row);
	json_end(j);
}

/* Does an earlier row have this path? */
static bool is_done(const struct api_table *t, size_t at)
{
	for (size_t k = 0; k < at; k++)
		if (strcmp(t->rows[k].path, t->rows[at].path) == 0)
			return true;
	return false;
}

/* The operations of one path stand together. */
static void paths(struct json *j, const struct api_table *t)
{
	static const char base[] = "/api/v1";

	json_object(j, "paths");
	for (size_t i = 0; i < t->count; i++) {
		char path[120], *dots;

		if (strncmp(t->rows[i].path, base, strlen(base)) != 0 || is_done(t, i))
			continue; /* /metrics is none of the API */
		snprintf(path, sizeof path, "%s", t->rows[i].path + strlen(base));
		dots = strstr(path, "...}"); /* the rest, with its slashes: OpenAPI has no word for that */
		if (dots != NULL)
			memcpy(dots, "}", 2);
		json_object(j, path);
		for (size_t k = i; k < t->count; k++)
			if (strcmp(t->rows[k].path, t->rows[i].path) == 0)
				operation(j, t, &t->rows[k]);
		json_end(j);
	}
	json_end(j);
}

/* --- around it ---------------------------------------------------------------------------------------- */

static void info(struct json *j, const struct api_table *t)
{
	json_object(j, "info");
	json_text(j, "title", t->title);
	json_text(j, "version", HIVEMIND_VERSION);
	json_text(j, "summary", t->summary);
	json_text(j, "description", t->text);
	json_object(j, "license");
	json_text(j, "name", "Apache License 2.0");
	json_text(j, "identifier", "Apache-2.0");
	json_end(j);
	json_end(j);
}

static void servers(struct json *j)
{
	json_array(j, "servers");
	json_object(j, NULL);
	json_text(j, "url", "/api/v1");
	json_end(j);
	json_end(j);
}

static void tags(struct json *j, const struct api_table *t)
{
	json_array(j, "tags");
	for (const char *const (*tag)[2] = t->tags; (*tag)[0] != NULL; tag++) {
		json_object(j, NULL);
		json_text(j, "name", (*tag)[0]);
		json_text(j, "description", (*tag)[1]);
		json_end(j);
	}
	json_end(j);
}

/* One of the two is enough. */
static void security(struct json *j)
{
	static const char *const names[] = {"bearer", "cookie"};

	json_array(j, "security");
	for (int i = 0; i < 2; i++) {
		json_object(j, NULL);
		json_array(j, names[i]);
		json_end(j);
		json_end(j);
	}
	json_end(j);
}

static void security_schemes(struct json *j, const struct api_table *t)
{
	json_object(j, "securitySchemes");
	json_object(j, "bearer");
	json_text(j, "type", "http");
	json_text(j, "scheme", "bearer");
	json_text(j, "description", t->bearer);
	json_end(j);
	json_object(j, "cookie");
	json_text(j, "type", "apiKey");
	json_text(j, "in", "cookie");
	json_text(j, "name", t->cookie);
	json_text(j, "description", "for browsers: of a session; it ends with the port. What changes something also "
		  "has X-Hivemind-Csrf: 1");
	json_end(j);
	json_end(j);
}

static void components(struct json *j, const struct api_table *t)
{
	json_object(j, "components");
	security_schemes(j, t);
	json_object(j, "responses");
	json_object(j, "Problem");
	json_text(j, "description", "What was wrong, why, and what to do (RFC 9457)");
	json_object(j, "content");
	json_object(j, "application/problem+json");
	ref(j, "schema", "schemas", "Problem");
	json_end(j);
	json_end(j);
	json_end(j);
	json_end(j);
	json_raw(j, "schemas", t->schemas, (size_t)*t->schemas_size);
	json_end(j);
}

void api_document(const struct api_table *t, struct buf *out)
{
	struct json j;

	json_init(&j, out);
	json_object(&j, NULL);
	json_text(&j, "openapi", "3.1.0");
	info(&j, t);
	servers(&j);
	security(&j);
	tags(&j, t);
	paths(&j, t);
	components(&j, t);
	json_end(&j);
}
