/* test/fuzz/image_archive.c - a stranger's image.tar: what comes of it is as long as it said, and a whole
 * tar. First byte: its high bit = the checksums are put right first. */
#define _GNU_SOURCE /* memfd_create */
#include "exec/image_archive.c"

#include "test/fuzz/file.h"
#include "test/fuzz/put_right.h"

#define OUT_MAX (4u << 20)

static void read_all(struct image_archive *a)
{
	char piece[1000];
	uint64_t sum = 0;
	ssize_t n;

	while ((n = image_archive_read(a, piece, sizeof piece)) > 0 && sum < OUT_MAX)
		sum += (uint64_t)n;
	must(n >= 0);
	must(sum >= OUT_MAX || (sum == image_archive_size(a) && sum % TAR_BLOCK == 0));
}

/* As image_archive_open() does it, with a file that has no path. */
static struct image_archive *open_file(const struct file *f, size_t n, struct error *err)
{
	struct image_archive *a = xcalloc(1, sizeof *a);

	a->parts = xcalloc(IMAGE_ENTRIES_MAX, sizeof *a->parts);
	a->fd = dup(f->fd);
	a->file_size = n;
	if (read_archive(a, "hivemind:fuzz", err) == 0)
		return a;
	image_archive_close(a);
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct image_archive *a;
	struct error e = {0};
	struct file f;
	uint8_t *copy;

	if (n == 0)
		return 0;
	copy = bytes_of(data + 1, n - 1);
	if (data[0] & 0x80)
		put_right(copy, n - 1);
	file_open(&f, copy, n - 1);
	a = open_file(&f, n - 1, &e);
	must((a == NULL) == (e.status != 0));
	if (a != NULL)
		read_all(a);
	image_archive_close(a);
	file_close(&f);
	free(copy);
	return 0;
}
