/* roles/invite.c - hivemind invite create: a code with which one person can register. */
#include <stdio.h>
#include <string.h>

#include "roles/client.h"
#include "roles/roles.h"
#include "ui/json.h"
#include "ui/term.h"

static const struct verb_help help = {
    .usage = "hivemind invite create [--for NAME] [--valid TIME]",
    .summary = "A code with which one person can register where an invitation is needed (pool --register invite or approve).\n"
	       "It works once. Needs a login of one of the pool's --admin accounts.",
    .examples = "hivemind invite create\n"
		"hivemind invite create --for alice --valid 1d",
};

static void print_invitation(struct client *c, const Pb__Invitation *made)
{
	struct buf out = {0};
	struct json j;
	char until[40];

	if (c->globals.json) {
		json_document(&j, &out);
		json_text(&j, "code", made->code);
		json_time(&j, "expires", made->expires_ms);
		json_end(&j);
	} else {
		buf_printf(&out, "%s", made->code);
		if (!c->globals.quiet)
			fprintf(stderr, "Good once, until %s:  hivemind register NAME --invitation CODE\n",
				format_time(made->expires_ms, until));
	}
	client_print(c, &out);
	buf_release(&out);
}

int invite_main(int argc, char **argv)
{
	Pb__InviteRequest request = PB__INVITE_REQUEST__INIT;
	const Pb__Invitation *made;
	const char *name = "", *args[1] = {NULL};
	int64_t valid_ms = 0;
	struct client c;
	const struct option options[] = {
		{"for", 0, OPTION_TEXT, &name, "NAME", "only for an account of this name", NULL, 0, 0},
		{"valid", 0, OPTION_DURATION, &valid_ms, "TIME", "for how long: 12h, 5d (3d)", NULL, 0, 0},
		{0},
	};
	int count, code = client_open(&c, argc, argv, options, &help, args, 1, &count, true);

	if (code >= 0)
		return code;
	if (count == 0 || strcmp(args[0], "create") != 0)
		return client_usage(&c, argv[0], "say create");
	request.name = (char *)name;
	request.valid_s = (uint32_t)((valid_ms + 999) / 1000);
	made = client_call_again(&c, RPC_INVITE, &request);
	if (made != NULL)
		print_invitation(&c, made);
	return client_close(&c, 0);
}
