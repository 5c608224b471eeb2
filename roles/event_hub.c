/* roles/event_hub.c - see the header. What is said is JSON, of the shapes that --json has. */
#include "roles/event_hub.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "net/clock.h"
#include "net/memory.h"
#include "proto/rpc.h"
#include "roles/money_view.h"
#include "roles/task_view.h"
#include "roles/worker_view.h"
#include "ui/json.h"

#define LINGER_MS 30000
#define REST_MS 500
#define REST_MAX_MS 8000

/* --- the ring -------------------------------------------------------------------------------------- */

static struct hub_event *at(struct event_hub *hub, uint64_t number)
{
	return &hub->ring[number % EVENTS_KEPT];
}

static void forget_first(struct event_hub *hub)
{
	struct hub_event *e = at(hub, hub->first++);

	hub->bytes -= e->n;
	free(e->data);
	e->data = NULL;
}

static void pump(struct hub_listener *l)
{
	static const struct hub_event reset = {.name = "reset", .data = (uint8_t *)"{\"v\":1}", .n = 7};
	struct event_hub *hub = l->hub;
	char id[ID_SIZE + 24];

	while (l->hub != NULL && !l->full && l->next < hub->last) {
		const struct hub_event *e = &reset;

		if (l->next < hub->first) /* the ring has gone on without it */
			l->next = hub->last;
		else
			e = at(hub, l->next++);
		if (e != &reset && e->topic != 0 && (e->topic & l->topics) == 0)
			continue;
		snprintf(id, sizeof id, "%s.%" PRIu64, hub->epoch, l->next - 1);
		l->full = !l->say(l, id, e);
	}
}

/* Takes what is in data. */
static void add(struct event_hub *hub, const char *name, unsigned topic, struct buf *data)
{
	struct hub_listener *l, *next;

	if (hub->ring == NULL)
		hub->ring = xcalloc(EVENTS_KEPT, sizeof *hub->ring);
	while (hub->last - hub->first >= EVENTS_KEPT ||
	       (hub->bytes + data->n > EVENTS_KEPT_BYTES && hub->first < hub->last))
		forget_first(hub);
	*at(hub, hub->last++) = (struct hub_event){.name = name, .topic = topic, .data = data->data, .n = data->n};
	hub->bytes += data->n;
	DL_FOREACH_SAFE2(hub->listeners, l, next, next_listener)
		pump(l);
}

/* --- what the pool says ------------------------------------------------------------------------------ */

static void add_text(struct event_hub *hub, const char *name, unsigned topic, const char *key,
		     const char *text)
{
	struct buf out = {0};
	struct json j;

	json_document(&j, &out);
	if (key != NULL)
		json_text(&j, key, text);
	json_end(&j);
	add(hub, name, topic, &out);
}

static void pool_json(struct buf *out, bool connected, const char *why)
{
	struct json j;

	json_document(&j, out);
	json_bool(&j, "connected", connected);
	json_text(&j, "reason", why);
	json_end(&j);
}

/* Connected or not: for the line that pages show. */
static void add_pool(struct event_hub *hub, bool connected, const char *why)
{
	struct buf out = {0};

	pool_json(&out, connected, why);
	add(hub, "pool", 0, &out);
}

/* Who comes new is told how it is; until that is known, the ring will say it. */
static void greet(struct event_hub *hub, struct hub_listener *l)
{
	struct hub_event e = {.name = "pool"};
	struct buf out = {0};

	if (!hub->started)
		return;
	pool_json(&out, hub->up, hub->up ? NULL : "the pool cannot be reached");
	e.data = out.data;
	e.n = out.n;
	l->full = !l->say(l, NULL, &e);
	buf_release(&out);
}

static void add_message(struct event_hub *hub, const Pb__Event *event)
{
	struct buf out = {0};
	struct json j;
	bool task = event->kind_case == PB__EVENT__KIND_TASK, worker = event->kind_case == PB__EVENT__KIND_WORKER;

	json_document(&j, &out);
	if (task)
		task_json(&j, event->task);
	else if (worker)
		worker_json(&j, event->worker);
	else
		balance_json(&j, event->balance);
	json_end(&j);
	add(hub, task ? "task" : worker ? "worker" : "balance",
	    task ? TOPIC_TASKS : worker ? TOPIC_WORKERS : TOPIC_BALANCE, &out);
}

static void on_start(struct event_hub *hub)
{
	if (!hub->up)
		add_pool(hub, true, NULL);
	if (hub->started) /* something was missed */
		add_text(hub, "reset", 0, NULL, NULL);
	hub->up = hub->started = true;
	hub->rest_ms = 0;
}

