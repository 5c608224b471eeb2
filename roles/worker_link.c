/* roles/worker_link.c - enter(state) does what a state begins with; the events are: a message, the call's
 * end, a timer, a spare. */
#include "roles/worker_link.h"

#include <inttypes.h>
#include <string.h>
#include <utlist.h>

#include "net/clock.h"
#include "net/crash.h"
#include "net/log.h"
#include "net/memory.h"
#include "proto/limits.h"
#include "proto/status.h"
#include "roles/attempt_report.h"
#include "roles/worker.h"
#include "roles/worker_restore.h"

#define GREETING_MS 10000
#define WAIT_FIRST_MS 250
#define WAIT_LONGEST_MS 15000
#define WAIT_BUSY_MS 2000 /* with tasks that are to be paused at 7 s */
#define LINGER_MS 1000
#define DEAF_AFTER_MS 2500 /* without an Ack: then a lease would not arrive either */
#define STUCK_AFTER_MS 1500 /* without even a late one: a pool with much to do needs no more connections */

enum { IDLE, GREETING, LINKED, WAITING, LEAVING, CLOSED };

static const struct state states[] = {
	[IDLE] = {"idle", TO(GREETING) | TO(CLOSED)},
	[GREETING] = {"greeting", TO(LINKED) | TO(WAITING) | TO(CLOSED)},
	[LINKED] = {"linked", TO(LEAVING) | TO(WAITING) | TO(CLOSED)},
	[WAITING] = {"waiting", TO(GREETING) | TO(CLOSED)},
	[LEAVING] = {"leaving", TO(WAITING) | TO(CLOSED)},
	[CLOSED] = {"closed", 0},
};

