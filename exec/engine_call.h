/* exec/engine_call.h - one call of the engine's API: a method, a path below /vX.YY, a body, an answer.
 *
 * Both engines take the same calls; where their answers differ, the questions about an answer are asked here
 * (call_says_*), so that nobody else needs to know who answered. */
#ifndef EXEC_ENGINE_CALL_H
#define EXEC_ENGINE_CALL_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "exec/engine.h"

#define CALL_TIMEOUT_MS 30000   /* of a call that only changes records; a busy disk can take seconds */
#define CONTAINER_NAME_SIZE 64

struct engine_call {
	/* The owner may set its timeout_ms, on_data, on_headers, read_body,
	 * type and own_connection before the call. */
	struct fetch_request request;
	void (*done)(struct engine_call *c); /* request.error and request.answer are valid inside */
	void *user;
	char *body;     /* private, as the rest */
	char url[768];
	int64_t begun_ms;
	bool busy;
};

/* done() comes once, from the loop. c is on loan until then; zero it before it is used first. */
void call_start(struct engine *e, struct engine_call *c, void (*done)(struct engine_call *),
		const char *method, const char *path, ...) __attribute__((format(printf, 5, 6)));
void call_cancel(struct engine_call *c);

/* The same with a JSON body, which becomes the call's (from cJSON_PrintUnformatted). */
void call_post_json(struct engine *e, struct engine_call *c, void (*done)(struct engine_call *), char *json,
		    const char *path, ...) __attribute__((format(printf, 5, 6)));

/* The answer as JSON, NULL if it is none; cJSON_Delete() it. */
cJSON *call_json(const struct engine_call *c);

/* Do these words stand in the answer's body? */
bool call_answer_has(const struct engine_call *c, const char *words);

bool call_says_gone(const struct engine_call *c);        /* no such container or image */
bool call_says_name_taken(const struct engine_call *c);  /* create: there is one of that name */
bool call_says_not_running(const struct engine_call *c); /* kill: it has ended already */
bool call_says_paused(const struct engine_call *c, bool paused); /* pause, unpause: it is (not) so already */

/* Members of JSON objects; what is missing or of another kind is NULL, "", 0. */
const cJSON *json_get(const cJSON *object, const char *name);
const char *json_string(const cJSON *object, const char *name);
double json_number(const cJSON *object, const char *name);
int json_integer(const cJSON *object, const char *name); /* the nearest that an int can be */
bool json_true(const cJSON *object, const char *name);

#endif
