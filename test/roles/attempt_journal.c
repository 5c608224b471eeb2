/* test/roles/attempt_journal.c - records are read back as they were written; whatever is not one is refused, and goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/memory.h"
#include "net/sha256.h"
#include "proto/limits.h"
#include "roles/attempt_journal.h"
#include "roles/attempt_spool.h"

#define TASK "7kq2mm9c3v8w04ta.1"
#define KEY TASK "-3"

static char directory[64];
static struct journal journal;
static struct error err;

static int setup(void **state)
{
	(void)state;
	snprintf(directory, sizeof directory, "/tmp/hm-journal-XXXXXX");
	assert_non_null(mkdtemp(directory));
	assert_int_equal(journal_open(&journal, directory, &err), 0);
	return 0;
}

static int teardown(void **state)
{
	char command[100];

	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", directory);
	return system(command);
}

/* --- one record -------------------------------------------------------------------------------- */
static uint8_t lease_bytes[400], done_bytes[400];

static Journal__Attempt sample(int phase)
{
	Journal__Attempt record = JOURNAL__ATTEMPT__INIT;
	Pb__Lease lease = PB__LEASE__INIT;
	Pb__TaskSpec spec = PB__TASK_SPEC__INIT;
	Pb__Resources resources = PB__RESOURCES__INIT;
	Pb__Done done = PB__DONE__INIT;
	Pb__Usage usage = PB__USAGE__INIT;
	static char *command[] = {(char *)"true"};
	static char hash[65];

	memset(hash, 'a', 64);
	spec.resources = &resources;
	spec.command = command;
	spec.n_command = 1;
	lease.task = done.task = (char *)TASK;
	lease.epoch = done.epoch = 3;
	lease.spec = &spec;
	lease.bundle_sha256 = hash;
	done.exit_code = 7;
	done.usage = &usage;
	done.reason = (char *)"it exited with 7";
	record.phase = (Journal__Attempt__Phase)phase;
	record.boot = journal.boot;
	record.slot = 5;
	record.started_us = 123456789;
	record.lease = (ProtobufCBinaryData){pb__lease__pack(&lease, lease_bytes), lease_bytes};
	if (phase >= JOURNAL__ATTEMPT__PHASE__ENDED)
		record.done = (ProtobufCBinaryData){pb__done__pack(&done, done_bytes), done_bytes};
	return record;
}

static void put(const char *name, const void *data, size_t n)
{
	char path[500];
	int fd;

	snprintf(path, sizeof path, "%s/%s", journal.dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(write(fd, data, n), n);
	close(fd);
}

static size_t get(const char *name, uint8_t *data, size_t size)
{
	char path[500];
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "%s/%s", journal.dir, name);
	fd = open(path, O_RDONLY);
	n = read(fd, data, size);
	assert_true(n > 0);
	close(fd);
	return (size_t)n;
}

