/* roles/silence.c - see roles/silence.h. One look each tick of roles/lease.c. */
#include "roles/silence.h"

#include <stdio.h>
#include <utlist.h>

#include "net/clock.h"
#include "net/log.h"
#include "proto/task.h"
#include "roles/pool.h"
#include "roles/pool_link.h"

static const char silent[] = "its worker was not heard for 10 s";

static bool waits(const struct pool_worker *w, const struct pool_task *t, int64_t now)
{
	return t->wait_s > 0 && now - w->beat_ms < LOST_AFTER_MS + 1000 * (int64_t)t->wait_s;
}

/* Give away what does not wait for it. True = something does. */
static bool sort_out(struct pool *pool, struct pool_worker *w, int64_t now)
{
	struct pool_task *t, *next;
	bool any = false;

	DL_FOREACH_SAFE(w->tasks, t, next) {
		if (t->hold == HOLD_HELD && !task_state_final(t->state) && waits(w, t, now))
			any = true;
		else if (t->fails_when_lost)
			lease_fail(pool, t, "its worker was not heard for 10 s, and its on_disconnect is fail");
		else
			lease_return(pool, t, silent, true, false);
	}
	return any;
}

/* The most silent stands first; whoever is heard moves to the end. So one look is enough. */
static void look_at_silent(struct pool *pool, int64_t now)
{
	struct pool_worker *w, *next;

	while ((w = pool->workers.beats) != NULL && now - w->beat_ms >= LOST_AFTER_MS) {
		if (w->task_count > 0)
			lease_fault(pool, w, silent);
		if (!sort_out(pool, w, now)) {
			lease_remove_worker(pool, w, silent, true);
			continue;
		}
		log_info("worker awaited worker=%s tasks=%u", w->id, w->task_count);
		link_drop(w, silent);
		pool_worker_await(pool, w);
	}
	DL_FOREACH_SAFE(pool->workers.awaited, w, next)
		if (!sort_out(pool, w, now))
			lease_remove_worker(pool, w, silent, true);
}

/* --- attempts that nobody ends --------------------------------------------------------------- */

static const char *overdue_running(const struct pool_task *t, int64_t now)
{
	const struct metering *m = &t->metering;
	int64_t most_ms = 1000 * ((int64_t)t->time_limit_s + t->grace_s) + REVOKE_AFTER_MS;

	return m->began_ms > 0 && m->ran_ms < 0 && now - m->began_ms > most_ms
		       ? "did not end it at its time limit"
		       : NULL;
}

/* Nothing moved for as long as that and a millisecond more for so many bytes. */
static bool stalled(const struct pool_task *t, uint64_t bytes, const struct patience *p, int64_t now)
{
	int64_t moved = t->moved_ms > p->since_ms ? t->moved_ms : p->since_ms;

	return now - moved > p->stalled_ms + (int64_t)(bytes / REVOKE_BYTES_PER_MS);
}

const char *silence_overdue(const struct pool_task *t, const struct patience *p, int64_t now_ms)
{
	if (t->hold != HOLD_HELD)
		return NULL;
	if (t->phase < PHASE_EXECUTING)
		return stalled(t, t->bundle_size, p, now_ms) ? "did not get on with preparing it" : NULL;
	if (t->phase > PHASE_EXECUTING)
		return stalled(t, t->max_output, p, now_ms) ? "did not get on with its result" : NULL;
	return overdue_running(t, now_ms);
}

static void revoke(struct pool *pool, struct pool_worker *w, struct pool_task *t, const char *what)
{
	char words[REASON_MAX];

	log_warn("attempt revoked: its worker %s task=%s epoch=%u worker=%s", what, t->id, t->epoch, w->id);
	snprintf(words, sizeof words, "its worker %s", what);
	lease_fault(pool, w, words);
	link_send_verdict(w, t->id, t->epoch, PB__VERDICT__WORD__KILL);
	lease_return(pool, t, words, true, false);
}

static void look_at_overdue(struct pool *pool, int64_t now)
{
	const struct patience patience = {pool->lease.patience_ms, pool->options.stalled_ms};
	struct pool_worker *w;
	struct pool_task *t, *next;
	const char *what;

	DL_FOREACH(pool->workers.beats, w) {
		DL_FOREACH_SAFE(w->tasks, t, next) {
			what = silence_overdue(t, &patience, now);
			if (what != NULL)
				revoke(pool, w, t, what);
		}
	}
}

void silence_look(struct pool *pool)
{
	int64_t now = clock_ms();

	look_at_silent(pool, now);
	look_at_overdue(pool, now);
}
