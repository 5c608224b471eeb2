#include "proto/standard.h"

#include "grpc_health.pb-c.h"
#include "grpc_reflection.pb-c.h"

const struct rpc_method standard_methods[STANDARD_COUNT] = {
#define STANDARD_ROW(id, service, method, request, reply, in, out, scope) \
	[id] = {"/" service "/" method, &request##__descriptor, &reply##__descriptor, in, out, scope},
	STANDARD_RPCS(STANDARD_ROW)
#undef STANDARD_ROW
};
