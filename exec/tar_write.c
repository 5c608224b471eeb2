/* exec/tar_write.c - the writer of exec/tar.h: plain ustar with nothing in it that differs between two runs.
 */
#include <stdio.h>
#include <string.h>

#include "exec/tar.h"
#include "exec/tar_format.h"
#include "proto/limits.h"
#include "proto/status.h"

/* Put n digits and a zero byte: snprintf would warn about what cannot happen. */
static void put_octal(char *field, size_t width, uint64_t value)
{
	field[--width] = '\0';
	while (width > 0) {
		field[--width] = (char)('0' + (value & 7));
		value >>= 3;
	}
}

static void seal(struct tar_header *h)
{
	const unsigned char *bytes = (const unsigned char *)h;
	unsigned sum = 0;

	memcpy(h->magic, "ustar", 6);
	memcpy(h->version, "00", 2);
	memset(h->checksum, ' ', sizeof h->checksum);
	for (size_t i = 0; i < sizeof *h; i++)
		sum += bytes[i];
	put_octal(h->checksum, 7, sum);
}

/* Split at a slash into prefix and name, as ustar does. false: it does not fit. */
static bool put_name(struct tar_header *h, const char *name, size_t n)
{
	if (n <= sizeof h->name) {
		memcpy(h->name, name, n);
		return true;
	}
	for (size_t cut = n - sizeof h->name - 1; cut < n - 1 && cut <= sizeof h->prefix; cut++) {
		if (name[cut] == '/' && cut > 0) {
			memcpy(h->prefix, name, cut);
			memcpy(h->name, name + cut + 1, n - cut - 1);
			return true;
		}
	}
	return false;
}

/* "LENGTH KEY=VALUE\n", LENGTH counting itself. */
static int put_record(struct buf *records, const char *key, const char *value)
{
	size_t rest = strlen(key) + strlen(value) + 3, length = rest + 1;
	char digits[24];

	while ((size_t)snprintf(digits, sizeof digits, "%zu", length) + rest != length)
		length++;
	return buf_printf(records, "%s %s=%s\n", digits, key, value);
}

static int put_pax(struct buf *out, const char *path, uint64_t size)
{
	struct tar_header h = {.type = 'x', .name = "pax"};
	struct buf records = {0};
	char number[24];
	int status = 0;

	if (path != NULL)
		status = put_record(&records, "path", path);
	snprintf(number, sizeof number, "%llu", (unsigned long long)size);
	if (status == 0 && size > TAR_OCTAL_SIZE_MAX)
		status = put_record(&records, "size", number);
	put_octal(h.mode, sizeof h.mode, 0644);
	put_octal(h.size, sizeof h.size, records.n);
	seal(&h);
	if (status == 0)
		status = buf_append(out, &h, sizeof h);
	if (status == 0)
		status = buf_append(out, records.data, records.n);
	if (status == 0)
		status = buf_append(out, (char[TAR_BLOCK]){0}, tar_pad(records.n));
	buf_release(&records);
	return status;
}

int tar_write_header(struct buf *out, const struct tar_entry *entry, struct error *err)
{
	struct tar_header h = {.type = entry->directory ? '5' : '0'};
	char name[ARCHIVE_PATH_MAX + 2];
	int n = snprintf(name, sizeof name, "%s%s", entry->name, entry->directory ? "/" : "");
	uint64_t size = entry->directory ? 0 : entry->size;
	bool fits, small = size <= TAR_OCTAL_SIZE_MAX;
	int status = 0;

	if (n < 0 || (size_t)n >= sizeof name)
		return error_set(err, STATUS_INVALID_ARGUMENT, "a name has more than %d bytes",
				 ARCHIVE_PATH_MAX);
	fits = put_name(&h, name, (size_t)n);
	if (!fits)
		memcpy(h.name, name, sizeof h.name);
	put_octal(h.mode, sizeof h.mode, entry->directory || entry->executable ? 0755 : 0644);
	put_octal(h.uid, sizeof h.uid, 0);
	put_octal(h.gid, sizeof h.gid, 0);
	put_octal(h.mtime, sizeof h.mtime, 0);
	put_octal(h.size, sizeof h.size, small ? size : 0);
	seal(&h);
	if (!fits || !small)
		status = put_pax(out, fits ? NULL : name, size);
	if (status == 0)
		status = buf_append(out, &h, sizeof h);
	return status == 0 ? 0 : error_set(err, status, "no room for the header of an entry");
}

size_t tar_pad(uint64_t size)
{
	return (size_t)(-size % TAR_BLOCK);
}

void tar_write_end(struct buf *out)
{
	buf_append(out, (char[2 * TAR_BLOCK]){0}, 2 * TAR_BLOCK);
}
