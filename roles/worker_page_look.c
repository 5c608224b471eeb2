/* roles/worker_page_look.c - the look each second: what our tasks use, the surroundings, the series; and each
 * minute what the pool says of money. */
#include <math.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

#include "net/clock.h"
#include "net/log.h"
#include "net/memory.h"
#include "net/metrics.h"
#include "roles/worker.h"
#include "roles/worker_page.h"

#define ASK_EVERY_MS 60000
#define ASK_TIMEOUT_MS 10000

/* --- what the pool says of money ----------------------------------------------------------------- */

static void on_earnings(struct grpc_call *call, const ProtobufCMessage *out)
{
	struct worker_page *p = container_of(call, struct worker_page, call);
	const Pb__EarningsReply *reply = (const Pb__EarningsReply *)out;
	struct worker_earnings *e = &p->earnings;

	e->settled_mcpt = reply->earned_mcpt;
	e->pending_mcpt = reply->pending_mcpt;
	e->at_ms = clock_wall_ms();
	e->known = true;
	for (e->count = 0; e->count < reply->n_tasks && e->count < PAGE_EARNINGS_MAX; e->count++) {
		text_copy(e->tasks[e->count].task, sizeof e->tasks[0].task, reply->tasks[e->count]->task);
		e->tasks[e->count].pending_mcpt = reply->tasks[e->count]->pending_mcpt;
	}
}

static void on_earnings_done(struct grpc_call *call, const struct error *err)
{
	struct worker_page *p = container_of(call, struct worker_page, call);

	p->is_asking = false;
	text_copy(p->earnings.error, sizeof p->earnings.error, err->status != 0 ? err->text : "");
	worker_page_tell(p);
}

static void ask(struct worker_page *p)
{
	Pb__EarningsRequest request = PB__EARNINGS_REQUEST__INIT;
	int64_t now = clock_ms();

	if (p->is_asking || !worker_link_up(&p->worker->link) ||
	    (p->asked_ms > 0 && now - p->asked_ms < ASK_EVERY_MS))
		return;
	p->is_asking = true;
	p->asked_ms = now;
	request.limit = PAGE_EARNINGS_MAX;
	p->call = (struct grpc_call){.method = &rpc_methods[RPC_EARNINGS], .timeout_ms = ASK_TIMEOUT_MS,
				     .on_message = on_earnings, .on_done = on_earnings_done};
	grpc_call_unary(p->worker->bulk, &p->call, &request.base);
}

/* --- the look ------------------------------------------------------------------------------------ */

/* What each of our containers has used since the last look, and all of them together. */
static void measure(struct worker_page *p, double seconds)
{
	double cpus = 0;
	uint64_t memory = 0;
	struct attempt *a;

	DL_FOREACH(p->worker->attempts, a) {
		Pb__Usage usage = PB__USAGE__INIT;

		if (a->step.at != JOB || !job_usage(&a->job, &usage)) {
			a->cpus_now = 0;
			continue;
		}
		a->cpus_now = usage.cpu_us > a->seen_cpu_us
			? (double)(usage.cpu_us - a->seen_cpu_us) / 1e6 / seconds : 0;
		a->seen_cpu_us = usage.cpu_us;
		a->seen_memory = usage.peak_memory;
		cpus += a->cpus_now;
		memory += usage.peak_memory;
	}
	p->cpus_now = cpus;
	p->memory_now = memory;
}

/* What was earned before the first day is known as that of the day before, so that the first one has a beginning. */
static void record_beginning(struct worker_page *p, int64_t now)
{
	float values[WORKER_SERIES], days[SERIES_DAYS_MAX];
	int64_t first;

	p->has_beginning = p->earnings.known;
	if (!p->earnings.known || series_read(&p->series, WORKER_EARNED, SERIES_DAYS, 0, days, &first) > 0)
		return;
	for (int i = 0; i < WORKER_SERIES; i++)
		values[i] = NAN;
	values[WORKER_EARNED] = (float)p->earnings.settled_mcpt / 1000;
	series_put(&p->series, now - series_step_ms(SERIES_DAYS), values);
}

static void record(struct worker_page *p)
{
	int64_t now = clock_wall_ms();
	time_t seconds = (time_t)(now / 1000);
	struct tm here;
	float values[WORKER_SERIES] = {
		[WORKER_CPUS] = (float)p->cpus_now,
		[WORKER_MEMORY] = (float)p->memory_now,
		[WORKER_TASKS] = (float)p->worker->resources.tasks,
		[WORKER_ON] = worker_not_ready(p->worker)[0] == '\0' ||
			worker_resources_full(&p->worker->resources),
		[WORKER_EARNED] = p->earnings.known ? (float)p->earnings.settled_mcpt / 1000 : NAN,
		[WORKER_COMPLETED] = (float)p->completed,
	};

	p->completed = 0;
	p->series.zone_ms = localtime_r(&seconds, &here) != NULL ? here.tm_gmtoff * 1000 : 0;
	if (!p->has_beginning)
		record_beginning(p, now);
	series_put(&p->series, now, values);
}

void worker_page_on_tick(struct timer *t)
{
	struct worker_page *p = container_of(t, struct worker_page, tick);
	int64_t now = clock_ms(), took = now - p->tick_ms;
	char before[sizeof p->reason];

	timer_set(&p->tick, PAGE_TICK_MS);
	p->tick_ms = now;
	metrics_observe(METRIC_LOOP_LAG, 0, took > PAGE_TICK_MS ? (double)(took - PAGE_TICK_MS) / 1000 : 0);
	measure(p, took > 0 ? (double)took / 1000 : 1);
	surroundings_look(&p->here, "", p->most.milli_cpus / 1000.0, p->cpus_now, clock_wall_ms() / 1000);
	text_copy(before, sizeof before, p->reason);
	worker_page_judge(p);
	if (strcmp(before, p->reason) != 0) {
		log_info("%s", p->reason[0] != '\0' ? p->reason : "works again");
		if (p->worker->linking)
			worker_link_beat(&p->worker->link);
	}
	ask(p);
	record(p);
	worker_page_tell(p);
}
