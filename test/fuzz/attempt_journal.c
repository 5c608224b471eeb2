/* test/fuzz/attempt_journal.c - a worker's journal with a file that may be anything, beside a good record: that one is read
 * back, what is taken of the other is a lease that we can have had, and whatever is no record is deleted.
 * Input: a byte (1: it gets the first line that it should have), the file. */
#include "roles/attempt_journal.c"

#include "test/fuzz/folder.h"

#define TASK "7kq2mm9c3v8w04ta"
#define GOOD TASK ".1-3"
#define STRANGE TASK ".2-4"

static struct journal journal;

static void begin(void)
{
	char below[128];
	struct error err;

	folder_open();
	if (journal.dir[0] == '\0')
		must(journal_open(&journal, folder, &err) == 0);
	snprintf(below, sizeof below, "%s/attempts", folder);
	mkdir(below, 0700);
}

static void end(void)
{
	char below[128];

	folder_empty("attempts");
	snprintf(below, sizeof below, "%s/attempts", folder);
	rmdir(below);
}

static void write_good(void)
{
	Journal__Attempt record = JOURNAL__ATTEMPT__INIT;
	Pb__Lease lease = PB__LEASE__INIT;
	Pb__TaskSpec spec = PB__TASK_SPEC__INIT;
	Pb__Resources resources = PB__RESOURCES__INIT;
	char *command[] = {(char *)"true"}, hash[SHA256_HEX_SIZE];
	uint8_t packed[400];
	struct error err;

	sha256_hex_of("", 0, hash);
	spec.resources = &resources;
	spec.command = command;
	spec.n_command = 1;
	lease.task = (char *)TASK ".1";
	lease.epoch = 3;
	lease.spec = &spec;
	lease.bundle_sha256 = hash;
	record.phase = JOURNAL__ATTEMPT__PHASE__STARTED;
	record.boot = journal.boot;
	record.lease = (ProtobufCBinaryData){pb__lease__pack(&lease, packed), packed};
	must(journal_write(&journal, GOOD, &record, &err) == 0);
}

/* The next process reads what this one has left. */
static bool look(void)
{
	struct arena arena = {0};
	struct journal_entry *entries;
	size_t n = journal_read(&journal, &arena, &entries);
	bool good = false, strange = false;

	for (size_t i = 0; i < n; i++) {
		const struct journal_entry *e = &entries[i];

		good |= strcmp(e->key, GOOD) == 0 && e->same_boot;
		strange |= strcmp(e->key, STRANGE) == 0;
		must(e->lease->spec->n_command > 0 && e->lease->spec->resources != NULL && e->record->slot < ATTEMPTS_MAX);
		must((e->done != NULL) == (e->record->phase >= JOURNAL__ATTEMPT__PHASE__ENDED));
	}
	must(good && n == 1 + (size_t)strange);
	arena_release(&arena);
	return strange;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf file = {0};
	char hash[SHA256_HEX_SIZE];
	bool taken;

	if (n < 1)
		return 0;
	begin();
	write_good();
	if (data[0] & 1) {
		sha256_hex_of(data + 1, n - 1, hash);
		buf_printf(&file, "hivemind-attempt %d %zu %s\n", VERSION, n - 1, hash);
	}
	buf_append(&file, data + 1, n - 1);
	folder_put("attempts/" STRANGE, file.data != NULL ? file.data : (const uint8_t *)"", file.n);
	folder_put("attempts/" STRANGE ".log", "", 0);
	folder_put("attempts/" STRANGE ".new", data, n); /* a write that did not come to its end */
	taken = look();
	must(look() == taken);
	must(folder_empty("attempts") == (taken ? 3 : 1));
	buf_release(&file);
	end();
	return 0;
}
