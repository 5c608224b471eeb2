/* exec/tar.c - the strict tar reader.
 *
 * Bytes come in pieces of any size. HEADER collects a block of 512; what it says decides what follows:
 *
 *   HEADER -> DATA -> PADDING -> HEADER       a file (data is handed on from where it lies, never copied)
 *   HEADER -> EXTRA -> PADDING -> HEADER      a pax record or a GNU long name for the next entry
 *   HEADER -> LAST -> AFTER                   two blocks of zeros, then nothing but zeros
 *
 * The first thing that breaks a rule ends it: the error stays and every later call answers it again. Names
 * are hostile until check_name() has passed them; in words they stand only through text_visible(). */
#include "exec/tar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec/name_set.h"
#include "exec/pax.h"
#include "exec/tar_format.h"
#include "exec/visible.h"
#include "net/memory.h"
#include "proto/limits.h"
#include "proto/status.h"

#define AFTER_MAX (16 * MiB) /* zeros after the end: the last record of the widest tape */
#define NAMED_MAX 160        /* of a name within a sentence */

enum tar_state { HEADER, DATA, EXTRA, PADDING, LAST, AFTER };

struct tar_reader {
	struct tar_reader_events events;
	uint64_t max_bytes, bytes; /* of file data */
	uint64_t entries;
	enum tar_state state;
	uint64_t left;         /* bytes of DATA, EXTRA; with PADDING: zeros; AFTER: zeros seen */
	char block[TAR_BLOCK]; /* HEADER and LAST */
	size_t filled;
	struct buf extra;
	char extra_type;
	bool in_entry;                   /* PADDING belongs to an entry */
	struct pax next;                 /* what was said of the entry that comes */
	char name[ARCHIVE_PATH_MAX + 8]; /* of the current entry, or of the last one */
	struct name_set names;
	struct error error;
};

struct tar_reader *tar_reader_new(const struct tar_reader_events *events, uint64_t max_bytes)
{
	struct tar_reader *t = xcalloc(1, sizeof *t);

	if (events != NULL)
		t->events = *events;
	t->max_bytes = max_bytes;
	t->extra.max = PAX_MAX;
	name_set_init(&t->names);
	return t;
}

void tar_reader_free(struct tar_reader *t)
{
	if (t == NULL)
		return;
	name_set_release(&t->names);
	buf_release(&t->extra);
	free(t);
}

uint64_t tar_reader_entries(const struct tar_reader *t)
{
	return t->entries;
}

/* --- names ---------------------------------------------------------------------------------------- */

/* Refuse the entry `name`: its name made visible, then the words. */
static int refuse(struct tar_reader *t, const char *name, const char *words)
{
	char shown[NAMED_MAX];

	text_visible(shown, sizeof shown, name, strlen(name));
	return error_set(&t->error, STATUS_INVALID_ARGUMENT, "\"%s\" %s", shown, words);
}

const char *tar_component_fault(const char *component, size_t n)
{
	if (n == 0)
		return "has an empty part between two slashes";
	if (n == 1 && component[0] == '.')
		return "has a part that is only a dot";
	if (n == 2 && component[0] == '.' && component[1] == '.')
		return "leads out of the archive (..)";
	if (n > ARCHIVE_NAME_MAX)
		return "has a part longer than 255 bytes";
	if (memchr(component, '\n', n) != NULL)
		return "has a line break in its name";
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)component[i] < 0x20 || component[i] == 0x7f)
			return "has a control character in its name";
	}
	return NULL;
}

/* Check every part of name, which has no "./" before it nor "/" behind it. */
static int check_name(struct tar_reader *t, const char *name, bool directory)
{
	int depth = directory ? 1 : 0;

	for (const char *p = name;; depth++) {
		size_t n = strcspn(p, "/");
		const char *fault = tar_component_fault(p, n);

		if (fault != NULL)
			return refuse(t, name, fault);
		if (p[n] == '\0')
			break;
		p += n + 1;
	}
	if (depth > ARCHIVE_DEPTH_MAX)
		return refuse(t, name, "lies deeper than 32 directories");
	return 0;
}

