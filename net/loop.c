#include "net/loop.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <utlist.h>

#include "net/memory.h"

/* Deferred calls run in the idle phase: before the loop would sleep, after all I/O of this turn.
 * What they defer in turn waits for the next one, so that I/O is never starved. */
static void run_deferred(uv_idle_t *turn)
{
	struct loop *l = container_of(turn, struct loop, turn);
	struct deferred *last = l->deferred != NULL ? l->deferred->prev : NULL;
	struct deferred *d;

	while (last != NULL && (d = l->deferred) != NULL) {
		bool is_last = d == last;

		loop_undefer(l, d);
		d->run(d);
		if (is_last)
			break;
	}
	if (l->deferred == NULL)
		uv_idle_stop(&l->turn);
}

void loop_init(struct loop *l)
{
	*l = (struct loop){0};
	if (uv_loop_init(&l->uv) != 0)
		abort();
	signal(SIGPIPE, SIG_IGN); /* a peer that left is an error of the write, not the end of us */
	uv_idle_init(&l->uv, &l->turn);
}

void loop_run(struct loop *l)
{
	uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *l)
{
	uv_stop(&l->uv);
}

void loop_close(struct loop *l)
{
	int rc;

	uv_close((uv_handle_t *)&l->turn, NULL);
	if (l->on_stop != NULL) {
		uv_close((uv_handle_t *)&l->sigint, NULL);
		uv_close((uv_handle_t *)&l->sigterm, NULL);
	}
	uv_run(&l->uv, UV_RUN_DEFAULT);
	rc = uv_loop_close(&l->uv);
	assert(rc == 0);
	(void)rc;
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct loop *l = handle->loop->data;

	/* From the second on, the kernel's own default applies. */
	uv_signal_stop(&l->sigint);
	uv_signal_stop(&l->sigterm);
	l->on_stop(l, number);
}

void loop_catch_signals(struct loop *l, void (*on_stop)(struct loop *, int signal))
{
	l->uv.data = l;
	l->on_stop = on_stop;
	if (uv_signal_init(&l->uv, &l->sigint) != 0 || uv_signal_init(&l->uv, &l->sigterm) != 0)
		abort(); /* no descriptor, no memory: as at loop_init() */
	if (uv_signal_start(&l->sigint, on_signal, SIGINT) != 0 ||
	    uv_signal_start(&l->sigterm, on_signal, SIGTERM) != 0)
		abort();
	uv_unref((uv_handle_t *)&l->sigint);
	uv_unref((uv_handle_t *)&l->sigterm);
}

void loop_defer(struct loop *l, struct deferred *d, void (*run)(struct deferred *))
{
	if (d->waiting)
		return;
	d->run = run;
	d->waiting = true;
	DL_APPEND(l->deferred, d);
	uv_idle_start(&l->turn, run_deferred);
}

void loop_undefer(struct loop *l, struct deferred *d)
{
	if (!d->waiting)
		return;
	DL_DELETE(l->deferred, d);
	d->waiting = false;
}

static void on_timer(uv_timer_t *uv)
{
	struct timer *t = container_of(uv, struct timer, uv);

	t->run(t);
}

void timer_init(struct loop *l, struct timer *t, void (*run)(struct timer *))
{
	uv_timer_init(&l->uv, &t->uv);
	t->run = run;
}

void timer_set(struct timer *t, uint64_t ms)
{
	/* The loop's idea of now is as old as this turn: a long turn must not shorten the wait. */
	uv_update_time(t->uv.loop);
	uv_timer_start(&t->uv, on_timer, ms, 0);
}

void timer_clear(struct timer *t)
{
	uv_timer_stop(&t->uv);
}

bool timer_armed(const struct timer *t)
{
	return uv_is_active((const uv_handle_t *)&t->uv);
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct timer *t = container_of((uv_timer_t *)handle, struct timer, uv);

	if (t->closed != NULL)
		t->closed(t);
}

void timer_close(struct timer *t, void (*closed)(struct timer *))
{
	t->closed = closed;
	uv_close((uv_handle_t *)&t->uv, on_timer_closed);
}

static void on_work(uv_work_t *uv)
{
	struct work *w = container_of(uv, struct work, uv);

	w->run(w);
}

static void on_work_done(uv_work_t *uv, int status)
{
	struct work *w = container_of(uv, struct work, uv);

	assert(status == 0); /* work is never cancelled: its owner waits */
	(void)status;
	w->done(w);
}

void work_start(struct loop *l, struct work *w, void (*run)(struct work *),
		void (*done)(struct work *))
{
	w->run = run;
	w->done = done;
	if (uv_queue_work(&l->uv, &w->uv, on_work, on_work_done) != 0)
		abort();
}
