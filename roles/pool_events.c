/* roles/pool_events.c - Pool.Events. See the header.
 *
 * A listener has a set of tasks to be told (`dirty`), in the order in which they changed; READS of them are
 * asked for at once. While the peer does not read (rpc_queued), nothing is asked: the set stands for all that
 * happens meanwhile. When the set is full, or something that has no set could not be told, the listener is
 * told to look at everything again (`start`). */
#include "roles/pool_events.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#include "net/clock.h"
#include "net/memory.h"
#include "proto/limits.h"
#include "roles/pool.h"
#include "roles/pool_call.h"

#define READS 16
#define LOOK_MS 100
#define MONEY_MS 1000

struct dirty {
	char id[TASK_ID_SIZE];
	UT_hash_handle hh;
};

struct events {
	struct call call;
	char account[ID_SIZE];
	struct dirty *dirty;
	unsigned reads;          /* that are away */
	bool missed;             /* start is to be said */
	bool money, asking;      /* the balance may be another; it is being asked for */
	Pb__BalanceReply told;   /* said last */
	bool has_told;
	struct events *prev, *next;
};

/* One task that is being asked for. */
struct reading {
	struct events *to;
	char id[TASK_ID_SIZE];
	struct store_req req;
};

static void go_on(struct events *e);

static bool may_say(const struct events *e)
{
	return e->call.rpc != NULL && rpc_queued(e->call.rpc) <= (size_t)SEND_QUEUE_HIGH;
}

static void say(struct events *e, Pb__Event__KindCase kind, const void *what)
{
	Pb__Event event = PB__EVENT__INIT;

	event.kind_case = kind;
	event.start = (Pb__EventsStart *)what; /* a union: any of them */
	rpc_send(e->call.rpc, &event.base);
}

static void forget_dirty(struct events *e)
{
	struct dirty *d, *next;

	HASH_ITER(hh, e->dirty, d, next) {
		HASH_DEL(e->dirty, d);
		free(d);
	}
}

/* --- tasks ------------------------------------------------------------------------------------- */

static void tell_task(struct events *e, struct store_req *req, const char *id)
{
	if (req->error.status == STATUS_NOT_FOUND) {
		say(e, PB__EVENT__KIND_REMOVED, id);
	} else if (req->error.status != 0) {
		e->missed = true; /* Redis is away: nobody knows what was missed */
	} else {
		pool_task_complete(e->call.pool, req->tasks[0], &req->arena);
		req->tasks[0]->spec = NULL;
		say(e, PB__EVENT__KIND_TASK, req->tasks[0]);
	}
}

static void on_task(struct store_req *req)
{
	struct reading *r = req->user;
	struct events *e = r->to;

	e->reads--;
	if (call_waited(&e->call)) {
		tell_task(e, req, r->id);
		go_on(e);
	}
	store_req_release(req);
	free(r);
}

static void read_task(struct events *e, struct dirty *d)
{
	struct reading *r = xcalloc(1, sizeof *r);

	r->to = e;
	r->req = (struct store_req){.on_done = on_task, .user = r};
	memcpy(r->id, d->id, sizeof r->id);
	HASH_DEL(e->dirty, d);
	free(d);
	e->reads++;
	call_wait(&e->call);
	store_task(call_store(&e->call), &r->req, e->account, r->id);
}

static void add_dirty(struct events *e, const char *id)
{
	struct dirty *d;

	HASH_FIND_STR(e->dirty, id, d);
	if (d != NULL || e->missed)
		return;
	if (HASH_COUNT(e->dirty) >= EVENTS_DIRTY_MAX) {
		forget_dirty(e);
		e->missed = true;
		return;
	}
	d = xcalloc(1, sizeof *d);
	text_copy(d->id, sizeof d->id, id);
	HASH_ADD_STR(e->dirty, id, d);
}

void pool_events_task(struct pool *pool, const char *account, const char *task)
{
	struct events *e;

	DL_FOREACH(pool->events.listeners, e) {
		if (strcmp(e->account, account) != 0)
			continue;
		add_dirty(e, task);
		e->money = true; /* what begins, runs or ends moves some */
		go_on(e);
	}
}

/* --- the balance ------------------------------------------------------------------------------- */

static bool is_told(const struct events *e, const struct money *m)
{
	return e->has_told && e->told.balance_mcpt == m->balance_mcpt && e->told.grant_mcpt == m->grant_mcpt &&
	       e->told.pending_mcpt == m->pending_mcpt && e->told.held_mcpt == m->held_mcpt &&
	       e->told.earned_mcpt == m->earned_mcpt && e->told.spent_mcpt == m->spent_mcpt;
}

