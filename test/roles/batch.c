/* test/roles/batch.c tests roles/batch.c; the store is this file: it answers as the test says. */
#include "roles/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/memory.h"
#include "proto/status.h"

struct change {
	struct batch_item item;
	int number, outcome, settled;
};

static struct loop loop;
static struct batch batch;
static struct deferred answer;
static int statuses[8], status_count, sent_times, outcomes[BATCH_MAX];
static size_t sizes[8];
static struct change changes[300];
static int order[300], settled_count;

/* The store answers on the next turn. */
static void on_answer(struct deferred *d)
{
	int status = sent_times <= status_count ? statuses[sent_times - 1] : 0;

	(void)d;
	batch.req.error.status = status;
	batch.req.outcomes = outcomes;
	batch.req.on_done(&batch.req);
}

static void ship(struct batch *b, struct batch_item *const *items, size_t n)
{
	(void)b;
	sizes[sent_times++] = n;
	for (size_t i = 0; i < n; i++)
		outcomes[i] = container_of(items[i], struct change, item)->number % 3;
	loop_defer(&loop, &answer, on_answer);
}

static void settle(struct batch *b, struct batch_item *item, int outcome)
{
	struct change *c = container_of(item, struct change, item);

	(void)b;
	c->outcome = outcome;
	c->settled++;
	order[settled_count++] = c->number;
}

static const struct batch_kind kind = {"test", ship, settle};

static int set_up(void **state)
{
	(void)state;
	loop_init(&loop);
	memset(changes, 0, sizeof changes);
	memset(statuses, 0, sizeof statuses);
	status_count = sent_times = settled_count = 0;
	batch_init(&batch, &loop, &kind, NULL);
	return 0;
}

static void drop(struct batch_item *item)
{
	container_of(item, struct change, item)->settled = -1;
}

static int tear_down(void **state)
{
	(void)state;
	batch_close(&batch, drop);
	loop_close(&loop);
	return 0;
}

static void put(int from, int to)
{
	for (int i = from; i < to; i++) {
		changes[i].number = i;
		batch_put(&batch, &changes[i].item);
	}
}

static void expect_settled_once_in_order(int n)
{
	assert_int_equal(settled_count, n);
	for (int i = 0; i < n; i++) {
		assert_int_equal(order[i], i);
		assert_int_equal(changes[i].settled, 1);
		assert_int_equal(changes[i].outcome, i % 3);
	}
	assert_true(batch_idle(&batch));
}

static void what_one_turn_puts_travels_together(void **state)
{
	(void)state;
	put(0, 5);
	assert_int_equal(sent_times, 0);
	loop_run(&loop);
	assert_int_equal(sent_times, 1);
	expect_settled_once_in_order(5);
}

static void many_go_in_batches_of_their_size(void **state)
{
	(void)state;
	put(0, 300);
	loop_run(&loop);
	assert_int_equal(sent_times, 3);
	assert_int_equal(sizes[0], BATCH_MAX);
	assert_int_equal(sizes[2], 300 - 2 * BATCH_MAX);
	expect_settled_once_in_order(300);
}

static void what_was_not_answered_is_sent_again_unchanged(void **state)
{
	(void)state;
	statuses[0] = STATUS_UNAVAILABLE;
	statuses[1] = STATUS_RESOURCE_EXHAUSTED;
	status_count = 2;
	put(0, 4);
	loop_run(&loop);
	assert_int_equal(sent_times, 3);
	assert_int_equal(sizes[0], 4);
	assert_int_equal(sizes[2], 4);
	expect_settled_once_in_order(4);
}

static struct deferred later;

static void put_more(struct deferred *d)
{
	(void)d;
	put(2, 4);
}

static void what_comes_while_one_is_away_waits_for_its_outcome(void **state)
{
	(void)state;
	statuses[0] = STATUS_UNAVAILABLE;
	status_count = 1;
	put(0, 2);
	loop_defer(&loop, &later, put_more);
	loop_run(&loop);
	assert_int_equal(sizes[1], 2); /* the same two again, not four */
	assert_int_equal(sent_times, 3);
	expect_settled_once_in_order(4);
}

static void a_refusal_is_an_outcome_for_all(void **state)
{
	(void)state;
	statuses[0] = STATUS_INTERNAL;
	status_count = 1;
	put(0, 2);
	loop_run(&loop);
	assert_int_equal(settled_count, 2);
	assert_int_equal(changes[0].outcome, OUTCOME_FENCED);
}

static void closing_gives_back_what_was_not_settled(void **state)
{
	(void)state;
	statuses[0] = STATUS_CANCELLED;
	status_count = 1;
	put(0, 200);
	loop_run(&loop);
	assert_int_equal(settled_count, 0);
	batch_close(&batch, drop);
	for (int i = 0; i < 200; i++)
		assert_int_equal(changes[i].settled, -1);
	loop_close(&loop);
	set_up(state); /* for tear_down */
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_one_turn_puts_travels_together),
		T(many_go_in_batches_of_their_size),
		T(what_was_not_answered_is_sent_again_unchanged),
		T(what_comes_while_one_is_away_waits_for_its_outcome),
		T(a_refusal_is_an_outcome_for_all),
		T(closing_gives_back_what_was_not_settled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