static int remember_name(struct tar_reader *t, const char *name, bool directory)
{
	static const char *const words[] = {
		[NAME_DUPLICATE] = "is in the archive twice",
		[NAME_IS_DIRECTORY] = "is a file where the archive has a directory",
		[NAME_BELOW_FILE] = "lies below a name that is a file",
		[NAME_TOO_MANY] = "is one too many: an archive may have 100000 files and directories",
	};
	enum name_verdict verdict = name_set_add(&t->names, name, directory);

	return verdict == NAME_NEW ? 0 : refuse(t, name, words[verdict]);
}

/* Join the header's name and prefix into t->name. */
static int take_name(struct tar_reader *t, const struct tar_header *h, bool gnu)
{
	size_t n = strnlen(h->name, sizeof h->name), prefix = gnu ? 0 : strnlen(h->prefix, sizeof h->prefix);

	if (t->next.has_path) {
		strcpy(t->name, t->next.path);
		return 0;
	}
	snprintf(t->name, sizeof t->name, "%.*s%s%.*s", (int)prefix, h->prefix, prefix > 0 ? "/" : "", (int)n,
		 h->name);
	for (size_t i = n; i < sizeof h->name; i++) {
		if (h->name[i] != '\0')
			return refuse(t, t->name, "has a zero byte in its name");
	}
	return 0;
}

/* Take "./" from the front and "/" from the end. */
static void trim_name(char *name, bool *slash)
{
	char *p = name;
	size_t n;

	while (p[0] == '.' && p[1] == '/') {
		p += 2;
		while (*p == '/')
			p++;
	}
	n = strlen(p);
	memmove(name, p, n + 1);
	while (n > 1 && name[n - 1] == '/') {
		name[--n] = '\0';
		*slash = true;
	}
	if (strcmp(name, ".") == 0)
		name[0] = '\0';
}

/* --- headers -------------------------------------------------------------------------------------- */

/* It does not even begin as a tar does. */
static int not_a_tar(struct tar_reader *t, const char *data, size_t n)
{
	const char *undo, *what = tar_foreign(data, n, &undo);

	if (what == NULL)
		return error_set(&t->error, STATUS_INVALID_ARGUMENT, "this is not a tar archive");
	error_set(&t->error, STATUS_INVALID_ARGUMENT, "this is %s data, not a plain tar archive", what);
	return error_hint(&t->error, "unpack it first (%s)", undo);
}

static int bad_header(struct tar_reader *t, const char *words)
{
	char shown[NAMED_MAX];

	if (t->name[0] == '\0')
		return error_set(&t->error, STATUS_INVALID_ARGUMENT, "the first header %s", words);
	text_visible(shown, sizeof shown, t->name, strlen(t->name));
	return error_set(&t->error, STATUS_INVALID_ARGUMENT, "the header after \"%s\" %s", shown, words);
}

/* The size of the entry: the header's and the pax record's must agree where both can say it. */
static int take_size(struct tar_reader *t, const struct tar_header *h, uint64_t *size)
{
	if (!tar_read_number(h->size, sizeof h->size, size)) {
		if ((unsigned char)h->size[0] == 0xff)
			return refuse(t, t->name, "has a negative size");
		return refuse(t, t->name, "has a size that is not a number");
	}
	if (t->next.has_size) {
		if (t->next.size <= TAR_OCTAL_SIZE_MAX && t->next.size != *size)
			return refuse(t, t->name,
				      "has two sizes, one in its header and another in its pax record");
		*size = t->next.size;
	}
	return 0;
}

static int check_size(struct tar_reader *t, const char *name, uint64_t size)
{
	char shown[NAMED_MAX];

	if (size <= t->max_bytes - t->bytes)
		return 0;
	text_visible(shown, sizeof shown, name, strlen(name));
	return error_set(&t->error, STATUS_RESOURCE_EXHAUSTED,
			 "\"%s\" has %llu bytes: with it the files have more than the %llu bytes allowed",
			 shown, (unsigned long long)size, (unsigned long long)t->max_bytes);
}

static void expect(struct tar_reader *t, enum tar_state state, uint64_t left)
{
	t->state = state;
	t->left = left;
	t->filled = 0;
}

