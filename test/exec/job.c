/* test/exec/job.c - one task in one container, against a private dockerd and a private podman. */
#include "test/exec/engine_fixture.h"

static void output_exit_code_and_environment_come_back(void **state)
{
	struct test_job t;

	(void)state;
	test_job_init(&t, "echo $HIVEMIND_TASK_ID $HIVEMIND_ATTEMPT $HOME $(pwd) $(id -u) $X; echo wrong >&2; exit 3");
	Pb__TaskSpec__EnvEntry entry = PB__TASK_SPEC__ENV_ENTRY__INIT, *env = &entry;
	char expected[100];

	entry.key = (char *)"X";
	entry.value = (char *)"a b";
	t.spec.env = &env;
	t.spec.n_env = 1;
	test_job_run(&t);
	snprintf(expected, sizeof(expected), "7kq2mm9c3v8w04ta.1 %u /work /work 200001 a b\n", t.job.epoch);
	assert_string_equal(buf_text(&t.out), expected);
	assert_string_equal(buf_text(&t.err), "wrong\n");
	assert_int_equal(t.job.failure, FAILURE_USER_EXIT);
	assert_true(t.job.has_exit_code);
	assert_int_equal(t.job.exit_code, 3);
	assert_false(t.job.killed_by_us);
	assert_int_equal(t.phases, 1);
	assert_true(t.job.exited_ms >= t.job.started_ms && t.job.started_ms > 0);
	test_job_release(&t);
	assert_nothing_left(0);
}

static void exit_0_is_no_failure(void **state)
{
	struct test_job t;

	(void)state;
	test_job_init(&t, "true");
	test_job_run(&t);
	assert_int_equal(t.job.failure, FAILURE_NONE);
	assert_int_equal(t.job.error.status, 0);
	assert_true(t.job.has_exit_code);
	assert_true(t.job.usage.wall_us > 0);
	test_job_release(&t);
}

static void a_container_is_hardened(void **state)
{
	struct test_job t;

	(void)state;
	test_job_init(&t, "grep -E 'CapEff|CapBnd|NoNewPrivs|^Seccomp:' /proc/self/status; touch /x 2>&1; ls /sys/class/net; "
			  "echo 1 > /work/mine && echo wrote; unshare -r true 2>&1; ulimit -n; ulimit -c; "
			  "mount -t tmpfs x /work 2>&1 | head -1; chmod u+s /work/mine; echo tmp > /tmp/x && cat /tmp/x");
	test_job_run(&t);
	const char *out = buf_text(&t.out);

	assert_non_null(strstr(out, "CapEff:\t0000000000000000"));
	assert_non_null(strstr(out, "CapBnd:\t0000000000000000"));
	assert_non_null(strstr(out, "NoNewPrivs:\t1"));
	assert_non_null(strstr(out, "Seccomp:\t2"));
	assert_non_null(strstr(out, "/x: Read-only file system"));
	assert_non_null(strstr(out, "\nlo\nwrote\nunshare"));
	assert_non_null(strstr(out, "\n4096\n0\n"));
	assert_non_null(strstr(out, "\ntmp\n"));
	assert_null(strstr(out, "eth0"));
	test_job_release(&t);
	assert_nothing_left(0);
}

static void a_closed_output_is_not_the_end(void **state)
{
	struct test_job t;

	(void)state;
	test_job_init(&t, "echo before; exec >&- 2>&-; sleep 0.4; exit 9");
	test_job_run(&t);
	assert_string_equal(buf_text(&t.out), "before\n");
	assert_int_equal(t.job.exit_code, 9);
	assert_true(t.job.usage.wall_us > 400000);
	test_job_release(&t);
}

static void too_much_memory_is_oom(void **state)
{
	struct test_job t;

	(void)state;
	test_job_init(&t, "sleep 0.1; exec dd if=/dev/zero of=/dev/null bs=200M count=1");
	test_job_run(&t);
	assert_int_equal(t.job.failure, FAILURE_OOM);
	assert_true(t.job.oom_killed);
	assert_false(t.job.killed_by_us);
	assert_int_equal(t.job.exit_code, 137);
	test_job_release(&t);
}

