/* store/record.h - protobuf-c messages as Redis hashes: one hash field for each field of the message, by
 * name.
 *
 * Strings and bytes as they are; whole numbers, enums and bools (0, 1) as decimal text; nested messages
 * packed. Fields at their default are not written, names that the message does not have are not read.
 * Repeated fields and maps exist only inside nested messages. */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include <hiredis/hiredis.h>
#include <protobuf-c/protobuf-c.h>

#include "net/arena.h"

/* A message of this type, all of it in arena, from a flat reply: name, value, name, value. NULL: it cannot be
 * read (a nested message is broken, or the reply is no such list). */
void *record_read(const ProtobufCMessageDescriptor *type, const redisReply *reply, struct arena *arena);

/* Call put() with name and value of each field that is not at its default. */
void record_write(const ProtobufCMessage *message,
		  void (*put)(void *user, const char *name, const void *value, size_t n), void *user);

#endif
