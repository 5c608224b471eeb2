/* test/ui/options.c tests ui/options.c and ui/config.c: typed, environment, user's file, in this order. */
#include "ui/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/status.h"

struct verb {
	bool follow;
	const char *name;
	struct texts env;
	int64_t tail, memory, wait_ms;
	struct globals globals;
	const char *args[3];
	int count;
	struct error err;
};

static const struct verb_help help = {
	.usage = "hivemind verb [options] A", .summary = "Does it.", .examples = "hivemind verb a"};
static char config_path[64];

static int parse_with(struct verb *v, enum option_kind last, char **argv)
{
	const struct option options[] = {
	    {.name = "follow", .letter = 'f', .kind = OPTION_FLAG, .to = &v->follow},
	    {.name = "name",
	     .letter = 'n',
	     .kind = OPTION_TEXT,
	     .to = &v->name,
	     .value = "NAME",
	     .env = "HIVEMIND_TEST_NAME"},
	    {.name = "env", .letter = 'e', .kind = OPTION_TEXTS, .to = &v->env, .value = "K=V"},
	    {.name = "tail", .kind = OPTION_INT, .to = &v->tail, .value = "N", .min = 1, .max = 100},
	    {.name = "memory", .kind = OPTION_SIZE, .to = &v->memory, .value = "SIZE"},
	    {.name = "wait", .kind = OPTION_DURATION, .to = &v->wait_ms, .value = "TIME"},
	    {.name = last == OPTION_COMMAND ? "" : NULL, .kind = last},
	    {0},
	};
	int argc = 0;

	while (argv[argc] != NULL)
		argc++;
	return options_parse(argc, argv, options, &help, &v->globals, v->args, 3, &v->count, &v->err);
}

static int parse(struct verb *v, char **argv)
{
	*v = (struct verb){0};
	return parse_with(v, OPTION_FLAG, argv);
}

#define WORDS(...) ((char **)(const char *[]){"verb", __VA_ARGS__, NULL})

