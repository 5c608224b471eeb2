#include "roles/worker_resources.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "proto/status.h"

static struct worker_resources a_machine(void)
{
	return (struct worker_resources){
		.milli_cpus = 2000, .memory = 4 * GiB, .disk = 10 * GiB, .gpus = 3, .tasks_max = 4};
}

static Pb__Resources a_need(uint32_t milli_cpus, uint64_t memory, uint32_t gpus)
{
	Pb__Resources need = PB__RESOURCES__INIT;

	need.milli_cpus = milli_cpus;
	need.memory = memory;
	need.disk = GiB;
	need.gpus = gpus;
	return need;
}

static void what_is_taken_comes_back(void **state)
{
	struct worker_resources r = a_machine(), fresh = a_machine();
	Pb__Resources need = a_need(1500, GiB, 2);
	struct reservation got;
	struct error err = {0};

	(void)state;
	assert_int_equal(worker_resources_take(&r, &need, &got, &err), 0);
	assert_int_equal(r.used_milli_cpus, 1500);
	assert_int_equal(got.gpus, 3);
	worker_resources_give(&r, &got);
	assert_true(r.slots[0]);
	worker_resources_give_slot(&r, &got);
	assert_memory_equal(&r, &fresh, sizeof r);
}

static void what_does_not_fit_takes_nothing_and_is_named(void **state)
{
	struct worker_resources r = a_machine();
	Pb__Resources first = a_need(1500, GiB, 0), cores = a_need(600, GiB, 0), memory = a_need(100, 4 * GiB, 0),
		      gpus = a_need(100, GiB, 4);
	struct reservation got, other;
	struct error err = {0};

	(void)state;
	assert_int_equal(worker_resources_take(&r, &first, &got, &err), 0);
	assert_int_equal(worker_resources_take(&r, &cores, &other, &err), STATUS_RESOURCE_EXHAUSTED);
	assert_string_equal(err.text, "needs 0.60 cores, 0.50 of 2.00 are free");
	assert_int_equal(worker_resources_take(&r, &memory, &other, &err), STATUS_RESOURCE_EXHAUSTED);
	assert_non_null(strstr(err.text, "memory"));
	assert_int_equal(worker_resources_take(&r, &gpus, &other, &err), STATUS_RESOURCE_EXHAUSTED);
	assert_non_null(strstr(err.text, "GPUs"));
	assert_int_equal(r.tasks, 1);
	assert_int_equal(r.used_memory, GiB);
	assert_false(r.slots[1]);
}

static void every_attempt_has_a_slot_of_its_own_until_it_is_cleared_away(void **state)
{
	struct worker_resources r = a_machine();
	Pb__Resources need = a_need(100, MEMORY_MIN, 0);
	struct reservation one, two, three;
	struct error err;

	(void)state;
	assert_int_equal(worker_resources_take(&r, &need, &one, &err), 0);
	assert_int_equal(worker_resources_take(&r, &need, &two, &err), 0);
	worker_resources_give(&r, &one); /* ended, its files are still there */
	assert_int_equal(worker_resources_take(&r, &need, &three, &err), 0);
	assert_int_equal(three.slot, 2);
	worker_resources_give_slot(&r, &one);
	assert_int_equal(worker_resources_take(&r, &need, &three, &err), 0);
	assert_int_equal(three.slot, 0);
}

static void no_more_tasks_than_its_owner_allows(void **state)
{
	struct worker_resources r = a_machine();
	Pb__Resources need = a_need(100, MEMORY_MIN, 0);
	struct reservation got;
	struct error err;

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(worker_resources_take(&r, &need, &got, &err), 0);
	assert_true(worker_resources_full(&r));
	assert_int_equal(worker_resources_take(&r, &need, &got, &err), STATUS_RESOURCE_EXHAUSTED);
}

static void gpus_are_named_by_uuid(void **state)
{
	Pb__Gpu zero = PB__GPU__INIT, one = PB__GPU__INIT, two = PB__GPU__INIT;
	Pb__Gpu *gpus[] = {&zero, &one, &two};
	struct reservation none = {0}, some = {.gpus = 5};
	struct arena arena = {0};

	(void)state;
	zero.uuid = (char *)"GPU-a";
	two.uuid = (char *)"GPU-c";
	assert_null(reservation_gpus(&none, gpus, &arena));
	assert_string_equal(reservation_gpus(&some, gpus, &arena), "GPU-a,GPU-c");
	arena_release(&arena);
}

static void a_share_is_a_percentage_or_an_amount(void **state)
{
	(void)state;
	assert_int_equal(share_of("75%", 4000, 1000), 3000);
	assert_int_equal(share_of("1.5", 4000, 1000), 1500);
	assert_int_equal(share_of("4", 4000, 1000), 4000);
	assert_int_equal(share_of("5", 4000, 1000), 0);
	assert_int_equal(share_of("110%", 4000, 1000), 0);
	assert_int_equal(share_of("0", 4000, 1000), 0);
	assert_int_equal(share_of("-1", 4000, 1000), 0);
	assert_int_equal(share_of("two", 4000, 1000), 0);
	assert_int_equal(share_of("nan", 4000, 1000), 0);
	assert_int_equal(share_of("1.5x", 4000, 1000), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_taken_comes_back),
		cmocka_unit_test(what_does_not_fit_takes_nothing_and_is_named),
		cmocka_unit_test(every_attempt_has_a_slot_of_its_own_until_it_is_cleared_away),
		cmocka_unit_test(no_more_tasks_than_its_owner_allows),
		cmocka_unit_test(gpus_are_named_by_uuid),
		cmocka_unit_test(a_share_is_a_percentage_or_an_amount),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