static int count_files(void)
{
	DIR *dir = opendir(journal.dir);
	struct dirent *entry;
	int n = 0;

	while ((entry = readdir(dir)) != NULL)
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

static size_t read_count(void)
{
	struct arena arena = {0};
	struct journal_entry *entries;
	size_t n = journal_read(&journal, &arena, &entries);

	arena_release(&arena);
	return n;
}

static void it_comes_back_as_it_was_written(void **state)
{
	struct arena arena = {0};
	struct journal_entry *entries;
	Journal__Attempt record = sample(JOURNAL__ATTEMPT__PHASE__STARTED);

	(void)state;
	assert_int_equal(journal_write(&journal, KEY, &record, &err), 0);
	record = sample(JOURNAL__ATTEMPT__PHASE__ENDED);
	assert_int_equal(journal_write(&journal, KEY, &record, &err), 0);
	put(KEY ".log", "x", 1);
	assert_int_equal(journal_sync(&journal, KEY, NULL, &err), 0);
	assert_int_equal(journal_read(&journal, &arena, &entries), 1);
	assert_string_equal(entries[0].key, KEY);
	assert_int_equal(entries[0].record->phase, JOURNAL__ATTEMPT__PHASE__ENDED);
	assert_int_equal(entries[0].record->slot, 5);
	assert_int_equal(entries[0].record->started_us, 123456789);
	assert_string_equal(entries[0].lease->spec->command[0], "true");
	assert_int_equal(entries[0].done->exit_code, 7);
	assert_true(entries[0].same_boot);
	arena_release(&arena);
	assert_int_equal(count_files(), 2);
	journal_remove(&journal, KEY);
	assert_int_equal(count_files(), 0);
}

static void another_boot_is_seen(void **state)
{
	struct arena arena = {0};
	struct journal_entry *entries;
	Journal__Attempt record = sample(JOURNAL__ATTEMPT__PHASE__STARTED);

	(void)state;
	record.boot = (char *)"00000000-0000-0000-0000-000000000000";
	assert_int_equal(journal_write(&journal, KEY, &record, &err), 0);
	assert_int_equal(journal_read(&journal, &arena, &entries), 1);
	assert_false(entries[0].same_boot);
	arena_release(&arena);
	journal_remove(&journal, KEY);
}

/* --- what is none ------------------------------------------------------------------------------ */
static void a_torn_record_goes(void **state)
{
	Journal__Attempt record = sample(JOURNAL__ATTEMPT__PHASE__COLLECTED);
	uint8_t whole[2000];
	size_t n;

	(void)state;
	assert_int_equal(journal_write(&journal, KEY, &record, &err), 0);
	n = get(KEY, whole, sizeof whole);
	for (size_t cut = 0; cut < n; cut++) {
		put(KEY, whole, cut);
		put(KEY ".log", "x", 1);
		assert_int_equal(read_count(), 0);
		assert_int_equal(count_files(), 0);
	}
	put(KEY, whole, n);
	assert_int_equal(read_count(), 1);
	journal_remove(&journal, KEY);
}

static void a_changed_byte_is_noticed(void **state)
{
	Journal__Attempt record = sample(JOURNAL__ATTEMPT__PHASE__COLLECTED);
	uint8_t whole[2000];
	size_t n;

	(void)state;
	assert_int_equal(journal_write(&journal, KEY, &record, &err), 0);
	n = get(KEY, whole, sizeof whole);
	for (size_t at = 0; at < n; at++) {
		whole[at] ^= 0x55;
		put(KEY, whole, n);
		whole[at] ^= 0x55;
		assert_int_equal(read_count(), 0);
	}
}

/* With the right hash, as a later version or a bug of ours would write it. */
static void put_enveloped(int version, const uint8_t *message, size_t n)
{
	char hash[65];
	uint8_t file[4000];
	int at;

	sha256_hex_of(message, n, hash);
	at = snprintf((char *)file, sizeof file, "hivemind-attempt %d %zu %s\n", version, n, hash);
	memcpy(file + at, message, n);
	put(KEY, file, (size_t)at + n);
}

static void another_version_is_none_of_ours(void **state)
{
	Journal__Attempt record = sample(JOURNAL__ATTEMPT__PHASE__STARTED);
	uint8_t packed[1000];
	size_t n = journal__attempt__pack(&record, packed);

	(void)state;
	put_enveloped(1, packed, n);
	assert_int_equal(read_count(), 1);
	put_enveloped(2, packed, n);
	assert_int_equal(read_count(), 0);
	assert_int_equal(count_files(), 0);
}

static void garbage_within_is_refused(void **state)
{
	uint8_t packed[1000];

	(void)state;
	srand(7);
	for (int round = 0; round < 3000; round++) {
		Journal__Attempt record = sample(1 + round % 4);
		size_t n = journal__attempt__pack(&record, packed);

		for (int changes = rand() % 4; changes >= 0; changes--)
			packed[(size_t)rand() % n] = (uint8_t)rand();
		put_enveloped(1, packed, rand() % 8 == 0 ? (size_t)rand() % n : n);
		read_count(); /* whether it still is one or not: what is used of it has been checked */
		journal_remove(&journal, KEY);
	}
}

static void what_does_not_fit_together_is_refused(void **state)
{
	Journal__Attempt record;
	struct arena arena = {0};

	(void)state;
	record = sample(JOURNAL__ATTEMPT__PHASE__STARTED);
	assert_int_equal(journal_write(&journal, TASK "-4", &record, &err), 0); /* another attempt's name */
	record = sample(JOURNAL__ATTEMPT__PHASE__STARTED);
	record.slot = ATTEMPTS_MAX;
	assert_int_equal(journal_write(&journal, KEY, &record, &err), 0);
	assert_int_equal(read_count(), 0);
	record = sample(JOURNAL__ATTEMPT__PHASE__ENDED);
	record.done.len = 0; /* ended, and it does not say how */
	assert_int_equal(journal_write(&journal, KEY, &record, &err), 0);
	put("note", "hello", 5);
	put(KEY ".log", "x", 1);
	assert_int_equal(read_count(), 0);
	assert_int_equal(count_files(), 0);
	arena_release(&arena);
}

/* --- what was printed -------------------------------------------------------------------------- */
static uint64_t restore(int phase, uint64_t told[2])
{
	char path[500];
	struct attempt_spool spool = {.path = path, .fd = -1};
	struct attempt_log log = {0};
	uint64_t size;

	told[0] = told[1] = 0;
	journal_log_path(&journal, KEY, path, sizeof path);
	attempt_spool_restore(&spool, phase, &log, told);
	size = log.size;
	attempt_spool_close(&spool);
	attempt_log_release(&log);
	return size;
}

static void write_spool(void)
{
	char path[500];
	struct attempt_spool spool = {.path = path, .fd = -1};

	journal_log_path(&journal, KEY, path, sizeof path);
	unlink(path);
	attempt_spool_add(&spool, 2, LOG_OUT, "one\n", 4, 10);
	attempt_spool_add(&spool, 2, LOG_ERR, "two two\n", 8, 11);
	attempt_spool_add(&spool, 3, LOG_REMARK, "[left out]\n", 11, 12);
	attempt_spool_add(&spool, 3, LOG_OUT, "tail\n", 5, 13);
	attempt_spool_close(&spool);
}

static void what_was_printed_comes_back_up_to_its_phase(void **state)
{
	uint64_t told[2];

	(void)state;
	write_spool();
	assert_int_equal(restore(3, told), 28);
	assert_int_equal(told[0], 9);
	assert_int_equal(told[1], 8);
	assert_int_equal(restore(2, told), 12);
	assert_int_equal(told[0], 4);
	assert_int_equal(restore(3, told), 12); /* the rest was cut off */
	journal_remove(&journal, KEY);
	assert_int_equal(restore(2, told), 0);
}

static void a_torn_end_of_what_was_printed_is_cut_off(void **state)
{
	uint8_t whole[1000];
	uint64_t told[2], before = 0;
	size_t n;

	(void)state;
	write_spool();
	n = get(KEY ".log", whole, sizeof whole);
	for (size_t cut = 1; cut < n; cut++) {
		put(KEY ".log", whole, cut);
		uint64_t size = restore(3, told);

		assert_true(size >= before && size < 28);
		assert_int_equal(restore(3, told), size);
		before = size;
	}
	for (size_t at = 0; at < n; at++) {
		whole[at] ^= 0x55;
		put(KEY ".log", whole, n);
		assert_true(restore(3, told) <= n);
		whole[at] ^= 0x55;
	}
	journal_remove(&journal, KEY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_comes_back_as_it_was_written),
		cmocka_unit_test(another_boot_is_seen),
		cmocka_unit_test(a_torn_record_goes),
		cmocka_unit_test(a_changed_byte_is_noticed),
		cmocka_unit_test(another_version_is_none_of_ours),
		cmocka_unit_test(garbage_within_is_refused),
		cmocka_unit_test(what_does_not_fit_together_is_refused),
		cmocka_unit_test(what_was_printed_comes_back_up_to_its_phase),
		cmocka_unit_test(a_torn_end_of_what_was_printed_is_cut_off),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
