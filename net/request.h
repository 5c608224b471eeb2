/* net/request.h - private to the server: the head of a call, read field by field as it comes. */
#ifndef NET_REQUEST_H
#define NET_REQUEST_H

#include "net/arena.h"
#include "net/grpc_server.h"
#include "net/metadata.h"

struct request {
	const struct grpc_server_options *options;
	const struct rpc_handler *handler; /* NULL = nobody handles its path */
	struct arena *arena;
	char *token;          /* in arena; NULL = none came */
	struct metadata *metadata; /* what the application may ask for */
	char unknown[80];     /* the path that nobody handles */
	int64_t timeout_ms;   /* 0 = none, -1 = unreadable */
	size_t fields, bytes; /* as METADATA_FIELDS_MAX and METADATA_MAX count them */
	bool post, grpc;      /* :method and content-type are as they must be */
	bool encoded;         /* its messages may be compressed */
};

void request_init(struct request *r, const struct grpc_server_options *options, struct arena *arena);
void request_field(struct request *r, const char *name, size_t name_n, const char *value, size_t value_n);

/* All fields have come. The HTTP status for what is not gRPC at all; NULL = it is. */
const char *request_http_refusal(const struct request *r);

/* 0, or the status with which to refuse it, and why. */
int request_check(const struct request *r, struct error *e);

#endif
