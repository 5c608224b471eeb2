/* test/store/ledger_verify.c - the offline check agrees with a right ledger, live and from files, and finds
 * each wrong. */
#include "test/store/ledger_audit.h"

#include "store/ledger_verify.h"

#include <sys/wait.h>

static struct play p;
static struct verify_report report;
static struct error err;

/* A ledger with something of everything in it. */
static int start_played(void **state)
{
	start(state);
	play_begin(&p, 5);
	play_on(&p, 3000, 3000);
	assert_string_equal(p.difference, "");
	return 0;
}

static int end_played(void **state)
{
	play_end_all(&p);
	return end(state);
}

static void right(void)
{
	if (err.status != 0)
		print_error("%s\n", err.text);
	assert_int_equal(err.status, 0);
	assert_int_equal(report.seq, p.world.seq);
	assert_int_equal(report.totals[BOOKS_TREASURY], p.world.treasury);
	assert_string_equal(report.chain, books_chain(p.books));
}

static void a_live_ledger_is_right(void **state)
{
	(void)state;
	ledger_verify(&real.address, &report, &err);
	right();
}

/* Three times in a process of its own while calls go on here. */
static void a_ledger_at_work_is_right(void **state)
{
	pid_t child = fork();
	int status;

	(void)state;
	if (child == 0) {
		for (int i = 0; i < 3 && ledger_verify(&real.address, &report, &err) == 0; i++)
			usleep(50000);
		if (err.status != 0)
			print_error("%s\n", err.text);
		_exit(err.status);
	}
	play_on(&p, 6000, 6000);
	assert_string_equal(p.difference, "");
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void files_of_redis_are_right(void **state)
{
	char path[256];

	(void)state;
	snprintf(path, sizeof(path), "%s/redis", real.dir);
	ledger_verify_files(path, &report, &err);
	right();
	snprintf(path, sizeof(path), "%s/redis/appendonlydir", real.dir);
	ledger_verify_files(path, &report, &err);
	right();
	assert_true(command("SAVE") >= 0);
	snprintf(path, sizeof(path), "%s/redis/dump.rdb", real.dir);
	ledger_verify_files(path, &report, &err);
	right();
}

static void what_is_no_redis_is_said(void **state)
{
	char path[256];
	FILE *f;

	(void)state;
	assert_int_equal(ledger_verify_files("/nowhere", &report, &err), STATUS_NOT_FOUND);
	assert_int_equal(ledger_verify_files(real.dir, &report, &err), STATUS_NOT_FOUND);
	snprintf(path, sizeof(path), "%s/noise", real.dir);
	f = fopen(path, "w");
	fputs("this is no append-only file\n", f);
	fclose(f);
	assert_int_equal(ledger_verify_files(path, &report, &err), STATUS_DATA_LOSS);
	assert_non_null(strstr(err.text, "Redis cannot read"));
}

static void each_change_behind_the_back_of_the_ledger_is_found(void **state)
{
	static const char *const harms[][2] = {
	    {"HINCRBY account:%s balance 1", "has"},
	    {"HINCRBY account:%s pending 1", "pending:"},
	    {"HINCRBY account:%s grant 1", "pay for tasks only"},
	    {"LREM accounts 1 %s", "is missing"},
	    {"HINCRBY ledger:head users 1", "the sum of class users"},
	    {"HSET ledger:head chain 00", "has another hash"},
	    {"XDEL ledger 7-0", "was changed"},
	    {"HINCRBY project:project1 balance 5", "project:project1"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(harms) / sizeof(harms[0]); i++) {
		assert_true(command(harms[i][0], p.world.people[2].id) >= 0);
		assert_int_equal(ledger_verify(&real.address, &report, &err), STATUS_DATA_LOSS);
		if (strstr(err.text, harms[i][1]) == NULL)
			print_error("%s: %s\n", harms[i][0], err.text);
		assert_non_null(strstr(err.text, harms[i][1]));
		end_played(state);
		start_played(state);
	}
}

int main(void)
{
#define P(f) cmocka_unit_test_setup_teardown(f, start_played, end_played)
	const struct CMUnitTest tests[] = {
	    P(a_live_ledger_is_right),
	    P(a_ledger_at_work_is_right),
	    P(files_of_redis_are_right),
	    P(what_is_no_redis_is_said),
	    P(each_change_behind_the_back_of_the_ledger_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