static void on_balance(struct store_req *req)
{
	struct events *e = (struct events *)call_answered(req);

	if (e == NULL)
		return;
	e->asking = false;
	if (req->error.status == 0 && !is_told(e, req->money)) {
		const struct money *m = req->money;

		e->told = (Pb__BalanceReply){.base = e->told.base, .balance_mcpt = m->balance_mcpt,
					     .grant_mcpt = m->grant_mcpt, .pending_mcpt = m->pending_mcpt,
					     .held_mcpt = m->held_mcpt,
					     .earned_mcpt = m->earned_mcpt, .spent_mcpt = m->spent_mcpt};
		e->has_told = true;
		say(e, PB__EVENT__KIND_BALANCE, &e->told);
	}
	go_on(e);
}

static void read_balance(struct events *e)
{
	e->money = false;
	e->asking = true;
	store_balance(call_store(&e->call), call_ask(&e->call, on_balance), e->account);
}

/* --- what is next ------------------------------------------------------------------------------- */

static void go_on(struct events *e)
{
	Pb__EventsStart start = PB__EVENTS_START__INIT;

	if (!may_say(e))
		return;
	if (e->missed && e->reads == 0) {
		e->missed = false;
		say(e, PB__EVENT__KIND_START, &start);
	}
	while (!e->missed && e->dirty != NULL && e->reads < READS)
		read_task(e, e->dirty);
	if (e->money && !e->asking)
		read_balance(e);
}

/* --- workers, and money that others moved ------------------------------------------------------- */

static void tell_worker(struct pool_events *all, struct pool_worker *w)
{
	struct arena arena = {0};
	struct events *e;

	DL_FOREACH(all->listeners, e) {
		if (may_say(e))
			say(e, PB__EVENT__KIND_WORKER, pool_worker_show(&arena, w));
		else
			e->missed = true;
	}
	arena_release(&arena);
}

void pool_events_worker_left(struct pool *pool, const char *worker)
{
	struct events *e;

	DL_FOREACH(pool->events.listeners, e) {
		if (may_say(e))
			say(e, PB__EVENT__KIND_LEFT, worker);
		else
			e->missed = true;
	}
}

static void look_at_money(struct pool_events *all)
{
	uint64_t moves = store_money_moves(all->pool->store);
	struct events *e;

	if (clock_ms() - all->money_ms < MONEY_MS || moves == all->money_moves)
		return;
	all->money_ms = clock_ms();
	all->money_moves = moves;
	DL_FOREACH(all->listeners, e) {
		e->money = true;
		go_on(e);
	}
}

static void on_look(struct timer *t)
{
	struct pool_events *all = container_of(t, struct pool_events, look);
	struct pool_worker *w;

	for (w = all->pool->workers.by_id; w != NULL; w = w->hh.next)
		if (pool_worker_changed(w))
			tell_worker(all, w);
	look_at_money(all);
	if (all->listeners != NULL)
		timer_set(&all->look, LOOK_MS);
}

/* --- the call ------------------------------------------------------------------------------------ */

static void on_gone(struct call *c)
{
	struct events *e = (struct events *)c;

	DL_DELETE(c->pool->events.listeners, e);
	forget_dirty(e);
}

/* The first who listens: what changed before is old. */
static void begin_to_look(struct pool_events *all)
{
	struct pool_worker *w;

	for (w = all->pool->workers.by_id; w != NULL; w = w->hh.next)
		pool_worker_changed(w);
	all->money_moves = store_money_moves(all->pool->store);
	timer_set(&all->look, LOOK_MS);
}

int pool_watch_events(struct rpc *rpc, const ProtobufCMessage *in)
{
	struct pool *pool = grpc_server_user(rpc->server);
	struct events *e;

	(void)in;
	if (!pool->events.open)
		return error_set(&rpc->error, STATUS_UNAVAILABLE, "the pool is going down");
	e = call_new(rpc, sizeof *e);
	e->call.on_gone = on_gone;
	pb__balance_reply__init(&e->told);
	text_copy(e->account, sizeof e->account, caller_of(rpc)->account);
	if (pool->events.listeners == NULL)
		begin_to_look(&pool->events);
	DL_APPEND(pool->events.listeners, e);
	e->missed = true;
	e->money = true;
	go_on(e);
	return RPC_LATER;
}

void pool_events_space(struct rpc *rpc)
{
	struct events *e = call_of(rpc);

	if (e != NULL)
		go_on(e);
}

void pool_events_init(struct pool_events *e, struct pool *pool)
{
	*e = (struct pool_events){.pool = pool, .open = true};
	timer_init(&pool->loop, &e->look, on_look);
}

void pool_events_close(struct pool_events *e)
{
	e->open = false;
	timer_close(&e->look, NULL);
}
