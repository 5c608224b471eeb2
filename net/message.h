/* net/message.h - protobuf messages from and to bytes, with the checks that protobuf-c leaves out. */
#ifndef NET_MESSAGE_H
#define NET_MESSAGE_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#include "net/arena.h"
#include "net/buf.h"
#include "proto/error.h"

/* Unpack into arena a. Every string in it is valid UTF-8 without a zero byte, nothing is nested deeper
 * than MESSAGE_DEPTH_MAX, and the memory it takes is bounded by its size and by MESSAGE_MEMORY_MAX.
 * NULL = err says why:
 *   INVALID_ARGUMENT    not such a message      RESOURCE_EXHAUSTED  larger than it may be */
const ProtobufCMessage *message_read(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t n,
                                     struct arena *a, struct error *err);

/* Append m with gRPC's five-byte prefix. RESOURCE_EXHAUSTED = above MESSAGE_MAX or b's ceiling. */
int message_write(struct buf *b, const ProtobufCMessage *m);

#endif
