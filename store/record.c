/* store/record.c - a message from a hash and back, driven by the message's own descriptor. */
#include "store/record.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/memory.h"

static bool read_message(void *member, const ProtobufCFieldDescriptor *field, const redisReply *value,
			 struct arena *arena)
{
	ProtobufCAllocator allocator = arena_allocator(arena);
	ProtobufCMessage *message = protobuf_c_message_unpack(field->descriptor, &allocator, value->len,
							      (const uint8_t *)value->str);

	*(ProtobufCMessage **)member = message;
	return message != NULL;
}

static bool read_value(void *member, const ProtobufCFieldDescriptor *field, const redisReply *value,
		       struct arena *arena)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING:
		*(char **)member = arena_strdup(arena, value->str);
		return true;
	case PROTOBUF_C_TYPE_BYTES:
		*(ProtobufCBinaryData *)member =
			(ProtobufCBinaryData){value->len, arena_dup(arena, value->str, value->len)};
		return true;
	case PROTOBUF_C_TYPE_BOOL:
		*(protobuf_c_boolean *)member = strcmp(value->str, "0") != 0;
		return true;
	case PROTOBUF_C_TYPE_ENUM:
	case PROTOBUF_C_TYPE_INT32:
		*(int32_t *)member = (int32_t)strtol(value->str, NULL, 10);
		return true;
	case PROTOBUF_C_TYPE_UINT32:
		*(uint32_t *)member = (uint32_t)strtoul(value->str, NULL, 10);
		return true;
	case PROTOBUF_C_TYPE_INT64:
		*(int64_t *)member = strtoll(value->str, NULL, 10);
		return true;
	case PROTOBUF_C_TYPE_UINT64:
		*(uint64_t *)member = strtoull(value->str, NULL, 10);
		return true;
	case PROTOBUF_C_TYPE_MESSAGE:
		return read_message(member, field, value, arena);
	default:
		return false;
	}
}

void *record_read(const ProtobufCMessageDescriptor *type, const redisReply *reply, struct arena *arena)
{
	ProtobufCMessage *message = arena_alloc(arena, type->sizeof_message);

	protobuf_c_message_init(type, message);
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements % 2 != 0)
		return NULL;
	for (size_t i = 0; i < reply->elements; i += 2) {
		const redisReply *name = reply->element[i], *value = reply->element[i + 1];
		const ProtobufCFieldDescriptor *field;

		if (name->type != REDIS_REPLY_STRING || value->type != REDIS_REPLY_STRING)
			return NULL;
		field = protobuf_c_message_descriptor_get_field_by_name(type, name->str);
		if (field == NULL || field->label == PROTOBUF_C_LABEL_REPEATED)
			continue;
		if (!read_value((char *)message + field->offset, field, value, arena))
			return NULL;
	}
	return message;
}

struct put {
	void (*put)(void *user, const char *name, const void *value, size_t n);
	void *user;
};

static void put_number(const struct put *p, const char *name, long long value)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%lld", value);

	if (value != 0)
		p->put(p->user, name, text, (size_t)n);
}

static void put_unsigned(const struct put *p, const char *name, unsigned long long value)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%llu", value);

	if (value != 0)
		p->put(p->user, name, text, (size_t)n);
}

static void put_message(const struct put *p, const char *name, const ProtobufCMessage *message)
{
	uint8_t *packed;
	size_t n;

	if (message == NULL)
		return;
	packed = xmalloc(protobuf_c_message_get_packed_size(message) + 1);
	n = protobuf_c_message_pack(message, packed);
	p->put(p->user, name, packed, n);
	free(packed);
}

static void put_bytes(const struct put *p, const char *name, const void *value, size_t n)
{
	if (n > 0)
		p->put(p->user, name, value, n);
}

static void write_value(const struct put *p, const void *member, const ProtobufCFieldDescriptor *field)
{
	const ProtobufCBinaryData *bytes = member;

	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING:
		put_bytes(p, field->name, *(char *const *)member, strlen(*(char *const *)member));
		break;
	case PROTOBUF_C_TYPE_BYTES:
		put_bytes(p, field->name, bytes->data, bytes->len);
		break;
	case PROTOBUF_C_TYPE_BOOL:
		put_number(p, field->name, *(const protobuf_c_boolean *)member != 0);
		break;
	case PROTOBUF_C_TYPE_ENUM:
	case PROTOBUF_C_TYPE_INT32:
		put_number(p, field->name, *(const int32_t *)member);
		break;
	case PROTOBUF_C_TYPE_UINT32:
		put_unsigned(p, field->name, *(const uint32_t *)member);
		break;
	case PROTOBUF_C_TYPE_INT64:
		put_number(p, field->name, *(const int64_t *)member);
		break;
	case PROTOBUF_C_TYPE_UINT64:
		put_unsigned(p, field->name, *(const uint64_t *)member);
		break;
	case PROTOBUF_C_TYPE_MESSAGE:
		put_message(p, field->name, *(ProtobufCMessage *const *)member);
		break;
	default:
		break;
	}
}

void record_write(const ProtobufCMessage *message,
		  void (*put)(void *user, const char *name, const void *value, size_t n), void *user)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;
	struct put p = {put, user};

	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];

		if (field->label != PROTOBUF_C_LABEL_REPEATED)
			write_value(&p, (const char *)message + field->offset, field);
	}
}
