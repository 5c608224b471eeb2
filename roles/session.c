#include "roles/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/memory.h"
#include "proto/limits.h"
#include "proto/status.h"
#include "roles/account_view.h"
#include "ui/json.h"
#include "ui/term.h"

static int nobody_to_ask(struct client *c, const char *what, const char *instead)
{
	error_set(&c->error, STATUS_INVALID_ARGUMENT, "there is no terminal to ask for the %s", what);
	return error_hint(&c->error, "%s", instead);
}

static int ask_name(struct session *s)
{
	struct client *c = &s->client;
	char login[64], question[120];
	const char *user = getenv("USER");

	text_copy(login, sizeof login, user != NULL ? user : "");
	snprintf(question, sizeof question, login[0] != '\0' ? "Name [%s]: " : "Name: ", login);
	if (c->globals.no_input || !ask_line(question, s->name, sizeof s->name, false))
		return nobody_to_ask(c, "name", "Type it   hivemind login NAME --password-file FILE");
	if (s->name[0] == '\0')
		text_copy(s->name, sizeof s->name, login);
	return 0;
}

static int ask_password(struct session *s, bool twice)
{
	struct client *c = &s->client;
	char again[sizeof s->password], question[80];

	snprintf(question, sizeof question,
	         twice ? "New password (at least %d characters): " : "Password: ", PASSWORD_MIN);
	if (c->globals.no_input || !ask_line(question, s->password, sizeof s->password, true))
		return nobody_to_ask(c, "password",
		                     "Give it   --password-file FILE, or - for standard input");
	if (!twice)
		return 0;
	if (!ask_line("The same again: ", again, sizeof again, true) || strcmp(again, s->password) != 0)
		error_set(&c->error, STATUS_INVALID_ARGUMENT, "the two passwords are not the same");
	wipe(again, sizeof again);
	return c->error.status;
}

int session_ask(struct session *s, const char *name, bool twice)
{
	int rc = 0;

	text_copy(s->name, sizeof s->name, name != NULL ? name : "");
	if (name == NULL)
		rc = ask_name(s);
	if (rc == 0 && s->password_file != NULL)
		return read_secret(s->password_file, s->password, sizeof s->password, &s->client.error);
	return rc == 0 ? ask_password(s, twice) : rc;
}

static void print_json(struct client *c, const Pb__Account *account, int64_t expires_ms)
{
	struct buf out = {0};
	struct json j;
	char where[400];

	json_document(&j, &out);
	json_text(&j, "pool", endpoint_text(&c->pool, where, sizeof where));
	json_object(&j, "account");
	account_json(&j, account);
	json_end(&j);
	json_time(&j, "expires", expires_ms);
	json_end(&j);
	client_print(c, &out);
	buf_release(&out);
}

void account_print(struct client *c, const Pb__Account *account, int64_t expires_ms)
{
	struct buf text = {0};
	char where[400];

	if (c->globals.json) {
		print_json(c, account, expires_ms);
		return;
	}
	term_safe(&text, account->name, strlen(account->name), false);
	if (!c->globals.quiet)
		buf_printf(&text, " at %s (%s)", endpoint_text(&c->pool, where, sizeof where),
		           account->scopes);
	client_print(c, &text);
	buf_release(&text);
}

int session_keep(struct session *s, const Pb__Session *session)
{
	struct client *c = &s->client;
	char path[500];

	wipe(s->password, sizeof s->password);
	if (session == NULL)
		return client_close(c, 0);
	if (session->account == NULL || session->token[0] == '\0')
		error_set(&c->error, STATUS_INTERNAL, "the pool opened a session without a token");
	else if (trust_remember(&c->trust, &c->error) == 0 &&
	         credentials_save(&c->pool, session->token, session->account->name, &c->error) == 0)
		account_print(c, session->account, session->expires_ms);
	if (c->error.status == 0 && term_is_tty(stderr) && !c->globals.quiet &&
	    credentials_path(path, sizeof path))
		fprintf(stderr,
		        "  The token is in %s and the pool is now the default.\n  next   hivemind run -- "
		        "echo hello\n",
		        path);
	if (session->token != NULL)
		wipe(session->token, strlen(session->token));
	return client_close(c, 0);
}
