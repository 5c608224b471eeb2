#include "roles/trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "net/known_pools.h"
#include "net/memory.h"
#include "net/tls.h"
#include "proto/status.h"
#include "roles/worker_home.h"
#include "ui/config.h"
#include "ui/term.h"

/* No key has it: for a machine without any authorities, to learn who answers. */
#define NOBODY "0000000000000000000000000000000000000000000000000000000000000000"

static void find_file(struct trust *t)
{
	char directory[400];

	if (config_directory(directory, sizeof directory))
		snprintf(t->file, sizeof t->file, "%s/known_pools", directory);
}

/* In which line of the file the pool stands. */
static int line_of(const struct trust *t)
{
	FILE *f = fopen(t->file, "re");
	char line[600];
	size_t n = strlen(t->where);
	int number = 0, found = 0;

	while (f != NULL && found == 0 && fgets(line, sizeof line, f) != NULL) {
		const char *at = line + strspn(line, " \t");

		number++;
		if (strncasecmp(at, t->where, n) == 0 && (at[n] == ' ' || at[n] == '\t'))
			found = number;
	}
	if (f != NULL)
		fclose(f);
	return found;
}

static int name_line(const struct trust *t, struct error *err)
{
	return error_hint(err, "Only if the pool was set up anew, remove line %d of %s", line_of(t), t->file);
}

/* The pin of the address, of the file, or none. */
static int find_pin(struct trust *t, struct error *err)
{
	char known[65];
	int rc = STATUS_NOT_FOUND;

	if (t->file[0] != '\0')
		rc = known_pools_find(t->file, t->where, known, err);
	if (rc != 0 && rc != STATUS_NOT_FOUND)
		return rc;
	error_clear(err);
	if (t->to->pin[0] != '\0') {
		text_copy(t->pin, sizeof t->pin, t->to->pin);
		if (rc != 0 || strcmp(known, t->pin) == 0)
			return 0;
		error_set(err, STATUS_UNAUTHENTICATED,
		          "%s is known with the key sha256:%s, and not sha256:%s", t->where, known, t->pin);
		return name_line(t, err);
	}
	t->unknown = rc != 0;
	t->from_file = rc == 0;
	if (rc == 0)
		text_copy(t->pin, sizeof t->pin, known);
	return 0;
}

int trust_open(struct trust *t, const struct endpoint *to, struct error *err)
{
	int rc;

	*t = (struct trust){.to = to};
	endpoint_text(to, t->where, sizeof t->where);
	if (to->path[0] != '\0' || (endpoint_is_local(to) && to->pin[0] == '\0'))
		return 0;
	find_file(t);
	rc = find_pin(t, err);
	if (rc == 0)
		rc = tls_config_client(&t->tls, to->host, t->pin, NULL, err);
	if (rc == STATUS_FAILED_PRECONDITION)
		rc = tls_config_client(&t->tls, to->host, NOBODY, NULL, err);
	if (rc == 0)
		error_clear(err);
	return rc;
}

/* --- first contact --------------------------------------------------------------------------- */

/* Only this key from now on. */
static int pin_it(struct trust *t, const char *pin, struct error *err)
{
	tls_config_release(t->tls);
	t->tls = NULL;
	text_copy(t->pin, sizeof t->pin, pin);
	return tls_config_client(&t->tls, t->to->host, pin, NULL, err);
}

static int keep(const struct trust *t, struct error *err)
{
	char directory[400];

	if (!config_directory(directory, sizeof directory))
		return error_set(err, STATUS_FAILED_PRECONDITION,
		                 "neither HOME nor XDG_CONFIG_HOME says where to remember it");
	if (make_directories(directory, err) != 0)
		return err->status;
	return known_pools_add(t->file, t->where, t->pin, err);
}

static int refuse(const struct trust *t, const char *pin, const char *why, struct error *err)
{
	error_set(err, STATUS_UNAUTHENTICATED, "the pool at %.200s is not known here%s; its key is sha256:%s",
	          t->where, why, pin);
	return error_hint(err,
	                  "If that is the key the pool printed, use this as its address:\n  %.100s#sha256:%s",
	                  t->where, pin);
}

static int ask(struct trust *t, const char *pin, struct error *err)
{
	char *question = xasprintf("The pool at %s is not known here yet. Its key is\n  sha256:%s\n"
	                           "Is that what the pool printed when it started? [y/N] ",
	                           t->where, pin);
	char answer[16] = "";
	bool asked = ask_line(question, answer, sizeof answer, false);

	free(question);
	if (!asked)
		return refuse(t, pin, ", and there is no terminal to ask", err);
	if (strcasecmp(answer, "y") != 0 && strcasecmp(answer, "yes") != 0)
		return refuse(t, pin, ", and you did not say yes", err);
	if (pin_it(t, pin, err) != 0)
		return err->status;
	return keep(t, err);
}

int trust_judge(struct trust *t, const struct error *e, bool may_ask, struct error *err)
{
	if (e->status == 0)
		return 0;
	if (e->status == STATUS_UNAUTHENTICATED && t->knock.pin[0] != '\0')
		return may_ask ? ask(t, t->knock.pin, err)
		               : refuse(t, t->knock.pin, ", and nobody may be asked", err);
	*err = *e;
	return err->status;
}

static void on_knocked(struct knock *k, const struct error *e)
{
	struct trust *t = container_of(k, struct trust, knock);

	k->error = *e;
	t->met = true;
	loop_stop(k->loop);
}

int trust_meet(struct trust *t, struct loop *l, bool may_ask, struct error *err)
{
	if (!t->unknown)
		return 0;
	knock_start(&t->knock, l, t->to, t->tls, on_knocked);
	while (!t->met)
		loop_run(l);
	return trust_judge(t, &t->knock.error, may_ask, err);
}

/* --- afterwards ------------------------------------------------------------------------------ */

int trust_remember(const struct trust *t, struct error *err)
{
	if (t->pin[0] == '\0' || t->from_file || endpoint_is_local(t->to))
		return 0;
	return keep(t, err);
}

void trust_explain(const struct trust *t, struct error *err)
{
	if (err->status == STATUS_UNAUTHENTICATED && t->from_file && strstr(err->text, t->pin) != NULL)
		name_line(t, err);
}

void trust_release(struct trust *t)
{
	tls_config_release(t->tls);
	t->tls = NULL;
}
