/* test/fuzz/credentials.c - the file of logins: what is read and written again reads the same. */
#define _GNU_SOURCE /* memfd_create */
#include "roles/credentials.c"

#include "test/fuzz/file.h"

static bool same(const struct credentials *a, const struct credentials *b)
{
	if (a->count != b->count || strcmp(a->current, b->current) != 0)
		return false;
	for (int i = 0; i < a->count; i++)
		if (strcmp(a->entries[i].pool, b->entries[i].pool) != 0 ||
		    strcmp(a->entries[i].account, b->entries[i].account) != 0 ||
		    strcmp(a->entries[i].token, b->entries[i].token) != 0)
			return false;
	return true;
}

/* NULL = it was refused */
static struct credentials *read_bytes(const void *data, size_t n)
{
	struct credentials *c = xcalloc(1, sizeof *c);
	struct error e = {0};
	struct file f;
	int status;

	file_open(&f, data, n);
	text_copy(c->path, sizeof c->path, f.path);
	status = read_file(c, &e);
	file_close(&f);
	must(status == e.status);
	if (status == 0)
		return c;
	release(c);
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct credentials *c = read_bytes(data, n), *again;
	char *written = NULL;
	size_t written_n = 0;
	FILE *f;

	if (c == NULL)
		return 0;
	f = open_memstream(&written, &written_n);
	write_entries(c, f);
	fclose(f);
	again = read_bytes(written, written_n);
	must(again != NULL && same(c, again));
	release(again);
	release(c);
	free(written);
	return 0;
}
