/* net/message.c - see message.h.
 *
 * protobuf-c accepts strings that are not UTF-8 and forgets their length, so that a zero byte cuts them
 * unseen; and it has no limit of depth. Hence the bytes are walked along the descriptor before they are
 * unpacked. */
#include "net/message.h"

#include <stdbool.h>
#include <string.h>

#include "net/grpc.h"
#include "net/utf8.h"
#include "proto/limits.h"
#include "proto/status.h"

enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

struct walk {
	const uint8_t *at, *end;
};

static bool take_varint(struct walk *w, uint64_t *value)
{
	*value = 0;
	for (unsigned shift = 0; shift < 64 && w->at < w->end; shift += 7) {
		uint8_t byte = *w->at++;

		*value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return true;
	}
	return false;
}

static bool skip(struct walk *w, uint64_t n)
{
	if (n > (uint64_t)(w->end - w->at))
		return false;
	w->at += n;
	return true;
}

static bool walk_message(const ProtobufCMessageDescriptor *type, struct walk w, int depth);

static bool walk_bytes(const ProtobufCFieldDescriptor *field, struct walk *w, int depth)
{
	const uint8_t *start;
	uint64_t n;

	if (!take_varint(w, &n))
		return false;
	start = w->at;
	if (!skip(w, n))
		return false;
	if (field == NULL)
		return true;
	if (field->type == PROTOBUF_C_TYPE_STRING)
		return memchr(start, 0, (size_t)n) == NULL && utf8_valid(start, (size_t)n);
	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		return walk_message(field->descriptor, (struct walk){start, start + n}, depth + 1);
	return true;
}

static bool walk_message(const ProtobufCMessageDescriptor *type, struct walk w, int depth)
{
	uint64_t tag, value;

	if (depth > MESSAGE_DEPTH_MAX)
		return false;
	while (w.at < w.end) {
		const ProtobufCFieldDescriptor *field;
		bool ok = false;

		if (!take_varint(&w, &tag) || tag >> 3 == 0 || tag >> 3 > 0x1fffffff)
			return false;
		field = protobuf_c_message_descriptor_get_field(type, (unsigned)(tag >> 3));
		if ((tag & 7) == WIRE_VARINT)
			ok = take_varint(&w, &value);
		else if ((tag & 7) == WIRE_BYTES)
			ok = walk_bytes(field, &w, depth);
		else if ((tag & 7) == WIRE_64 || (tag & 7) == WIRE_32)
			ok = skip(&w, (tag & 7) == WIRE_64 ? 8 : 4);
		if (!ok)
			return false;
	}
	return true;
}

/* --- both ways ------------------------------------------------------------------------------- */

/* Lists of tiny items grow most: a byte of tag, a byte of length, and a pointer and 16 bytes for it. */
static size_t memory_for(size_t n)
{
	size_t most = 16 * 1024 + 16 * n;

	return most < (size_t)MESSAGE_MEMORY_MAX ? most : (size_t)MESSAGE_MEMORY_MAX;
}

const ProtobufCMessage *message_read(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t n,
                                     struct arena *a, struct error *err)
{
	ProtobufCAllocator allocator = arena_allocator(a);
	ProtobufCMessage *m;

	if (!walk_message(type, (struct walk){data, data + n}, 1)) {
		error_set(err, STATUS_INVALID_ARGUMENT, "the message is not a valid %s", type->name);
		return NULL;
	}
	a->max = a->total + memory_for(n);
	a->refused = false;
	m = protobuf_c_message_unpack(type, &allocator, n, data);
	if (m == NULL && a->refused)
		error_set(err, STATUS_RESOURCE_EXHAUSTED, "the message has too many parts");
	else if (m == NULL)
		error_set(err, STATUS_INVALID_ARGUMENT, "the message is not a valid %s", type->name);
	a->max = 0;
	return m;
}

int message_write(struct buf *b, const ProtobufCMessage *m)
{
	size_t n = protobuf_c_message_get_packed_size(m);
	uint8_t *room;

	if (n > (size_t)MESSAGE_MAX)
		return STATUS_RESOURCE_EXHAUSTED;
	room = buf_reserve(b, GRPC_PREFIX + n);
	if (room == NULL)
		return STATUS_RESOURCE_EXHAUSTED;
	grpc_prefix_write(room, (uint32_t)n);
	protobuf_c_message_pack(m, room + GRPC_PREFIX);
	b->n += GRPC_PREFIX + n;
	return 0;
}
