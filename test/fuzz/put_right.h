/* test/fuzz/put_right.h - for the targets that read a tar: with wrong checksums little of it would be read.
 */
#ifndef TEST_FUZZ_PUT_RIGHT_H
#define TEST_FUZZ_PUT_RIGHT_H

#include "exec/tar_format.h"
#include "test/fuzz/fuzz.h"

/* Every block that calls itself ustar gets the checksum it should have. */
static inline void put_right(uint8_t *data, size_t n)
{
	for (; n >= TAR_BLOCK; data += TAR_BLOCK, n -= TAR_BLOCK) {
		struct tar_header *h = (struct tar_header *)data;
		unsigned sum = 0;
		char digits[8];

		if (memcmp(h->magic, "ustar", 5) != 0)
			continue;
		memset(h->checksum, ' ', sizeof h->checksum);
		for (size_t i = 0; i < TAR_BLOCK; i++)
			sum += data[i];
		snprintf(digits, sizeof digits, "%06o", sum);
		memcpy(h->checksum, digits, 7);
	}
}

#endif
