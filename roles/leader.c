/* roles/leader.c - see roles/leader.h.
 *
 *   LOOKING (who leads? timer and look) -> TAKING (the store is asked for the lead) -> LEADING (timer and beat)
 *      ^------------------------------------/  another was faster, or no answer         |
 *   RESIGNING (the store is told) <-----------------------------------------------------/ */
#include "roles/leader.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "net/clock.h"
#include "net/crash.h"
#include "net/log.h"
#include "net/memory.h"
#include "proto/status.h"
#include "roles/pool.h"
#include "roles/pool_home.h"

#define NOT_KNOWN UINT64_MAX

enum { LOOKING, TAKING, LEADING, RESIGNING };

static const struct state states[] = {
	[LOOKING] = {"looking", TO(TAKING) | TO(RESIGNING)},
	[TAKING] = {"taking", TO(LOOKING) | TO(LEADING) | TO(RESIGNING)},
	[LEADING] = {"leading", TO(RESIGNING)},
	[RESIGNING] = {"resigning", 0},
};

static struct store_req *ask(struct leader *l, void (*on_done)(struct store_req *))
{
	store_req_release(&l->req);
	l->req = (struct store_req){.on_done = on_done, .user = l};
	l->asking = true;
	return &l->req;
}

static void resign(struct leader *l);

/* The request is ours again; false: we are closing and go on with that. */
static bool answered(struct leader *l)
{
	l->asking = false;
	if (l->step.at != RESIGNING)
		return true;
	resign(l);
	return false;
}

/* Redis answers and does not let us: a person may have to do something. */
static void tell_trouble(struct leader *l, const struct error *err)
{
	if (!store_is_up(l->pool->store) || l->told_trouble)
		return;
	l->told_trouble = true;
	log_warn("cannot take the lead error=\"%s\"", err->text);
	fprintf(stderr, "hivemind pool: cannot take the lead yet: %s\n", err->text);
}

/* --- taking the lead --------------------------------------------------------------------------- */

static void on_taken(struct store_req *req)
{
	struct leader *l = req->user;

	if (!answered(l))
		return;
	if (req->error.status != 0) {
		if (req->error.status != STATUS_ABORTED)
			tell_trouble(l, &req->error);
		step_to(&l->step, LOOKING, "leader");
		timer_set(&l->timer, LEADER_LOOK_MS);
		return;
	}
	crash_point(POOL_LEAD_TAKEN);
	l->epoch = req->number;
	text_copy(l->id, sizeof l->id, req->id);
	log_info("this pool leads id=%s epoch=%" PRIu64 " sure=%d", l->id, l->epoch, l->sure);
	step_to(&l->step, LEADING, "leader");
	l->heard_ms = l->sent_ms;
	timer_set(&l->timer, LEADER_BEAT_MS);
	pool_leads(l->pool);
}

static void take(struct leader *l, const struct leader_record *seen, bool sure)
{
	struct lead_claim claim = {.run = l->run, .name = l->name, .data = l->pool->data_id,
				   .locked = l->pool->locked, .other_id = l->pool->options.accept_rollback};
	char fence[64], beat[24];

	text_copy(fence, sizeof fence, seen->fence);
	text_copy(beat, sizeof beat, seen->beat);
	claim.fence = fence;
	claim.beat = beat;
	l->sure = sure;
	l->sent_ms = clock_ms();
	step_to(&l->step, TAKING, "leader");
	store_lead(l->pool->store, ask(l, on_taken), &claim);
	crash_point(POOL_LEAD_ASKED);
}

/* --- looking ------------------------------------------------------------------------------------ */

/* The one that leads held the lock that we hold. */
static bool provably_dead(struct leader *l, const struct leader_record *r)
{
	return r->locked && strcmp(r->data, l->pool->data_id) == 0 && pool_home_lock(l->pool);
}

static void note(struct leader *l, const struct leader_record *r)
{
	bool first = l->changed_ms == 0, news = strcmp(l->fence, r->fence) != 0 || strcmp(l->beat, r->beat) != 0;

	if (!first && !news)
		return;
	text_copy(l->fence, sizeof l->fence, r->fence);
	text_copy(l->beat, sizeof l->beat, r->beat);
	l->changed_ms = clock_ms();
	if (!first)
		l->patience_ms = LEADER_SILENT_MS;
}

static void stand_by(struct leader *l, const struct leader_record *r)
{
	timer_set(&l->timer, LEADER_LOOK_MS);
	crash_point(POOL_STANDBY_LOOKS);
	if (strcmp(l->told, r->name) == 0)
		return;
	text_copy(l->told, sizeof l->told, r->name);
	pool_stands_by(l->pool);
}

