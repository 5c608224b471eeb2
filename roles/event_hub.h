/* roles/event_hub.h - what changes for one identity, once from the pool and then to
 * every browser that listens.
 *
 *     IDLE -> ASKING (Pool.Events, while somebody listens, and LINGER_MS longer)
 *                  -> RESTING (it broke) -> ASKING
 *
 * Each event has a number and lies in a ring of EVENTS_KEPT; a listener is a place in it. So a
 * browser that was away for a moment goes on where it was (Last-Event-ID: EPOCH.NUMBER), and one that
 * is slow costs nothing but its place: when the ring has gone on without it, it is told to look at
 * everything anew (`reset`). */
#ifndef ROLES_EVENT_HUB_H
#define ROLES_EVENT_HUB_H

#include <stdbool.h>
#include <stdint.h>

#include "net/buf.h"
#include "net/grpc_client.h"
#include "net/loop.h"
#include "proto/id.h"

#define EVENTS_KEPT 4096
#define EVENTS_KEPT_BYTES (4 << 20)

enum event_topic { TOPIC_TASKS = 1, TOPIC_BALANCE = 2, TOPIC_WORKERS = 4, TOPIC_ALL = 7 };

struct hub_event {
	const char *name;  /* "task" */
	unsigned topic;    /* 0 = for everybody */
	uint8_t *data;     /* a JSON document; NULL = not kept any more */
	size_t n;
};

struct hub_listener {
	struct event_hub *hub;    /* NULL = it listens no more */
	uint64_t next;            /* number of the event that it gets next */
	unsigned topics;
	bool full;                /* waits for room */
	/* Say this event. False: it was taken, and there is no more room until hub_listener_go_on(). */
	bool (*say)(struct hub_listener *l, const char *id, const struct hub_event *e);
	struct hub_listener *prev, *next_listener;
};

struct event_hub {
	struct loop *loop;
	struct grpc_channel *channel;
	char epoch[ID_SIZE];      /* another one for each hub: numbers mean nothing to others */
	struct hub_event *ring;   /* EVENTS_KEPT of them; NULL before the first */
	uint64_t first, last;     /* numbers that are in it: first to last - 1 */
	size_t bytes;
	struct hub_listener *listeners;
	struct grpc_call call;
	bool open, up, started, closing;
	uint64_t rest_ms;         /* the last one; 0 = it was well since */
	struct timer timer;       /* linger, or rest */
	void (*closed)(struct event_hub *hub);
	bool timer_closed;
};

void event_hub_init(struct event_hub *hub, struct loop *loop, struct grpc_channel *channel);

/* l goes on after the event of this id ("" or NULL: from now on). */
void event_hub_listen(struct event_hub *hub, struct hub_listener *l, const char *after);
void hub_listener_go_on(struct hub_listener *l);
void hub_listener_stop(struct hub_listener *l);

/* No event comes any more; closed() when nothing is open. Listeners must have stopped. */
void event_hub_close(struct event_hub *hub, void (*closed)(struct event_hub *hub));

#endif
