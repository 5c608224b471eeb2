/* roles/register.c - hivemind register: make an account on a pool and log in to it. */
#include "roles/roles.h"
#include "roles/session.h"

static const struct verb_help help = {
    .usage = "hivemind register [options] [NAME]",
    .summary = "Make an account on a pool, and log in to it: later commands use it without being told. The "
               "password is\n"
	       "asked for; it never stands on a command line.",
    .examples = "hivemind register --pool pool.example\n"
		"hivemind register alice --password-file ~/.alice",
};

int register_main(int argc, char **argv)
{
	struct session s = {0};
	const struct option options[] = {SESSION_ROWS(s), {0}};
	Pb__RegisterRequest request = PB__REGISTER_REQUEST__INIT;
	const char *args[1];
	int count, code = client_open(&s.client, argc, argv, options, &help, args, 1, &count, false);

	if (code >= 0)
		return code;
	if (session_ask(&s, count > 0 ? args[0] : NULL, true) != 0)
		return session_keep(&s, NULL);
	request.name = s.name;
	request.password = s.password;
	request.call_id = (char *)client_call_id(&s.client);
	return session_keep(&s, client_call_again(&s.client, RPC_REGISTER, &request));
}
