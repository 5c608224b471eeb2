/* store/books.h - the ledger kept a second time, from its records alone, in C: what the scripts did must be
 * what this gets. Knows no Redis; the guard and `ledger verify` feed it.
 *
 * The chain of a record (transfer.h) is the SHA-1 of the chain before it, a space and the line. */
#ifndef STORE_BOOKS_H
#define STORE_BOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/cpt.h"
#include "proto/error.h"
#include "store/transfer.h"

/* Before the first record. */
#define BOOKS_FIRST_CHAIN "0000000000000000000000000000000000000000"

enum books_class { BOOKS_TREASURY, BOOKS_USERS, BOOKS_PENDING, BOOKS_HOLDS, BOOKS_PROJECTS, BOOKS_CLASSES };

struct books;

/* Every account at nothing, the treasury at the supply. with_ids: also check that no transfer comes twice. */
struct books *books_open(bool with_ids);
void books_close(struct books *b);

/* The next record. DATA_LOSS names the record and what is wrong: a gap, another chain, a kind that may not
 * move so, an account below zero, a sum that is not the supply, an id that came before. */
int books_apply(struct books *b, const char *text, const char *chain, struct error *err);

uint64_t books_seq(const struct books *b);
const char *books_chain(const struct books *b);
int64_t books_total(const struct books *b, enum books_class c);
int64_t books_balance(const struct books *b, const char *account);
int64_t books_grant(const struct books *b, const char *account);
size_t books_accounts(const struct books *b);

/* Compare with what Redis holds: between books_round() and books_missing() say every balance once.
 * books_compare: DATA_LOSS "user:7kq2 has 5.2 CPT, its transfers make 5". books_missing: an account with
 * money that was not said, and did not change since books_round(). */
void books_round(struct books *b);
int books_compare(struct books *b, const char *account, int64_t mcpt, struct error *err);
int books_missing(struct books *b, struct error *err);

#endif
