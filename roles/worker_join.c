/* roles/worker_join.c - the pool and the token, before anything is said to anybody. */
#include "roles/worker_join.h"

#include <stdio.h>

#include "proto/status.h"
#include "roles/credentials.h"
#include "roles/roles.h"
#include "ui/term.h"

_Static_assert(sizeof((struct worker *)0)->token == TOKEN_SIZE, "a token fits");

/* The token of an earlier login, or of one made now when a person sits there. */
static int find_login(struct worker *w, char *pool, struct error *err)
{
	char join[400];
	char login[] = "login", option[] = "--pool";
	char *argv[] = {login, option, join, NULL};
	int rc = credentials_find(&w->pool, w->token, err);

	snprintf(join, sizeof join, w->pool.pin[0] != '\0' ? "%s#sha256:%s" : "%s", pool, w->pool.pin);
	if (rc == STATUS_NOT_FOUND && !w->globals.no_input && term_is_tty(stdin)) {
		fprintf(stderr, "Whose worker is this? Log in to %s.\n", pool);
		if (login_main(3, argv) == 0)
			rc = credentials_find(&w->pool, w->token, err);
	}
	if (rc == STATUS_NOT_FOUND)
		error_hint(err, "hivemind login --pool %s   then start the worker again", join);
	return rc;
}

int worker_find_pool(struct worker *w, struct error *err)
{
	const char *join = w->options.join != NULL ? w->options.join : w->globals.pool;
	char text[300];
	int rc;

	if (join == NULL) {
		error_set(err, STATUS_INVALID_ARGUMENT, "which pool?");
		return error_hint(err, "hivemind worker --join HOST[:PORT]");
	}
	rc = endpoint_parse(&w->pool, join, err);
	if (rc != 0)
		return rc;
	endpoint_text(&w->pool, text, sizeof text);
	rc = token_from_environment(w->token, err);
	return rc == STATUS_NOT_FOUND ? find_login(w, text, err) : rc;
}

int worker_meet_pool(struct worker *w, struct error *err)
{
	int rc = trust_open(&w->trust, &w->pool, err);

	if (rc == 0)
		rc = trust_meet(&w->trust, &w->loop, !w->globals.no_input, err);
	if (rc != STATUS_UNAVAILABLE)
		return rc;
	error_clear(err);
	return 0;
}
