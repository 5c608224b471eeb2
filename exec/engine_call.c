/* exec/engine_call.c owns: how a call is put together and what the two engines mean by their answers.
 *
 * Docker answers 404 for what is not there and 409 for a wrong state. Podman says 500 for most wrong states,
 * with words that are all one has to tell them apart. */
#define _GNU_SOURCE
#include "exec/engine_call.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/clock.h"
#include "net/memory.h"
#include "net/metrics.h"

/* What is asked for, in the words of the metric: by the method, and by the last part of the path. */
static const char *word_of(const char *method, const char *url)
{
	static const char *const rows[][4] = {
		{"GET", "_ping", "", "ping"}, {"GET", "version", "", "version"}, {"GET", "info", "", "info"},
		{"GET", "events", "", "events"}, {"GET", "containers/json", "", "containers"},
		{"GET", "images/json", "", "images"}, {"POST", "containers/create", "", "create"},
		{"POST", "images/create", "fromSrc", "import"}, {"POST", "images/create", "", "pull"},
		{"POST", "load", "", "load"}, {"POST", "start", "", "start"}, {"POST", "kill", "", "kill"},
		{"POST", "stop", "", "stop"}, {"POST", "pause", "", "pause"},
		{"POST", "unpause", "", "unpause"},
		{"GET", "logs", "", "logs"}, {"GET", "json", "/containers/", "inspect"},
		{"GET", "json", "/images/", "image"}, {"DELETE", "", "/containers/", "remove"},
		{"DELETE", "", "/images/", "remove_image"}};
	size_t n = strcspn(url, "?");

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		size_t end = strlen(rows[i][1]);

		if (strcmp(method, rows[i][0]) == 0 && n > end &&
		    memcmp(url + n - end, rows[i][1], end) == 0 && (end == 0 || url[n - end - 1] == '/') &&
		    strstr(url, rows[i][2]) != NULL)
			return rows[i][3];
	}
	return "other";
}

static void on_call_done(struct fetch_request *r)
{
	struct engine_call *c = container_of(r, struct engine_call, request);
	struct buf answer = r->answer;
	char *body = c->body;

	c->body = NULL;
	c->busy = false;
	if (!r->own_connection)
		metrics_observe(METRIC_ENGINE_SECONDS,
				metrics_word(METRIC_ENGINE_SECONDS, 0, word_of(r->method, r->url)),
				(double)(clock_ms() - c->begun_ms) / 1000);
	c->done(c); /* may start c again, or free it */
	buf_release(&answer);
	free(body);
}

static void start(struct engine *e, struct engine_call *c, void (*done)(struct engine_call *),
		  const char *method, const char *path, va_list arguments)
{
	int n = e->api[0] != '\0' ? snprintf(c->url, sizeof(c->url), "http://engine/v%s", e->api)
				  : snprintf(c->url, sizeof(c->url), "http://engine");

	vsnprintf(c->url + n, sizeof(c->url) - (size_t)n, path, arguments);
	c->done = done;
	c->busy = true;
	c->begun_ms = clock_ms();
	c->request.method = method;
	c->request.socket = e->socket;
	c->request.url = c->url;
	if (c->body != NULL) {
		c->request.body = c->body;
		c->request.body_size = strlen(c->body);
	}
	c->request.on_done = on_call_done;
	if (c->request.timeout_ms == 0 && !c->request.own_connection)
		c->request.timeout_ms = CALL_TIMEOUT_MS;
	fetch_start(e->fetch, &c->request);
}

void call_start(struct engine *e, struct engine_call *c, void (*done)(struct engine_call *),
		const char *method, const char *path, ...)
{
	va_list arguments;

	va_start(arguments, path);
	start(e, c, done, method, path, arguments);
	va_end(arguments);
}

void call_post_json(struct engine *e, struct engine_call *c, void (*done)(struct engine_call *), char *json,
		    const char *path, ...)
{
	va_list arguments;

	c->body = json;
	c->request.type = "application/json";
	va_start(arguments, path);
	start(e, c, done, "POST", path, arguments);
	va_end(arguments);
}

void call_cancel(struct engine_call *c)
{
	if (c->busy)
		fetch_cancel(&c->request);
}

cJSON *call_json(const struct engine_call *c)
{
	return cJSON_ParseWithLength((const char *)c->request.answer.data, c->request.answer.n);
}

bool call_answer_has(const struct engine_call *c, const char *words)
{
	const struct buf *answer = &c->request.answer;

	return answer->n > 0 && memmem(answer->data, answer->n, words, strlen(words)) != NULL;
}

static bool says(const struct engine_call *c, const char *words)
{
	return c->request.http == 500 && strstr(c->request.error.text, words) != NULL;
}

bool call_says_gone(const struct engine_call *c)
{
	return c->request.http == 404 || says(c, "no such container") || says(c, "no container with name");
}

bool call_says_name_taken(const struct engine_call *c)
{
	return c->request.http == 409 || says(c, "already in use");
}

bool call_says_not_running(const struct engine_call *c)
{
	return c->request.http == 409 || call_says_gone(c) || says(c, "is not running") ||
	       says(c, "can only kill running containers") || says(c, "container state improper");
}

bool call_says_paused(const struct engine_call *c, bool paused)
{
	return strstr(c->request.error.text, paused ? "already paused" : "not paused") != NULL;
}

const cJSON *json_get(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

const char *json_string(const cJSON *object, const char *name)
{
	const cJSON *item = json_get(object, name);

	return cJSON_IsString(item) ? item->valuestring : "";
}

double json_number(const cJSON *object, const char *name)
{
	const cJSON *item = json_get(object, name);

	return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

int json_integer(const cJSON *object, const char *name)
{
	const cJSON *item = json_get(object, name);

	return cJSON_IsNumber(item) ? item->valueint : 0;
}

bool json_true(const cJSON *object, const char *name)
{
	return cJSON_IsTrue(json_get(object, name));
}
