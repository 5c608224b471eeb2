/* roles/balance.c - hivemind balance: what you have, what is reserved, what comes. */
#include <stdio.h>

#include "roles/money_view.h"
#include "roles/roles.h"

static const struct verb_help help = {
    .usage = "hivemind balance [options]",
    .summary = "What you can spend, what is reserved for tasks that have not ended, and what your workers have earned.\n"
	       "With --quiet only the first number.",
    .examples = "hivemind balance\n"
		"hivemind balance --quiet\n"
		"hivemind balance --json",
};

static void print_json(struct client *c, const Pb__BalanceReply *r)
{
	struct buf out = {0};
	struct json j;

	json_document(&j, &out);
	balance_json(&j, r);
	json_end(&j);
	client_print(c, &out);
	buf_release(&out);
}

static void print_line(const char *what, int64_t mcpt, const char *words)
{
	char text[CPT_TEXT_SIZE];

	printf("  %-9s %14s CPT   %s\n", what, cpt_grouped(text, mcpt), words);
}

static void print_words(const Pb__BalanceReply *r)
{
	print_line("balance", r->balance_mcpt, "to spend");
	if (r->grant_mcpt > 0)
		print_line("", r->grant_mcpt, "of it for tasks only");
	print_line("reserved", r->held_mcpt, "for tasks that have not ended");
	print_line("pending", r->pending_mcpt, "earned by tasks that run on your workers now");
	print_line("earned", r->earned_mcpt, "by your workers, ever");
	print_line("spent", r->spent_mcpt, "on tasks, ever");
}

int balance_main(int argc, char **argv)
{
	Pb__BalanceRequest request = PB__BALANCE_REQUEST__INIT;
	const Pb__BalanceReply *reply;
	struct client c;
	char text[CPT_TEXT_SIZE];
	const char *args[1];
	int count, code = client_open(&c, argc, argv, NULL, &help, args, 0, &count, true);

	if (code >= 0)
		return code;
	reply = client_call_again(&c, RPC_BALANCE, &request);
	if (reply != NULL && c.globals.json)
		print_json(&c, reply);
	else if (reply != NULL && c.globals.quiet)
		printf("%s\n", cpt_text(text, reply->balance_mcpt));
	else if (reply != NULL)
		print_words(reply);
	return client_close(&c, 0);
}
