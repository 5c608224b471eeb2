/* test/store/transfer.c - a line of the ledger is read as it was written, or not at all. */
#include "store/transfer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/status.h"

#define HEAD "7 id-1 settle 1700000000000 t.1 3 1500 1200000 10 22 5 "

static int parse(struct transfer *t, char *text, const char *line)
{
	struct error err = {0};
	int code;

	strcpy(text, line);
	code = transfer_parse(t, text, &err);
	assert_int_equal(code, err.status);
	return code;
}

static void each_word_has_its_place(void **state)
{
	struct transfer t;
	char text[512];

	(void)state;
	assert_int_equal(parse(&t, text, HEAD "2 hold:x alice 9 hold:x bob 13"), 0);
	assert_int_equal(t.seq, 7);
	assert_string_equal(t.id, "id-1");
	assert_string_equal(t.kind, "settle");
	assert_int_equal(t.time_ms, 1700000000000);
	assert_string_equal(t.task, "t.1");
	assert_int_equal(t.epoch, 3);
	assert_int_equal(t.wall_ms, 1500);
	assert_int_equal(t.rate_ncpt, 1200000);
	assert_int_equal(t.start_mcpt, 10);
	assert_int_equal(t.charge, 22);
	assert_int_equal(t.grant, 5);
	assert_int_equal(t.leg_count, 2);
	assert_string_equal(t.legs[1].debit, "hold:x");
	assert_string_equal(t.legs[1].credit, "bob");
	assert_int_equal(t.legs[1].amount, 13);
}

static void what_is_missing_left_over_or_no_number_makes_it_no_record(void **state)
{
	static const char *const broken[] = {
		"",
		"7",
		"seven id-1 settle 1 t.1 3 1 1 1 1 1 1 a b 1",
		"7 id-1 settle -1 t.1 3 1 1 1 1 1 1 a b 1",
		"7 id-1 settle 1 t.1 4294967296 1 1 1 1 1 1 a b 1",
		"7 id-1 settle 10000000000000000 t.1 3 1 1 1 1 1 1 a b 1",
		HEAD "0",
		HEAD "1 a b",
		HEAD "1 a b 1 ",
		HEAD "1 a b 1 c",
		HEAD "1 a b 1x",
		HEAD "2 a b 1",
		HEAD "1  b 1",
		HEAD "9 a b 1 a b 1 a b 1 a b 1 a b 1 a b 1 a b 1 a b 1 a b 1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		struct transfer t;
		char text[512];

		if (parse(&t, text, broken[i]) != STATUS_DATA_LOSS)
			fail_msg("taken: %s", broken[i]);
	}
}

static void a_word_has_a_longest_length(void **state)
{
	char line[512], text[512], word[TRANSFER_WORD_MAX + 1];
	struct transfer t;

	(void)state;
	for (size_t n = TRANSFER_WORD_MAX - 1; n <= TRANSFER_WORD_MAX; n++) {
		memset(word, 'w', n);
		word[n] = '\0';
		snprintf(line, sizeof line, HEAD "1 %s b 1", word);
		assert_int_equal(parse(&t, text, line), n < TRANSFER_WORD_MAX ? 0 : STATUS_DATA_LOSS);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test(f)
	const struct CMUnitTest tests[] = {
		T(each_word_has_its_place),
		T(what_is_missing_left_over_or_no_number_makes_it_no_record),
		T(a_word_has_a_longest_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