static void a_missing_command_is_the_users(void **state)
{
	static const struct {
		const char *command;
		int exit_code;
	} rows[] = {{"nosuchcommand", 127}, {"/work/nosuch", 127}, {"/etc/passwd", 126}, {"/work", 126}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct test_job t;

		test_job_init(&t, "");
		t.command[0] = (char *)rows[i].command;
		t.spec.n_command = 1;
		test_job_run(&t);
		assert_int_equal(t.job.failure, FAILURE_USER_EXIT);
		assert_true(t.job.has_exit_code);
		assert_int_equal(t.job.exit_code, rows[i].exit_code);
		assert_true(t.job.error.text[0] != '\0');
		test_job_release(&t);
	}
	assert_nothing_left(0);
}

static void the_time_limit_ends_it_with_term_then_kill(void **state)
{
	struct test_job t;

	(void)state;
	test_job_init(&t, "trap 'echo caught' TERM; echo up; while true; do sleep 0.1; done");
	t.spec.time_limit_s = 1;
	test_job_run(&t);
	assert_string_equal(buf_text(&t.out), "up\ncaught\n");
	assert_int_equal(t.job.failure, FAILURE_TIMEOUT);
	assert_true(t.job.killed_by_us);
	assert_true(t.job.usage.wall_us > 1900000 && t.job.usage.wall_us < 3500000);
	test_job_release(&t);
	assert_nothing_left(0);
}

static void stop_now(struct test_job *t)
{
	job_stop(&t->job, JOB_STOP_OWNER, "stopped by ana");
	assert_int_equal(t->done, 0);
}

static void lose_now(struct test_job *t)
{
	job_stop(&t->job, JOB_STOP_LOST, NULL);
}

static void its_owner_may_stop_it(void **state)
{
	struct test_job t;

	(void)state;
	test_job_init(&t, "trap 'echo bye; exit 5' TERM; echo up; while true; do sleep 0.05; done");
	t.on_first_output = stop_now;
	test_job_run(&t);
	assert_string_equal(buf_text(&t.out), "up\nbye\n");
	assert_true(t.job.killed_by_us);
	assert_int_equal(t.job.exit_code, 5);
	assert_int_equal(t.job.error.status, STATUS_CANCELLED);
	assert_string_equal(t.job.error.text, "stopped by ana");
	test_job_release(&t);
}

static void a_lost_lease_kills_at_once(void **state)
{
	struct test_job t;

	(void)state;
	test_job_init(&t, "trap '' TERM; echo up; sleep 30 & wait; sleep 30");
	t.spec.grace_s = 20;
	t.on_first_output = lose_now;
	test_job_run(&t);
	assert_int_equal(t.job.failure, FAILURE_INFRA);
	assert_true(t.job.usage.wall_us < 5000000);
	test_job_release(&t);
	assert_nothing_left(0);
}

/* After each number of turns of the loop. */
static void it_may_be_stopped_at_any_moment(void **state)
{
	(void)state;
	for (int turns = 0; turns < 60; turns += turns < 24 ? 1 : 6) {
		struct test_job t;

		test_job_init(&t, "sleep 20");
		job_start(&t.job);
		for (int i = 0; i < turns && t.phases == 0; i++)
			uv_run(&loop.uv, UV_RUN_ONCE);
		job_stop(&t.job, JOB_STOP_LOST, "enough");
		await(1);
		assert_int_equal(t.done, 1);
		assert_int_equal(t.removed, 1);
		assert_true(t.job.killed_by_us);
		assert_string_equal(t.job.error.text, "enough");
		test_job_release(&t);
	}
	assert_nothing_left(0);
}

