/* roles/lease_clock.c - see roles/lease_clock.h. Each look repeats what the stage asks for: an engine that
 * would not pause a moment ago may do so now, and a container that has started meanwhile is paused too. */
#include "roles/lease_clock.h"

#include <inttypes.h>
#include <utlist.h>

#include "net/clock.h"
#include "net/log.h"
#include "net/memory.h"
#include "roles/worker.h"

static enum leash_stage stage_of(const struct attempt *a, int64_t now)
{
	return leash_stage(&a->worker->leash, now, job_extra_ms(a->spec));
}

static void end(struct attempt *a)
{
	log_warn("the pool is silent, ending task=%s epoch=%u", a->task, a->epoch);
	attempt_lose(a, "its worker did not hear from the pool in time");
}

/* What the time asks of this one. */
static void act(struct attempt *a, int64_t now)
{
	enum leash_stage stage = stage_of(a, now);

	if (a->lost || attempt_exited(a))
		return;
	if (stage == LEASH_KILL)
		end(a);
	else if (a->step.at == JOB)
		job_pause(&a->job, stage == LEASH_PAUSE);
}

static void say(struct lease_clock *c, int64_t now)
{
	static const char *const words[] = {
		[LEASH_RUN] = "the pool is heard again, containers run on",
		[LEASH_PAUSE] = "the pool is silent, containers are paused",
		[LEASH_KILL] = "the pool is silent, containers are killed",
	};
	const struct leash *f = &c->worker->leash;
	enum leash_stage stage = leash_stage(f, now, 0);

	if (c->stage != stage && c->worker->attempts != NULL)
		log_info("%s silent_ms=%" PRId64, words[stage], now - f->page->acked_ms);
	c->stage = stage;
}

void lease_clock_look(struct lease_clock *c)
{
	int64_t now = clock_ms(), wait = HEARTBEAT_MS; /* the machine may sleep meanwhile, and timers with it */
	struct attempt *a;

	say(c, now);
	DL_FOREACH(c->worker->attempts, a) {
		int64_t next = leash_next(&c->worker->leash, now, job_extra_ms(a->spec));

		wait = next < wait ? next : wait;
		act(a, now);
	}
	timer_set(&c->timer, (uint64_t)wait);
}

void lease_clock_renew(struct lease_clock *c, int64_t sent_ms, int64_t lost_after_ms)
{
	leash_renew(&c->worker->leash, sent_ms, lost_after_ms);
	lease_clock_look(c);
}

static void on_timer(struct timer *timer)
{
	lease_clock_look(container_of(timer, struct lease_clock, timer));
}

void lease_clock_open(struct lease_clock *c, struct worker *w)
{
	*c = (struct lease_clock){.worker = w, .stage = LEASH_RUN};
	timer_init(&w->loop, &c->timer, on_timer);
	timer_set(&c->timer, HEARTBEAT_MS);
}

void lease_clock_close(struct lease_clock *c, void (*closed)(struct timer *timer))
{
	timer_close(&c->timer, closed);
}
