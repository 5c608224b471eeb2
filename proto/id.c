#include "proto/id.h"

#include <string.h>

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz"; /* no i l o u */

void id_from_bytes(char id[ID_SIZE], const uint8_t random[10])
{
	for (int half = 0; half < 2; half++) {
		uint64_t bits = 0;

		for (int i = 0; i < 5; i++)
			bits = bits << 8 | random[half * 5 + i];
		for (int i = 7; i >= 0; i--, bits >>= 5)
			id[half * 8 + i] = alphabet[bits & 31];
	}
	id[ID_LENGTH] = '\0';
}

static size_t id_characters(const char *text)
{
	return strspn(text, alphabet);
}

bool id_valid(const char *id)
{
	return strlen(id) == ID_LENGTH && id_characters(id) == ID_LENGTH;
}

/* `.N`, or `.` and the beginning of N when the end may be missing. */
static bool member_valid(const char *member)
{
	size_t digits = member[0] == '.' ? strspn(member + 1, "0123456789") : 0;

	if (digits < 1 || digits > 7 || member[1 + digits] != '\0')
		return false;
	return member[1] != '0' && (digits < 7 || strcmp(member + 1, "1000000") == 0);
}

bool task_id_valid(const char *task)
{
	return id_characters(task) == ID_LENGTH && member_valid(task + ID_LENGTH);
}

bool id_prefix_valid(const char *prefix)
{
	size_t n = id_characters(prefix);

	if (n < ID_PREFIX_MIN || n > ID_LENGTH)
		return false;
	return prefix[n] == '\0' || member_valid(prefix + n);
}

bool sha256_hex_valid(const char *hex)
{
	return strlen(hex) == 64 && strspn(hex, "0123456789abcdef") == 64;
}
