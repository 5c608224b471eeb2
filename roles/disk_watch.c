/* roles/disk_watch.c - a timer and one look at a time. A look at a directory of many files may take longer
 * than a second: the next begins a second after its end. */
#include "roles/disk_watch.h"

#include "net/memory.h"

#define LOOK_MS 1000

static void run_look(struct work *work)
{
	struct disk_watch *d = container_of(work, struct disk_watch, work);

	d->used = scratch_used(d->scratch);
}

static void on_looked(struct work *work)
{
	struct disk_watch *d = container_of(work, struct disk_watch, work);

	d->looking = false;
	if (d->stopped) {
		d->on_idle(d);
	} else if (d->used > d->allowed) {
		d->stopped = true;
		d->on_over(d);
	} else {
		timer_set(&d->timer, LOOK_MS);
	}
}

static void on_timer(struct timer *timer)
{
	struct disk_watch *d = container_of(timer, struct disk_watch, timer);

	d->looking = true;
	work_start(d->loop, &d->work, run_look, on_looked);
}

void disk_watch_init(struct disk_watch *d, struct loop *loop)
{
	d->loop = loop;
	timer_init(loop, &d->timer, on_timer);
}

void disk_watch_start(struct disk_watch *d)
{
	timer_set(&d->timer, LOOK_MS);
}

bool disk_watch_stop(struct disk_watch *d)
{
	d->stopped = true;
	timer_clear(&d->timer);
	return !d->looking;
}

static void on_timer_closed(struct timer *timer)
{
	struct disk_watch *d = container_of(timer, struct disk_watch, timer);

	d->closed(d);
}

void disk_watch_close(struct disk_watch *d, void (*closed)(struct disk_watch *d))
{
	d->closed = closed;
	timer_close(&d->timer, on_timer_closed);
}
