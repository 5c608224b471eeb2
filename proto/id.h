/* proto/id.h - names that HiveMind makes: 80 random bits as 16 lower-case Crockford base32 characters.
 *
 * Random from the first character, so that a prefix of four is enough to name one of thousands. */
#ifndef PROTO_ID_H
#define PROTO_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ID_LENGTH 16
#define ID_SIZE (ID_LENGTH + 1)      /* with the terminating zero */
#define ID_PREFIX_MIN 4
#define TASK_ID_SIZE (ID_LENGTH + 9) /* "7kq2mm9c3v8w04ta.1000000" */
#define SHA256_HEX_SIZE 65           /* 64 digits and the terminating zero */

/* Write the id that these ten random bytes are. */
void id_from_bytes(char id[ID_SIZE], const uint8_t random[10]);

/* Is this 16 characters of the alphabet? */
bool id_valid(const char *id);

/* Is this `ID.N` with N from 1 to 1,000,000 and no leading zero? */
bool task_id_valid(const char *task);

/* Is this 4 or more characters that a task id can begin with: "7kq2", "7kq2.1", a whole id? */
bool id_prefix_valid(const char *prefix);

/* Is this 64 lower-case hexadecimal digits? */
bool sha256_hex_valid(const char *hex);

#endif