static void on_message(struct grpc_call *call, const ProtobufCMessage *out)
{
	struct event_hub *hub = call->user;
	const Pb__Event *event = (const Pb__Event *)out;

	switch (event->kind_case) {
	case PB__EVENT__KIND_START:
		on_start(hub);
		break;
	case PB__EVENT__KIND_TASK:
	case PB__EVENT__KIND_BALANCE:
	case PB__EVENT__KIND_WORKER:
		add_message(hub, event);
		break;
	case PB__EVENT__KIND_REMOVED:
		add_text(hub, "removed", TOPIC_TASKS, "id", event->removed);
		break;
	case PB__EVENT__KIND_LEFT:
		add_text(hub, "left", TOPIC_WORKERS, "id", event->left);
		break;
	default: /* of a newer pool */
		break;
	}
}

static void check_closed(struct event_hub *hub)
{
	if (!hub->closing || hub->open || !hub->timer_closed)
		return;
	while (hub->first < hub->last)
		forget_first(hub);
	free(hub->ring);
	hub->ring = NULL;
	hub->closed(hub);
}

static void on_done(struct grpc_call *call, const struct error *e)
{
	struct event_hub *hub = call->user;
	bool was_up = hub->up;

	hub->open = hub->up = false;
	if (hub->closing) {
		check_closed(hub);
	} else if (hub->listeners != NULL) {
		if (was_up || !hub->started)
			add_pool(hub, false, e->text[0] != '\0' ? e->text : "the connection ended");
		hub->started = true; /* the next start is a second one for whoever listens */
		hub->rest_ms = hub->rest_ms == 0 ? REST_MS : hub->rest_ms < REST_MAX_MS ? 2 * hub->rest_ms : REST_MAX_MS;
		timer_set(&hub->timer, hub->rest_ms);
	}
}

static void ask(struct event_hub *hub)
{
	Pb__EventsRequest request = PB__EVENTS_REQUEST__INIT;

	hub->open = true;
	hub->call = (struct grpc_call){.method = &rpc_methods[RPC_EVENTS],
				       .on_message = on_message,
				       .on_done = on_done,
				       .user = hub};
	grpc_call_unary(hub->channel, &hub->call, &request.base);
}

/* Nobody has listened for a while. Who comes back then has missed something, whatever its number was. */
static void fall_asleep(struct event_hub *hub)
{
	while (hub->first < hub->last)
		forget_first(hub);
	hub->first = ++hub->last;
	hub->started = false;
	if (hub->open)
		grpc_call_cancel(&hub->call);
}

static void on_timer(struct timer *t)
{
	struct event_hub *hub = container_of(t, struct event_hub, timer);

	if (hub->listeners != NULL && !hub->open)
		ask(hub);
	else if (hub->listeners == NULL)
		fall_asleep(hub);
}

/* --- those who listen -------------------------------------------------------------------------------- */

/* Where to go on after this id; now when it is none of ours. */
static uint64_t place(const struct event_hub *hub, const char *after)
{
	size_t n = strlen(hub->epoch);
	uint64_t number;

	if (after == NULL || after[0] == '\0')
		return hub->last;
	if (strncmp(after, hub->epoch, n) != 0 || after[n] != '.')
		return 0; /* of an earlier master: look at everything anew */
	number = strtoull(after + n + 1, NULL, 10);
	return number < hub->last ? number + 1 : hub->last;
}

void event_hub_init(struct event_hub *hub, struct loop *loop, struct grpc_channel *channel)
{
	*hub = (struct event_hub){.loop = loop, .channel = channel, .first = 1, .last = 1};
	random_id(hub->epoch);
	timer_init(loop, &hub->timer, on_timer);
}

void event_hub_listen(struct event_hub *hub, struct hub_listener *l, const char *after)
{
	l->hub = hub;
	l->next = place(hub, after);
	DL_APPEND2(hub->listeners, l, prev, next_listener);
	timer_clear(&hub->timer);
	if (!hub->open)
		timer_set(&hub->timer, 0);
	if (after == NULL || after[0] == '\0')
		greet(hub, l);
	pump(l);
}

void hub_listener_go_on(struct hub_listener *l)
{
	l->full = false;
	if (l->hub != NULL)
		pump(l);
}

void hub_listener_stop(struct hub_listener *l)
{
	struct event_hub *hub = l->hub;

	if (hub == NULL)
		return;
	l->hub = NULL;
	DL_DELETE2(hub->listeners, l, prev, next_listener);
	if (hub->listeners == NULL && !hub->closing)
		timer_set(&hub->timer, LINGER_MS);
}

static void on_timer_closed(struct timer *t)
{
	struct event_hub *hub = container_of(t, struct event_hub, timer);

	hub->timer_closed = true;
	check_closed(hub);
}

void event_hub_close(struct event_hub *hub, void (*closed)(struct event_hub *hub))
{
	hub->closing = true;
	hub->closed = closed;
	if (hub->open)
		grpc_call_cancel(&hub->call);
	timer_close(&hub->timer, on_timer_closed);
}
