/* test/store/redis_child.c - the private Redis lives as long as we do, and no longer. */
#include "test/store/asking.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static void its_settings_are_strong_and_its_socket_private(void **state)
{
	struct stat st;

	(void)state;
	assert_true(store_is_up(real.store)); /* the store has checked the settings */
	assert_int_equal(stat(redis_child_socket(real.child), &st), 0);
	assert_int_equal(st.st_mode & 077, 0);
}

static void it_is_started_again_when_it_dies(void **state)
{
	(void)state;
	upload(ALICE, BUNDLE);
	for (int i = 0; i < 2; i++) {
		real.up = false;
		command("DEBUG SEGFAULT"); /* not allowed by default: then it is told to go */
		command("SHUTDOWN NOSAVE");
		run_until(&real.loop, &real.up);
	}
	store_blob_find(real.store, ask_(), ALICE, BUNDLE);
	ok();
}

static pid_t redis_pid(void)
{
	redisContext *c = redisConnectUnix(real.address.path);
	redisReply *reply = redisCommand(c, "INFO server");
	pid_t pid = atoi(strstr(reply->str, "process_id:") + strlen("process_id:"));

	freeReplyObject(reply);
	redisFree(c);
	return pid;
}

/* With appendfsync always, Redis ends itself rather than acknowledge what it could not write. */
static void a_full_disk_loses_nothing_that_was_acknowledged(void **state)
{
	const struct rlimit full = {1, 1};

	(void)state;
	upload(ALICE, BUNDLE);
	assert_int_equal(prlimit(redis_pid(), RLIMIT_FSIZE, &full, NULL), 0);
	real.up = false;
	store_blob_add(real.store, ask_(), ALICE, RESULT, 1000, clock_wall_ms());
	refused(STATUS_UNAVAILABLE);
	run_until(&real.loop, &real.up); /* started again, by now there is room */
	store_blob_find(real.store, ask_(), ALICE, BUNDLE);
	ok();
	upload(ALICE, RESULT);
}

/* In a process of its own: start one, say that it is there, sleep until killed. */
static void be_a_pool(const char *dir, int out)
{
	static struct real pool;

	loop_init(&pool.loop);
	text_copy(pool.dir, sizeof(pool.dir), dir);
	real_start_child(&pool);
	if (pool.child_error.status != 0 || write(out, "x", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static void a_pool_killed_leaves_no_redis_and_the_next_one_starts(void **state)
{
	char byte, dir[] = "/tmp/store-test-XXXXXX";
	static struct real next;
	int fds[2], status;
	pid_t pool;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(pipe(fds), 0);
	pool = fork();
	if (pool == 0)
		be_a_pool(dir, fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 1);

	/* While it lives, its folder is its own. */
	next = (struct real){0};
	loop_init(&next.loop);
	text_copy(next.dir, sizeof(next.dir), dir);
	next.child = redis_child_start(&next.loop, dir, real_on_ready, &next);
	for (int i = 0; i < 50; i++) {
		uv_run(&next.loop.uv, UV_RUN_NOWAIT);
		usleep(2000);
	}
	assert_false(next.ready);

	assert_int_equal(kill(pool, SIGKILL), 0);
	assert_int_equal(waitpid(pool, &status, 0), pool);
	run_until(&next.loop, &next.ready); /* the lock is free: the other Redis is gone */
	assert_string_equal(next.child_error.text, "");
	real_close_child(&next);
	loop_close(&next.loop);
	nftw(dir, real_remove, 16, FTW_DEPTH | FTW_PHYS);
	close(fds[0]);
	close(fds[1]);
}

static void a_missing_program_is_told_with_the_line_that_gets_it(void **state)
{
	char *path = xstrdup(getenv("PATH"));
	static struct real other;

	(void)state;
	other = (struct real){.dir = "/tmp/store-test-XXXXXX"};
	assert_non_null(mkdtemp(other.dir));
	loop_init(&other.loop);
	setenv("PATH", other.dir, 1);
	real_start_child(&other);
	setenv("PATH", path, 1);
	assert_int_equal(other.child_error.status, STATUS_NOT_FOUND);
	assert_non_null(strstr(other.child_error.hint, "apt-get install redis-server"));
	real_end(&other);
	free(path);
}

static void a_broken_file_is_told_with_the_last_words(void **state)
{
	char path[200];
	static struct real other;
	FILE *f;

	(void)state;
	other = (struct real){.dir = "/tmp/store-test-XXXXXX"};
	assert_non_null(mkdtemp(other.dir));
	snprintf(path, sizeof(path), "%s/redis", other.dir);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/redis/appendonlydir", other.dir);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/redis/appendonlydir/appendonly.aof.manifest", other.dir);
	f = fopen(path, "w");
	fputs("nonsense\n", f);
	fclose(f);
	loop_init(&other.loop);
	real_start_child(&other);
	assert_int_equal(other.child_error.status, STATUS_FAILED_PRECONDITION);
	assert_non_null(strstr(other.child_error.hint, "redis.log"));
	assert_non_null(strstr(other.child_error.text, "does not start: Invalid AOF manifest"));
	real_end(&other);
}

static void a_name_too_long_for_a_socket_is_refused(void **state)
{
	static struct real other;
	char *dir;

	(void)state;
	other = (struct real){.dir = "/tmp/store-test-XXXXXX"};
	assert_non_null(mkdtemp(other.dir));
	dir = xasprintf("%s/%0100d", other.dir, 0);
	loop_init(&other.loop);
	other.child = redis_child_start(&other.loop, dir, real_on_ready, &other);
	run_until(&other.loop, &other.ready);
	assert_int_equal(other.child_error.status, STATUS_INVALID_ARGUMENT);
	real_end(&other);
	free(dir);
}

static void closing_before_it_is_ready_is_fine(void **state)
{
	static struct real other;

	(void)state;
	other = (struct real){.dir = "/tmp/store-test-XXXXXX"};
	assert_non_null(mkdtemp(other.dir));
	loop_init(&other.loop);
	other.child = redis_child_start(&other.loop, other.dir, real_on_ready, &other);
	real_end(&other);
	assert_false(other.ready);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, start, end)
	const struct CMUnitTest tests[] = {
		T(its_settings_are_strong_and_its_socket_private),
		T(it_is_started_again_when_it_dies),
		T(a_full_disk_loses_nothing_that_was_acknowledged),
		T(a_pool_killed_leaves_no_redis_and_the_next_one_starts),
		T(a_missing_program_is_told_with_the_line_that_gets_it),
		T(a_broken_file_is_told_with_the_last_words),
		T(a_name_too_long_for_a_socket_is_refused),
		T(closing_before_it_is_ready_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
