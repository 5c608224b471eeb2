/* roles/pool.c - a pool's bring-up.
 *
 * Up; a state is named after what it waits for:
 *
 *   HOME -> REDIS (our private child answers) -> STORE (settings are strong enough, scripts are loaded)
 *        -> STANDBY (this pool leads; until then it listens already, if it can, and refuses every call)
 *        -> LEDGER (it is not older than the one that we have seen) -> INDEX (the live tasks have been read)
 *        -> PORT (where we listen is ours: the pool before us may hold it a moment longer)
 *        -> READY: one line says so
 *
 * Down (SIGTERM, Ctrl-C, or a bring-up that failed), from any of them: roles/pool_down.c.
 *
 * Redis that goes away later changes no state here: calls answer UNAVAILABLE until it is back (store.h). */
#include "roles/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/clock.h"
#include "net/crash.h"
#include "net/log.h"
#include "net/memory.h"
#include "proto/standard.h"
#include "roles/pool_home.h"
#include "roles/pool_machine.h"
#include "roles/pool_metrics.h"
#include "roles/pool_ready.h"
#include "ui/term.h"

#define PORT_AGAIN_MS 100

static const struct state states[] = {
	[HOME] = {"home", TO(REDIS) | TO(STORE) | TO(OVER)},
	[REDIS] = {"redis", TO(STORE) | TO(SERVER)},
	[STORE] = {"store", TO(STANDBY) | TO(SERVER)},
	[STANDBY] = {"standby", TO(LEDGER) | TO(SERVER)},
	[LEDGER] = {"ledger", TO(INDEX) | TO(SERVER)},
	[INDEX] = {"index", TO(PORT) | TO(LEDGER) | TO(SERVER)},
	[PORT] = {"port", TO(READY) | TO(SERVER)},
	[READY] = {"ready", TO(SERVER)},
	[SERVER] = {"server", TO(CHANGES)},
	[CHANGES] = {"changes", TO(STORE_DOWN)},
	[STORE_DOWN] = {"store-down", TO(REDIS_DOWN)},
	[REDIS_DOWN] = {"redis-down", TO(OVER)},
	[OVER] = {"over", 0},
};

/* Something that a person must cure: say it and go. */
static void fail(struct pool *pool, const struct error *err, int exit_code)
{
	term_error(err, pool->options.json);
	pool->exit_code = exit_code;
	pool_go_down(pool);
}

/* --- ready ------------------------------------------------------------------------------------ */

static int open_server(struct pool *pool, struct error *err)
{
	struct grpc_server_options options = {
		.handlers = pool_handlers,
		.handler_count = RPC_COUNT + STANDARD_COUNT,
		.on_call = auth_on_call,
		.user = pool,
		.sentence = "This is HiveMind's gRPC port: it speaks to the hivemind program and to gRPC "
			    "clients, not to a browser."};

	if (pool->listening)
		return 0;
	if (pool->server == NULL) {
		pool->server = grpc_server_new(&pool->loop, &options);
		pool_identity_serve(&pool->identity);
	}
	if (grpc_server_listen(pool->server, &pool->at, err) == 0) {
		pool->listening = true;
		return 0;
	}
	if (err->status == STATUS_ALREADY_EXISTS)
		error_hint(err, "does another pool run there? --listen 127.0.0.1:0 takes any free port");
	return err->status;
}

int pool_serves(const struct pool *pool, struct error *err)
{
	if (pool->step.at == READY)
		return 0;
	if (pool->step.at == STANDBY && leader_other(&pool->leader)[0] != '\0')
		error_set(err, STATUS_UNAVAILABLE,
			  "another pool leads; this one stands by and takes over when it is gone: %s",
			  leader_other(&pool->leader));
	else
		error_set(err, STATUS_UNAVAILABLE, "the pool is %s",
			  pool->stopping ? "going down" : "starting; try again soon");
	return err->status;
}

static void ready(struct pool *pool)
{
	step_to(&pool->step, READY, "pool");
	pool_sweep_init(&pool->sweep, pool);
	revocation_init(&pool->revocation, pool);
	pool_events_init(&pool->events, pool);
	pool_history_open(&pool->history, pool);
	log_info("pool ready tasks=%llu redis=%s",
	         (unsigned long long)(pool->index.pending + pool->index.running),
	         store_redis_version(pool->store));
	pool_say_ready(pool);
	crash_point(POOL_START_READY);
	pool_health_changed(pool);
}

/* A pool that took over from one that hangs gets its port when that one is gone. */
static void take_port(struct pool *pool)
{
	struct error err;
	int status = open_server(pool, &err);

	if (status == 0) {
		ready(pool);
		return;
	}
	if (status != STATUS_ALREADY_EXISTS || !leader_doubts(&pool->leader)) {
		fail(pool, &err, status_exit_code(status));
		return;
	}
	if (!pool->told_port)
		fprintf(stderr, "hivemind pool: leads, and waits for its port: %s\n", err.text);
	pool->told_port = true;
	timer_set(&pool->patience, PORT_AGAIN_MS);
}

