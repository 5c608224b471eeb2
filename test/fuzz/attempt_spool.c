/* test/fuzz/attempt_spool.c - the file of what a task has printed: whatever stands behind a good record, that one is kept, what
 * is read is what the file has, the rest is cut off, and what is added then is found the next time.
 * Input: a byte (the phase), the file behind the good record. */
#include "roles/attempt_spool.c"

#include "test/fuzz/folder.h"

#define WORDS "first\n"

struct seen {
	uint64_t size, told[2];
	off_t file;
};

static struct seen look(const char *path, int phase, const char *more)
{
	struct attempt_spool spool = {.path = path, .fd = -1};
	struct attempt_log log = {0};
	struct seen seen = {0};
	struct stat st;

	attempt_spool_restore(&spool, phase, &log, seen.told);
	must(spool.fd >= 0 && fstat(spool.fd, &st) == 0);
	seen.size = log.size;
	seen.file = st.st_size;
	must(seen.told[0] + seen.told[1] <= log.size && (off_t)log.size <= st.st_size);
	must(log.pieces != NULL && memcmp(log.pieces->data, WORDS, strlen(WORDS)) == 0);
	if (more[0] != '\0')
		attempt_spool_add(&spool, phase, LOG_OUT, more, strlen(more), 3);
	attempt_spool_close(&spool);
	attempt_log_release(&log);
	return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct head head = {MAGIC, 2, LOG_OUT, 0, strlen(WORDS), 1};
	uint8_t *file = xmalloc(sizeof head + strlen(WORDS) + n);
	struct seen first, again;
	size_t at = sizeof head;
	char path[128];
	int phase;

	if (n >= 1) {
		folder_open();
		phase = 2 + data[0] % 3;
		snprintf(path, sizeof path, "%s/log", folder);
		memcpy(file, &head, sizeof head);
		memcpy(file + at, WORDS, strlen(WORDS));
		at += strlen(WORDS);
		memcpy(file + at, data + 1, n - 1);
		folder_put("log", file, at + n - 1);
		first = look(path, phase, "");
		again = look(path, phase, "more");
		must(memcmp(&first, &again, sizeof first) == 0);
		again = look(path, phase, "");
		must(again.told[0] == first.told[0] + 4 && again.told[1] == first.told[1] && again.size == first.size + 4);
		unlink(path);
	}
	free(file);
	return 0;
}