#define MESSAGE(name, NAME, ...) \
	{.base = PROTOBUF_C_MESSAGE_INIT(&pb__worker_message__descriptor), \
	 .kind_case = PB__WORKER_MESSAGE__KIND_##NAME, .name = __VA_ARGS__}

/* --- what we say ----------------------------------------------------------------------------- */

bool worker_link_up(const struct worker_link *l)
{
	return l->call_open && (l->step.at == LINKED || l->step.at == LEAVING);
}

bool worker_link_takes(const struct worker_link *l)
{
	return worker_link_up(l) && grpc_call_queued(&l->call) < SEND_QUEUE_HIGH;
}

void worker_link_send(struct worker_link *l, const Pb__WorkerMessage *message)
{
	if (worker_link_up(l))
		grpc_call_send(&l->call, &message->base);
}

static void send_hello(struct worker_link *l)
{
	struct worker *w = l->worker;
	Pb__Hello hello = PB__HELLO__INIT;
	Pb__WorkerMessage message = MESSAGE(hello, HELLO, &hello);
	struct arena arena = {0};

	hello.worker = w->id;
	hello.name = w->name;
	hello.host = w->host;
	hello.not_ready = (char *)worker_not_ready(w);
	hello.n_attempts = attempts_refer(w->attempts, &arena, &hello.attempts);
	grpc_call_send(&l->call, &message.base);
	arena_release(&arena);
}

static bool is_deaf(const struct worker_link *l)
{
	return clock_ms() - l->acked_ms > DEAF_AFTER_MS;
}

static bool is_stuck(const struct worker_link *l)
{
	return is_deaf(l) && clock_ms() - l->heard_ms > STUCK_AFTER_MS;
}

void worker_link_beat(struct worker_link *l)
{
	struct worker *w = l->worker;
	Pb__Heartbeat beat = PB__HEARTBEAT__INIT;
	Pb__WorkerMessage message = MESSAGE(heartbeat, HEARTBEAT, &beat);
	struct arena arena = {0};
	struct attempt *a;

	if (!worker_link_up(l))
		return;
	beat.seq = ++l->seq;
	beat.not_ready = (char *)(is_deaf(l) ? "it does not hear the pool" : worker_not_ready(w));
	beat.n_attempts = attempts_refer(w->attempts, &arena, &beat.attempts);
	l->sent_ms[l->seq % BEATS_REMEMBERED] = clock_ms();
	worker_link_send(l, &message);
	arena_release(&arena);
	DL_FOREACH(w->attempts, a)
		attempt_beat(a, l->seq);
}

/* --- states ---------------------------------------------------------------------------------- */

static void on_call_message(struct grpc_call *call, const ProtobufCMessage *out);
static void on_call_space(struct grpc_call *call);
static void on_call_done(struct grpc_call *call, const struct error *err);

static void enter_greeting(struct worker_link *l)
{
	step_to(&l->step, GREETING, "link");
	l->call = (struct grpc_call){.method = &rpc_methods[RPC_LINK], .on_message = on_call_message,
				     .on_space = on_call_space, .on_done = on_call_done};
	l->call_open = true;
	l->stale = false;
	l->seq = 0;
	l->sent_ms[0] = clock_ms(); /* Welcome acknowledges Hello as Ack does heartbeat 0 */
	grpc_call_start(l->channel, &l->call);
	send_hello(l);
	timer_set(&l->timer, GREETING_MS);
}

static void acknowledged(struct worker_link *l, uint64_t seq)
{
	int64_t sent_ms = l->sent_ms[seq % BEATS_REMEMBERED];

	if (sent_ms <= l->acked_ms)
		return;
	l->acked_ms = sent_ms;
	l->heard_ms = clock_ms();
	if (!is_deaf(l))
		worker_spare_drop(&l->spare);
	lease_clock_renew(&l->worker->lease_clock, sent_ms, l->lost_after_ms);
}

static void enter_linked(struct worker_link *l)
{
	struct attempt *a;

	step_to(&l->step, LINKED, "link");
	crash_point(WORKER_START_LINKED);
	l->tries = 0;
	acknowledged(l, 0);
	timer_clear(&l->timer);
	timer_set(&l->beat, l->heartbeat_ms);
	worker_linked(l->worker, !l->ever);
	l->ever = true;
	DL_FOREACH(l->worker->attempts, a)
		attempt_linked(a);
	if (l->stale)
		worker_link_greet_again(l);
}

/* Full jitter: a pool that comes back does not meet all its workers at once. */
static void enter_waiting(struct worker_link *l)
{
	uint64_t most = l->worker->attempts != NULL ? WAIT_BUSY_MS : WAIT_LONGEST_MS, longest = WAIT_FIRST_MS;

	step_to(&l->step, WAITING, "link");
	for (unsigned i = 0; i < l->tries && longest < most; i++)
		longest *= 2;
	if (longest > most)
		longest = most;
	l->tries++;
	timer_set(&l->timer, 1 + random_below((uint32_t)longest));
}

/* The pool says nothing, or is not to be believed: not only this call, its connection is of no use, and a
 * new Hello on it would make the pool believe that we hear it. */
static void hang_up(struct worker_link *l, const char *why)
{
	grpc_channel_hang_up(l->channel, why);
	grpc_channel_hang_up(l->worker->bulk, why);
	grpc_call_cancel(&l->call);
}

static void on_timer(struct timer *timer)
{
	struct worker_link *l = container_of(timer, struct worker_link, timer);

	if (l->step.at == WAITING)
		enter_greeting(l);
	else if (l->call_open)
		hang_up(l, "the pool is silent");
}

/* --- events: what the pool says -------------------------------------------------------------- */

static struct attempt *attempt_of(struct worker_link *l, const char *task, uint32_t epoch)
{
	return worker_attempt(l->worker, task, epoch);
}

/* Was it replaced by one that we have met, or a process of this worker before us? */
static bool is_replaced(struct worker_link *l, const Pb__Welcome *welcome)
{
	struct pool_seen *seen = &l->worker->pool_seen;

	if (!id_valid(welcome->pool) || welcome->epoch == 0)
		return false;
	if (pool_seen_obey(seen, welcome->pool, welcome->epoch)) {
		l->refused_epoch = 0;
		return false;
	}
	if (l->refused_epoch != welcome->epoch)
		log_warn("this pool was replaced and does not know it: refused pool=%s epoch=%" PRIu64
				 " seen=%" PRIu64,
			 seen->id, welcome->epoch, seen->epoch);
	l->refused_epoch = welcome->epoch;
	return true;
}

static void on_welcome(struct worker_link *l, const Pb__PoolMessage *message)
{
	const Pb__Welcome *welcome = message->welcome;
	uint32_t every = welcome->heartbeat_ms;

	if (l->step.at != GREETING)
		return;
	if (is_replaced(l, welcome)) {
		hang_up(l, "it was replaced");
		return;
	}
	l->heartbeat_ms = every < 100 || every > 10 * HEARTBEAT_MS ? HEARTBEAT_MS : every;
	l->lost_after_ms = LOST_AFTER_MS;
	if (welcome->lost_after_ms > LOST_AFTER_MIN_MS)
		l->lost_after_ms = welcome->lost_after_ms;
	enter_linked(l);
}

static void on_ack(struct worker_link *l, const Pb__PoolMessage *message)
{
	uint64_t seq = message->ack->seq;
	struct attempt *a;

	if (seq > l->seq || seq + BEATS_REMEMBERED <= l->seq)
		return;
	acknowledged(l, seq);
	DL_FOREACH(l->worker->attempts, a)
		attempt_acknowledged(a, seq);
}

static void on_lease(struct worker_link *l, const Pb__PoolMessage *message)
{
	worker_lease(l->worker, message->lease);
}

static void on_stop(struct worker_link *l, const Pb__PoolMessage *message)
{
	struct attempt *a = attempt_of(l, message->stop->task, message->stop->epoch);

	if (a != NULL)
		attempt_stop(a, message->stop->failure == PB__TASK_FAILURE__BUDGET, message->stop->reason);
}

static void on_verdict(struct worker_link *l, const Pb__PoolMessage *message)
{
	const Pb__Verdict *verdict = message->verdict;
	struct attempt *a = attempt_of(l, verdict->task, verdict->epoch);

	if (a == NULL)
		return;
	/* KEEP: it goes on, and what it has to say was said again when the link came up. */
	if (verdict->word == PB__VERDICT__WORD__SEND) {
		attempt_send_again(a);
	} else if (verdict->word == PB__VERDICT__WORD__KILL) {
		log_info("attempt is no longer ours task=%s epoch=%u", a->task, a->epoch);
		attempt_lose(a, NULL);
	}
}

static void on_stored(struct worker_link *l, const Pb__PoolMessage *message)
{
	struct attempt *a = attempt_of(l, message->stored->task, message->stored->epoch);

	if (a != NULL)
		attempt_stored(a);
}

static void on_rest(struct worker_link *l, const Pb__PoolMessage *message)
{
	(void)l;
	log_warn("the pool gives this worker nothing for %u s: %.300s", (message->rest->rest_ms + 999) / 1000,
		 message->rest->reason);
}

static void on_call_message(struct grpc_call *call, const ProtobufCMessage *out)
{
	static void (*const handlers[])(struct worker_link *l, const Pb__PoolMessage *message) = {
		[PB__POOL_MESSAGE__KIND_WELCOME] = on_welcome, [PB__POOL_MESSAGE__KIND_ACK] = on_ack,
		[PB__POOL_MESSAGE__KIND_LEASE] = on_lease,     [PB__POOL_MESSAGE__KIND_STOP] = on_stop,
		[PB__POOL_MESSAGE__KIND_VERDICT] = on_verdict, [PB__POOL_MESSAGE__KIND_STORED] = on_stored,
		[PB__POOL_MESSAGE__KIND_REST] = on_rest,
	};
	struct worker_link *l = container_of(call, struct worker_link, call);
	const Pb__PoolMessage *message = (const Pb__PoolMessage *)out;
	unsigned kind = message->kind_case;

	if (l->step.at == GREETING && kind != PB__POOL_MESSAGE__KIND_WELCOME)
		return; /* of one that has not said who it is, or was refused */
	if (kind < sizeof handlers / sizeof handlers[0] && handlers[kind] != NULL)
		handlers[kind](l, message);
}

static void on_call_space(struct grpc_call *call)
{
	struct worker_link *l = container_of(call, struct worker_link, call);
	struct attempt *a;

	DL_FOREACH(l->worker->attempts, a)
		attempt_flush(a);
}

/* --- events: the call ends ------------------------------------------------------------------- */

static void close_channel(struct worker_link *l);

/* Asking again does not heal these: whoever started this worker must know now. */
static bool hopeless(int status)
{
	return status == STATUS_UNAUTHENTICATED || status == STATUS_PERMISSION_DENIED ||
	       status == STATUS_INVALID_ARGUMENT || status == STATUS_UNIMPLEMENTED;
}

static void on_call_done(struct grpc_call *call, const struct error *err)
{
	struct worker_link *l = container_of(call, struct worker_link, call);
	struct error why = *err;

	l->call_open = false;
	trust_explain(&l->worker->trust, &why);
	timer_clear(&l->timer);
	if (l->lingering) {
		close_channel(l);
		return;
	}
	if ((!l->ever && hopeless(err->status)) || err->status == STATUS_UNAUTHENTICATED)
		worker_fail(l->worker, &why);
	else if (l->tries == 0)
		log_warn("lost the pool, asking again status=%s text=\"%s\"", status_name(err->status),
			 err->text);
	if (l->lingering)
		return; /* the worker gave up, and had nothing to wait for */
	if (l->step.at != CLOSED) /* the worker may have ended it just now */
		enter_waiting(l);
	worker_unlinked(l->worker);
}

/* --- the heart ------------------------------------------------------------------------------- */

static void on_beat(struct timer *timer)
{
	struct worker_link *l = container_of(timer, struct worker_link, beat);

	timer_set(&l->beat, l->heartbeat_ms);
	worker_look_after_results(l->worker);
	if (worker_link_up(l) && clock_ms() - l->acked_ms >= (int64_t)l->lost_after_ms)
		hang_up(l, "the pool is silent");
	if (l->step.at == LINKED && is_stuck(l) && !l->worker->leaving)
		worker_spare_look(&l->spare);
	worker_link_beat(l);
}

/* There is a way to the pool, and this is it. */
static void on_spare(struct worker_spare *spare, struct grpc_channel *channel)
{
	struct worker_link *l = container_of(spare, struct worker_link, spare);
	struct grpc_channel *deaf = l->channel;

	if (l->worker->leaving) {
		grpc_channel_close(channel, NULL, NULL);
		return;
	}
	log_info("the pool is silent here and answers on another connection, which is used from now on");
	l->channel = channel;
	grpc_channel_hang_up(l->worker->bulk, "the pool is silent");
	grpc_channel_close(deaf, NULL, NULL); /* its call as well; then we greet anew */
}

/* --- open and close -------------------------------------------------------------------------- */

void worker_link_open(struct worker_link *l, struct worker *w)
{
	*l = (struct worker_link){.worker = w, .heartbeat_ms = HEARTBEAT_MS, .lost_after_ms = LOST_AFTER_MS};
	l->step = (struct step){states, IDLE};
	l->spare = (struct worker_spare){.worker = w, .found = on_spare};
	l->channel = worker_channel(w);
	timer_init(&w->loop, &l->timer, on_timer);
	timer_init(&w->loop, &l->beat, on_beat);
	timer_set(&l->beat, l->heartbeat_ms);
	enter_greeting(l);
}

void worker_link_greet_again(struct worker_link *l)
{
	l->stale = true;
	if (l->step.at == LINKED)
		grpc_call_cancel(&l->call);
}

void worker_link_leave(struct worker_link *l)
{
	Pb__Leave leave = PB__LEAVE__INIT;
	Pb__WorkerMessage message = MESSAGE(leave, LEAVE, &leave);

	if (l->step.at != LINKED)
		return;
	worker_link_send(l, &message);
	crash_point(WORKER_LEAVE_SENT);
	step_to(&l->step, LEAVING, "link");
}

static void on_beat_closed(struct timer *beat)
{
	struct worker_link *l = container_of(beat, struct worker_link, beat);

	l->closed(l);
}

static void on_timer_closed(struct timer *timer)
{
	struct worker_link *l = container_of(timer, struct worker_link, timer);

	timer_close(&l->beat, on_beat_closed);
}

static void on_channel_closed(void *user)
{
	struct worker_link *l = user;

	timer_close(&l->timer, on_timer_closed);
}

static void close_channel(struct worker_link *l)
{
	step_to(&l->step, CLOSED, "link");
	worker_spare_drop(&l->spare);
	grpc_channel_close(l->channel, on_channel_closed, l);
}

void worker_link_close(struct worker_link *l, void (*closed)(struct worker_link *l))
{
	l->closed = closed;
	l->lingering = true;
	timer_clear(&l->beat);
	if (!l->call_open) {
		close_channel(l);
		return;
	}
	grpc_call_half_close(&l->call);
	timer_set(&l->timer, LINGER_MS);
}