static void a_flood_of_output_arrives_whole(void **state)
{
	struct test_job t;

	(void)state;
	test_job_init(&t, "yes 0123456789abcdef | head -c 20000000");
	test_job_run(&t);
	assert_int_equal(t.out.n, 20000000);
	assert_int_equal(t.job.failure, FAILURE_NONE);
	test_job_release(&t);
}

static void files_may_not_grow_beyond_the_disk_asked_for(void **state)
{
	struct test_job t;

	(void)state;
	test_job_init(&t, "dd if=/dev/zero of=/work/big bs=1M count=20 2>/dev/null; stat -c %s /work/big; rm -f /work/big");
	t.resources.disk = 2 * MiB;
	test_job_run(&t);
	assert_string_equal(buf_text(&t.out), "2097152\n");
	test_job_release(&t);
}

static void usage_is_measured_while_it_runs(void **state)
{
	struct test_job t;

	(void)state;
	test_job_init(&t, "end=$(($(date +%s)+2)); while [ $(date +%s) -lt $end ]; do :; done");
	test_job_run(&t);
	assert_true(t.job.usage.cpu_us > 100000);
	assert_true(t.job.usage.peak_memory > 100000);
	test_job_release(&t);
}

static void an_earlier_container_of_the_attempt_is_never_started_again(void **state)
{
	struct test_job first, second;

	(void)state;
	test_job_init(&first, "echo ran");
	test_job_init(&second, "echo ran");
	first.job.epoch = second.job.epoch;
	job_start(&first.job);
	while (first.done == 0)
		uv_run(&loop.uv, UV_RUN_ONCE);
	job_start(&second.job); /* while the first is not removed */
	await(2);
	assert_string_equal(buf_text(&first.out), "ran\n");
	assert_true(second.out.n == 0 || second.job.failure == FAILURE_NONE);
	test_job_release(&first);
	test_job_release(&second);
	assert_nothing_left(0);
}

static void several_run_at_once(void **state)
{
	enum { N = 6 };
	struct test_job t[N];

	(void)state;
	for (int i = 0; i < N; i++) {
		test_job_init(&t[i], "echo $HIVEMIND_ATTEMPT");
		job_start(&t[i].job);
	}
	await(N);
	for (int i = 0; i < N; i++) {
		assert_int_equal(atoi(buf_text(&t[i].out)), t[i].job.epoch);
		assert_int_equal(t[i].job.failure, FAILURE_NONE);
		test_job_release(&t[i]);
	}
	assert_nothing_left(0);
}

/* --- paused ------------------------------------------------------------------------------------ */
static struct timer pause_end;
static struct test_job *paused_job;

static void on_pause_end(struct timer *t)
{
	assert_true(job_is_paused(&paused_job->job));
	assert_int_equal(leash_live(paused_job->job.leash), 1);
	job_pause(&paused_job->job, false);
	timer_close(t, NULL);
}

static void pause_for_two_seconds(struct test_job *t)
{
	paused_job = t;
	timer_init(&loop, &pause_end, on_pause_end);
	timer_set(&pause_end, 2000);
	job_pause(&t->job, true);
	job_pause(&t->job, true);
}

static void paused_time_is_no_run_time(void **state)
{
	struct test_job t;
	struct leash leash;
	struct error err = {0};

	(void)state;
	assert_int_equal(leash_open(&leash, fixture_dir, &err), 0);
	test_job_init(&t, "echo a; i=0; while [ $i -lt 10 ]; do sleep 0.1; i=$((i+1)); done; echo b");
	t.job.leash = &leash;
	t.spec.time_limit_s = 3;
	t.on_first_output = pause_for_two_seconds;
	test_job_run(&t);
	assert_string_equal(buf_text(&t.out), "a\nb\n");
	assert_int_equal(t.job.failure, FAILURE_NONE);
	assert_true(t.job.exited_ms - t.job.started_ms > 2900);
	assert_true((int64_t)t.job.usage.wall_us / 1000 < t.job.exited_ms - t.job.started_ms - 1500);
	assert_int_equal(leash_live(&leash), 0);
	test_job_release(&t);
	leash_close(&leash);
}

