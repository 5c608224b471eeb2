/* test/roles/worker_policy.c - what an owner allows: limits that are taken or refused whole,
 * and why a worker rests. */
#include "roles/worker_policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/limits.h"
#include "proto/status.h"

#define NOW (INT64_C(1800000000) * 1000) /* Friday 2027-01-15 08:00 UTC */

static const struct worker_resources most = {
	.milli_cpus = 4000, .memory = 8 * GiB, .disk = 100 * GiB, .tasks_max = 10};
static const struct surroundings quiet = {.on_mains = true};

static struct worker_policy fresh(void)
{
	struct worker_policy p;

	worker_policy_init(&p, &most);
	return p;
}

static int change(struct worker_policy *p, const char *text)
{
	cJSON *object = cJSON_Parse(text);
	struct error err = {0};
	int rc = worker_policy_change(p, object, &most, &err);

	cJSON_Delete(object);
	return rc;
}

static const char *reason(const struct worker_policy *p, const struct surroundings *here, int64_t now_ms)
{
	static char text[200];

	worker_policy_reason(p, here, now_ms, text, sizeof text);
	return text;
}

static void limits_are_taken_within_what_is_lent(void **state)
{
	struct worker_policy p = fresh();

	(void)state;
	assert_int_equal(change(&p, "{\"cpus\": 1.5, \"memory\": 1073741824, \"max_tasks\": 2, \"only_idle\": true}"), 0);
	assert_int_equal(p.milli_cpus, 1500);
	assert_int_equal(p.memory, GiB);
	assert_int_equal(p.tasks_max, 2);
	assert_true(p.only_idle && p.disk == 100 * (uint64_t)GiB);
	assert_int_equal(change(&p, "{\"cpus\": 4}"), 0);
	assert_int_equal(change(&p, "{\"cpus\": 4.001}"), STATUS_INVALID_ARGUMENT);
}

static void one_fault_changes_nothing(void **state)
{
	static const char *const wrong[] = {"[]", "{\"cpus\": 1, \"memory\": 0}", "{\"cpus\": 1, \"hours\": []}", "{\"cpus\": 1, \"x\": 1}",
					    "{\"images\": [1]}", "{\"only_mains\": 1}", "{\"cpus\": \"1\"}"};
	struct worker_policy p = fresh(), before = p;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		assert_int_equal(change(&p, wrong[i]), STATUS_INVALID_ARGUMENT);
		assert_memory_equal(&p, &before, sizeof p);
	}
}

static void why_it_rests_is_said_in_the_order_that_matters(void **state)
{
	struct worker_policy p = fresh();
	const struct surroundings battery = {.has_battery = true, .in_use = true};

	(void)state;
	assert_string_equal(reason(&p, &battery, NOW), "");
	p.only_idle = true;
	assert_non_null(strstr(reason(&p, &battery, NOW), "uses the machine"));
	p.only_mains = true;
	assert_non_null(strstr(reason(&p, &battery, NOW), "on battery"));
	assert_string_equal(reason(&p, &quiet, NOW), "");
	p.snooze_until_ms = NOW + 3600 * 1000;
	assert_string_equal(reason(&p, &battery, NOW), "its owner lets it snooze until 09:00");
	assert_string_equal(reason(&p, &quiet, NOW + 3600 * 1000), "");
	p.paused = true;
	assert_string_equal(reason(&p, &quiet, NOW), "its owner has paused it");
}

static void hours_are_of_the_week(void **state)
{
	struct worker_policy p = fresh();

	(void)state;
	p.hours[5] = ~(1u << 8) & 0xffffff; /* not on Friday from 8 to 9 */
	assert_string_equal(reason(&p, &quiet, NOW), "it works at other hours: again at 09:00");
	assert_string_equal(reason(&p, &quiet, NOW + 3600 * 1000), "");
	memset(p.hours, 0, sizeof p.hours);
	assert_string_equal(reason(&p, &quiet, NOW), "its owner has chosen no hours");
	p.hours[0] = 1; /* Sunday from 0 to 1 */
	assert_string_equal(reason(&p, &quiet, NOW), "it works at other hours: again at Sunday 00:00");
}

static void it_is_read_as_it_was_written_and_cut_down_to_what_is_lent(void **state)
{
	struct worker_policy p = fresh(), again = fresh();
	const struct worker_resources less = {.milli_cpus = 1000, .memory = GiB, .disk = GiB, .tasks_max = 1};
	char path[] = "/tmp/hm-policy-XXXXXX";
	struct buf text = {0};
	int fd = mkstemp(path);

	(void)state;
	assert_int_equal(change(&p, "{\"cpus\": 3.25, \"images\": [\"python:*\", \"a\\\"b\"], \"only_mains\": true}"), 0);
	p.paused = true;
	p.snooze_until_ms = NOW;
	p.hours[3] = 0xf0;
	worker_policy_text(&p, &text);
	assert_int_equal(write(fd, text.data, text.n), text.n);
	close(fd);
	worker_policy_load(&again, path, &most);
	assert_memory_equal(&p, &again, sizeof p);
	worker_policy_load(&again, path, &less);
	assert_true(again.milli_cpus == 1000 && again.memory == GiB && again.tasks_max == 1 && again.only_mains);
	unlink(path);
	buf_release(&text);
}

static void images_of_the_policy_count(void **state)
{
	struct worker_policy p = fresh();
	struct error err = {0};

	(void)state;
	assert_int_equal(worker_policy_check_image(&p, "alpine:3", &err), 0);
	assert_int_equal(change(&p, "{\"images\": [\"python:*\"]}"), 0);
	assert_int_equal(worker_policy_check_image(&p, "python:3.12", &err), 0);
	assert_int_equal(worker_policy_check_image(&p, "", &err), 0);
	assert_int_equal(worker_policy_check_image(&p, "alpine:3", &err), STATUS_PERMISSION_DENIED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_are_taken_within_what_is_lent),
		cmocka_unit_test(one_fault_changes_nothing),
		cmocka_unit_test(why_it_rests_is_said_in_the_order_that_matters),
		cmocka_unit_test(hours_are_of_the_week),
		cmocka_unit_test(it_is_read_as_it_was_written_and_cut_down_to_what_is_lent),
		cmocka_unit_test(images_of_the_policy_count),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