static void on_looked(struct store_req *req)
{
	struct leader *l = req->user;
	const struct leader_record *r = req->leader;

	if (!answered(l))
		return;
	if (req->error.status != 0) { /* what was seen before says nothing about now */
		tell_trouble(l, &req->error);
		l->changed_ms = 0;
		l->patience_ms = LEADER_RETURN_MS;
		timer_set(&l->timer, LEADER_LOOK_MS);
		return;
	}
	note(l, r);
	if (r->run[0] == '\0' || strcmp(r->run, l->run) == 0 || provably_dead(l, r))
		take(l, r, true);
	else if (clock_ms() - l->changed_ms >= l->patience_ms)
		take(l, r, false);
	else
		stand_by(l, r);
}

/* --- leading ------------------------------------------------------------------------------------ */

static void on_beaten(struct store_req *req)
{
	struct leader *l = req->user;

	if (!answered(l) || req->error.status != 0)
		return;
	l->heard_ms = l->sent_ms;
	l->rivals = l->looks != NOT_KNOWN && req->number != l->looks;
	l->looks = req->number;
}

static void beat(struct leader *l)
{
	if (l->asking || !store_is_up(l->pool->store))
		return;
	pool_home_lock(l->pool);
	l->sent_ms = clock_ms();
	store_lead_beat(l->pool->store, ask(l, on_beaten), l->pool->locked);
}

/* Nothing is heard of Redis, and somebody else may be heard there. */
static bool alone_too_long(const struct leader *l)
{
	return l->rivals && !store_is_up(l->pool->store) && clock_ms() - l->heard_ms >= LEADER_ALONE_MS;
}

static void on_timer(struct timer *t)
{
	struct leader *l = container_of(t, struct leader, timer);
	struct error err;

	if (l->step.at == LOOKING && !l->asking) {
		store_lead_look(l->pool->store, ask(l, on_looked), l->told[0] != '\0');
	} else if (l->step.at == LEADING && alone_too_long(l)) {
		error_set(&err, STATUS_UNAVAILABLE, "Redis was not heard for %d s and other pools stand by: one of them leads",
			  LEADER_ALONE_MS / 1000);
		pool_replaced(l->pool, &err);
	} else if (l->step.at == LEADING) {
		timer_set(t, LEADER_BEAT_MS);
		beat(l);
	}
}

/* --- the outside -------------------------------------------------------------------------------- */

void leader_init(struct leader *l, struct pool *pool)
{
	char host[128] = "this machine";

	gethostname(host, sizeof host - 1);
	*l = (struct leader){.pool = pool, .step = {states, LOOKING}, .patience_ms = LEADER_SILENT_MS, .looks = NOT_KNOWN};
	random_id(l->run);
	snprintf(l->name, sizeof l->name, "the pool on %s (process %d, --listen %.80s)", host, (int)getpid(),
		 pool->options.listen);
	timer_init(&pool->loop, &l->timer, on_timer);
}

void leader_store_up(struct leader *l)
{
	if (l->step.at == LOOKING && !l->asking)
		timer_set(&l->timer, 0);
	else if (l->step.at == LEADING)
		beat(l);
}

bool leader_leads(const struct leader *l)
{
	return l->step.at == LEADING;
}

bool leader_certain(const struct leader *l)
{
	return l->step.at == LEADING && clock_ms() - l->heard_ms < LEADER_SILENT_MS;
}

bool leader_doubts(const struct leader *l)
{
	return !l->sure;
}

const char *leader_other(const struct leader *l)
{
	return l->told;
}

/* Two names that differ in the number of the process alone. */
bool leader_has_our_place(const struct leader *l)
{
	size_t host = strcspn(l->name, "(");

	return strncmp(l->name, l->told, host) == 0 && strcmp(strchr(l->name, ','), l->told + strcspn(l->told, ",")) == 0;
}

static void on_timer_closed(struct timer *t)
{
	struct leader *l = container_of(t, struct leader, timer);

	store_req_release(&l->req);
	l->closed(l->closed_user);
}

static void on_resigned(struct store_req *req)
{
	crash_point(POOL_LEAD_RESIGNED);
	answered(req->user);
}

static void resign(struct leader *l)
{
	bool leads = l->leads && store_is_up(l->pool->store);

	l->leads = false;
	if (!leads) {
		timer_close(&l->timer, on_timer_closed);
		return;
	}
	store_resign(l->pool->store, ask(l, on_resigned));
	crash_point(POOL_LEAD_RESIGNING);
}

void leader_close(struct leader *l, void (*closed)(void *user), void *user)
{
	l->closed = closed;
	l->closed_user = user;
	l->leads = l->step.at == LEADING;
	step_to(&l->step, RESIGNING, "leader");
	timer_clear(&l->timer);
	if (!l->asking)
		resign(l);
}
