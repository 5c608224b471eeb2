/* test/fuzz/message.c - bytes read as each protobuf message of hivemind.v1, inner ones too: what is read can
 * be written, and what was written reads the same. First byte: which message. */
#include "net/message.h"
#include "net/grpc.h"
#include "proto/limits.h"
#include "proto/rpc.h"
#include "test/fuzz/fuzz.h"

#define TYPES_MAX 200

static const ProtobufCMessageDescriptor *types[TYPES_MAX];
static unsigned type_count;

/* type and what it is made of */
static void add_type(const ProtobufCMessageDescriptor *type)
{
	for (unsigned i = 0; i < type_count; i++)
		if (types[i] == type)
			return;
	must(type_count < TYPES_MAX);
	types[type_count++] = type;
	for (unsigned i = 0; i < type->n_fields; i++)
		if (type->fields[i].type == PROTOBUF_C_TYPE_MESSAGE)
			add_type(type->fields[i].descriptor);
}

static void add_types(void)
{
	for (int i = 0; i < RPC_COUNT && type_count < TYPES_MAX; i++) {
		add_type(rpc_methods[i].in);
		add_type(rpc_methods[i].out);
	}
}

static void write_and_read_again(const ProtobufCMessage *m)
{
	struct buf first = {0}, second = {0};
	struct arena arena = {0};
	const ProtobufCMessage *again;
	struct error e;

	if (message_write(&first, m) != 0)
		return;
	must(protobuf_c_message_check(m));
	must(grpc_prefix_read(first.data).length == first.n - GRPC_PREFIX);
	again = message_read(m->descriptor, first.data + GRPC_PREFIX, first.n - GRPC_PREFIX, &arena, &e);
	if (again != NULL) {
		must(message_write(&second, again) == 0);
		must(first.n == second.n && memcmp(first.data, second.data, first.n) == 0);
	} else {
		must(e.status == 8); /* too many parts: an enum grows when it is written */
	}
	buf_release(&first);
	buf_release(&second);
	arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena arena = {0};
	const ProtobufCMessage *m;
	struct error e = {0};
	uint8_t *bytes;

	add_types();
	if (n == 0)
		return 0;
	bytes = bytes_of(data + 1, n - 1);
	m = message_read(types[data[0] % type_count], bytes, n - 1, &arena, &e);
	must((m == NULL) == (e.status != 0));
	must(arena.total <= (size_t)MESSAGE_MEMORY_MAX);
	free(bytes);
	if (m != NULL)
		write_and_read_again(m);
	arena_release(&arena);
	return 0;
}
