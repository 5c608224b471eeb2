/* test/fuzz/tar.c - a stranger's archive: fed whole and in pieces it gives the same entries, the same bytes
 * and the same words; no name leads anywhere; no more data comes than is allowed. First byte: its high bit =
 * the checksums are put right first, so that the input gets past them. */
#include "exec/tar.h"
#include "net/arena.h"
#include "proto/limits.h"
#include "test/fuzz/put_right.h"

#define BYTES_MAX 100000

struct reading {
	uint64_t entries, bytes, sum, left;
	bool inside;
	int status;
	struct error error;
};

static void add(struct reading *r, const void *data, size_t n)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < n; i++)
		r->sum = r->sum * 31 + bytes[i];
}

static bool name_safe(const char *name)
{
	return name[0] != '\0' && name[0] != '/' && strlen(name) <= ARCHIVE_PATH_MAX &&
	       strcmp(name, "..") != 0 && strncmp(name, "../", 3) != 0 && strstr(name, "/../") == NULL &&
	       strstr(name, "//") == NULL &&
	       (strlen(name) < 3 || strcmp(name + strlen(name) - 3, "/..") != 0) &&
	       is_shown(name, ARCHIVE_PATH_MAX + 1);
}

static int on_entry(void *user, const struct tar_entry *entry, struct error *err)
{
	struct reading *r = user;

	(void)err;
	must(!r->inside && name_safe(entry->name));
	must(!entry->directory || entry->size == 0);
	r->inside = true;
	r->left = entry->size;
	r->entries++;
	add(r, entry->name, strlen(entry->name) + 1);
	add(r, (uint8_t[]){entry->directory, entry->executable}, 2);
	return 0;
}

static int on_data(void *user, const void *data, size_t n, struct error *err)
{
	struct reading *r = user;

	(void)err;
	must(r->inside && n <= r->left);
	r->left -= n;
	r->bytes += n;
	add(r, data, n);
	return 0;
}

static int on_entry_end(void *user, struct error *err)
{
	struct reading *r = user;

	(void)err;
	must(r->inside && r->left == 0);
	r->inside = false;
	return 0;
}

/* seed 0 = the whole at once */
static void read_all(struct reading *r, const uint8_t *data, size_t n, uint32_t seed)
{
	const struct tar_reader_events events = {on_entry, on_data, on_entry_end, r};
	struct tar_reader *t = tar_reader_new(&events, BYTES_MAX);
	bool whole = seed == 0;

	memset(r, 0, sizeof *r);
	while (n > 0 && r->status == 0) {
		size_t piece = whole ? n : next_piece(&seed, n);
		uint8_t *bytes = bytes_of(data, piece);

		r->status = tar_reader_feed(t, bytes, piece, &r->error);
		free(bytes);
		data += piece;
		n -= piece;
	}
	if (r->status == 0)
		r->status = tar_reader_end(t, &r->error);
	must(r->status == r->error.status && (r->status == 0) == (r->error.text[0] == '\0'));
	must(r->bytes <= BYTES_MAX && is_shown(r->error.text, sizeof r->error.text));
	must(r->status != 0 || r->entries == tar_reader_entries(t));
	tar_reader_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct reading whole, pieces;
	uint8_t *copy;

	if (n == 0)
		return 0;
	copy = bytes_of(data + 1, n - 1);
	if (data[0] & 0x80)
		put_right(copy, n - 1);
	read_all(&whole, copy, n - 1, 0);
	read_all(&pieces, copy, n - 1, 1u + data[0]);
	must(whole.status == pieces.status && strcmp(whole.error.text, pieces.error.text) == 0);
	must(whole.entries == pieces.entries && whole.sum == pieces.sum && whole.bytes == pieces.bytes);
	free(copy);
	return 0;
}
