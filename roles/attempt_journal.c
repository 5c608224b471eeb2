/* roles/attempt_journal.c - files, small and whole. What is read is checked as if a stranger had written it. */
#include "roles/attempt_journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/buf.h"
#include "net/crash.h"
#include "net/file.h"
#include "net/log.h"
#include "net/memory.h"
#include "net/message.h"
#include "net/sha256.h"
#include "proto/limits.h"
#include "proto/status.h"

#define VERSION 1
#define HEAD_MAX 128 /* bytes of the first line */

static int path_of(const struct journal *j, const char *name, const char *end, char *path, size_t size)
{
	int n = snprintf(path, size, "%s/%s%s", j->dir, name, end);

	return n > 0 && (size_t)n < size ? 0 : -1;
}

void journal_log_path(const struct journal *j, const char *key, char *path, size_t size)
{
	path_of(j, key, ".log", path, size);
}

static int fail(struct error *err, const char *what, const char *path)
{
	int e = errno;

	return error_set(err, status_from_errno(e), "cannot %s %s: %s", what, path, strerror(e));
}

static void read_boot(char *boot, size_t size)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, boot, size - 1) : 0;

	boot[n > 0 ? n : 0] = '\0';
	boot[strcspn(boot, "\n")] = '\0';
	if (fd >= 0)
		close(fd);
}

int journal_open(struct journal *j, const char *data, struct error *err)
{
	read_boot(j->boot, sizeof j->boot);
	if ((size_t)snprintf(j->dir, sizeof j->dir, "%s/attempts", data) >= sizeof j->dir)
		return error_set(err, STATUS_INVALID_ARGUMENT, "the data directory's name is too long: %s", data);
	if (mkdir(j->dir, 0700) == 0 || errno == EEXIST)
		return 0;
	return fail(err, "make the directory", j->dir);
}

/* --- writing --------------------------------------------------------------------------------- */

static void compose(struct buf *b, const Journal__Attempt *record)
{
	size_t n = journal__attempt__get_packed_size(record);
	uint8_t *packed = xmalloc(n + 1);
	char hash[SHA256_HEX_SIZE];

	journal__attempt__pack(record, packed);
	sha256_hex_of(packed, n, hash);
	buf_printf(b, "hivemind-attempt %d %zu %s\n", VERSION, n, hash);
	buf_append(b, packed, n);
	free(packed);
}

int journal_write(const struct journal *j, const char *key, const Journal__Attempt *record, struct error *err)
{
	char path[512], beside[512];
	struct buf b = {0};
	int fd, rc = 0;

	if (path_of(j, key, "", path, sizeof path) != 0 || path_of(j, key, ".new", beside, sizeof beside) != 0)
		return error_set(err, STATUS_INVALID_ARGUMENT, "no file can have the name %s", key);
	fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(err, "write", beside);
	compose(&b, record);
	if (file_write_all(fd, b.data, b.n) != 0)
		rc = fail(err, "write", beside);
	crash_point(WORKER_JOURNAL_BESIDE);
	if (rc == 0 && rename(beside, path) != 0)
		rc = fail(err, "write", path);
	crash_point(WORKER_JOURNAL_NAMED);
	close(fd);
	buf_release(&b);
	return rc;
}

static int sync_file(const char *path, int flags, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | flags), rc = 0;

	if (fd < 0 || fsync(fd) != 0)
		rc = fail(err, "bring to the disk", path);
	if (fd >= 0)
		close(fd);
	return rc;
}

int journal_sync(const struct journal *j, const char *key, const char *result, struct error *err)
{
	char path[512], log[512];
	int rc = result != NULL ? sync_file(result, 0, err) : 0;

	path_of(j, key, "", path, sizeof path);
	journal_log_path(j, key, log, sizeof log);
	if (rc == 0 && access(log, F_OK) == 0)
		rc = sync_file(log, 0, err);
	if (rc == 0)
		rc = sync_file(path, 0, err);
	return rc == 0 ? sync_file(j->dir, O_DIRECTORY, err) : rc;
}

void journal_remove(const struct journal *j, const char *key)
{
	static const char *const ends[] = {"", ".log", ".new"};
	char path[512];

	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
		if (path_of(j, key, ends[i], path, sizeof path) == 0)
			unlink(path);
}

/* --- reading --------------------------------------------------------------------------------- */

static int read_file(const char *path, struct buf *b)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	ssize_t n = -1;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= JOURNAL_RECORD_MAX + HEAD_MAX) {
		uint8_t *room = buf_reserve(b, (size_t)st.st_size + 1);

		n = read(fd, room, (size_t)st.st_size);
		b->n = n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0)
		close(fd);
	return n >= 0 ? 0 : -1;
}

