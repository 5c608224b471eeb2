/* test/exec/manifest.c - manifests that are read, and the words for those that are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "exec/manifest.h"
#include "net/memory.h"
#include "proto/limits.h"
#include "proto/status.h"

static struct arena arena;
static Pb__TaskSpec spec;

static int parse(const char *text, struct error *err)
{
	arena_release(&arena);
	return manifest_parse(&spec, &arena, text, strlen(text), "bundle", err);
}

static int release(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

static void a_whole_manifest_is_read(void **state)
{
	struct error err = {0};

	(void)state;
	if (parse("{ \"hivemind\": 1,\n"
		  "  \"name\": \"sweep-\xce\xb1\", \"image\": \"python:3.12-slim\",\n"
		  "  \"command\": [\"python\", \"train.py\", \"\"], \"env\": {\"A\": \"1\", \"_B2\": "
		  "\"x=y\\n\"},\n"
		  "  \"resources\": {\"cpus\": 0.25, \"memory\": \"8GiB\", \"disk\": 2000000, \"gpus\": 2},\n"
		  "  \"outputs\": [\"out/**\", \"*.ckpt\"], \"max_output\": \"1GiB\",\n"
		  "  \"time_limit\": \"2h\", \"grace\": 30, \"keep\": \"14d\", \"labels\": {\"paper\": "
		  "\"v2\"} }\n",
		  &err) != 0)
		fail_msg("%s", err.text);
	assert_string_equal(spec.name, "sweep-\xce\xb1");
	assert_string_equal(spec.image, "python:3.12-slim");
	assert_int_equal(spec.n_command, 3);
	assert_string_equal(spec.command[1], "train.py");
	assert_int_equal(spec.n_env, 2);
	assert_string_equal(spec.env[1]->value, "x=y\n");
	assert_int_equal(spec.resources->milli_cpus, 250);
	assert_true(spec.resources->memory == (uint64_t)(8 * GiB));
	assert_int_equal(spec.resources->disk, 2000000);
	assert_int_equal(spec.resources->gpus, 2);
	assert_int_equal(spec.n_outputs, 2);
	assert_true(spec.max_output == (uint64_t)(1 * GiB));
	assert_int_equal(spec.time_limit_s, 7200);
	assert_int_equal(spec.grace_s, 30);
	assert_int_equal(spec.keep_s, 14 * 86400);
	assert_string_equal(spec.labels[0]->key, "paper");
	assert_int_equal(spec_check(&spec, &err), 0);
}

static void what_is_left_out_has_its_default(void **state)
{
	(void)state;
	assert_int_equal(parse("{\"hivemind\":1}", NULL), 0);
	assert_string_equal(spec.name, "bundle");
	assert_string_equal(spec.image, "");
	assert_int_equal(spec.n_command, 0);
	assert_int_equal(spec.resources->milli_cpus, 1000);
	assert_int_equal(spec.resources->memory, 128 * MiB);
	assert_int_equal(spec.time_limit_s, 3600);
	assert_int_equal(spec.grace_s, 5);
	assert_int_equal(spec_check(&spec, NULL), STATUS_INVALID_ARGUMENT);
	assert_int_equal(manifest_choose_command(&spec, true, true, &arena, NULL), 0);
	assert_string_equal(spec.command[1], "run.sh");
	assert_int_equal(spec_check(&spec, NULL), 0);
}

static void what_comes_to_nothing_is_tried_again_as_it_says(void **state)
{
	char text[32];

	(void)state;
	assert_int_equal(parse("{\"hivemind\":1,\"command\":\"x\",\"on_disconnect\":\"wait:10m\","
			       "\"retry\":{\"infra\":0,\"on_exit\":{\"75\":3,\"85\":10}}}", NULL), 0);
	assert_int_equal(spec_check(&spec, NULL), 0);
	assert_int_equal(spec.disconnect_wait_s, 600);
	assert_string_equal(on_disconnect_text(&spec, text, sizeof text), "wait:600s");
	assert_int_equal(spec.retry->infra, 0);
	assert_int_equal(retry_on_exit(&spec, 75), 3);
	assert_int_equal(retry_on_exit(&spec, 1), 0);
	assert_int_equal(retry_on_exit_most(&spec), 13);
	assert_int_equal(parse("{\"hivemind\":1,\"on_disconnect\":\"fail\",\"retry\":{}}", NULL), 0);
	assert_string_equal(on_disconnect_text(&spec, text, sizeof text), "fail");
	assert_int_equal(spec.retry->infra, -1);
	assert_int_equal(parse("{\"hivemind\":1,\"on_disconnect\":\"requeue\"}", NULL), 0);
	assert_string_equal(on_disconnect_text(&spec, text, sizeof text), "requeue");
	assert_null(spec.retry);
}

static void a_command_that_is_a_string_goes_to_the_shell(void **state)
{
	(void)state;
	assert_int_equal(parse("{\"hivemind\":1,\"command\":\"echo $A | wc\"}", NULL), 0);
	assert_int_equal(spec.n_command, 3);
	assert_string_equal(spec.command[0], "sh");
	assert_string_equal(spec.command[1], "-c");
	assert_string_equal(spec.command[2], "echo $A | wc");
}

static void wrong_manifests_are_refused_with_line_and_field(void **state)
{
	static const struct {
		const char *text, *words, *hint;
	} cases[] = {
		{"", "line 1: this is not JSON", ""},
		{"{\n\"hivemind\": 1,\n}", "line 3: this is not JSON", ""},
		{"{\"hivemind\":1} x", "line 1: this is not JSON", ""},
		{"[1]", "must be an object", ""},
		{"{}", "\"hivemind\" is missing", "\"hivemind\": 1"},
		{"{\"hivemind\":2}", "must be 1", ""},
		{"{\"hivemind\":1.5}", "must be 1", ""},
		{"{\"hivemind\":01}", "line 1: a number begins with a zero", ""},
		{"{\"hivemind\":1,\n\"comand\":\"x\"}", "line 2: a manifest has no field \"comand\"",
		 "did you mean \"command\"?"},
		{"{\"hivemind\":1,\n\"Name\":\"x\"}", "line 2: a manifest has no field \"Name\"", "\"name\""},
		{"{\"hivemind\":1,\"zzzzzzzz\":\"x\"}", "no field \"zzzzzzzz\"", "man hivemind-bundle"},
		{"{\"hivemind\":1,\n\n\"sweep\":{}}", "line 3: \"sweep\" is not supported yet", ""},
		{"{\"hivemind\":1,\"network\":{}}", "\"network\" is not supported yet", ""},
		{"{\"hivemind\":1,\n\"name\":\"a\",\n\"name\":\"b\"}",
		 "line 3: \"name\" is there twice, first in line 2", ""},
		{"{\"hivemind\":1,\"n\\u0061me\":\"a\"}", "backslash", ""},
		{"{\"hivemind\":1,\"name\":\"a\\u0000b\"}", "zero character", ""},
		{"{\"hivemind\":1,\"name\":5}", "\"name\" must be a string", ""},
		{"{\"hivemind\":1,\"name\":\"\"}", "\"name\" is empty", ""},
		{"{\"hivemind\":1,\"name\":\"a\\nb\"}", "cannot be shown", ""},
		{"{\"hivemind\":1,\"name\":\"\xff\"}", "cannot be shown", ""},
		{"{\"hivemind\":1,\"image\":\"a b\"}", "may have only letters", ""},
		{"{\"hivemind\":1,\"image\":\"-v\"}", "must begin with", ""},
		{"{\"hivemind\":1,\"command\":[]}", "\"command\" is empty", ""},
		{"{\"hivemind\":1,\"command\":[1]}", "list of strings", ""},
		{"{\"hivemind\":1,\"command\":[\"\"]}", "names no program", ""},
		{"{\"hivemind\":1,\"command\":7}", "list of strings", ""},
		{"{\"hivemind\":1,\"env\":{\n\"A\":1}}", "line 2: \"env\" must be an object of strings", ""},
		{"{\"hivemind\":1,\"env\":{\"A\":\"1\",\"A\":\"2\"}}", "\"A\" is there twice", ""},
		{"{\"hivemind\":1,\"env\":{\"1A\":\"1\"}}", "no name of a variable", ""},
		{"{\"hivemind\":1,\"env\":{\"HIVEMIND_TASK_ID\":\"1\"}}", "HiveMind sets itself", ""},
		{"{\"hivemind\":1,\"resources\":[]}", "must be an object with cpus", ""},
		{"{\"hivemind\":1,\"resources\":{\n\"memroy\":\"1G\"}}",
		 "line 2: \"resources\" has no field \"memroy\"", "\"memory\""},
		{"{\"hivemind\":1,\"resources\":{\"memory\":\"lots\"}}",
		 "\"resources.memory\" must be a size", ""},
		{"{\"hivemind\":1,\"resources\":{\"memory\":1.5}}", "must be a size", ""},
		{"{\"hivemind\":1,\"resources\":{\"memory\":\n\n1000}}",
		 "line 1: \"resources.memory\" must be from 16MiB", ""},
		{"{\"hivemind\":1,\"resources\":{\"cpus\":0.005}}", "steps of 0.01", ""},
		{"{\"hivemind\":1,\"resources\":{\"cpus\":0}}", "from 0.01", ""},
		{"{\"hivemind\":1,\"resources\":{\"cpus\":1e999}}", "number of cores", ""},
		{"{\"hivemind\":1,\"resources\":{\"cpus\":-1}}", "number of cores", ""},
		{"{\"hivemind\":1,\"resources\":{\"gpus\":{\"count\":1}}}", "not supported yet", ""},
		{"{\"hivemind\":1,\"resources\":{\"gpus\":0.5}}", "whole number", ""},
		{"{\"hivemind\":1,\"resources\":{\"gpus\":65}}", "from 0 to 64", ""},
		{"{\"hivemind\":1,\"outputs\":[\"../x\"]}", "leads out", ""},
		{"{\"hivemind\":1,\"outputs\":[\"/etc/*\"]}", "is absolute", ""},
		{"{\"hivemind\":1,\"outputs\":[\"\"]}", "empty pattern", ""},
		{"{\"hivemind\":1,\"time_limit\":\"soon\"}", "must be a duration", ""},
		{"{\"hivemind\":1,\"time_limit\":\"31d\"}", "from 1s to 30d", ""},
		{"{\"hivemind\":1,\"time_limit\":1e15}", "from 1s to 30d", ""},
		{"{\"hivemind\":1,\"time_limit\":0}", "from 1s to 30d", ""},
		{"{\"hivemind\":1,\"grace\":\"10m\"}", "from 0s to 5m", ""},
		{"{\"hivemind\":1,\"keep\":\"1y\"}", "must be a duration", ""},
		{"{\"hivemind\":1,\"labels\":{\"\":\"x\"}}", "is no label", ""},
		{"{\"hivemind\":1,\n\"on_disconnect\":\"keep\"}", "line 2: \"on_disconnect\" must be \"requeue\"", ""},
		{"{\"hivemind\":1,\"on_disconnect\":\"wait:\"}", "\"wait:10m\"", ""},
		{"{\"hivemind\":1,\"on_disconnect\":\"wait:0\"}", "from 1s to 1d", ""},
		{"{\"hivemind\":1,\"on_disconnect\":\"wait:2d\"}", "from 1s to 1d", ""},
		{"{\"hivemind\":1,\"retry\":3}", "must be an object with infra, on_exit", ""},
		{"{\"hivemind\":1,\"retry\":{\"infar\":3}}", "\"retry\" has no field \"infar\"", "\"infra\""},
		{"{\"hivemind\":1,\"retry\":{\n\"oom_grow\":1.5}}", "line 2: \"retry.oom_grow\" is not supported yet", ""},
		{"{\"hivemind\":1,\"retry\":{\"infra\":101}}", "from 0 to 100", ""},
		{"{\"hivemind\":1,\"retry\":{\"infra\":-1}}", "whole number", ""},
		{"{\"hivemind\":1,\"retry\":{\"on_exit\":{\"75\":0}}}", "from 1 to 100 times", ""},
		{"{\"hivemind\":1,\"retry\":{\"on_exit\":{\"0\":1}}}", "not from 1 to 255", ""},
		{"{\"hivemind\":1,\"retry\":{\"on_exit\":{\"7x\":1}}}", "exit statuses as names", ""},
		{"{\"hivemind\":1,\"retry\":{\"on_exit\":{\"075\":1,\"75\":1}}}", "status twice", ""},
		{"{\"hivemind\":1,\"retry\":{\"on_exit\":[75]}}", "must be an object", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct error err = {0};

		if (parse(cases[i].text, &err) != STATUS_INVALID_ARGUMENT ||
		    strstr(err.text, cases[i].words) == NULL || strstr(err.hint, cases[i].hint) == NULL)
			fail_msg("%s\n  expected \"%s\" (%s), got \"%s\" (%s)", cases[i].text, cases[i].words,
				 cases[i].hint, err.text, err.hint);
		assert_non_null(strstr(err.text, "hivemind.json, line "));
	}
}

static void a_zero_byte_and_a_manifest_too_large_are_refused(void **state)
{
	static const char text[] = "{\"hivemind\":1}\n\0garbage";
	char *large = xcalloc(1, MANIFEST_MAX + 2);
	struct error err = {0};

	(void)state;
	memset(large, ' ', MANIFEST_MAX + 1);
	assert_int_equal(manifest_parse(&spec, &arena, text, sizeof text - 1, "b", &err),
			 STATUS_INVALID_ARGUMENT);
	assert_non_null(strstr(err.text, "line 2: there is a zero byte"));
	assert_int_equal(manifest_parse(&spec, &arena, large, MANIFEST_MAX + 1, "b", &err),
			 STATUS_INVALID_ARGUMENT);
	assert_non_null(strstr(err.text, "more than 1 MiB"));
	free(large);
}

static void too_many_fields_are_refused_soon(void **state)
{
	char *text = xcalloc(1, 600000);
	size_t n = (size_t)sprintf(text, "{\"hivemind\":1,\"env\":{\"A\":\"\"");
	struct error err = {0};

	(void)state;
	for (int i = 0; i < 40000; i++)
		n += (size_t)sprintf(text + n, ",\"A%d\":\"\"", i);
	sprintf(text + n, "}}");
	assert_int_equal(parse(text, &err), STATUS_INVALID_ARGUMENT);
	assert_non_null(strstr(err.text, "more than 1024 fields"));
	free(text);
}

static void without_manifest_run_sh_goes_before_main_py(void **state)
{
	struct error err = {0};

	(void)state;
	assert_int_equal(manifest_guess(&spec, &arena, true, true, "b", NULL), 0);
	assert_string_equal(spec.command[0], "sh");
	assert_string_equal(spec.image, "");
	assert_int_equal(manifest_guess(&spec, &arena, false, true, "b", NULL), 0);
	assert_string_equal(spec.command[1], "main.py");
	assert_string_equal(spec.image, "python:3-slim");
	assert_int_equal(manifest_guess(&spec, &arena, false, false, "b", &err), STATUS_INVALID_ARGUMENT);
	assert_non_null(strstr(err.hint, "add run.sh or main.py"));
}

static void a_variable_is_set_replaced_or_refused(void **state)
{
	(void)state;
	assert_int_equal(parse("{\"hivemind\":1,\"command\":\"x\",\"env\":{\"A\":\"1\"}}", NULL), 0);
	assert_int_equal(spec_set_env(&spec, &arena, "A=2", NULL), 0);
	assert_int_equal(spec_set_env(&spec, &arena, "B=x=y", NULL), 0);
	assert_int_equal(spec_set_env(&spec, &arena, "C=", NULL), 0);
	assert_int_equal(spec.n_env, 3);
	assert_string_equal(spec.env[0]->value, "2");
	assert_string_equal(spec.env[1]->value, "x=y");
	assert_int_equal(spec_set_env(&spec, &arena, "C", NULL), STATUS_INVALID_ARGUMENT);
	assert_int_equal(spec_set_env(&spec, &arena, "=1", NULL), STATUS_INVALID_ARGUMENT);
	assert_int_equal(spec_set_env(&spec, &arena, "HIVEMIND_ATTEMPT=1", NULL), STATUS_INVALID_ARGUMENT);
	assert_int_equal(spec_check(&spec, NULL), 0);
}

static void a_spec_from_the_wire_without_resources_is_refused(void **state)
{
	struct error err = {0};

	(void)state;
	assert_int_equal(parse("{\"hivemind\":1,\"command\":\"x\"}", NULL), 0);
	spec.resources = NULL;
	assert_int_equal(spec_check(&spec, &err), STATUS_INVALID_ARGUMENT);
	assert_non_null(strstr(err.text, "resources.cpus"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_manifest_is_read),
		cmocka_unit_test(what_is_left_out_has_its_default),
		cmocka_unit_test(what_comes_to_nothing_is_tried_again_as_it_says),
		cmocka_unit_test(a_command_that_is_a_string_goes_to_the_shell),
		cmocka_unit_test(wrong_manifests_are_refused_with_line_and_field),
		cmocka_unit_test(a_zero_byte_and_a_manifest_too_large_are_refused),
		cmocka_unit_test(too_many_fields_are_refused_soon),
		cmocka_unit_test(without_manifest_run_sh_goes_before_main_py),
		cmocka_unit_test(a_variable_is_set_replaced_or_refused),
		cmocka_unit_test(a_spec_from_the_wire_without_resources_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, release);
}
