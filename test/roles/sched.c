/* test/roles/sched.c tests roles/sched.c */
#include "roles/sched.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MIB ((int64_t)1 << 20)

static struct amounts cores(int64_t n)
{
	return (struct amounts){.milli_cpus = n * 1000, .memory = n * 64 * MIB, .disk = n * 64 * MIB};
}

static void put(struct sched_shape *shape, struct sched_item *item, int64_t created_ms, uint64_t order)
{
	*item = (struct sched_item){.created_ms = created_ms, .order = order};
	sched_insert(&shape->items, item);
}

static void the_oldest_is_served_first_whatever_its_shape(void **state)
{
	struct sched_shape small = {.need = cores(1)}, large = {.need = cores(2)};
	struct sched_shape *shapes[] = {&small, &large};
	struct sched_worker w = {.free = cores(3)};
	struct sched_item a, b, c;
	struct sched_pair pairs[8];

	(void)state;
	put(&small, &b, 200, 2);
	put(&large, &a, 100, 1);
	put(&small, &c, 300, 3);
	assert_int_equal(sched_match(shapes, 2, &w, 1, pairs, 8, 0), 2);
	assert_ptr_equal(pairs[0].item, &a);
	assert_ptr_equal(pairs[1].item, &b);
	assert_int_equal(w.free.milli_cpus, 0);
}

static void what_does_not_fit_is_passed_over_and_keeps_its_place(void **state)
{
	struct sched_shape small = {.need = cores(1)}, large = {.need = cores(8)};
	struct sched_shape *shapes[] = {&large, &small};
	struct sched_worker w = {.free = cores(2)};
	struct sched_item a, b, c;
	struct sched_pair pairs[8];

	(void)state;
	put(&large, &a, 100, 1);
	put(&small, &b, 200, 2);
	put(&small, &c, 300, 3);
	assert_int_equal(sched_match(shapes, 2, &w, 1, pairs, 8, 0), 2);
	assert_ptr_equal(pairs[0].item, &b);
	assert_ptr_equal(pairs[1].item, &c);
	assert_ptr_equal(large.items, &a);
}

static void tasks_spread_over_the_workers_with_the_most_free(void **state)
{
	struct sched_shape shape = {.need = cores(1)};
	struct sched_shape *shapes[] = {&shape};
	struct sched_worker w[3] = {{.free = cores(2)}, {.free = cores(4)}, {.free = cores(3)}};
	struct sched_item items[6];
	struct sched_pair pairs[8];
	const size_t expected[] = {1, 1, 2, 0, 1, 2};

	(void)state;
	for (int i = 0; i < 6; i++)
		put(&shape, &items[i], i, (uint64_t)i);
	assert_int_equal(sched_match(shapes, 1, w, 3, pairs, 8, 0), 6);
	for (int i = 0; i < 6; i++)
		assert_int_equal(pairs[i].worker, expected[i]);
}

static void each_kind_of_amount_counts(void **state)
{
	const struct amounts have = {.milli_cpus = 4000, .memory = 100, .disk = 100, .gpus = 1};
	const struct amounts needs[] = {{.milli_cpus = 4001}, {.memory = 101}, {.disk = 101}, {.gpus = 2}};

	(void)state;
	assert_true(amounts_fit(&have, &have));
	for (size_t i = 0; i < 4; i++)
		assert_false(amounts_fit(&needs[i], &have));
}

static void a_task_that_comes_back_gets_its_old_place(void **state)
{
	struct sched_shape shape = {.need = cores(1)};
	struct sched_item a, b, c, d;

	(void)state;
	put(&shape, &a, 100, 1);
	put(&shape, &c, 300, 3);
	put(&shape, &d, 300, 4);
	put(&shape, &b, 200, 2);
	assert_ptr_equal(shape.items, &a);
	assert_ptr_equal(a.next, &b);
	assert_ptr_equal(b.next, &c);
	assert_ptr_equal(c.next, &d);
	assert_null(d.next);
}

static void a_round_gives_no_more_pairs_than_asked_for(void **state)
{
	struct sched_shape shape = {.need = cores(1)};
	struct sched_shape *shapes[] = {&shape};
	struct sched_worker w = {.free = cores(100)};
	struct sched_item items[10];
	struct sched_pair pairs[4];

	(void)state;
	for (int i = 0; i < 10; i++)
		put(&shape, &items[i], i, (uint64_t)i);
	assert_int_equal(sched_match(shapes, 1, &w, 1, pairs, 4, 0), 4);
	assert_int_equal(sched_match(shapes, 1, &w, 0, pairs, 4, 0), 0);
}

