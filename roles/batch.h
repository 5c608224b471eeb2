/* roles/batch.h - changes of one kind that go to the store together, and again until their outcome is known.
 *
 * What is put during one turn of the loop, or while an earlier batch is away, travels in one script of at
 * most BATCH_MAX items. A lost reply means unknown: the same items are sent again with the same content,
 * after BATCH_RETRY_MS or at once when the store is back, until the store says what became of them. Items are
 * settled in the order they were put. */
#ifndef ROLES_BATCH_H
#define ROLES_BATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "net/loop.h"
#include "store/store.h"

#define BATCH_MAX 128
#define BATCH_RETRY_MS 500

/* Embedded in what is to be changed; on loan from batch_put() to settle(). */
struct batch_item {
	struct batch_item *prev, *next;
};

struct batch;

struct batch_kind {
	const char *name; /* for the log */
	/* Ask the store, with the request &b->req. The arrays it makes need not outlive the call. */
	void (*send)(struct batch *b, struct batch_item *const *items, size_t n);
	/* What became of the item (enum outcome). It is the owner's again. */
	void (*settle)(struct batch *b, struct batch_item *item, int outcome);
};

struct batch {
	const struct batch_kind *kind;
	void *user;
	struct store_req req;
	/* private */
	struct loop *loop;
	struct batch_item *waiting;
	struct batch_item *sent[BATCH_MAX];
	size_t sent_count;
	bool away, closing;
	struct deferred flush;
	struct timer again;
};

void batch_init(struct batch *b, struct loop *loop, const struct batch_kind *kind, void *user);
void batch_put(struct batch *b, struct batch_item *item);

/* The store is back: send again now what it did not answer. */
void batch_retry(struct batch *b);

/* Nothing is on its way and nothing waits? */
bool batch_idle(const struct batch *b);

/* Send no more. The items stay the owner's memory to free: drop() is called for each that was not settled.
 * The store has been closed before. */
void batch_close(struct batch *b, void (*drop)(struct batch_item *item));

#endif
