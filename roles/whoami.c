/* roles/whoami.c - hivemind whoami: the account of the token in use. */
#include "roles/roles.h"
#include "roles/session.h"

static const struct verb_help help = {
	.usage = "hivemind whoami [options]",
	.summary = "Who you are at the pool, and what the token in use may do.",
	.examples = "hivemind whoami\n"
		    "hivemind whoami --json",
};

int whoami_main(int argc, char **argv)
{
	Pb__WhoamiRequest request = PB__WHOAMI_REQUEST__INIT;
	struct client c;
	const Pb__Account *account;
	const char *args[1];
	int count, code = client_open(&c, argc, argv, NULL, &help, args, 0, &count, true);

	if (code >= 0)
		return code;
	account = client_call_again(&c, RPC_WHOAMI, &request);
	if (account != NULL)
		account_print(&c, account, 0);
	return client_close(&c, 0);
}
