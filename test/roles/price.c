/* test/roles/price.c - what a task costs, to the unit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "proto/limits.h"
#include "proto/status.h"
#include "roles/price.h"

static struct price price_for(uint32_t milli_cpus, uint64_t memory, uint32_t gpus, enum priority priority)
{
	Pb__Resources r = PB__RESOURCES__INIT;

	r.milli_cpus = milli_cpus;
	r.memory = memory;
	r.gpus = gpus;
	return price_of(&price_defaults, &r, "", priority);
}

static void the_gift_runs_about_twenty_five_core_hours(void **state)
{
	struct price p = price_for(1000, GiB, 0, PRIORITY_NORMAL);
	int64_t ms = price_lasts_ms(&p, CPT_GIFT);

	(void)state;
	assert_in_range(ms, 24 * 3600000ll + 54 * 60000, 25 * 3600000ll + 6 * 60000);
	assert_true(price_amount(&p, ms, 0) <= CPT_GIFT);
	assert_true(price_amount(&p, ms + 1000, 0) > CPT_GIFT);
	p = price_for(1000, 16 * MiB, 0, PRIORITY_NORMAL);
	assert_true(price_amount(&p, 1000, 0) - p.start_mcpt >= 1);
}

static void twice_the_cores_or_the_time_is_twice_that_part(void **state)
{
	(void)state;
	for (int cores = 1; cores <= 64; cores *= 2) {
		struct price one = price_for(1000, GiB, 0, PRIORITY_NORMAL);
		struct price many =
		    price_for(1000 * (uint32_t)cores, (uint64_t)cores * GiB, 0, PRIORITY_NORMAL);
		struct price none = price_for(1000, (uint64_t)cores * GiB, 0, PRIORITY_NORMAL);

		assert_int_equal(many.rate_ncpt, cores * one.rate_ncpt);
		assert_int_equal(many.rate_ncpt - none.rate_ncpt, (cores - 1) * price_defaults.core_ncpt);
		for (int64_t s = 1; s < 100000; s *= 3) {
			int64_t once = (s * 1000 * one.rate_ncpt) / 1000;
			int64_t amount = price_amount(&one, 2000 * s, 0) - one.start_mcpt;

			assert_int_equal(amount, 2 * once / 1000000);
			assert_int_equal(price_amount(&many, s * 1000, 0) - many.start_mcpt,
			                 cores * once / 1000000);
		}
	}
}

static void a_part_of_a_core_or_gib_is_exact(void **state)
{
	struct price whole = price_for(1000, GiB, 0, PRIORITY_NORMAL);

	(void)state;
	assert_int_equal(4 * price_for(250, 256 * MiB, 0, PRIORITY_NORMAL).rate_ncpt, whole.rate_ncpt);
	assert_int_equal(price_for(1000, GiB - 1, 0, PRIORITY_NORMAL).rate_ncpt, whole.rate_ncpt);
	assert_int_equal(price_for(0, 0, 0, PRIORITY_NORMAL).rate_ncpt,
	                 price_for(MILLI_CPUS_DEFAULT, MEMORY_DEFAULT, 0, PRIORITY_NORMAL).rate_ncpt);
	assert_int_equal(2 * price_for(1000, GiB, 0, PRIORITY_URGENT).rate_ncpt, 3 * whole.rate_ncpt);
}

static void the_cap_and_the_supply_bound_every_amount(void **state)
{
	struct price p = price_for(UINT32_MAX, UINT64_MAX, UINT32_MAX, PRIORITY_URGENT);

	(void)state;
	assert_int_equal(price_amount(&p, INT64_MAX, 0), CPT_SUPPLY);
	assert_int_equal(price_amount(&p, INT64_MAX, 77), 77);
	assert_int_equal(price_amount(&p, INT64_MIN, 0), p.start_mcpt);
	assert_int_equal(price_amount(&p, -1, INT64_MAX), p.start_mcpt);
	p = price_for(1000, GiB, 0, PRIORITY_NORMAL);
	assert_int_equal(price_lasts_ms(&p, 0), 0);
	assert_int_equal(price_amount(&p, 0, 3), 3);
}

static void own_workers_and_donors_cost_nothing(void **state)
{
	struct price p = price_for(1000, GiB, 0, PRIORITY_NORMAL);
	struct price_offer o = {.min_core_ncpt = p.rate_ncpt};
	Pb__Resources r = PB__RESOURCES__INIT;

	(void)state;
	assert_int_equal(price_there(&p, &o, false).rate_ncpt, p.rate_ncpt);
	p = price_there(&p, &o, true);
	assert_int_equal(price_amount(&p, 1000000, 0), 0);
	assert_int_equal(price_lasts_ms(&p, 0), INT64_MAX);
	p = price_for(1000, GiB, 0, PRIORITY_NORMAL);
	assert_true(price_accepted(&o, &p, &r));
	o.min_core_ncpt++;
	assert_false(price_accepted(&o, &p, &r));
	o.donor = true;
	assert_true(price_accepted(&o, &p, &r));
	assert_int_equal(price_there(&p, &o, false).start_mcpt, 0);
}

static int read_table(struct price_table *t, const char *text, struct error *err)
{
	FILE *f = fmemopen((void *)text, strlen(text), "r");
	int status = price_table_read(t, f, "prices", err);

	fclose(f);
	return status;
}

static void a_file_changes_what_it_names(void **state)
{
	Pb__Resources r = PB__RESOURCES__INIT;
	struct price_table t;
	struct error err = {0};

	(void)state;
	assert_int_equal(read_table(&t,
	                            "start = 0.5\ncore-second = 0.002\n[gpu-second]\na100 = 0.05\n"
	                            "[priority]\nhigh = 2\n",
	                            &err),
	                 0);
	assert_int_equal(t.start_mcpt, 500);
	assert_int_equal(t.core_ncpt, 2000000);
	assert_int_equal(t.gib_ncpt, price_defaults.gib_ncpt);
	r.gpus = 1;
	assert_int_equal(price_of(&t, &r, "NVIDIA A100-SXM4-40GB", PRIORITY_NORMAL).rate_ncpt -
	                     price_of(&t, &r, "GeForce", PRIORITY_NORMAL).rate_ncpt,
	                 50000000 - price_defaults.gpu_ncpt);
	assert_int_equal(price_of(&t, &r, "", PRIORITY_HIGH).rate_ncpt,
	                 2 * price_of(&t, &r, "", PRIORITY_NORMAL).rate_ncpt);
}

static void a_wrong_line_is_named(void **state)
{
	static const char *const bad[] = {
	    "start = -1\n",   "start = 1e3\n",         "core-second = 11\n", "core-second = 0.0000000001\n",
	    "disk = 1\n",     "[priority]\nlow = 1\n", "[x]\ny = 1\n",       "[priority]\nhigh = 11\n",
	    "gib-second =\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct error err = {0};
		struct price_table t;

		assert_int_equal(read_table(&t, bad[i], &err), STATUS_INVALID_ARGUMENT);
		assert_non_null(strstr(err.text, "prices:"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_gift_runs_about_twenty_five_core_hours),
	    cmocka_unit_test(twice_the_cores_or_the_time_is_twice_that_part),
	    cmocka_unit_test(a_part_of_a_core_or_gib_is_exact),
	    cmocka_unit_test(the_cap_and_the_supply_bound_every_amount),
	    cmocka_unit_test(own_workers_and_donors_cost_nothing),
	    cmocka_unit_test(a_file_changes_what_it_names),
	    cmocka_unit_test(a_wrong_line_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
