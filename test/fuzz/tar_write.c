/* test/fuzz/tar_write.c - what we write as a tar, our own strict reader takes back: name, kind, size and
 * bytes. A name that it would refuse is refused alone: the archive is still well formed.
 *
 * Input: 1 directory, 2 executable, 4 a huge size (header only); then the name. */
#include "exec/tar.h"
#include "proto/limits.h"
#include "proto/status.h"
#include "test/fuzz/fuzz.h"

#define DATA_SIZE 700
#define HUGE_SIZE (9ull << 33) /* above what eleven octal digits say */

static struct tar_entry wanted, got;
static char got_name[ARCHIVE_PATH_MAX + 1];
static uint64_t got_bytes;

static int on_entry(void *user, const struct tar_entry *entry, struct error *err)
{
	(void)user;
	(void)err;
	got = *entry;
	must(strlen(entry->name) < sizeof got_name);
	strcpy(got_name, entry->name);
	return 0;
}

static int on_data(void *user, const void *data, size_t n, struct error *err)
{
	(void)user;
	(void)err;
	for (size_t i = 0; i < n; i++)
		must(((const char *)data)[i] == 'x');
	got_bytes += n;
	return 0;
}

static void write_file(struct buf *out)
{
	char data[DATA_SIZE];
	static const char zeros[512];

	memset(data, 'x', sizeof data);
	if (!wanted.directory && wanted.size == sizeof data) {
		buf_append(out, data, sizeof data);
		buf_append(out, zeros, tar_pad(wanted.size));
	}
	tar_write_end(out);
}

/* Could this be an entry's name as it stands? */
static bool name_allowed(const char *name)
{
	int depth = 0;

	for (;; depth++) {
		size_t n = strcspn(name, "/");

		if (tar_component_fault(name, n) != NULL)
			return false;
		if (name[n] == '\0')
			break;
		name += n + 1;
	}
	return depth < ARCHIVE_DEPTH_MAX;
}

static void read_again(const struct buf *archive, bool whole)
{
	const struct tar_reader_events events = {on_entry, on_data, NULL, NULL};
	struct tar_reader *t = tar_reader_new(&events, UINT64_MAX);
	struct error e = {0};
	int status = tar_reader_feed(t, archive->data, archive->n, &e);

	if (status == 0 && whole)
		status = tar_reader_end(t, &e);
	tar_reader_free(t);
	if (!name_allowed(wanted.name)) /* refused, or passed over as "./" is */
		return;
	must(status == 0 && strcmp(got_name, wanted.name) == 0);
	must(got.directory == wanted.directory && got.executable == wanted.executable);
	must(got.size == wanted.size && (!whole || got_bytes == wanted.size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf archive = {0};
	char *name;
	bool huge;

	if (n < 2)
		return 0;
	name = text_of(data + 1, n - 1);
	wanted = (struct tar_entry){name, data[0] & 1, !(data[0] & 1) && data[0] & 2, DATA_SIZE};
	huge = data[0] & 4 && !wanted.directory;
	if (wanted.directory || huge)
		wanted.size = huge ? HUGE_SIZE : 0;
	got_bytes = 0;
	got_name[0] = '\0';
	if (tar_write_header(&archive, &wanted, NULL) == 0) {
		if (!huge)
			write_file(&archive);
		read_again(&archive, !huge);
	} else {
		must(strlen(name) >= ARCHIVE_PATH_MAX);
	}
	buf_release(&archive);
	free(name);
	return 0;
}
