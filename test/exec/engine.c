/* test/exec/engine.c - finding an engine, checking it, sweeping it; and every way of finding none. */
#include "test/exec/engine_fixture.h"

/* --- without an engine ------------------------------------------------------------------------- */
static void open_without(const char *wanted)
{
	loop_init(&loop);
	engine_open(&engine, &loop, wanted, "w1", on_engine_event, NULL);
	await(1);
	engine_close(&engine, on_event, NULL);
	await(1);
	loop_close(&loop);
}

static void no_engine_is_said_with_what_was_tried_and_what_to_install(void **state)
{
	(void)state;
	open_without("unix:/nonexistent/docker.sock");
	assert_int_equal(last_error.status, STATUS_UNAVAILABLE);
	assert_non_null(strstr(last_error.text, "/nonexistent/docker.sock"));
	assert_non_null(strstr(last_error.hint, "apt-get install"));
}

static void docker_host_counts_when_nothing_is_wanted(void **state)
{
	(void)state;
	setenv("DOCKER_HOST", "unix:///nonexistent/from-environment.sock", 1);
	open_without(NULL);
	assert_non_null(strstr(last_error.text, "/nonexistent/from-environment.sock"));
	setenv("DOCKER_HOST", "tcp://127.0.0.1:2375", 1);
	open_without(NULL);
	unsetenv("DOCKER_HOST");
	assert_int_equal(last_error.status, STATUS_INVALID_ARGUMENT);
	assert_non_null(strstr(last_error.text, "DOCKER_HOST"));
	assert_non_null(strstr(last_error.hint, "unix:"));
}

/* Only somebody who is not root can be refused by a mode: done in a child. */
static void a_socket_that_may_not_be_used_names_the_group(void **state)
{
	char dir[] = "/tmp/hm-denied-XXXXXX", path[64], wanted[80], command[120];
	uv_pipe_t listener;

	(void)state;
	assert_non_null(mkdtemp(dir));
	chmod(dir, 0755);
	snprintf(path, sizeof(path), "%s/s", dir);
	snprintf(wanted, sizeof(wanted), "unix:%s", path);
	loop_init(&loop);
	uv_pipe_init(&loop.uv, &listener, 0);
	assert_int_equal(uv_pipe_bind(&listener, path), 0);
	chmod(path, 0600);
	if (geteuid() == 0)
		assert_int_equal(seteuid(65534), 0);
	engine_open(&engine, &loop, wanted, "w1", on_engine_event, NULL);
	await(1);
	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
	else
		chmod(path, 0600);
	engine_close(&engine, on_event, NULL);
	await(1);
	uv_close((uv_handle_t *)&listener, NULL);
	loop_close(&loop);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	assert_int_equal(system(command), 0);
	if (getuid() == 0) {
		assert_int_equal(last_error.status, STATUS_PERMISSION_DENIED);
		assert_non_null(strstr(last_error.hint, "usermod -aG docker"));
	}
}

static void no_program_is_not_found_with_what_to_install(void **state)
{
	char *path = xstrdup(getenv("PATH"));

	(void)state;
	setenv("PATH", "/nonexistent", 1);
	loop_init(&loop);
	private_engine = private_engine_start(&loop, "/tmp/hm-engine-none", on_ready_event, NULL);
	await(1);
	setenv("PATH", path, 1);
	assert_int_equal(last_error.status, STATUS_NOT_FOUND);
	assert_non_null(strstr(last_error.hint, "apt-get install"));
	private_engine_close(private_engine, on_event, NULL);
	await(1);
	loop_close(&loop);
	free(path);
}

static void a_private_engine_may_be_closed_before_it_is_ready(void **state)
{
	(void)state;
	loop_init(&loop);
	private_engine = private_engine_start(&loop, "/tmp/hm-engine-early", on_ready_event, NULL);
	private_engine_close(private_engine, on_event, NULL);
	await(2);
	assert_int_equal(last_error.status, STATUS_CANCELLED);
	assert_int_not_equal(access("/tmp/hm-engine-early", F_OK), 0);
	loop_close(&loop);
}

static void a_directory_whose_socket_has_too_long_a_path_is_refused(void **state)
{
	char dir[200];

	(void)state;
	memset(dir, 'x', sizeof(dir));
	memcpy(dir, "/tmp/", 5);
	dir[sizeof(dir) - 1] = '\0';
	loop_init(&loop);
	private_engine = private_engine_start(&loop, dir, on_ready_event, NULL);
	await(1);
	assert_int_equal(last_error.status, STATUS_INVALID_ARGUMENT);
	assert_non_null(strstr(last_error.hint, "shorter"));
	private_engine_close(private_engine, on_event, NULL);
	await(1);
	loop_close(&loop);
}

