#include "roles/task_watch.h"

#include <stdio.h>
#include <string.h>

#include "net/clock.h"
#include "net/memory.h"
#include "proto/id.h"
#include "proto/task.h"
#include "roles/task_view.h"
#include "ui/term.h"

#define TICK_MS 250

struct watch {
	struct client *client;
	struct progress progress;
	struct timer tick; /* time goes on in the line also when nothing changes */
	char state[160];
	Pb__Task *last;
	bool closed;
};

static void on_tick(struct timer *t)
{
	struct watch *w = container_of(t, struct watch, tick);
	char text[200], took[24];

	snprintf(text, sizeof text, "%s  %s", w->state, format_age(clock_ms() - w->progress.start_ms, took));
	progress_text(&w->progress, w->progress.tty ? text : w->state);
	timer_set(&w->tick, TICK_MS);
}

static bool on_task(struct client *c, const void *out, void *user)
{
	struct watch *w = user;
	const Pb__Task *t = out;
	char detail[64];

	snprintf(w->state, sizeof w->state, "%s  %s", task_state_name((int)t->state), task_detail(t, detail));
	if (t->state == PB__TASK_STATE__PENDING && t->reason[0] != '\0')
		snprintf(w->state, sizeof w->state, "PENDING  %.140s", t->reason);
	if (!task_state_final((int)t->state))
		return true;
	w->last = client_copy(c, out);
	return false;
}

static void on_tick_closed(struct timer *t)
{
	struct watch *w = container_of(t, struct watch, tick);

	w->client->over = true;
	loop_stop(&w->client->loop);
}

void task_goes_on(struct client *c, const char *id)
{
	char brief[TASK_ID_SIZE];

	if (c->globals.json)
		return;
	task_short_id(id, SHORT_ID_LENGTH, brief);
	fprintf(stderr, "Stopped watching. Task %s goes on.\n", brief);
	fprintf(stderr, "  end it   hivemind stop %s\n  wait     hivemind wait %s\n", brief, brief);
}

Pb__Task *task_watch(struct client *c, const char *id)
{
	Pb__WatchTaskRequest request = PB__WATCH_TASK_REQUEST__INIT;
	struct watch w = {.client = c};
	char label[TASK_ID_SIZE + 12], brief[TASK_ID_SIZE];

	snprintf(label, sizeof label, "Waiting for %s", task_short_id(id, SHORT_ID_LENGTH, brief));
	progress_start(&w.progress, label, c->globals.json || c->globals.quiet);
	timer_init(&c->loop, &w.tick, on_tick);
	timer_set(&w.tick, TICK_MS);
	request.id = (char *)id;
	do
		client_stream(c, RPC_WATCH_TASK, &request, on_task, &w);
	while (w.last == NULL && (c->error.status == 0 ? client_sleep(c, 100) : client_again(c)));
	progress_end(&w.progress, NULL);
	timer_close(&w.tick, on_tick_closed);
	client_wait(c, NULL, NULL);
	if (w.last == NULL && (c->interrupted || c->timed_out))
		task_goes_on(c, id);
	return w.last;
}
