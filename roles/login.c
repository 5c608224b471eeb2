/* roles/login.c - hivemind login: open a session and keep its token. */
#include "proto/status.h"
#include "roles/roles.h"
#include "roles/session.h"

static const struct verb_help help = {
    .usage = "hivemind login [options] [NAME]",
    .summary =
	"Log in to a pool: later commands use it without being told. The password is asked for; it never "
        "stands\n"
	"on a command line. Instead of logging in, HIVEMIND_TOKEN or HIVEMIND_TOKEN_FILE can give a token.",
    .examples = "hivemind login --pool pool.example\n"
		"hivemind login alice --password-file ~/.alice\n"
		"pass hivemind | hivemind login alice --password-file -",
};

int login_main(int argc, char **argv)
{
	struct session s = {0};
	const struct option options[] = {SESSION_ROWS(s), {0}};
	Pb__LoginRequest request = PB__LOGIN_REQUEST__INIT;
	const Pb__Session *session;
	const char *args[1];
	int count, code = client_open(&s.client, argc, argv, options, &help, args, 1, &count, false);

	if (code >= 0)
		return code;
	if (session_ask(&s, count > 0 ? args[0] : NULL, false) != 0)
		return session_keep(&s, NULL);
	request.name = s.name;
	request.password = s.password;
	session = client_call(&s.client, RPC_LOGIN, &request);
	if (s.client.error.status == STATUS_UNAUTHENTICATED)
		error_hint(&s.client.error,
		           "Try again     hivemind login %s\nNo account?   hivemind register", s.name);
	return session_keep(&s, session);
}
