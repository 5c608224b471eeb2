/* roles/pool_health.c - grpc.health.v1: SERVING while Redis answers, the pool leads
 * and is not on its way down.
 *
 * All services stand and fall together, since each needs Redis; "" is the whole. A Watch lives until its
 * peer goes or the pool does. */
#include "roles/pool_health.h"

#include <string.h>
#include <utlist.h>

#include "grpc_health.pb-c.h"
#include "proto/standard.h"
#include "roles/pool.h"
#include "roles/pool_call.h"

#define SERVING HEALTH__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
#define NOT_SERVING HEALTH__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING
#define SERVICE_UNKNOWN HEALTH__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN

struct health_watch {
	struct call call; /* first member */
	struct health_watch *prev, *next;
	int told; /* last */
};

static int state_of(const struct pool *pool)
{
	struct error why;

	return pool_serves(pool, &why) == 0 && store_is_up(pool->store) ? SERVING : NOT_SERVING;
}

static bool has_service(const struct rpc_method *methods, size_t count, const char *service)
{
	size_t n = strlen(service);

	for (size_t i = 0; i < count; i++)
		if (strncmp(methods[i].path + 1, service, n) == 0 && methods[i].path[1 + n] == '/')
			return true;
	return false;
}

static bool known(const char *service)
{
	return service[0] == '\0' || has_service(rpc_methods, RPC_COUNT, service) ||
	       has_service(standard_methods, STANDARD_COUNT, service);
}

int pool_health_check(struct rpc *rpc, const ProtobufCMessage *in)
{
	const Health__HealthCheckRequest *request = (const Health__HealthCheckRequest *)in;
	Health__HealthCheckResponse reply = HEALTH__HEALTH_CHECK_RESPONSE__INIT;

	if (!known(request->service))
		return error_set(&rpc->error, STATUS_NOT_FOUND, "there is no service of that name here");
	reply.status = (Health__HealthCheckResponse__ServingStatus)state_of(grpc_server_user(rpc->server));
	rpc_reply(rpc, &reply.base);
	return 0;
}

static void tell(struct rpc *rpc, int status)
{
	Health__HealthCheckResponse reply = HEALTH__HEALTH_CHECK_RESPONSE__INIT;

	reply.status = (Health__HealthCheckResponse__ServingStatus)status;
	rpc_send(rpc, &reply.base);
}

static void on_watcher_gone(struct call *c)
{
	struct pool *pool = c->pool;
	struct health_watch *w = (struct health_watch *)c;

	DL_DELETE(pool->health_watches, w);
}

int pool_health_watch(struct rpc *rpc, const ProtobufCMessage *in)
{
	const Health__HealthCheckRequest *request = (const Health__HealthCheckRequest *)in;
	struct pool *pool = grpc_server_user(rpc->server);
	struct health_watch *w;

	if (!known(request->service)) { /* it never will be; the caller may wait all the same */
		tell(rpc, SERVICE_UNKNOWN);
		return RPC_LATER;
	}
	w = call_new(rpc, sizeof *w);
	w->call.on_gone = on_watcher_gone;
	DL_APPEND(pool->health_watches, w);
	tell(rpc, w->told = state_of(pool));
	return RPC_LATER;
}

void pool_health_changed(struct pool *pool)
{
	int state = state_of(pool);
	struct health_watch *w;

	DL_FOREACH(pool->health_watches, w)
		if (w->told != state)
			tell(w->call.rpc, w->told = state);
}

void pool_health_close(struct pool *pool)
{
	struct health_watch *w;

	pool_health_changed(pool);
	DL_FOREACH(pool->health_watches, w) {
		error_set(&w->call.rpc->error, STATUS_UNAVAILABLE, "the pool is shutting down");
		rpc_end(w->call.rpc, STATUS_UNAVAILABLE);
	}
}
