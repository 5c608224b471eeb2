/* test/store/ledger_mutants.c - the suite would notice: each seeded fault of the scripts makes the play of
 * ledger_model.c end with a difference. A mutant that survives is a hole in the model. */
#include "test/store/ledger_audit.h"

#define SEEDS 4
#define OPS 6000

static const struct mutant {
	const char *what, *from, *to;
} mutants[] = {
    {"a transfer does not look whether there is enough", "if has - bound < n then", "if false then"},
    {"a gift can be transferred", "if has - bound < n then", "if has < n then"},
    {"a transfer may go to oneself", "if id == account then", "if false then"},
    {"a repeated transfer moves again", "if earlier[1] then\n\treturn", "if false then\n\treturn"},
    {"a call_id with other content is taken for a repeat", "if earlier[1] and earlier[1] ~= digest then",
     "if false then"},
    {"debit and credit are swapped", "leg(legs, from, to, n)", "leg(legs, to, from, n)"},
    {"anybody can withdraw from a project", "if project[2] ~= account then", "if false then"},
    {"frozen money moves", "if head.frozen then", "if false then"},
    {"a leg debits and does not credit", "\t\tmove(legs[i + 1], legs[i + 2])\n", ""},
    {"the chain leaves out the record before", "redis.sha1hex(head.chain .. ' ' .. text)",
     "redis.sha1hex(' ' .. text)"},
    {"amounts are rounded up to the CPT",
     "local n = string.find(text, '^%d+$') and #text <= 16 and tonumber(text)",
     "local n = string.find(text, '^%d+$') and #text <= 16 and math.ceil(tonumber(text) / 1000) * 1000"},
    {"amounts are what tonumber makes of them",
     "local n = string.find(text, '^%d+$') and #text <= 16 and tonumber(text)", "local n = tonumber(text)"},
    {"amounts are written with tostring", "return string.format('%.0f', n + 0)", "return tostring(n + 0)"},
    {"a hold is taken before the balance is looked at", "if balance < hold then",
     "redis.call('HINCRBY', 'account:' .. ARGV[2], 'balance', 0 - hold)\nif balance < hold then"},
    {"a hold does not use up the gift first", "local grant = math.min(tonumber(has[2] or '0'), hold)",
     "local grant = 0"},
    {"a charge may be more than the hold", "charge = math.min(charge, money.each)", "charge = charge + 0"},
    {"ticks are not kept to the hold", "math.min(due, money.each) - money.paid", "due - money.paid"},
    {"a tick of an old epoch counts",
     "or now[2] ~= epoch or now[3] ~= worker then\n\t\treturn FENCED\n\tend\n\tlocal money",
     "or now[3] ~= worker then\n\t\treturn FENCED\n\tend\n\tlocal money"},
    {"a tick is paid again each time", "math.min(due, money.each) - money.paid", "math.min(due, money.each)"},
    {"owners pay themselves", "if not money.payee or money.payee == money.owner then",
     "if not money.payee then"},
    {"a task settles twice", "'settled', 1, ", ""},
    {"an attempt that another follows gives the hold back", "again and 0 or money.each - charge", "money.each - charge"},
    {"what earlier attempts have cost is spent again", "tonumber(hold[1] or '0') - charged", "tonumber(hold[1] or '0')"},
    {"done of an old epoch settles",
     "if now[2] ~= epoch or now[3] ~= worker then\n\t\treturn FENCED\n\tend\n\tif now[4]",
     "if now[3] ~= worker then\n\t\treturn FENCED\n\tend\n\tif now[4]"},
    {"a lost attempt keeps what it has earned",
     "leg(legs, 'pending:' .. (money.payee or ''), money.hold, money.paid)", ""},
    {"what is left of the hold is not given back", "leg(legs, money.hold, 'user:' .. money.owner, back)", ""},
    {"the gift comes back as ordinary money", "math.min(back, money.grant - money.used)", "0"},
    {"a gift is given though the treasury is empty", "ledger_open().treasury >= gift and gift or 0", "gift"},
    {"rm right after stop is free", "if redis.call('ZSCORE', 'unsettled', ARGV[1]) then", "if false then"},
    {"a stop while it runs gives all back at once", "local refusal = state == PENDING and",
     "local refusal ="},
};

#define MUTANTS (sizeof(mutants) / sizeof(mutants[0]))

/* Does the play notice within its seeds? */
static bool caught(const struct mutant *m, char *how, size_t size)
{
	static struct play p;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		assert_true(scripts_change_for_test(m->from, m->to) > 0);
		start(NULL);
		play_begin(&p, seed);
		play_on(&p, OPS, 500);
		snprintf(how, size, "%s", p.difference);
		play_end_all(&p);
		end(NULL);
		if (how[0] != '\0')
			return true;
	}
	return false;
}

static void each_seeded_fault_is_caught(void **state)
{
	size_t survived = 0;
	char how[400];

	(void)state;
	for (size_t i = 0; i < MUTANTS; i++) {
		bool noticed = caught(&mutants[i], how, sizeof(how));

		print_message("%s %s%s%.110s\n", noticed ? "caught  " : "SURVIVED", mutants[i].what,
		              noticed ? ": " : "", how);
		survived += !noticed;
	}
	scripts_change_for_test(NULL, NULL);
	assert_int_equal(survived, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_seeded_fault_is_caught),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
