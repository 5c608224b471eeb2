/* roles/demo_books.h - what the demo shows of the books: both accounts and the whole,
 * before the job and after it. */
#ifndef ROLES_DEMO_BOOKS_H
#define ROLES_DEMO_BOOKS_H

#include "net/grpc_client.h"
#include "net/loop.h"
#include "proto/error.h"

struct demo_side {
	int64_t balance_mcpt, held_mcpt, spent_mcpt, earned_mcpt;
};

/* The books at one moment. */
struct demo_books {
	/* set by the owner */
	struct grpc_channel *owner, *lender; /* of the account with the tasks, and that with the workers */
	void (*done)(struct demo_books *b);

	/* set when done() comes */
	struct error error;
	struct demo_side owner_has, lender_has;
	int64_t sum_mcpt, supply_mcpt;

	struct grpc_call calls[3];
	int open; /* calls on loan */
};

/* Ask; done() comes once, on the loop. */
void demo_books_ask(struct demo_books *b);

/* Before, spent, earned by whom, the sum. */
void demo_books_print(const struct demo_books *before, const struct demo_books *after);

#endif
