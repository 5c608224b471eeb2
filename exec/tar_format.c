/* exec/tar_format.c - the fields of a tar header, and what stands where one should be. */
#include "exec/tar_format.h"

#include <string.h>

bool tar_read_number(const char *field, size_t width, uint64_t *value)
{
	const unsigned char *p = (const unsigned char *)field, *end = p + width;

	*value = 0;
	if (*p == 0x80) {
		for (p++; p < end; p++) {
			if (*value >> 55 != 0)
				return false;
			*value = *value << 8 | *p;
		}
		return true;
	}
	while (p < end && *p == ' ')
		p++;
	if (p == end || *p < '0' || *p > '7')
		return false;
	while (p < end && *p >= '0' && *p <= '7')
		*value = *value << 3 | (uint64_t)(*p++ - '0');
	while (p < end && (*p == ' ' || *p == '\0'))
		p++;
	return p == end;
}

bool tar_checksum_right(const struct tar_header *h)
{
	const unsigned char *bytes = (const unsigned char *)h;
	uint64_t said;
	unsigned sum = 0;

	for (size_t i = 0; i < sizeof *h; i++)
		sum += bytes[i];
	for (size_t i = 0; i < sizeof h->checksum; i++)
		sum += ' ' - (unsigned char)h->checksum[i];
	return tar_read_number(h->checksum, sizeof h->checksum, &said) && said == sum;
}

const char *tar_type_fault(char type)
{
	static const struct {
		char type;
		const char *words;
	} faults[] = {
		{'1', "is a hard link; only files and directories may be in it"},
		{'2', "is a symbolic link; only files and directories may be in it"},
		{'3', "is a character device; only files and directories may be in it"},
		{'4', "is a block device; only files and directories may be in it"},
		{'6', "is a FIFO; only files and directories may be in it"},
		{'K', "is a link with a long target; only files and directories may be in it"},
		{'S', "is a sparse file; make the archive without --sparse"},
		{'M', "is a part of a multi-volume archive"},
		{'V', "is a volume label; make the archive without --label"},
		{'D', "is from an incremental archive; make the archive without --listed-incremental"},
	};

	if (type == '0' || type == '5' || type == '\0')
		return NULL;
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		if (faults[i].type == type)
			return faults[i].words;
	}
	return "is of an unknown type; only files and directories may be in it";
}

const char *tar_foreign(const char *data, size_t n, const char **undo)
{
	static const struct {
		const char *magic;
		size_t n;
		const char *what, *undo;
	} kinds[] = {
		{"\x1f\x8b", 2, "gzip", "gunzip"},
		{"\xfd"
		 "7zXZ",
		 5, "xz", "unxz"},
		{"PK\x03\x04", 4, "zip", "unzip"},
		{"PK\x05\x06", 4, "zip", "unzip"},
		{"BZh", 3, "bzip2", "bunzip2"},
		{"\x28\xb5\x2f\xfd", 4, "zstd", "unzstd"},
		{"\x04\x22\x4d\x18", 4, "lz4", "unlz4"},
		{"7z\xbc\xaf\x27\x1c", 6, "7-Zip", "7z x"},
	};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (n >= kinds[i].n && memcmp(data, kinds[i].magic, kinds[i].n) == 0) {
			*undo = kinds[i].undo;
			return kinds[i].what;
		}
	}
	return NULL;
}
