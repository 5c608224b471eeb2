/* store/ledger_verify.h - `hivemind ledger verify`: every transfer replayed, every balance compared, from a
 * live Redis or from a copy of its files. Blocking (a client verb with nothing else to do), by a path of its
 * own: plain commands over a connection of its own, none of the scripts. */
#ifndef STORE_LEDGER_VERIFY_H
#define STORE_LEDGER_VERIFY_H

#include "store/books.h"
#include "store/redis.h"

struct verify_report {
	uint64_t records, accounts;
	uint64_t seq;
	char chain[41];
	int64_t totals[BOOKS_CLASSES];
	double seconds;
};

/* 0 = the books are right. DATA_LOSS: what is wrong. UNAVAILABLE: no such Redis. While tasks run, each page
 * of balances is compared with the records up to the moment it was read. */
int ledger_verify(const struct redis_address *a, struct verify_report *report, struct error *err);

/* `from`: an append-only file, a dump (.rdb), or a directory of Redis (with appendonlydir/). A private
 * redis-server is started on a copy of it in a temporary folder; `from` itself is only read. */
int ledger_verify_files(const char *from, struct verify_report *report, struct error *err);

#endif