static void on_loaded(struct pool *pool, const struct error *err)
{
	if (pool->step.at == READY && err->status == 0)
		lease_kick(pool);
	else if (pool->step.at == READY || pool->step.at == PORT)
		pool->index.behind = pool->index.behind || err->status != 0;
	if (pool->step.at != INDEX)
		return;
	if (err->status != 0) { /* Redis went away again: from the start when it is back */
		step_to(&pool->step, LEDGER, "pool");
		if (store_is_up(pool->store))
			ledger_guard_check(pool->guard);
		return;
	}
	crash_point(POOL_START_INDEX);
	if (pool->workers.by_id == NULL && !leader_doubts(&pool->leader))
		lease_no_grace(&pool->lease);
	step_to(&pool->step, PORT, "pool");
	take_port(pool);
}

void pool_catch_up(struct pool *pool)
{
	if (!pool->index.behind || pool->step.at != READY || !store_is_up(pool->store))
		return;
	pool->index.behind = false;
	pool_index_load(pool, on_loaded);
}

/* --- the store -------------------------------------------------------------------------------- */

/* A Redis that has lost transfers is not served, whether we start or it came back so. */
static void on_checked(struct ledger_guard *guard, const struct error *err, void *user)
{
	struct pool *pool = user;

	(void)guard;
	if (pool->stopping)
		return;
	if (err->status == STATUS_UNAVAILABLE) {
		if (store_is_up(pool->store))
			ledger_guard_check(pool->guard);
	} else if (err->status != 0) {
		fail(pool, err, status_exit_code(err->status));
	} else if (pool->step.at == LEDGER) {
		step_to(&pool->step, INDEX, "pool");
		pool_index_load(pool, on_loaded);
	}
}

static void on_violation(struct ledger_guard *guard, const char *what, void *user)
{
	(void)user;
	log_error("the books are wrong, money stands still violations=%llu what=\"%s\"",
	          (unsigned long long)ledger_guard_violations(guard), what);
}

static int open_guard(struct pool *pool)
{
	const struct ledger_guard_events events = {
		.on_checked = on_checked, .on_violation = on_violation, .user = pool};
	struct error err;
	char *path = xasprintf("%s/ledger-high-water", pool->data);

	pool->guard = ledger_guard_open(&pool->loop, pool->store, path, pool->options.accept_rollback,
					&events, &err);
	free(path);
	if (pool->guard == NULL)
		fail(pool, &err, status_exit_code(err.status));
	return pool->guard == NULL ? err.status : 0;
}

static void on_store_up(struct store *store, void *user)
{
	struct pool *pool = user;

	(void)store;
	crash_point(POOL_START_REDIS);
	log_info("redis up version=%s", store_redis_version(pool->store));
	if (pool->step.at == STORE)
		step_to(&pool->step, STANDBY, "pool");
	leader_store_up(&pool->leader);
	if (pool->guard != NULL)
		ledger_guard_check(pool->guard);
	if (pool->step.at == READY) {
		lease_store_up(&pool->lease);
		pool_health_changed(pool);
		meter_store_up(&pool->meter);
		pool_catch_up(pool);
	}
}

static void on_store_down(struct store *store, const struct error *err, void *user)
{
	struct pool *pool = user;

	(void)store;
	log_warn("redis not usable error=\"%s\" hint=\"%s\"", err->text, err->hint);
	if (pool->step.at == STORE && err->status == STATUS_FAILED_PRECONDITION)
		fail(pool, err, EXIT_USAGE);
	else if (pool->step.at == STORE && !pool->told_waiting)
		fprintf(stderr, "hivemind pool: waiting for Redis: %s\n", err->text);
	pool->told_waiting = true;
	pool_health_changed(pool);
}

static void on_fenced_off(struct store *store, const struct error *err, void *user)
{
	(void)store;
	pool_replaced(user, err);
}

/* --- who leads --------------------------------------------------------------------------------- */

void pool_leads(struct pool *pool)
{
	struct error err;

	if (pool->stopping)
		return; /* leader_close() resigns */
	if (pool_home_use(pool, &err) != 0) {
		fail(pool, &err, status_exit_code(err.status));
		return;
	}
	crash_point(POOL_LEAD_HOME);
	step_to(&pool->step, LEDGER, "pool");
	lease_grace(&pool->lease, leader_doubts(&pool->leader) ? LEADER_DOUBT_MS : RESTART_GRACE_MS);
	if (open_guard(pool) == 0)
		ledger_guard_check(pool->guard);
}