/* Whatever comes: never more than is free, first come first served within a shape, and nothing left that
 * would fit. */
static void random_rounds_never_give_more_than_is_free(void **state)
{
	(void)state;
	srand(7);
	for (int round = 0; round < 300; round++) {
		struct sched_shape shapes[5] = {0}, *list[5];
		struct sched_worker w[6] = {0};
		struct sched_item items[60];
		struct sched_pair pairs[64];
		size_t n, used = 0;

		for (int i = 0; i < 5; i++)
			shapes[i].need = cores(1 + i);
		for (int i = 0; i < 60; i++)
			put(&shapes[rand() % 5], &items[i], rand() % 50, (uint64_t)i);
		for (int i = 0; i < 5; i++)
			if (shapes[i].items != NULL)
				list[used++] = &shapes[i];
		for (int i = 0; i < 6; i++)
			w[i].free = cores(rand() % 9);
		n = sched_match(list, used, w, 6, pairs, 64, 0);
		for (int i = 0; i < 6; i++)
			assert_true(w[i].free.milli_cpus >= 0 && w[i].free.memory >= 0);
		for (size_t i = 1; i < n; i++)
			assert_true(sched_before(pairs[i - 1].item, pairs[i].item));
		for (size_t s = 0; s < used && n < 60; s++)
			for (int i = 0; i < 6; i++)
				assert_true(list[s]->at == NULL || !amounts_fit(&list[s]->need, &w[i].free));
	}
}

static const char *why(const struct amounts *need, const struct sched_worker *w,
                       const struct amounts *offered, size_t ready, size_t online)
{
	static char text[400];

	sched_explain(need, w, offered, ready, online, text, sizeof text);
	return text;
}

static void a_sentence_says_why_a_task_waits(void **state)
{
	const struct amounts need = {.milli_cpus = 2000, .memory = 65536 * MIB};
	const struct amounts modest = {.milli_cpus = 2500, .memory = 512 * MIB};
	const struct amounts offered[] = {{.milli_cpus = 4000, .memory = 1024 * MIB},
	                                  {.milli_cpus = 1000, .memory = 8192 * MIB}};
	const struct sched_worker busy[] = {{.free = {.milli_cpus = 500, .memory = 512 * MIB}},
					    {.free = {.milli_cpus = 1000, .memory = 8192 * MIB}}};

	(void)state;
	assert_string_equal(why(&need, NULL, NULL, 0, 0), "waits for a worker: none is online");
	assert_string_equal(why(&need, NULL, NULL, 0, 3), "waits for a worker: 3 online, none takes tasks now");
	assert_non_null(
	    strstr(why(&need, busy, offered, 2, 2), "none lends 64 GiB memory (the most is 8 GiB memory)"));
	assert_non_null(
	    strstr(why(&modest, busy, offered, 2, 2), "none has 2.5 cores free now (the most is 1 cores)"));
	assert_non_null(
	    strstr(why(&(struct amounts){.milli_cpus = 2000, .memory = 2048 * MIB}, busy, offered, 2, 2),
	           "none lends all of what it needs together"));
}

/* Two owners: ann has a and b, bob has c. */
static struct sched_worker worker(const char *id, const char *owner, int64_t free_cores,
				  const struct amounts *offered)
{
	return (struct sched_worker){.free = cores(free_cores), .offered = offered, .id = id, .owner = owner};
}

static size_t place(struct sched_past *past, struct sched_worker *w, size_t n, int64_t now)
{
	struct sched_shape shape = {.need = cores(2)};
	struct sched_shape *shapes[] = {&shape};
	struct sched_item item = {.past = past};
	struct sched_pair pair;

	sched_insert(&shape.items, &item);
	return sched_match(shapes, 1, w, n, &pair, 1, now) == 1 ? pair.worker : n;
}