static void stop_while_paused(struct test_job *t)
{
	job_pause(&t->job, true);
	job_stop(&t->job, JOB_STOP_LOST, NULL);
}

static void a_paused_container_can_be_killed(void **state)
{
	struct test_job t;

	(void)state;
	test_job_init(&t, "echo a; sleep 60; echo b");
	t.on_first_output = stop_while_paused;
	test_job_run(&t);
	assert_string_equal(buf_text(&t.out), "a\n");
	assert_int_equal(t.job.failure, FAILURE_INFRA);
	test_job_release(&t);
	assert_nothing_left(0);
}

/* What another program on the machine does is a loss of the machine. */
static void kill_from_outside(struct test_job *t)
{
	static struct engine_call c;

	(void)t;
	c = (struct engine_call){0};
	call_start(&engine, &c, on_counted_nothing, "POST", "/containers/hm-%s-%u/kill", t->job.task, t->job.epoch);
}

static void killed_by_somebody_else_is_a_loss_of_the_machine(void **state)
{
	struct test_job t;

	(void)state;
	test_job_init(&t, "echo a; sleep 60");
	t.on_first_output = kill_from_outside;
	job_start(&t.job);
	await(2);
	assert_int_equal(t.job.exit_code, 137);
	assert_false(t.job.killed_by_us || t.job.oom_killed);
	assert_int_equal(t.job.failure, FAILURE_INFRA);
	test_job_release(&t);
	assert_nothing_left(0);
}

/* Its status is passed on: nobody would run it better elsewhere. */
static void killed_by_itself_has_that_exit_status(void **state)
{
	struct test_job t;

	(void)state;
	for (int term = 0; term < 2; term++) {
		test_job_init(&t, term ? "echo a; sh -c 'kill -TERM $$'; exit $?"
				       : "echo a; sh -c 'kill -KILL $$'; exit $?");
		test_job_run(&t);
		assert_string_equal(buf_text(&t.out), "a\n");
		assert_int_equal(t.job.exit_code, term ? 143 : 137);
		assert_false(t.job.killed_by_us || t.job.oom_killed);
		assert_int_equal(t.job.failure, FAILURE_USER_EXIT);
		test_job_release(&t);
	}
	assert_nothing_left(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(output_exit_code_and_environment_come_back),
		cmocka_unit_test(exit_0_is_no_failure),
		cmocka_unit_test(a_container_is_hardened),
		cmocka_unit_test(a_closed_output_is_not_the_end),
		cmocka_unit_test(too_much_memory_is_oom),
		cmocka_unit_test(a_missing_command_is_the_users),
		cmocka_unit_test(the_time_limit_ends_it_with_term_then_kill),
		cmocka_unit_test(its_owner_may_stop_it),
		cmocka_unit_test(a_lost_lease_kills_at_once),
		cmocka_unit_test(it_may_be_stopped_at_any_moment),
		cmocka_unit_test(a_flood_of_output_arrives_whole),
		cmocka_unit_test(files_may_not_grow_beyond_the_disk_asked_for),
		cmocka_unit_test(usage_is_measured_while_it_runs),
		cmocka_unit_test(an_earlier_container_of_the_attempt_is_never_started_again),
		cmocka_unit_test(several_run_at_once),
		cmocka_unit_test(paused_time_is_no_run_time),
		cmocka_unit_test(a_paused_container_can_be_killed),
		cmocka_unit_test(killed_by_somebody_else_is_a_loss_of_the_machine),
		cmocka_unit_test(killed_by_itself_has_that_exit_status),
	};
	int failed = cmocka_run_group_tests_name("docker", tests, start_docker, stop_engine);

	return failed + cmocka_run_group_tests_name("podman", tests, start_podman, stop_engine);
}
