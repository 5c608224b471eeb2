/* roles/pool_down.c - a pool's way down (SIGTERM, Ctrl-C, or a bring-up that failed), from any state of it:
 *
 *   SERVER (GOAWAY; calls may finish for a moment) -> CHANGES (those on their way to Redis)
 *        -> STORE_DOWN (the guard, then leader_close(), then the store) -> REDIS_DOWN -> OVER
 *
 * Each step starts what it waits for; what was never up is passed over. */
#include "net/clock.h"
#include "net/crash.h"
#include "net/log.h"
#include "roles/pool_link.h"
#include "roles/pool_machine.h"
#include "roles/pool_metrics.h"

#define SERVER_GRACE_MS 1000
#define CHANGES_GRACE_MS 1500

static void on_redis_down(void *user)
{
	struct pool *pool = user;

	pool->redis = NULL;
	step_to(&pool->step, OVER, "pool");
	timer_close(&pool->patience, NULL);
}

static void on_store_closed(void *user)
{
	struct pool *pool = user;

	if (pool->store != NULL) {
		lease_close(&pool->lease);
		meter_close(&pool->meter);
	}
	pool->store = NULL;
	step_to(&pool->step, REDIS_DOWN, "pool");
	if (pool->redis != NULL)
		redis_child_close(pool->redis, on_redis_down, pool);
	else
		on_redis_down(pool);
}

static void on_leader_closed(void *user)
{
	struct pool *pool = user;

	store_close(pool->store, on_store_closed, pool);
}

static void on_guard_closed(void *user)
{
	struct pool *pool = user;

	pool->guard = NULL;
	leader_close(&pool->leader, on_leader_closed, pool);
}

static void close_store(struct pool *pool)
{
	step_to(&pool->step, STORE_DOWN, "pool");
	if (pool->guard != NULL)
		ledger_guard_close(pool->guard, on_guard_closed, pool);
	else if (pool->store != NULL)
		on_guard_closed(pool);
	else
		on_store_closed(pool);
}

/* Changes that are on their way may still be answered. */
void pool_finish_changes(struct pool *pool)
{
	bool idle = pool->store == NULL || (lease_idle(&pool->lease) && meter_idle(&pool->meter)) ||
		    !store_is_up(pool->store);

	if (idle || clock_ms() >= pool->patience_ms)
		close_store(pool);
	else
		timer_set(&pool->patience, 10);
}

static void on_server_closed(void *user)
{
	struct pool *pool = user;

	pool->server = NULL;
	step_to(&pool->step, CHANGES, "pool");
	pool->patience_ms = clock_ms() + CHANGES_GRACE_MS;
	pool_finish_changes(pool);
}

void pool_go_down(struct pool *pool)
{
	bool was_ready = pool->step.at == READY;

	if (pool->stopping)
		return;
	pool_identity_close(&pool->identity);
	pool_metrics_close(pool);
	pool->stopping = true;
	crash_point(POOL_STOP);
	log_info("pool going down state=%s", pool->step.states[pool->step.at].name);
	step_to(&pool->step, SERVER, "pool");
	timer_clear(&pool->patience);
	if (pool->server != NULL)
		pool_health_close(pool);
	if (was_ready) {
		link_drop_all(pool);
		pool_sweep_close(&pool->sweep);
		revocation_close(&pool->revocation);
		pool_events_close(&pool->events);
		pool_history_close(&pool->history);
	}
	if (pool->server != NULL)
		grpc_server_close(pool->server, SERVER_GRACE_MS, on_server_closed, pool);
	else
		on_server_closed(pool);
}
