/* proto/standard.h - the RPCs that gRPC itself has defined for every server, as rows like those of rpc.h. */
#ifndef PROTO_STANDARD_H
#define PROTO_STANDARD_H

#include "proto/rpc.h"

#define STANDARD_RPCS(X) \
	X(STANDARD_HEALTH_CHECK, "grpc.health.v1.Health", "Check", health__health_check_request, \
	  health__health_check_response, IN_ONE, OUT_ONE, SCOPE_NONE) \
	X(STANDARD_HEALTH_WATCH, "grpc.health.v1.Health", "Watch", health__health_check_request, \
	  health__health_check_response, IN_ONE, OUT_MANY, SCOPE_NONE) \
	X(STANDARD_REFLECTION, "grpc.reflection.v1.ServerReflection", "ServerReflectionInfo", \
	  reflection__server_reflection_request, reflection__server_reflection_response, IN_MANY, OUT_MANY, \
	  SCOPE_ANY | SCOPE_LOCAL) \
	X(STANDARD_REFLECTION_ALPHA, "grpc.reflection.v1alpha.ServerReflection", "ServerReflectionInfo", \
	  reflection__server_reflection_request, reflection__server_reflection_response, IN_MANY, OUT_MANY, \
	  SCOPE_ANY | SCOPE_LOCAL)

enum standard_id {
#define STANDARD_ENUM(id, ...) id,
	STANDARD_RPCS(STANDARD_ENUM)
#undef STANDARD_ENUM
	STANDARD_COUNT,
};

extern const struct rpc_method standard_methods[STANDARD_COUNT];

#endif
