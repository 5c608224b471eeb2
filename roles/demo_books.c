#include "roles/demo_books.h"

#include <stdio.h>

#include "net/memory.h"
#include "proto/cpt.h"
#include "proto/limits.h"
#include "proto/status.h"

enum { OWNER, LENDER, TOTALS };

static void read_side(struct demo_side *s, const Pb__BalanceReply *r)
{
	*s = (struct demo_side){r->balance_mcpt, r->held_mcpt, r->spent_mcpt, r->earned_mcpt};
}

static void on_answer(struct grpc_call *call, const ProtobufCMessage *out)
{
	struct demo_books *b = call->user;
	const Pb__TotalsReply *t = (const Pb__TotalsReply *)out;

	if (call == &b->calls[OWNER]) {
		read_side(&b->owner_has, (const Pb__BalanceReply *)out);
	} else if (call == &b->calls[LENDER]) {
		read_side(&b->lender_has, (const Pb__BalanceReply *)out);
	} else {
		b->sum_mcpt = t->treasury_mcpt + t->users_mcpt + t->pending_mcpt + t->holds_mcpt + t->projects_mcpt;
		b->supply_mcpt = t->supply_mcpt;
	}
}

static void on_done(struct grpc_call *call, const struct error *err)
{
	struct demo_books *b = call->user;

	if (err->status != 0 && b->error.status == 0)
		b->error = *err;
	if (--b->open == 0)
		b->done(b);
}

static void ask(struct demo_books *b, int which, struct grpc_channel *channel, enum rpc_id id,
		const ProtobufCMessage *in)
{
	b->calls[which] = (struct grpc_call){.method = &rpc_methods[id], .timeout_ms = CONNECT_TIMEOUT_MS,
					     .on_message = on_answer, .on_done = on_done, .user = b};
	b->open++;
	grpc_call_unary(channel, &b->calls[which], in);
}

void demo_books_ask(struct demo_books *b)
{
	Pb__BalanceRequest balance = PB__BALANCE_REQUEST__INIT;
	Pb__TotalsRequest totals = PB__TOTALS_REQUEST__INIT;

	ask(b, OWNER, b->owner, RPC_BALANCE, &balance.base);
	ask(b, LENDER, b->lender, RPC_BALANCE, &balance.base);
	ask(b, TOTALS, b->owner, RPC_TOTALS, &totals.base);
}

static void print_side(const char *who, const struct demo_side *before, const struct demo_side *after,
		       const char *what, int64_t mcpt)
{
	char a[CPT_TEXT_SIZE], z[CPT_TEXT_SIZE], moved[CPT_TEXT_SIZE];

	printf("  %-28s %15s %15s   %s %s\n", who, cpt_grouped(a, before->balance_mcpt),
	       cpt_grouped(z, after->balance_mcpt), what, cpt_grouped(moved, mcpt));
}

void demo_books_print(const struct demo_books *before, const struct demo_books *after)
{
	bool same = before->sum_mcpt == before->supply_mcpt && after->sum_mcpt == after->supply_mcpt;
	char sum[CPT_TEXT_SIZE];

	printf("\nThe books (CPT)                         before           after\n");
	print_side("dev, whose tasks they were", &before->owner_has, &after->owner_has, "spent",
		   after->owner_has.spent_mcpt - before->owner_has.spent_mcpt);
	print_side("lender, whose workers", &before->lender_has, &after->lender_has, "earned",
		   after->lender_has.earned_mcpt - before->lender_has.earned_mcpt);
	printf("  all there is: %s, %s\n", cpt_grouped(sum, after->sum_mcpt), same ? "unchanged" : "WRONG");
}
