/* ui/http_sign_in.c - sessions as requests begin and end them (http.h). */
#include <cjson/cJSON.h>
#include <string.h>

#include "net/clock.h"
#include "ui/http_server.h"

bool http_key_use(struct http_request *r, const char *key)
{
	return http_sessions_use_key(&r->server->sessions, key);
}

void http_session_begin(struct http_request *r)
{
	struct http_connection *c = http_connection_of(r);

	r->session = http_sessions_begin(&r->server->sessions, c->secret, clock_ms());
	c->cookie_set = true;
}

void http_session_end(struct http_request *r)
{
	struct http_connection *c = http_connection_of(r);

	if (r->session == 0)
		return;
	http_sessions_end(&r->server->sessions, r->session);
	http_server_hang_up(r->server, r->session);
	c->secret[0] = '\0';
	c->cookie_set = true;
	r->session = 0;
}

static bool key_is_right(struct http_request *r)
{
	cJSON *json = cJSON_ParseWithLength((const char *)r->body, r->body_n);
	const char *key = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "key"));
	bool right = key != NULL && http_key_use(r, key);

	cJSON_Delete(json);
	return right;
}

void http_session_post(struct http_request *r)
{
	static const struct http_problem wrong = {
	    .status = 401,
	    .code = "WRONG_KEY",
	    .title = "Not signed in",
	    .detail = "This key is none, or it was used before: each opens one session.",
	    .hint = "Open the address that hivemind printed when it started, or sign in with a password.",
	};

	if (!key_is_right(r)) {
		http_problem(r, &wrong);
		return;
	}
	http_session_begin(r);
	http_answer(r, 204, NULL, NULL, 0);
}

void http_session_delete(struct http_request *r)
{
	http_session_end(r);
	http_answer(r, 204, NULL, NULL, 0);
}
