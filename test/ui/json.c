/* test/ui/json.c tests ui/json.c; cJSON reads back what it wrote. */
#include "ui/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

static void everything_has_its_comma_and_its_key(void **state)
{
	struct buf out = {0};
	struct json j;

	(void)state;
	json_init(&j, &out);
	json_object(&j, NULL);
	json_int(&j, "v", 1);
	json_array(&j, "list");
	json_int(&j, NULL, -5);
	json_object(&j, NULL);
	json_end(&j);
	json_array(&j, NULL);
	json_end(&j);
	json_end(&j);
	json_text(&j, "none", NULL);
	json_bool(&j, "yes", true);
	json_uint(&j, "most", UINT64_MAX);
	json_end(&j);
	assert_string_equal(
	    buf_text(&out),
	    "{\"v\":1,\"list\":[-5,{},[]],\"none\":null,\"yes\":true,\"most\":18446744073709551615}");
	buf_release(&out);
}

static void durations_are_seconds_and_times_are_rfc_3339(void **state)
{
	struct buf out = {0};
	struct json j;

	(void)state;
	json_init(&j, &out);
	json_array(&j, NULL);
	json_seconds(&j, NULL, 1234);
	json_seconds(&j, NULL, 5);
	json_seconds(&j, NULL, -20);
	json_time(&j, NULL, 0);
	json_time(&j, NULL, 1795338843512);
	json_end(&j);
	assert_string_equal(buf_text(&out), "[1.234,0.005,-0.020,null,\"2026-11-22T09:14:03.512Z\"]");
	buf_release(&out);
}

static void numbers_have_seven_digits_and_what_is_none_is_null(void **state)
{
	struct buf out = {0};
	struct json j;

	(void)state;
	json_init(&j, &out);
	json_floats(&j, NULL, (const float[]){0, 1.5f, 0.1f, 1.0f / 3600, 64.0f * (1 << 30), NAN, -INFINITY}, 7);
	assert_string_equal(buf_text(&out), "[0,1.5,0.1,0.0002777778,6.871948e+10,null,null]");
	buf_release(&out);
}

static void any_bytes_become_a_text_that_a_reader_takes(void **state)
{
	struct buf out = {0};
	struct json j;
	cJSON *read;
	const char all[] =
	    "quote\" back\\ \n\r\t\b\f\x01\x7f \xff bad \xc0\xaf \xe7\xad\x94 \xed\xa0\x80 end \xe7";

	(void)state;
	json_init(&j, &out);
	json_array(&j, NULL);
	json_text(&j, NULL, all);
	json_text_n(&j, NULL, "a\0b", 3);
	json_end(&j);
	read = cJSON_Parse(buf_text(&out));
	assert_non_null(read);
	assert_non_null(strstr(buf_text(&out), "\\u0001\\u007f"));
	assert_non_null(strstr(buf_text(&out), "a\\u0000b"));
	assert_string_equal(
	    cJSON_GetArrayItem(read, 0)->valuestring,
	    "quote\" back\\ \n\r\t\b\f\x01\x7f \xef\xbf\xbd bad \xef\xbf\xbd\xef\xbf\xbd \xe7\xad\x94 "
	    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd end \xef\xbf\xbd");
	cJSON_Delete(read);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_has_its_comma_and_its_key),
		cmocka_unit_test(durations_are_seconds_and_times_are_rfc_3339),
		cmocka_unit_test(numbers_have_seven_digits_and_what_is_none_is_null),
		cmocka_unit_test(any_bytes_become_a_text_that_a_reader_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