static int end_entry(struct tar_reader *t)
{
	t->in_entry = false;
	return t->events.on_entry_end != NULL ? t->events.on_entry_end(t->events.user, &t->error) : 0;
}

/* A file or directory begins; its name is in t->name. */
static int begin_entry(struct tar_reader *t, uint64_t mode, bool directory, uint64_t size)
{
	struct tar_entry entry = {t->name, directory, !directory && (mode & 0111) != 0, size};
	int status = 0;

	if (++t->entries > ARCHIVE_ENTRIES_MAX)
		return refuse(t, t->name,
			      "is one too many: an archive may have 100000 files and directories");
	t->bytes += size;
	t->in_entry = true;
	if (t->events.on_entry != NULL)
		status = t->events.on_entry(t->events.user, &entry, &t->error);
	if (status == 0 && size == 0)
		status = end_entry(t);
	expect(t, size > 0 ? DATA : HEADER, size);
	return status;
}

static int read_entry(struct tar_reader *t, const struct tar_header *h, bool gnu)
{
	bool directory = h->type == '5', slash = false;
	uint64_t mode, size;
	int status = take_name(t, h, gnu);
	const char *fault = tar_type_fault(h->type);

	if (status == 0)
		trim_name(t->name, &slash);
	if (status == 0 && fault != NULL)
		status = refuse(t, t->name, fault);
	if (status == 0 && t->name[0] == '\0' && !directory)
		status = refuse(t, "", "is an entry without a name");
	if (status == 0 && t->name[0] == '/')
		status = refuse(t, t->name, "has an absolute name");
	if (status == 0 && t->name[0] != '\0')
		status = check_name(t, t->name, directory);
	if (status == 0 && slash && !directory)
		status = refuse(t, t->name, "is a file whose name ends in a slash");
	if (status == 0)
		status = take_size(t, h, &size);
	if (status == 0 && directory && size > 0)
		status = refuse(t, t->name, "is a directory that has data");
	if (status == 0 && !tar_read_number(h->mode, sizeof h->mode, &mode))
		status = refuse(t, t->name, "has a mode that is not a number");
	if (status == 0)
		status = check_size(t, t->name, size);
	if (status == 0)
		status = remember_name(t, t->name, directory);
	t->next.has_path = t->next.has_size = false;
	if (status != 0)
		return status;
	if (t->name[0] == '\0') { /* "./": the directory itself */
		expect(t, HEADER, 0);
		return 0;
	}
	return begin_entry(t, mode, directory, size);
}

/* --- what is said of the next entry --------------------------------------------------------------- */

static int end_extra(struct tar_reader *t)
{
	const char *fault = pax_take(&t->next, t->extra_type, (char *)t->extra.data, t->extra.n);

	return fault == NULL ? 0 : bad_header(t, fault);
}

/* The header of a block of pax records, or of a GNU long name. */
static int begin_extra(struct tar_reader *t, const struct tar_header *h)
{
	uint64_t size;

	if (!tar_read_number(h->size, sizeof h->size, &size) || size == 0 || size > PAX_MAX)
		return bad_header(t, h->type == 'L' ? "has a long name of impossible size"
						    : "has pax records of impossible size");
	if (h->type == 'g' && (t->next.has_path || t->next.has_size))
		return bad_header(t, "stands between an entry and its pax record");
	t->extra.n = 0;
	t->extra_type = h->type;
	expect(t, EXTRA, size);
	return 0;
}

/* --- the machine ---------------------------------------------------------------------------------- */

static bool all_zero(const char *data, size_t n)
{
	return n == 0 || (data[0] == '\0' && memcmp(data, data + 1, n - 1) == 0);
}

static int read_header(struct tar_reader *t)
{
	const struct tar_header *h = (const struct tar_header *)t->block;
	bool gnu = memcmp(h->magic, "ustar ", 6) == 0;
	bool first = t->entries == 0 && t->name[0] == '\0';

	if (all_zero(t->block, sizeof t->block)) {
		if (t->next.has_path || t->next.has_size)
			return bad_header(t, "is the end, and an entry was still announced");
		expect(t, LAST, 0);
		return 0;
	}
	if (!tar_checksum_right(h))
		return first ? not_a_tar(t, t->block, sizeof t->block)
			     : bad_header(t, "has a wrong checksum");
	if (!gnu && memcmp(h->magic, "ustar", 6) != 0)
		return bad_header(
			t, "is of the tar format before ustar; make the archive with --format=ustar or pax");
	if (h->type == 'x' || h->type == 'g' || h->type == 'L')
		return begin_extra(t, h);
	return read_entry(t, h, gnu);
}

