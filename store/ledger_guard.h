/* store/ledger_guard.h - watches the books while the pool runs.
 *
 *   at the start and at each reconnect  ledger_guard_check(): is the record at our high-water mark ours?
 *   each second (100 ms after a move)   the class totals add up to the supply; the mark follows
 *   at the start and each 10 minutes    every record is replayed and every balance compared, by pages, beside
 *                                       all other work; later rounds replay only what is new
 *
 * A violation freezes the ledger (store_ledger_freeze), logs an error and is counted; nothing is repaired. */
#ifndef STORE_LEDGER_GUARD_H
#define STORE_LEDGER_GUARD_H

#include "store/books.h"
#include "store/high_water.h"
#include "store/ledger.h"

struct ledger_guard;

struct ledger_guard_events {
	/* The answer to ledger_guard_check(). FAILED_PRECONDITION: "Redis lost transfers 812..815"; do not
	 * serve. A pool started with accept_rollback takes what is there as the truth and goes on.
	 * UNAVAILABLE: check again at the next on_up. */
	void (*on_checked)(struct ledger_guard *, const struct error *err, void *user);
	void (*on_violation)(struct ledger_guard *, const char *what, void *user); /* may be NULL */
	/* A full round has ended. May be NULL. */
	void (*on_audited)(struct ledger_guard *, uint64_t records, uint64_t accounts, void *user);
	void *user;
};

/* path: of the high-water file (in the pool's data directory). */
struct ledger_guard *ledger_guard_open(struct loop *loop, struct store *s, const char *path,
				       bool accept_rollback, const struct ledger_guard_events *events,
				       struct error *err);
/* From the store's on_up. One at a time. */
void ledger_guard_check(struct ledger_guard *g);
/* Begin a full round now unless one runs. */
void ledger_guard_audit(struct ledger_guard *g);
uint64_t ledger_guard_violations(const struct ledger_guard *g);
/* closed() comes when nothing of it runs any more; call before store_close(). */
void ledger_guard_close(struct ledger_guard *g, void (*closed)(void *user), void *user);

#endif
