/* test/fuzz/api_check.c - the query and the body of a request of the JSON API, after a byte that chooses the
 * route and "QUERY\n" before the body: what is taken holds only what the route knows, within its bounds, and
 * can be read as run() reads it; what is refused has words and says what to do. */
#include "roles/api.h"
#include "roles/worker_page.h"
#include "test/fuzz/fuzz.h"

#define QUERY_MAX 16
#define WORKERS_FROM 200 /* a first byte from here on is a route of the worker */

static const struct api_field *field_of(const struct api_field *fields, const char *name)
{
	for (; fields != NULL && fields->name != NULL; fields++)
		if (strcmp(fields->name, name) == 0)
			return fields;
	return NULL;
}

/* name=value&name=value, as it is after decoding. The text is cut into pieces. */
static int read_query(char *text, struct http_pair *pairs)
{
	char *save = NULL;
	int n = 0;

	for (char *at = strtok_r(text, "&", &save); at != NULL && n < QUERY_MAX; at = strtok_r(NULL, "&", &save)) {
		char *equals = strchr(at, '=');

		if (equals != NULL)
			*equals = '\0';
		pairs[n++] = (struct http_pair){at, equals != NULL ? equals + 1 : ""};
	}
	return n;
}

static void read_blob(const cJSON *item)
{
	double bytes = cJSON_GetObjectItemCaseSensitive(item, "bytes")->valuedouble;

	must(strlen(api_sha256(cJSON_GetObjectItemCaseSensitive(item, "sha256")->valuestring)) == 64);
	must(bytes >= 1 && bytes == (double)(int64_t)bytes);
}

static void read_value(struct api *a, const struct api_field *f)
{
	const cJSON *item = api_item(a, f->name);

	must(item != NULL || !f->required);
	if (item == NULL)
		return;
	switch (f->kind) {
	case API_COUNT:
		must(api_count(a, f->name, -1) >= f->min && api_count(a, f->name, -1) <= f->max);
		break;
	case API_AMOUNT:
		must(item->valuedouble > 0 && item->valuedouble <= (double)f->max);
		break;
	case API_FLAG:
		must(cJSON_IsBool(item));
		break;
	case API_TEXTS:
	case API_PAIRS:
		must(cJSON_IsArray(item) || cJSON_IsObject(item));
		for (const cJSON *v = item->child; v != NULL; v = v->next)
			must(v->valuestring != NULL);
		break;
	case API_MANIFEST:
		must(cJSON_IsObject(item) || item->valuestring != NULL);
		break;
	case API_BLOB:
		read_blob(item);
		break;
	default:
		must(strlen(api_text(a, f->name)) <= (size_t)(f->max > 0 ? f->max : 4096));
	}
}

static void check_words(const struct error *e)
{
	must(e->status != 0 && e->text[0] != '\0');
	must(is_shown(e->text, sizeof e->text) && is_shown(e->hint, sizeof e->hint));
}

static void check_query(const struct api_row *row, char *text)
{
	struct http_pair pairs[QUERY_MAX];
	struct http_request r = {.query = pairs, .query_n = read_query(text, pairs)};
	struct api a = {.r = &r, .row = row};
	struct error e = {0};
	int status = api_check_query(row, &r, &e);

	must(status == e.status);
	if (status != 0) {
		check_words(&e);
		return;
	}
	for (int i = 0; i < r.query_n; i++) {
		const struct api_field *f = field_of(row->query, pairs[i].name);

		must(f != NULL);
		if (f->kind == API_COUNT)
			must(api_query_count(&a, f->name, -1) >= f->min && api_query_count(&a, f->name, -1) <= f->max);
	}
}

static void check_body(const struct api_row *row, const char *text, size_t n)
{
	struct api a = {.row = row};
	struct error e = {0};
	int status = api_check_body(row, text, n, &a.body, &e);

	must(status == e.status && (status == 0) == (a.body != NULL));
	if (status != 0) {
		check_words(&e);
		return;
	}
	for (const cJSON *v = a.body->child; v != NULL; v = v->next) {
		must(field_of(row->body, v->string) != NULL);
		for (const cJSON *other = v->next; other != NULL; other = other->next)
			must(strcmp(v->string, other->string) != 0);
	}
	for (const struct api_field *f = row->body; f->name != NULL; f++)
		read_value(&a, f);
	cJSON_Delete(a.body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct api_table *t = n > 0 && data[0] >= WORKERS_FROM ? &worker_page_table : &api_master;
	const struct api_row *row = &t->rows[n > 0 ? data[0] % t->count : 0];
	const uint8_t *line = n > 1 ? memchr(data + 1, '\n', n - 1) : NULL;
	char *query, *body;

	if (line == NULL)
		return 0;
	query = text_of(data + 1, (size_t)(line - data) - 1);
	body = text_of(line + 1, n - (size_t)(line + 1 - data));
	check_query(row, query);
	if (row->body != NULL)
		check_body(row, body, n - (size_t)(line + 1 - data));
	free(query);
	free(body);
	return 0;
}