/* Collect a block; when it is whole, act on it. */
static int feed_block(struct tar_reader *t, const char **data, size_t *n)
{
	size_t take = TAR_BLOCK - t->filled;

	if (take > *n)
		take = *n;
	memcpy(t->block + t->filled, *data, take);
	t->filled += take;
	*data += take;
	*n -= take;
	if (t->filled < TAR_BLOCK)
		return 0;
	if (t->state == HEADER)
		return read_header(t);
	if (!all_zero(t->block, sizeof t->block))
		return bad_header(t, "follows half an end mark");
	expect(t, AFTER, 0);
	return 0;
}

/* DATA, EXTRA, PADDING: hand on what is there; at the end of it go where it leads. */
static int feed_counted(struct tar_reader *t, const char **data, size_t *n)
{
	size_t take = t->left < *n ? (size_t)t->left : *n;
	int status = 0;

	if (t->state == DATA) {
		if (t->events.on_data != NULL)
			status = t->events.on_data(t->events.user, *data, take, &t->error);
		t->filled = (t->filled + take) % TAR_BLOCK;
	} else if (t->state == EXTRA) {
		buf_append(&t->extra, *data, take);
		t->filled = (t->filled + take) % TAR_BLOCK;
	}
	*data += take;
	*n -= take;
	t->left -= take;
	if (status != 0 || t->left > 0)
		return status;
	if (t->state == DATA)
		status = end_entry(t);
	else if (t->state == EXTRA)
		status = end_extra(t);
	if (t->state != PADDING && t->filled > 0)
		expect(t, PADDING, TAR_BLOCK - t->filled);
	else
		expect(t, HEADER, 0);
	return status;
}

static int feed_after(struct tar_reader *t, const char **data, size_t *n)
{
	if (!all_zero(*data, *n))
		return error_set(&t->error, STATUS_INVALID_ARGUMENT,
				 "there is something after the end of the archive");
	t->left += *n;
	*n = 0;
	if (t->left > AFTER_MAX)
		return error_set(&t->error, STATUS_INVALID_ARGUMENT,
				 "there are more than 16 MiB of zeros after the end of the archive");
	return 0;
}

int tar_reader_feed(struct tar_reader *t, const void *data, size_t n, struct error *err)
{
	const char *p = data;
	int status = t->error.status;

	while (status == 0 && n > 0) {
		if (t->state == HEADER || t->state == LAST)
			status = feed_block(t, &p, &n);
		else if (t->state == AFTER)
			status = feed_after(t, &p, &n);
		else
			status = feed_counted(t, &p, &n);
	}
	if (status != 0) {
		t->error.status = status;
		if (err != NULL)
			*err = t->error;
	}
	return status;
}

static int ends_early(struct tar_reader *t)
{
	char shown[NAMED_MAX];

	text_visible(shown, sizeof shown, t->name, strlen(t->name));
	if (t->state == DATA)
		return error_set(&t->error, STATUS_INVALID_ARGUMENT,
				 "the archive ends early: \"%s\" lacks %llu bytes", shown,
				 (unsigned long long)t->left);
	if (t->entries == 0 && t->state == HEADER && t->filled == 0)
		return error_set(&t->error, STATUS_INVALID_ARGUMENT,
				 "the archive is empty: not one byte of it is there");
	if (t->entries == 0 && t->state == HEADER)
		return not_a_tar(t, t->block, t->filled);
	return error_set(&t->error, STATUS_INVALID_ARGUMENT,
			 "the archive ends early: after \"%s\" its end mark is missing", shown);
}

int tar_reader_end(struct tar_reader *t, struct error *err)
{
	int status = t->error.status;

	if (status == 0 && t->state != AFTER)
		status = ends_early(t);
	if (status != 0 && err != NULL)
		*err = t->error;
	return status;
}
