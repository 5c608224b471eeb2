/* roles/pool_reflection.c - see pool_reflection.h.
 *
 * Each request is answered at once; who asks without reading the answers is held back. A name is found by
 * walking the files: there are few, and nobody asks often. */
#include "roles/pool_reflection.h"

#include <string.h>

#include "file_shape.pb-c.h"
#include "grpc_reflection.pb-c.h"
#include "net/embed.h"
#include "net/message.h"
#include "proto/limits.h"
#include "proto/status.h"
#include "roles/pool.h"

EMBED(services_set);

/* --- the descriptors --------------------------------------------------------------------------- */

static void load(struct reflection *r)
{
	struct error e;

	if (r->set != NULL)
		return;
	r->set = (const Shape__FileSet *)message_read(&shape__file_set__descriptor,
	                                              (const uint8_t *)embed_services_set,
	                                              embed_services_set_size, &r->arena, &e);
	r->files = arena_alloc(&r->arena, r->set->n_file * sizeof *r->files);
	for (size_t i = 0; i < r->set->n_file; i++)
		r->files[i] = (const Shape__File *)message_read(&shape__file__descriptor, r->set->file[i].data,
		                                                r->set->file[i].len, &r->arena, &e);
}

void reflection_release(struct reflection *r)
{
	arena_release(&r->arena);
	*r = (struct reflection){0};
}

/* The rest of a dotted name behind its first part; "" = it is that part. NULL = it is another. */
static const char *behind(const char *name, const char *part)
{
	size_t n = strlen(part);

	if (strncmp(name, part, n) != 0 || (name[n] != '\0' && name[n] != '.'))
		return NULL;
	return name[n] == '.' ? name + n + 1 : name + n;
}

static bool has_named(Shape__Named *const *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i]->name, name) == 0)
			return true;
	return false;
}

static bool in_groups(Shape__Group *const *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		const char *rest = behind(name, list[i]->name);

		if (rest != NULL)
			return *rest == '\0' || has_named(list[i]->member, list[i]->n_member, rest);
	}
	return false;
}

static bool in_types(Shape__Type *const *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		const Shape__Type *type = list[i];
		const char *rest = behind(name, type->name);

		if (rest != NULL)
			return *rest == '\0' || has_named(type->field, type->n_field, rest) ||
			       in_types(type->nested_type, type->n_nested_type, rest) ||
			       in_groups(type->enum_type, type->n_enum_type, rest);
	}
	return false;
}

static bool file_has_symbol(const Shape__File *file, const char *symbol)
{
	const char *name = behind(symbol, file->package);

	return name != NULL && (in_types(file->message_type, file->n_message_type, name) ||
	                        in_groups(file->enum_type, file->n_enum_type, name) ||
	                        in_groups(file->service, file->n_service, name));
}

static bool file_is_named(const Shape__File *file, const char *name)
{
	return strcmp(file->name, name) == 0;
}

/* --- answers ----------------------------------------------------------------------------------- */

struct question {
	struct rpc *rpc;
	const struct reflection *known;
	const Reflection__ServerReflectionRequest *in;
	Reflection__ServerReflectionResponse out;
};

#define ANSWERS(kind) REFLECTION__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_##kind

static void refuse(struct question *q, int status, const char *words)
{
	Reflection__ErrorResponse error = REFLECTION__ERROR_RESPONSE__INIT;

	error.error_code = status;
	error.error_message = (char *)words;
	q->out.message_response_case = ANSWERS(ERROR_RESPONSE);
	q->out.error_response = &error;
	rpc_send(q->rpc, &q->out.base);
}

static void send_file(struct question *q, ProtobufCBinaryData *file)
{
	Reflection__FileDescriptorResponse answer = REFLECTION__FILE_DESCRIPTOR_RESPONSE__INIT;

	answer.n_file_descriptor_proto = 1;
	answer.file_descriptor_proto = file;
	q->out.message_response_case = ANSWERS(FILE_DESCRIPTOR_RESPONSE);
	q->out.file_descriptor_response = &answer;
	rpc_send(q->rpc, &q->out.base);
}

static void find_file(struct question *q, bool (*wanted)(const Shape__File *file, const char *name),
                      const char *name)
{
	for (size_t i = 0; i < q->known->set->n_file; i++)
		if (wanted(q->known->files[i], name)) {
			send_file(q, &q->known->set->file[i]);
			return;
		}
	refuse(q, STATUS_NOT_FOUND, "there is no such file or name");
}

static void by_filename(struct question *q)
{
	find_file(q, file_is_named, q->in->file_by_filename);
}

static void by_symbol(struct question *q)
{
	find_file(q, file_has_symbol, q->in->file_containing_symbol);
}

static void no_extensions(struct question *q)
{
	refuse(q, STATUS_NOT_FOUND, "there are no extensions");
}

#define SERVICES_MAX 32

static void list_services(struct question *q)
{
	Reflection__ListServiceResponse answer = REFLECTION__LIST_SERVICE_RESPONSE__INIT;
	Reflection__ServiceResponse services[SERVICES_MAX], *list[SERVICES_MAX];
	char names[SERVICES_MAX][128];

	answer.service = list;
	for (size_t i = 0; i < q->known->set->n_file; i++) {
		const Shape__File *file = q->known->files[i];

		for (size_t k = 0; k < file->n_service && answer.n_service < SERVICES_MAX; k++) {
			size_t n = answer.n_service++;

			snprintf(names[n], sizeof names[n], "%s.%s", file->package, file->service[k]->name);
			reflection__service_response__init(&services[n]);
			services[n].name = names[n];
			list[n] = &services[n];
		}
	}
	q->out.message_response_case = ANSWERS(LIST_SERVICES_RESPONSE);
	q->out.list_services_response = &answer;
	rpc_send(q->rpc, &q->out.base);
}

#define ASKS(kind) REFLECTION__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_##kind

static void (*const answers[])(struct question *q) = {
	[ASKS(FILE_BY_FILENAME)] = by_filename,
	[ASKS(FILE_CONTAINING_SYMBOL)] = by_symbol,
	[ASKS(FILE_CONTAINING_EXTENSION)] = no_extensions,
	[ASKS(ALL_EXTENSION_NUMBERS_OF_TYPE)] = no_extensions,
	[ASKS(LIST_SERVICES)] = list_services,
};

int pool_reflection(struct rpc *rpc, const ProtobufCMessage *in)
{
	struct reflection *known = &((struct pool *)grpc_server_user(rpc->server))->reflection;
	struct question q = {rpc, known, (const Reflection__ServerReflectionRequest *)in,
	                     REFLECTION__SERVER_REFLECTION_RESPONSE__INIT};
	size_t kind = (size_t)q.in->message_request_case;

	if (kind >= sizeof answers / sizeof answers[0] || answers[kind] == NULL)
		return error_set(&rpc->error, STATUS_INVALID_ARGUMENT, "the request asks for nothing");
	load(known);
	q.out.valid_host = q.in->host;
	q.out.original_request = (Reflection__ServerReflectionRequest *)q.in;
	answers[kind](&q);
	if (rpc_queued(rpc) > (size_t)SEND_QUEUE_HIGH)
		rpc_pause(rpc);
	return 0;
}

void pool_reflection_space(struct rpc *rpc)
{
	rpc_resume(rpc);
}

void pool_reflection_end(struct rpc *rpc)
{
	rpc_end(rpc, 0);
}
