/* test/proto/cpt.c - amounts from text and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proto/cpt.h"
#include "proto/status.h"

static void text_becomes_an_amount_and_the_same_text_again(void **state)
{
	static const struct {
		const char *text, *plain, *grouped;
		int64_t mcpt;
	} cases[] = {
	    {"0", "0", "0", 0},
	    {"0.001", "0.001", "0.001", 1},
	    {"12.5", "12.5", "12.5", 12500},
	    {"150.000", "150", "150", 150000},
	    {"1000", "1000", "1,000", 1000000},
	    {"007", "7", "7", 7000},
	    {"1234567.089", "1234567.089", "1,234,567.089", 1234567089},
	    {"1000000000000", "1000000000000", "1,000,000,000,000", CPT_SUPPLY},
	};
	char text[CPT_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t mcpt = -1;

		assert_int_equal(cpt_parse(cases[i].text, &mcpt, NULL), 0);
		assert_int_equal(mcpt, cases[i].mcpt);
		assert_string_equal(cpt_text(text, mcpt), cases[i].plain);
		assert_string_equal(cpt_grouped(text, mcpt), cases[i].grouped);
	}
	assert_string_equal(cpt_text(text, -1500), "-1.5");
	assert_string_equal(cpt_grouped(text, INT64_MIN), "-9,223,372,036,854,775.808");
}

static void what_is_no_amount_is_refused(void **state)
{
	static const char *const bad[] = {
	    "",
	    "-1",
	    "+1",
	    "1.",
	    ".5",
	    "1.2345",
	    "1e3",
	    "1,5",
	    " 1",
	    "1 ",
	    "0x10",
	    "nan",
	    "1000000000000.001",
	    "1000000000001",
	    "1.0.0",
	    "٣",
	    "99999999999999999999",
	    "9223372036854775807",
	};
	int64_t mcpt = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(cpt_parse(bad[i], &mcpt, NULL), STATUS_INVALID_ARGUMENT);
	assert_int_equal(mcpt, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(text_becomes_an_amount_and_the_same_text_again),
	    cmocka_unit_test(what_is_no_amount_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