/* The message behind the first line, when both are what they should be. */
static const uint8_t *open_envelope(struct buf *b, size_t *size)
{
	char hash[SHA256_HEX_SIZE] = "", is[SHA256_HEX_SIZE];
	const uint8_t *end = b->n > 0 ? memchr(b->data, '\n', b->n < HEAD_MAX ? b->n : HEAD_MAX) : NULL;
	int version, at = 0;

	if (end == NULL || sscanf(buf_text(b), "hivemind-attempt %d %zu %64s%n", &version, size, hash, &at) != 3 ||
	    version != VERSION || b->data[at] != '\n')
		return NULL;
	if (b->n - (size_t)at - 1 != *size)
		return NULL;
	sha256_hex_of(b->data + at + 1, *size, is);
	return strcmp(hash, is) == 0 ? b->data + at + 1 : NULL;
}

/* Is it a lease that we can have taken, under this name? */
static bool lease_fits(const struct journal_entry *e)
{
	const Pb__Lease *lease = e->lease;
	char key[ATTEMPT_KEY_SIZE];

	if (lease == NULL || !task_id_valid(lease->task) || lease->spec == NULL || lease->spec->resources == NULL ||
	    lease->spec->n_command == 0 || !sha256_hex_valid(lease->bundle_sha256))
		return false;
	snprintf(key, sizeof key, "%s-%u", lease->task, lease->epoch);
	return strcmp(key, e->key) == 0 && e->record->slot < ATTEMPTS_MAX;
}

static bool done_fits(const struct journal_entry *e)
{
	const Pb__Done *done = e->done;

	if (e->record->phase < JOURNAL__ATTEMPT__PHASE__ENDED)
		return done == NULL;
	return done != NULL && done->usage != NULL && strcmp(done->task, e->lease->task) == 0 &&
	       done->epoch == e->lease->epoch &&
	       (done->result_sha256[0] == '\0' || sha256_hex_valid(done->result_sha256));
}

static const void *read_part(const ProtobufCMessageDescriptor *type, const ProtobufCBinaryData *part, struct arena *arena)
{
	struct error err = {0};

	return part->len > 0 ? message_read(type, part->data, part->len, arena, &err) : NULL;
}

static bool read_entry(const struct journal *j, struct journal_entry *e, struct arena *arena)
{
	struct buf b = {0};
	struct error err = {0};
	char path[512];
	const uint8_t *message = NULL;
	size_t n = 0;

	if (path_of(j, e->key, "", path, sizeof path) == 0 && read_file(path, &b) == 0)
		message = open_envelope(&b, &n);
	if (message != NULL)
		e->record = (const Journal__Attempt *)message_read(&journal__attempt__descriptor, message, n, arena, &err);
	buf_release(&b);
	if (e->record == NULL)
		return false;
	e->lease = read_part(&pb__lease__descriptor, &e->record->lease, arena);
	e->done = read_part(&pb__done__descriptor, &e->record->done, arena);
	e->same_boot = strcmp(e->record->boot, j->boot) == 0;
	return e->record->phase >= JOURNAL__ATTEMPT__PHASE__STAGING &&
	       e->record->phase <= JOURNAL__ATTEMPT__PHASE__COLLECTED && lease_fits(e) && done_fits(e);
}

static bool is_of(const char *name, const struct journal_entry *entries, size_t n)
{
	size_t length = strcspn(name, "-") + 1;

	length += strspn(name + length, "0123456789");
	if (strcmp(name + length, "") != 0 && strcmp(name + length, ".log") != 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (strlen(entries[i].key) == length && strncmp(entries[i].key, name, length) == 0)
			return true;
	return false;
}

/* What belongs to no record goes. */
static void sweep(const struct journal *j, const struct journal_entry *entries, size_t n)
{
	DIR *dir = opendir(j->dir);
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 || is_of(entry->d_name, entries, n))
			continue;
		log_warn("removed from the journal what is no attempt name=%s", entry->d_name);
		unlinkat(dirfd(dir), entry->d_name, 0);
	}
	if (dir != NULL)
		closedir(dir);
}

size_t journal_read(const struct journal *j, struct arena *arena, struct journal_entry **entries)
{
	DIR *dir = opendir(j->dir);
	struct dirent *entry;
	size_t n = 0;

	*entries = arena_alloc(arena, ATTEMPTS_MAX * sizeof **entries);
	while (dir != NULL && n < ATTEMPTS_MAX && (entry = readdir(dir)) != NULL) {
		struct journal_entry e = {0};

		if (strlen(entry->d_name) >= sizeof e.key || strchr(entry->d_name, '-') == NULL)
			continue;
		text_copy(e.key, sizeof e.key, entry->d_name);
		if (read_entry(j, &e, arena))
			(*entries)[n++] = e;
	}
	if (dir != NULL)
		closedir(dir);
	sweep(j, *entries, n);
	return n;
}
