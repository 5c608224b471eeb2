/* roles/api_events.c - /events: everything that changes for who is signed in, as one
 * stream (roles/event_hub.h). */
#include "roles/api_handlers.h"

#include <string.h>

#include "roles/master.h"

struct listening {
	struct hub_listener listener;
	struct api *api;
};

static bool say(struct hub_listener *l, const char *id, const struct hub_event *e)
{
	struct api *a = ((struct listening *)l)->api;

	return http_event(a->r, id, e->name, e->data, e->n);
}

static void on_space(struct http_request *r)
{
	struct api *a = r->user;
	struct listening *k = a->user;

	hub_listener_go_on(&k->listener);
}

static void on_gone(struct api *a)
{
	struct listening *k = a->user;

	hub_listener_stop(&k->listener);
}

/* "tasks,balance". 0 = one of them is none. */
static unsigned topics_of(const char *text)
{
	static const struct {
		const char *name;
		enum event_topic topic;
	} known[] = {{"tasks", TOPIC_TASKS}, {"balance", TOPIC_BALANCE}, {"workers", TOPIC_WORKERS}};
	unsigned topics = 0;

	if (text == NULL)
		return TOPIC_ALL;
	while (*text != '\0') {
		size_t n = strcspn(text, ","), i = 0;

		while (i < 3 && (strlen(known[i].name) != n || strncmp(text, known[i].name, n) != 0))
			i++;
		if (i == 3)
			return 0;
		topics |= known[i].topic;
		text += n + (text[n] == ',');
	}
	return topics;
}

void api_events(struct api *a)
{
	struct listening *k = api_more(a, sizeof *k);

	k->api = a;
	k->listener.topics = topics_of(api_query(a, "topics"));
	k->listener.say = say;
	if (k->listener.topics == 0) {
		api_refuse(a, STATUS_INVALID_ARGUMENT, "\"topics\" are tasks, balance, workers, separated by commas");
		return;
	}
	a->on_gone = on_gone;
	a->r->on_space = on_space;
	http_events_begin(a->r);
	event_hub_listen(&a->who->events, &k->listener, http_last_event_id(a->r));
}