static void a_lost_task_prefers_another_owner_then_another_worker(void **state)
{
	const struct amounts four = cores(4);
	struct sched_worker w[] = {worker("a", "ann", 4, &four), worker("b", "ann", 3, &four),
				   worker("c", "bob", 2, &four)};
	struct sched_past past = {.patient_until_ms = 1000};

	(void)state;
	assert_int_equal(place(&past, w, 3, 0), 0); /* nobody yet: the roomiest */
	w[0].free = four;
	sched_past_add(&past, "a", "ann");
	assert_int_equal(place(&past, w, 3, 0), 2);
	assert_int_equal(place(&past, w, 3, 2000), 1); /* c is full, and patience over: another worker of ann */
	assert_int_equal(place(&past, w, 3, 2000), 0); /* rather the same one than none */
}

static void it_does_not_wait_for_another_owner_where_another_worker_is_free(void **state)
{
	const struct amounts four = cores(4);
	struct sched_worker w[] = {worker("a", "ann", 4, &four), worker("b", "ann", 4, &four),
				   worker("c", "bob", 0, &four)};
	struct sched_past past = {.patient_until_ms = 1000};

	(void)state;
	sched_past_add(&past, "a", "ann");
	assert_int_equal(place(&past, w, 3, 0), 1);
}

static void it_waits_for_another_worker_only_while_it_is_patient(void **state)
{
	const struct amounts four = cores(4), one = cores(1);
	struct sched_worker w[] = {worker("a", "ann", 4, &four), worker("c", "bob", 0, &four)};
	struct sched_past past = {.patient_until_ms = 1000};
	struct sched_shape shape = {.need = cores(2)};
	struct sched_shape *shapes[] = {&shape};
	struct sched_item lost = {.created_ms = 1, .past = &past}, next = {.created_ms = 2};
	struct sched_pair pairs[2];

	(void)state;
	sched_past_add(&past, "a", "ann");
	sched_insert(&shape.items, &lost);
	sched_insert(&shape.items, &next);
	assert_int_equal(sched_match(shapes, 1, w, 2, pairs, 2, 999), 1); /* those behind it need not wait */
	assert_ptr_equal(pairs[0].item, &next);
	assert_int_equal(place(&past, w, 2, 1000), 0);
	w[0].free = four;
	w[1].offered = &one; /* never large enough: there is nothing to wait for */
	assert_int_equal(place(&past, w, 2, 0), 0);
	w[0].free = four;
	assert_int_equal(place(&past, w, 1, 0), 0);
}

static void the_past_is_bounded_and_read_as_it_is_written(void **state)
{
	struct sched_past past = {0};
	char id[2] = "a";

	(void)state;
	sched_past_read(
		&past, "aaaaaaaaaaaaaaaa:bbbbbbbbbbbbbbbb:r cccccccccccccccc::a x toolongtoolongtoolong:b:r");
	assert_int_equal(past.count, 2);
	assert_string_equal(past.by[0].worker, "aaaaaaaaaaaaaaaa");
	assert_string_equal(past.by[0].owner, "bbbbbbbbbbbbbbbb");
	assert_string_equal(past.by[1].worker, "cccccccccccccccc");
	assert_string_equal(past.by[1].owner, "");
	sched_past_add(&past, "aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb");
	assert_int_equal(past.count, 2);
	assert_string_equal(past.by[1].worker, "aaaaaaaaaaaaaaaa");
	for (int i = 0; i < 2 * LOST_BY_MAX; i++, id[0]++)
		sched_past_add(&past, id, "o");
	assert_int_equal(past.count, LOST_BY_MAX);
	assert_string_equal(past.by[LOST_BY_MAX - 1].worker, "p");
	assert_string_equal(past.by[0].worker, "i");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_oldest_is_served_first_whatever_its_shape),
		cmocka_unit_test(what_does_not_fit_is_passed_over_and_keeps_its_place),
		cmocka_unit_test(tasks_spread_over_the_workers_with_the_most_free),
		cmocka_unit_test(each_kind_of_amount_counts),
		cmocka_unit_test(a_task_that_comes_back_gets_its_old_place),
		cmocka_unit_test(a_round_gives_no_more_pairs_than_asked_for),
		cmocka_unit_test(random_rounds_never_give_more_than_is_free),
		cmocka_unit_test(a_sentence_says_why_a_task_waits),
		cmocka_unit_test(a_lost_task_prefers_another_owner_then_another_worker),
		cmocka_unit_test(it_does_not_wait_for_another_owner_where_another_worker_is_free),
		cmocka_unit_test(it_waits_for_another_worker_only_while_it_is_patient),
		cmocka_unit_test(the_past_is_bounded_and_read_as_it_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