/* --- with one ---------------------------------------------------------------------------------- */
static void it_says_what_it_is(void **state)
{
	(void)state;
	assert_true(engine.version[0] != '\0');
	assert_string_equal(engine.runtime, "runc");
	assert_int_equal(strncmp(engine.api, "1.4", 3), 0);
	engine_ping(&engine, on_engine_event, NULL);
	await(1);
	assert_int_equal(last_error.status, 0);
}

static void the_canary_shows_that_limits_hold(void **state)
{
	(void)state;
	engine_check(&engine, fixture_dir, on_engine_event, NULL);
	await(1);
	assert_string_equal(last_error.text, "");
	assert_true(engine.limits_enforced);
	assert_true(engine.sees_our_files);
	assert_string_equal(engine.canary.text, "");
	assert_nothing_left(0);
}

static void a_check_that_cannot_write_says_so(void **state)
{
	(void)state;
	engine_check(&engine, "/nonexistent", on_engine_event, NULL);
	await(1);
	assert_int_equal(last_error.status, STATUS_NOT_FOUND);
	assert_non_null(strstr(last_error.text, "/nonexistent"));
}

static void create(const char *name, const char *worker)
{
	struct engine_call c = {0};
	char *body = xasprintf("{\"Image\":\"%s\",\"Cmd\":[\"true\"],\"Labels\":{\"hivemind.worker\":\"%s\"}}", engine.base, worker);

	call_post_json(&engine, &c, on_counted_nothing, body, "/containers/create?name=%s", name);
	await(1);
}

static void a_sweep_removes_what_is_ours_and_not_kept(void **state)
{
	static const char *const keep[] = {"hm-keep.1-1"};
	struct engine_call c = {0};

	(void)state;
	create("hm-keep.1-1", "w1");
	create("hm-old.1-1", "w1");
	create("hm-old.1-2", "w1");
	create("hm-other.1-1", "w2");
	call_start(&engine, &c, on_counted_nothing, "POST",
		   "/images/%s/tag?repo=hivemind/task-w1&tag=old.1-2", engine.base);
	await(1);
	engine_sweep(&engine, keep, 1, on_engine_event, NULL);
	await(1);
	assert_string_equal(last_error.text, "");
	assert_int_equal(count_in_engine("containers/json?all=1"), 2);
	assert_int_equal(count_in_engine("images/json?filters=%7B%22reference%22%3A%5B%22hivemind/task-w1%22%5D%7D"), 0);
	engine_sweep(&engine, NULL, 0, on_engine_event, NULL);
	await(1);
	assert_int_equal(count_in_engine("containers/json?all=1"), 1);
	text_copy(engine.worker, sizeof(engine.worker), "w2");
	engine_sweep(&engine, NULL, 0, on_engine_event, NULL);
	await(1);
	text_copy(engine.worker, sizeof(engine.worker), "w1");
	assert_nothing_left(0);
	assert_int_equal(count_in_engine("images/json"), 1);
}

int main(void)
{
	const struct CMUnitTest without[] = {
		cmocka_unit_test(no_engine_is_said_with_what_was_tried_and_what_to_install),
		cmocka_unit_test(docker_host_counts_when_nothing_is_wanted),
		cmocka_unit_test(a_socket_that_may_not_be_used_names_the_group),
		cmocka_unit_test(no_program_is_not_found_with_what_to_install),
		cmocka_unit_test(a_private_engine_may_be_closed_before_it_is_ready),
		cmocka_unit_test(a_directory_whose_socket_has_too_long_a_path_is_refused),
	};
	const struct CMUnitTest with[] = {
		cmocka_unit_test(it_says_what_it_is),
		cmocka_unit_test(the_canary_shows_that_limits_hold),
		cmocka_unit_test(a_check_that_cannot_write_says_so),
		cmocka_unit_test(a_sweep_removes_what_is_ours_and_not_kept),
	};
	int failed = cmocka_run_group_tests_name("none", without, NULL, NULL);

	failed += cmocka_run_group_tests_name("docker", with, start_docker, stop_engine);
	return failed + cmocka_run_group_tests_name("podman", with, start_podman, stop_engine);
}
