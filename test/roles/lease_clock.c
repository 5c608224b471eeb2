/* test/roles/lease_clock.c tests roles/lease_clock.c: attempts and jobs are stood in for here,
 * the clock is the test's. */
#include "roles/lease_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <utlist.h>

#include "net/clock.h"
#include "roles/attempt.h"
#include "roles/worker.h"

#define ACKED_MS 1000000

static char dir[64], path[80];
static struct worker worker;
static struct attempt attempts[2];
static Pb__TaskSpec specs[2];
static int lost, pauses, resumes;

/* --- stand-ins --------------------------------------------------------------------------------- */

void attempt_lose(struct attempt *a, const char *give_back)
{
	assert_non_null(give_back);
	a->lost = true;
	lost++;
}

bool attempt_exited(const struct attempt *a)
{
	return a->step.at > JOB;
}

void job_pause(struct job *j, bool paused)
{
	(void)j;
	pauses += paused;
	resumes += !paused;
}

int64_t job_extra_ms(const Pb__TaskSpec *spec)
{
	return (int64_t)spec->disconnect_wait_s * 1000;
}

/* --- fixture ----------------------------------------------------------------------------------- */

static void look_at(int64_t after_ms)
{
	lost = pauses = resumes = 0;
	clock_set_for_test((ACKED_MS + after_ms) * 1000);
	lease_clock_look(&worker.lease_clock);
}

static int set_up(void **state)
{
	struct error err = {0};

	(void)state;
	snprintf(dir, sizeof dir, "/tmp/hm-lease-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/leash", dir);
	worker = (struct worker){0};
	loop_init(&worker.loop);
	assert_int_equal(leash_open(&worker.leash, dir, &err), 0);
	clock_set_for_test(ACKED_MS * 1000);
	lease_clock_open(&worker.lease_clock, &worker);
	for (size_t i = 0; i < 2; i++) {
		specs[i] = (Pb__TaskSpec)PB__TASK_SPEC__INIT;
		attempts[i] = (struct attempt){.worker = &worker, .spec = &specs[i], .step = {NULL, JOB}};
	}
	DL_APPEND(worker.attempts, &attempts[0]);
	lease_clock_renew(&worker.lease_clock, ACKED_MS, LOST_AFTER_MS);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	lease_clock_close(&worker.lease_clock, NULL);
	loop_run(&worker.loop);
	loop_close(&worker.loop);
	leash_close(&worker.leash);
	unlink(path);
	rmdir(dir);
	return 0;
}

/* --- tests ------------------------------------------------------------------------------------- */

static void silent_for_7_s_it_pauses_and_for_9_s_it_kills(void **state)
{
	static const struct {
		int64_t after_ms;
		int pauses, resumes, lost;
	} rows[] = {{0, 0, 1, 0},    {6999, 0, 1, 0}, {7000, 1, 0, 0},
		    {8999, 1, 0, 0}, {9000, 0, 0, 1}, {9100, 0, 0, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		look_at(rows[i].after_ms);
		assert_int_equal(pauses, rows[i].pauses);
		assert_int_equal(resumes, rows[i].resumes);
		assert_int_equal(lost, rows[i].lost);
	}
}

static void heard_again_in_time_it_runs_on(void **state)
{
	(void)state;
	look_at(8000);
	assert_int_equal(pauses, 1);
	lease_clock_renew(&worker.lease_clock, ACKED_MS + 7500, LOST_AFTER_MS);
	assert_int_equal(resumes, 1);
	look_at(14499);
	assert_int_equal(resumes, 1);
	look_at(16500);
	assert_int_equal(lost, 1);
}

static void a_machine_that_slept_kills_at_once(void **state)
{
	(void)state;
	look_at(3600 * 1000);
	assert_int_equal(lost, 1);
	assert_int_equal(pauses, 0);
}

static void a_pool_that_waits_less_is_believed(void **state)
{
	(void)state;
	lease_clock_renew(&worker.lease_clock, ACKED_MS + 1, 5000);
	look_at(PAUSE_AFTER(5000));
	assert_int_equal(pauses + lost, 0);
	look_at(PAUSE_AFTER(5000) + 1);
	assert_int_equal(pauses, 1);
	look_at(KILL_AFTER(5000) + 1);
	assert_int_equal(lost, 1);
	assert_true(KILL_AFTER(5000) < 5000);
}

static void what_the_pool_waits_for_has_longer(void **state)
{
	(void)state;
	specs[1].disconnect_wait_s = 30;
	DL_APPEND(worker.attempts, &attempts[1]);
	look_at(9000);
	assert_true(attempts[0].lost && !attempts[1].lost);
	assert_int_equal(resumes, 1);
	look_at(37000);
	assert_int_equal(pauses, 1);
	look_at(39000);
	assert_true(attempts[1].lost);
}

static void what_has_ended_is_kept_and_what_has_not_begun_is_not_paused(void **state)
{
	(void)state;
	attempts[0].step.at = UPLOADING;
	attempts[1].step.at = UNPACKING;
	DL_APPEND(worker.attempts, &attempts[1]);
	look_at(8000);
	assert_int_equal(pauses + resumes + lost, 0);
	look_at(60000);
	assert_false(attempts[0].lost);
	assert_true(attempts[1].lost);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(silent_for_7_s_it_pauses_and_for_9_s_it_kills),
		CASE(heard_again_in_time_it_runs_on),
		CASE(a_machine_that_slept_kills_at_once),
		CASE(a_pool_that_waits_less_is_believed),
		CASE(what_the_pool_waits_for_has_longer),
		CASE(what_has_ended_is_kept_and_what_has_not_begun_is_not_paused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
