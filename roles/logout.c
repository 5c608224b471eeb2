/* roles/logout.c - hivemind logout: end the session on the pool, forget its token here. */
#include <stdio.h>

#include "proto/status.h"
#include "roles/client.h"
#include "roles/roles.h"
#include "ui/json.h"

static const struct verb_help help = {
	.usage = "hivemind logout [options]",
	.summary = "End the session: its token stops working on the pool and is removed here.",
	.examples = "hivemind logout\n"
		    "hivemind logout --pool pool.example",
};

/* A token that the pool knows no more is forgotten all the same. */
static int forget(struct client *c)
{
	struct error none = {0};

	if (c->error.status != 0 && c->error.status != STATUS_UNAUTHENTICATED)
		return c->error.status;
	error_clear(&c->error);
	if (credentials_forget(&c->pool, &none) != 0 && none.status != STATUS_NOT_FOUND)
		c->error = none;
	return c->error.status;
}

static void tell(struct client *c)
{
	struct buf out = {0};
	struct json j;
	char where[400];

	endpoint_text(&c->pool, where, sizeof where);
	if (c->globals.json) {
		json_document(&j, &out);
		json_text(&j, "pool", where);
		json_bool(&j, "logged_in", false);
		json_end(&j);
		client_print(c, &out);
		buf_release(&out);
	} else if (!c->globals.quiet) {
		fprintf(stderr, "Logged out of %s\n", where);
	}
}

int logout_main(int argc, char **argv)
{
	Pb__LogoutRequest request = PB__LOGOUT_REQUEST__INIT;
	struct client c;
	const char *args[1];
	int count, code = client_open(&c, argc, argv, NULL, &help, args, 0, &count, true);

	if (code >= 0)
		return code;
	client_call_again(&c, RPC_LOGOUT, &request);
	if (forget(&c) == 0)
		tell(&c);
	return client_close(&c, 0);
}
