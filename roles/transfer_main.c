/* roles/transfer_main.c - hivemind transfer and hivemind tip: give some of what you have away. */
#include <stdio.h>

#include "net/crash.h"
#include "roles/money_view.h"
#include "roles/roles.h"

static const struct verb_help transfer_help = {
    .usage = "hivemind transfer [options] USER CPT",
    .summary = "Give some of your CPT to another account. It cannot be taken back.",
    .examples = "hivemind transfer bob 12.5\n"
		"hivemind transfer bob 12.5 --key rent-2026-11     typed twice, it is done once",
};

static const struct verb_help tip_help = {
    .usage = "hivemind tip [options] PROJECT CPT",
    .summary = "Give some of your CPT to an open-source project (hivemind project ls).",
    .examples = "hivemind tip numpy 5\n"
		"hivemind tip numpy 5 --key november",
};

void transfer_print(struct client *c, const char *to, const Pb__TransferReply *r)
{
	char amount[CPT_TEXT_SIZE], balance[CPT_TEXT_SIZE];
	struct buf out = {0};
	struct json j;

	if (!c->globals.json) {
		if (!c->globals.quiet)
			printf("%s CPT to %s%s; you have %s\n", cpt_grouped(amount, r->amount_mcpt), to,
			       r->duplicate ? " (it was done before)" : "", cpt_grouped(balance, r->balance_mcpt));
		return;
	}
	json_document(&j, &out);
	transfer_json(&j, to, r);
	json_end(&j);
	client_print(c, &out);
	buf_release(&out);
}

struct giving {
	struct client client;
	const char *key, *to;
	int64_t mcpt;
};

/* -1 = to and mcpt are there; else the exit code. */
static int open_giving(struct giving *g, int argc, char **argv, const struct verb_help *help,
		       const char *whom)
{
	const struct option options[] = {
		{"key", 0, OPTION_TEXT, &g->key, "KEY",
		 "a name for this one: with the same again nothing more happens", NULL, 0, 0},
		{0},
	};
	struct client *c = &g->client;
	const char *args[2];
	int count, code = client_open(c, argc, argv, options, help, args, 2, &count, true);

	if (code >= 0)
		return code;
	if (count < 2)
		return client_usage(c, argv[0], "to whom, and how much? %s and CPT are missing", whom);
	if (money_parse(c, "the amount", args[1], &g->mcpt) != 0)
		return client_close(c, 0);
	g->to = args[0];
	if (g->key == NULL)
		g->key = client_call_id(c);
	return -1;
}

/* The call, what came of it in words, and the exit code. */
static int give(struct giving *g, enum rpc_id id, const void *request)
{
	const Pb__TransferReply *reply = client_call_again(&g->client, id, request);

	crash_point(CLIENT_GIFT_ANSWERED);
	if (reply != NULL)
		transfer_print(&g->client, g->to, reply);
	return client_close(&g->client, 0);
}

int transfer_main(int argc, char **argv)
{
	struct giving g = {0};
	Pb__TransferRequest request = PB__TRANSFER_REQUEST__INIT;
	int code = open_giving(&g, argc, argv, &transfer_help, "USER");

	if (code >= 0)
		return code;
	request.to = (char *)g.to;
	request.amount_mcpt = g.mcpt;
	request.call_id = (char *)g.key;
	return give(&g, RPC_TRANSFER, &request);
}

int tip_main(int argc, char **argv)
{
	struct giving g = {0};
	Pb__TipRequest request = PB__TIP_REQUEST__INIT;
	int code = open_giving(&g, argc, argv, &tip_help, "PROJECT");

	if (code >= 0)
		return code;
	request.project = (char *)g.to;
	request.amount_mcpt = g.mcpt;
	request.call_id = (char *)g.key;
	return give(&g, RPC_TIP, &request);
}
