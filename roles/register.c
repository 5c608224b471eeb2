/* roles/register.c - hivemind register: make an account on a pool and log in to it. */
#include "proto/status.h"
#include "roles/admission.h"
#include "roles/roles.h"
#include "roles/session.h"
#include "ui/term.h"

static const struct verb_help help = {
    .usage = "hivemind register [options] [NAME]",
    .summary = "Make an account on a pool, and log in to it: later commands use it without being told. The "
               "password is\n"
	       "asked for; it never stands on a command line.",
    .examples = "hivemind register --pool pool.example\n"
		"hivemind register alice --password-file ~/.alice\n"
		"hivemind register alice --invitation CODE",
};

/* What the pool wants of a new account: some hashes. */
static int do_work(struct client *c, const char *name, Pb__RegisterRequest *request)
{
	Pb__ChallengeRequest ask = PB__CHALLENGE_REQUEST__INIT;
	const Pb__ChallengeReply *reply;
	struct progress progress;

	ask.name = (char *)name;
	reply = client_call_again(c, RPC_CHALLENGE, &ask);
	if (reply == NULL)
		return c->error.status;
	if (reply->bits > WORK_BITS_MAX)
		return error_set(&c->error, STATUS_RESOURCE_EXHAUSTED,
				 "the pool asks for 2^%u hashes, which takes too long", reply->bits);
	progress_start(&progress, "Computing", c->globals.json || c->globals.quiet);
	request->challenge = reply->challenge;
	request->nonce = work_do(reply->challenge, reply->bits);
	progress_end(&progress, NULL);
	return 0;
}

int register_main(int argc, char **argv)
{
	struct session s = {0};
	const char *invitation = "";
	const struct option options[] = {
		{"invitation", 0, OPTION_TEXT, &invitation, "CODE", "where one is needed: from the pool's operator",
		 "HIVEMIND_INVITATION", 0, 0},
		SESSION_ROWS(s),
		{0},
	};
	Pb__RegisterRequest request = PB__REGISTER_REQUEST__INIT;
	const char *args[1];
	int count, code = client_open(&s.client, argc, argv, options, &help, args, 1, &count, false);

	if (code >= 0)
		return code;
	if (session_ask(&s, count > 0 ? args[0] : NULL, true) != 0)
		return session_keep(&s, NULL);
	if (invitation[0] == '\0' && do_work(&s.client, s.name, &request) != 0)
		return session_keep(&s, NULL);
	request.name = s.name;
	request.invitation = (char *)invitation;
	request.password = s.password;
	request.call_id = (char *)client_call_id(&s.client);
	return session_keep(&s, client_call_again(&s.client, RPC_REGISTER, &request));
}
