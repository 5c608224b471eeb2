/* roles/pool_reflection.h - server reflection, v1 and v1alpha: what services and messages there are, from the
 * descriptors that the compiler wrote and the build put into the program. */
#ifndef ROLES_POOL_REFLECTION_H
#define ROLES_POOL_REFLECTION_H

#include "net/arena.h"
#include "net/grpc_server.h"

/* The descriptors, unpacked at the first question. Zero-initialise before use. */
struct reflection {
	struct arena arena;
	const struct Shape__FileSet *set;
	const struct Shape__File **files; /* one for each of the set's */
};

int pool_reflection(struct rpc *rpc, const ProtobufCMessage *in);
void pool_reflection_space(struct rpc *rpc);
void pool_reflection_end(struct rpc *rpc);

void reflection_release(struct reflection *r);

#endif
