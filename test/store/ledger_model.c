/* test/store/ledger_model.c - the scripts and a model in C agree, over many random calls.
 *
 * HIVEMIND_LEDGER_OPS: how many (20,000 when unset). HIVEMIND_LEDGER_SEED: which (1 when unset). */
#include "test/store/ledger_audit.h"

#include <signal.h>
#include <time.h>

static long number_from(const char *name, long none)
{
	const char *text = getenv(name);

	return text != NULL ? atol(text) : none;
}

static void agree(struct play *p)
{
	if (p->difference[0] != '\0')
		print_error("seed %ld: %s\n", number_from("HIVEMIND_LEDGER_SEED", 1), p->difference);
	assert_string_equal(p->difference, "");
}

static void scripts_and_model_agree(void **state)
{
	long ops = number_from("HIVEMIND_LEDGER_OPS", 20000);
	static struct play p;
	int64_t begin = clock_us();

	(void)state;
	play_begin(&p, (uint64_t)number_from("HIVEMIND_LEDGER_SEED", 1));
	play_on(&p, ops, ops / 20 + 500);
	print_message("%ld calls, %llu records, %d ms\n", p.ops, (unsigned long long)p.world.seq,
		      (int)((clock_us() - begin) / 1000));
	agree(&p);
	play_end_all(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(scripts_and_model_agree, start, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
