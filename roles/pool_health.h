/* roles/pool_health.h - who watches the pool's health (grpc.health.v1), and what they are told. */
#ifndef ROLES_POOL_HEALTH_H
#define ROLES_POOL_HEALTH_H

#include "net/grpc_server.h"

struct pool;

int pool_health_check(struct rpc *rpc, const ProtobufCMessage *in);
int pool_health_watch(struct rpc *rpc, const ProtobufCMessage *in);

/* Redis came or went. */
void pool_health_changed(struct pool *pool);

/* The pool goes down: everyone who watches hears so, and the watch ends. */
void pool_health_close(struct pool *pool);

#endif
