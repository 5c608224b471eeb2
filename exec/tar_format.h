/* exec/tar_format.h - a tar header as it lies in the file (POSIX.1-2017 pax, "ustar Interchange Format"). */
#ifndef EXEC_TAR_FORMAT_H
#define EXEC_TAR_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TAR_BLOCK 512

struct tar_header {
	char name[100];
	char mode[8]; /* numbers are octal digits, ended by a blank or a zero byte */
	char uid[8];
	char gid[8];
	char size[12];
	char mtime[12];
	char checksum[8]; /* of the header's bytes, these eight taken as blanks */
	char type;
	char linkname[100];
	char magic[6];   /* "ustar\0"; GNU tar's own format has "ustar " */
	char version[2]; /* "00"; GNU " \0" */
	char uname[32];
	char gname[32];
	char devmajor[8];
	char devminor[8];
	char prefix[155]; /* directories before name; other things in GNU tar's own format */
	char padding[12];
};

_Static_assert(sizeof(struct tar_header) == TAR_BLOCK, "a tar header is one block");

#define TAR_OCTAL_SIZE_MAX 077777777777ull /* what eleven digits hold */

/* An octal number, or GNU's base-256 for large sizes. */
bool tar_read_number(const char *field, size_t width, uint64_t *value);
bool tar_checksum_right(const struct tar_header *h);

/* Why an entry of this type is refused; NULL = it is a file or a directory. */
const char *tar_type_fault(char type);

/* What these first bytes of a file say that it is instead of a tar ("gzip"), and the program that unpacks it;
 * NULL = unknown. */
const char *tar_foreign(const char *data, size_t n, const char **undo);

#endif
