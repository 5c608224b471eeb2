#include "roles/batch.h"

#include <assert.h>
#include <string.h>
#include <utlist.h>

#include "net/log.h"
#include "net/memory.h"
#include "proto/status.h"

static void ship(struct batch *b);

static void take_up(struct batch *b)
{
	struct batch_item *item;

	while (b->sent_count < BATCH_MAX && (item = b->waiting) != NULL) {
		DL_DELETE(b->waiting, item);
		b->sent[b->sent_count++] = item;
	}
}

static void settle_all(struct batch *b, const int *outcomes)
{
	struct batch_item *items[BATCH_MAX];
	int copy[BATCH_MAX];
	size_t n = b->sent_count;

	/* settle() may put new items; they belong to the next batch. */
	memcpy(items, b->sent, n * sizeof items[0]);
	for (size_t i = 0; i < n; i++)
		copy[i] = outcomes != NULL ? outcomes[i] : OUTCOME_FENCED;
	b->sent_count = 0;
	for (size_t i = 0; i < n; i++)
		b->kind->settle(b, items[i], copy[i]);
}

static void on_answer(struct store_req *req)
{
	struct batch *b = req->user;
	int status = req->error.status;

	b->away = false;
	if (b->closing || status == STATUS_CANCELLED)
		return;
	if (status == STATUS_UNAVAILABLE || status == STATUS_RESOURCE_EXHAUSTED ||
	    status == STATUS_FAILED_PRECONDITION) {
		log_warn("store did not answer batch=%s items=%zu error=\"%s\"", b->kind->name, b->sent_count,
		         req->error.text);
		timer_set(&b->again, BATCH_RETRY_MS);
		return;
	}
	if (status != 0)
		log_error("store refused batch=%s items=%zu error=\"%s\"", b->kind->name, b->sent_count,
		          req->error.text);
	settle_all(b, status == 0 ? req->outcomes : NULL);
	if (b->waiting != NULL)
		ship(b);
}

static void ship(struct batch *b)
{
	if (b->away || b->closing || timer_armed(&b->again))
		return;
	if (b->sent_count == 0)
		take_up(b);
	if (b->sent_count == 0)
		return;
	b->away = true;
	store_req_release(&b->req);
	b->req = (struct store_req){.on_done = on_answer, .user = b};
	b->kind->send(b, b->sent, b->sent_count);
}

static void on_flush(struct deferred *d)
{
	ship(container_of(d, struct batch, flush));
}

static void on_again(struct timer *t)
{
	ship(container_of(t, struct batch, again));
}

void batch_init(struct batch *b, struct loop *loop, const struct batch_kind *kind, void *user)
{
	*b = (struct batch){.kind = kind, .user = user, .loop = loop};
	timer_init(loop, &b->again, on_again);
}

void batch_put(struct batch *b, struct batch_item *item)
{
	DL_APPEND(b->waiting, item);
	if (!b->away)
		loop_defer(b->loop, &b->flush, on_flush);
}

void batch_retry(struct batch *b)
{
	timer_clear(&b->again);
	ship(b);
}

bool batch_idle(const struct batch *b)
{
	return !b->away && b->sent_count == 0 && b->waiting == NULL;
}

void batch_close(struct batch *b, void (*drop)(struct batch_item *item))
{
	assert(!b->away);
	b->closing = true;
	loop_undefer(b->loop, &b->flush);
	take_up(b);
	while (b->sent_count > 0) {
		while (b->sent_count > 0)
			drop(b->sent[--b->sent_count]);
		take_up(b);
	}
	store_req_release(&b->req);
	timer_close(&b->again, NULL);
}
