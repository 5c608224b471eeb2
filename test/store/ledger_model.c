/* test/store/ledger_model.c - the scripts and a model in C agree, over many random calls.
 *
 * HIVEMIND_LEDGER_OPS: how many (20,000 when unset; test/run-all sets 200,000). HIVEMIND_LEDGER_SEED: which
 * (1 when unset). HIVEMIND_LEDGER_KILLS: about how many kills of Redis (8 when unset). */
#include "test/store/ledger_audit.h"

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

/* Redis dies with calls under way, which are then made again: what was acknowledged is there, and only once.
 */
static void kills_of_redis_lose_and_double_nothing(void **state)
{
	static struct play p;

	(void)state;
	play_begin(&p, (uint64_t)number_from("HIVEMIND_LEDGER_SEED", 1) + 77);
	p.window = 1;
	play_on(&p, 1500, 500);
	p.kill_one_in = 150;
	play_on(&p, number_from("HIVEMIND_LEDGER_KILLS", 8) * 150, 150);
	print_message("%ld kills, %ld calls made again, %llu records\n", p.kills, p.resent,
	              (unsigned long long)p.world.seq);
	agree(&p);
	assert_true(p.kills > 0 && p.resent > 0);
	play_end_all(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(scripts_and_model_agree, start, end),
	    cmocka_unit_test_setup_teardown(kills_of_redis_lose_and_double_nothing, start, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