static void write_config(const char *text)
{
	FILE *f = fopen(config_path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int set_up(void **state)
{
	int fd;

	(void)state;
	strcpy(config_path, "/tmp/hm-conf-XXXXXX");
	fd = mkstemp(config_path);
	close(fd);
	unsetenv("HIVEMIND_POOL");
	unsetenv("HIVEMIND_TEST_NAME");
	return fd < 0 || setenv("HIVEMIND_CONFIG", config_path, 1) != 0;
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(config_path);
}

static void options_stand_before_and_after_words(void **state)
{
	struct verb v;

	(void)state;
	assert_int_equal(parse(&v, WORDS("a", "-f", "--name=x y", "b", "--tail", "7", "--memory", "2G",
	                                 "--wait", "1.5s", "--json")),
	                 0);
	assert_true(v.follow);
	assert_true(v.globals.json);
	assert_string_equal(v.name, "x y");
	assert_int_equal(v.tail, 7);
	assert_int_equal(v.memory, 2ll << 30);
	assert_int_equal(v.wait_ms, 1500);
	assert_int_equal(v.count, 2);
	assert_string_equal(v.args[1], "b");
}

static void letters_stand_together_and_take_values(void **state)
{
	struct verb v;

	(void)state;
	assert_int_equal(parse(&v, WORDS("-fq", "-nname", "-e", "A=1", "-eB=2", "-")), 0);
	assert_true(v.follow);
	assert_true(v.globals.quiet);
	assert_string_equal(v.name, "name");
	assert_int_equal(v.env.n, 2);
	assert_string_equal(v.env.at[1], "B=2");
	assert_string_equal(v.args[0], "-");
}

static void two_dashes_end_the_options(void **state)
{
	struct verb v;

	(void)state;
	assert_int_equal(parse(&v, WORDS("--", "-f", "--help")), 0);
	assert_false(v.follow);
	assert_int_equal(v.count, 2);
}

static void a_command_of_its_own_keeps_its_options(void **state)
{
	struct verb v = {0};

	(void)state;
	assert_int_equal(parse_with(&v, OPTION_COMMAND, WORDS("-f", "echo", "-n", "--help")), 0);
	assert_true(v.follow);
	assert_null(v.name);
	assert_int_equal(v.count, 3);
	assert_string_equal(v.args[2], "--help");
}

static void wrong_options_say_what_was_meant(void **state)
{
	struct verb v;

	(void)state;
	assert_int_equal(parse(&v, WORDS("--folow")), STATUS_INVALID_ARGUMENT);
	assert_non_null(strstr(v.err.hint, "--follow"));
	assert_int_equal(parse(&v, WORDS("-x")), STATUS_INVALID_ARGUMENT);
	assert_non_null(strstr(v.err.text, "-x"));
	assert_int_equal(parse(&v, WORDS("--name")), STATUS_INVALID_ARGUMENT);
	assert_non_null(strstr(v.err.text, "needs a value"));
	assert_int_equal(parse(&v, WORDS("--tail", "101")), STATUS_INVALID_ARGUMENT);
	assert_int_equal(parse(&v, WORDS("--tail", "1x")), STATUS_INVALID_ARGUMENT);
	assert_int_equal(parse(&v, WORDS("--memory", "much")), STATUS_INVALID_ARGUMENT);
	assert_int_equal(parse(&v, WORDS("--follow=perhaps")), STATUS_INVALID_ARGUMENT);
	assert_int_equal(parse(&v, WORDS("a", "b", "c", "d")), STATUS_INVALID_ARGUMENT);
	assert_non_null(strstr(v.err.text, "\"d\""));
}

static void what_is_typed_wins_over_environment_over_file(void **state)
{
	struct verb v;

	(void)state;
	write_config("# a comment\n\n[client]\npool = from.file\nquiet = yes\n[worker]\ncpus = 3\n");
	assert_int_equal(parse(&v, WORDS("a")), 0);
	assert_string_equal(v.globals.pool, "from.file");
	assert_true(v.globals.quiet);
	setenv("HIVEMIND_POOL", "from.env", 1);
	assert_int_equal(parse(&v, WORDS("a")), 0);
	assert_string_equal(v.globals.pool, "from.env");
	assert_int_equal(parse(&v, WORDS("a", "--pool", "typed")), 0);
	assert_string_equal(v.globals.pool, "typed");
	unsetenv("HIVEMIND_POOL");
}

static void a_role_has_its_own_section(void **state)
{
	struct verb v = {0};

	(void)state;
	write_config("[client]\npool = x\n[worker]\nname = wendy\nenv = A=1\nenv = B=2\n");
	assert_int_equal(parse_with(&v, OPTION_FLAG, (char *[]){(char *)"worker", NULL}), 0);
	assert_string_equal(v.name, "wendy");
	assert_int_equal(v.env.n, 2);
	assert_null(v.globals.pool);
}

static void wrong_lines_are_named(void **state)
{
	static const struct {
		const char *text, *words, *hint;
	} wrong[] = {
		{"[client]\npol = x\n", ":2: there is no key \"pol\"", "pool"},
		{"[clint]\n", ":1: there is no section \"clint\"", "client"},
		{"pool = x\n", ":1: a section must come first", NULL},
		{"[client]\npool\n", ":2: a line is written key = value", NULL},
		{"[client]\ntimeout = soon\n", ":2: timeout: \"soon\" is not a duration", NULL},
		{"[client\n", ":1: a section is written", NULL},
	};
	struct verb v;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		write_config(wrong[i].text);
		assert_int_equal(parse(&v, WORDS("a")), STATUS_INVALID_ARGUMENT);
		assert_non_null(strstr(v.err.text, wrong[i].words));
		if (wrong[i].hint != NULL)
			assert_non_null(strstr(v.err.hint, wrong[i].hint));
	}
	write_config("");
}

static void a_configuration_that_was_asked_for_must_be_there(void **state)
{
	struct verb v;

	(void)state;
	setenv("HIVEMIND_CONFIG", "/nowhere/hivemind.conf", 1);
	assert_int_equal(parse(&v, WORDS("a")), STATUS_NOT_FOUND);
	setenv("HIVEMIND_CONFIG", config_path, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_stand_before_and_after_words),
		cmocka_unit_test(letters_stand_together_and_take_values),
		cmocka_unit_test(two_dashes_end_the_options),
		cmocka_unit_test(a_command_of_its_own_keeps_its_options),
		cmocka_unit_test(wrong_options_say_what_was_meant),
		cmocka_unit_test(what_is_typed_wins_over_environment_over_file),
		cmocka_unit_test(a_role_has_its_own_section),
		cmocka_unit_test(wrong_lines_are_named),
		cmocka_unit_test(a_configuration_that_was_asked_for_must_be_there),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