void pool_stands_by(struct pool *pool)
{
	struct error err;

	if (pool->stopping)
		return;
	fprintf(stderr, "hivemind pool: stands by: %s leads\n", leader_other(&pool->leader));
	log_info("stands by leader=\"%s\"", leader_other(&pool->leader));
	if (pool->at.port != 0 && leader_has_our_place(&pool->leader))
		return; /* its port is free for a moment while it starts */
	if (open_server(pool, &err) == 0) {
		pool_write_port(pool);
	} else if (err.status != STATUS_ALREADY_EXISTS) {
		fail(pool, &err, status_exit_code(err.status));
	}
}

void pool_replaced(struct pool *pool, const struct error *err)
{
	struct error why = *err;

	if (pool->stopping)
		return;
	error_hint(&why, "nothing that this one began since was written; started again, it stands by");
	fail(pool, &why, EXIT_WRONG_STATE);
}

static void open_store(struct pool *pool, const struct redis_address *address)
{
	struct store_events events = {
		.on_up = on_store_up, .on_down = on_store_down, .on_fenced_off = on_fenced_off, .user = pool};

	step_to(&pool->step, STORE, "pool");
	pool->store = store_open(&pool->loop, address, &events);
	leader_init(&pool->leader, pool);
	lease_init(&pool->lease, pool);
	meter_init(&pool->meter, pool);
}

static void on_redis(void *user, const struct error *err)
{
	struct pool *pool = user;
	struct redis_address address = {0};

	if (pool->step.at != REDIS)
		return;
	if (err != NULL && err->status != 0) {
		fail(pool, err, status_exit_code(err->status));
		return;
	}
	text_copy(address.path, sizeof address.path, redis_child_socket(pool->redis));
	open_store(pool, &address);
}

/* --- main ------------------------------------------------------------------------------------- */

static void on_patience(struct timer *t)
{
	struct pool *pool = container_of(t, struct pool, patience);

	if (pool->step.at == PORT)
		take_port(pool);
	else if (pool->step.at == CHANGES)
		pool_finish_changes(pool);
}

static void on_stop(struct loop *loop, int signal)
{
	(void)signal;
	pool_go_down(container_of(loop, struct pool, loop));
}

int pool_open_admission(struct pool *pool, struct error *err)
{
	struct admission *a = &pool->admission;
	char *key = xasprintf("%s/admission-key", pool->data);
	int rc = admission_open(a, pool->options.registration, key, err);

	free(key);
	a->gift_mcpt = CPT_GIFT;
	a->work_bits = (unsigned)pool->options.work_bits;
	a->admins = pool->options.admins;
	return rc == 0 && pool->options.gift != NULL ? cpt_parse(pool->options.gift, &a->gift_mcpt, err) : rc;
}

static int bring_up(struct pool *pool, struct error *err)
{
	struct redis_address address;

	if (endpoint_parse(&pool->at, pool->options.listen, err) != 0)
		return err->status;
	if (price_table_open(&pool->prices, pool->options.prices, err) != 0)
		return err->status;
	if (pool->options.redis != NULL && redis_address_parse(&address, pool->options.redis, err) != 0)
		return err->status;
	if (pool_home_open(pool, err) != 0 || pool_open_admission(pool, err) != 0 ||
	    pool_identity_open(&pool->identity, pool, err) != 0)
		return err->status;
	passwords_init(&pool->passwords, &pool->loop);
	if (pool->options.redis != NULL) {
		open_store(pool, &address);
		return 0;
	}
	step_to(&pool->step, REDIS, "pool");
	pool->redis = redis_child_start(&pool->loop, pool->data, on_redis, pool);
	return 0;
}

int pool_run(struct pool *pool)
{
	struct error err;

	/* Two hashes and a slow disk must not hold up the rest. */
	setenv("UV_THREADPOOL_SIZE", "8", 0);
	pool->started_ms = clock_wall_ms();
	pool->step = (struct step){states, HOME};
	loop_init(&pool->loop);
	if (bring_up(pool, &err) == 0) {
		timer_init(&pool->loop, &pool->patience, on_patience);
		loop_catch_signals(&pool->loop, on_stop);
		if (pool_metrics_open(pool, &err) != 0)
			fail(pool, &err, status_exit_code(err.status));
		loop_run(&pool->loop);
		pool_index_release(pool);
		pool_workers_release(pool);
		auth_release(&pool->auth);
		throttle_release(&pool->throttle);
		call_rate_release(&pool->call_rate);
		reflection_release(&pool->reflection);
	} else {
		pool->exit_code = term_error(&err, pool->options.json);
		pool_identity_close(&pool->identity);
	}
	loop_close(&pool->loop);
	admission_close(&pool->admission);
	pool_home_close(pool);
	return pool->exit_code;
}
