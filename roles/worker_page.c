/* roles/worker_page.c - the page's bring-up and down, and the look each second: use, surroundings, series,
 * what browsers know.
 *
 * Browsers are told the whole state, as one event, when it is another than what was said last; nothing
 * when nothing changes. */
#include "roles/worker_page.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#include "net/clock.h"
#include "net/log.h"
#include "net/memory.h"
#include "net/secret_file.h"
#include "proto/status.h"
#include "roles/metrics_page.h"
#include "roles/worker.h"

#define TICK_MS 1000
#define ASK_EVERY_MS 60000
#define ASK_TIMEOUT_MS 10000
#define PAGE_DEFAULT "127.0.0.1:5000"

static const char *const series_names[WORKER_SERIES] = {"cpus", "memory", "tasks", "on", "earned"};

/* --- the policy takes effect --------------------------------------------------------------------- */

static void judge(struct worker_page *p)
{
	worker_policy_reason(&p->policy, &p->here, clock_wall_ms(), p->reason, sizeof p->reason);
}

static void on_saved(struct work *save);

static void run_save(struct work *save)
{
	struct worker_page *p = container_of(save, struct worker_page, save);
	struct error err = {0};
	char path[400];

	snprintf(path, sizeof path, "%s/policy.json", p->worker->data);
	if (secret_file_write(path, 0600, p->saving.data, p->saving.n, &err) != 0)
		log_warn("limits are not kept file=%s text=\"%s\"", path, err.text);
}

static void save(struct worker_page *p)
{
	p->save_again = p->is_saving;
	if (p->is_saving)
		return;
	p->is_saving = true;
	worker_policy_text(&p->policy, &p->saving);
	work_start(&p->worker->loop, &p->save, run_save, on_saved);
}


static void on_saved(struct work *work)
{
	struct worker_page *p = container_of(work, struct worker_page, save);

	p->is_saving = false;
	buf_release(&p->saving);
	if (p->save_again)
		save(p);
	worker_page_check(p);
}

/* What is lent. True = it is another amount than before. */
static bool lend(struct worker_page *p)
{
	const struct worker_policy *policy = &p->policy;
	struct worker_resources *r = &p->worker->resources;
	Pb__Resources *offered = p->worker->host->offered;
	bool news = offered->milli_cpus != policy->milli_cpus || offered->memory != policy->memory ||
		    offered->disk != policy->disk;

	r->milli_cpus = offered->milli_cpus = policy->milli_cpus;
	r->memory = offered->memory = policy->memory;
	r->disk = offered->disk = policy->disk;
	r->tasks_max = policy->tasks_max;
	return news;
}

static void tell(struct worker_page *p);

void worker_page_changed(struct worker_page *p)
{
	struct worker *w = p->worker;
	bool news = lend(p);

	judge(p);
	if (w->linking && news)
		worker_link_greet_again(&w->link);
	else if (w->linking)
		worker_link_beat(&w->link);
	save(p);
	tell(p);
}

/* --- browsers ------------------------------------------------------------------------------------ */

struct page_listener {
	struct worker_page *page;
	struct http_request *r;
	bool full, behind; /* its socket takes no more; it has missed a state */
	struct page_listener *prev, *next;
};

static void say(struct page_listener *l)
{
	l->behind = l->full;
	if (!l->full)
		l->full = !http_event(l->r, NULL, "status", l->page->said.data, l->page->said.n);
}

static void on_space(struct http_request *r)
{
	struct page_listener *l = r->user;

	l->full = false;
	if (l->behind)
		say(l);
}

static void on_gone(struct http_request *r)
{
	struct page_listener *l = r->user;

	DL_DELETE(l->page->listeners, l);
	free(l);
}

/* The state, if it is news. */
static bool look_at_state(struct worker_page *p)
{
	struct buf now = {0};
	struct json j;
	bool news;

	json_document(&j, &now);
	worker_status_json(&j, p);
	json_end(&j);
	news = now.n != p->said.n || memcmp(now.data, p->said.data, now.n) != 0;
	buf_release(&p->said);
	p->said = now;
	return news;
}

static void tell(struct worker_page *p)
{
	struct page_listener *l;

	if (p->listeners == NULL || !look_at_state(p))
		return;
	DL_FOREACH(p->listeners, l)
		say(l);
}

void worker_page_listen(struct worker_page *p, struct http_request *r)
{
	struct page_listener *l = xcalloc(1, sizeof *l);

	*l = (struct page_listener){.page = p, .r = r};
	r->user = l;
	r->on_space = on_space;
	r->on_gone = on_gone;
	DL_APPEND(p->listeners, l);
	http_events_begin(r);
	look_at_state(p);
	say(l);
}

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
	tell(p);
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

static void record(struct worker_page *p)
{
	float values[WORKER_SERIES] = {
		[WORKER_CPUS] = (float)p->cpus_now,
		[WORKER_MEMORY] = (float)p->memory_now,
		[WORKER_TASKS] = (float)p->worker->resources.tasks,
		[WORKER_ON] = worker_not_ready(p->worker)[0] == '\0' ||
			worker_resources_full(&p->worker->resources),
		[WORKER_EARNED] = p->earnings.known ? (float)p->earnings.settled_mcpt / 1000 : NAN,
	};

	series_put(&p->series, clock_wall_ms(), values);
}

static void on_tick(struct timer *t)
{
	struct worker_page *p = container_of(t, struct worker_page, tick);
	int64_t now = clock_ms(), took = now - p->tick_ms;
	char before[sizeof p->reason];

	timer_set(&p->tick, TICK_MS);
	p->tick_ms = now;
	metrics_observe(METRIC_LOOP_LAG, 0, took > TICK_MS ? (double)(took - TICK_MS) / 1000 : 0);
	measure(p, took > 0 ? (double)took / 1000 : 1);
	surroundings_look(&p->here, "", p->most.milli_cpus / 1000.0, p->cpus_now, clock_wall_ms() / 1000);
	text_copy(before, sizeof before, p->reason);
	judge(p);
	if (strcmp(before, p->reason) != 0) {
		log_info("%s", p->reason[0] != '\0' ? p->reason : "works again");
		if (p->worker->linking)
			worker_link_beat(&p->worker->link);
	}
	ask(p);
	record(p);
	tell(p);
}

/* --- what was ------------------------------------------------------------------------------------ */

void worker_page_ended(struct worker_page *p, const struct attempt *a)
{
	struct history_entry e = {.epoch = a->epoch, .ended_ms = clock_wall_ms(),
				  .peak_memory = a->job.usage.peak_memory,
				  .cpu_ms = (int64_t)(a->job.usage.cpu_us / 1000)};
	const char *result = a->lost && !attempt_collected(a) ? "lost" : a->stopped ? "stopped"
			     : a->failure != FAILURE_NONE ? "failed" : "completed";

	if (a->kept)
		return; /* the next process goes on with it */
	if (a->job.exited_ms > a->job.started_ms && a->job.started_ms > 0)
		e.run_ms = a->job.exited_ms - a->job.started_ms;
	text_copy(e.task, sizeof e.task, a->task);
	text_copy(e.name, sizeof e.name, a->spec->name);
	text_copy(e.result, sizeof e.result, result);
	text_copy(e.reason, sizeof e.reason, a->give_back[0] != '\0' ? a->give_back : a->error.text);
	worker_history_put(&p->history, &e);
	metrics_add(METRIC_ATTEMPTS_ENDED, metrics_word(METRIC_ATTEMPTS_ENDED, 0, result), 0, 1);
	if (e.run_ms > 0)
		metrics_observe(METRIC_RUN_SECONDS, 0, (double)e.run_ms / 1000);
	p->asked_ms = 0; /* what it has brought */
}

void worker_page_refused(struct worker_page *p, const char *task, uint32_t epoch, const char *reason)
{
	struct history_entry e = {.epoch = epoch, .ended_ms = clock_wall_ms(), .result = "refused"};

	text_copy(e.task, sizeof e.task, task);
	text_copy(e.reason, sizeof e.reason, reason);
	worker_history_put(&p->history, &e);
}

/* --- up ------------------------------------------------------------------------------------------ */

void worker_page_prepare(struct worker_page *p, struct worker *w)
{
	char path[400];
	struct error err;

	p->worker = w;
	p->most = w->resources;
	p->history.fd = p->series.fd = -1;
	worker_policy_init(&p->policy, &p->most);
	snprintf(path, sizeof path, "%s/policy.json", w->data);
	worker_policy_load(&p->policy, path, &p->most);
	lend(p);
	surroundings_look(&p->here, "", p->most.milli_cpus / 1000.0, 0, clock_wall_ms() / 1000);
	judge(p);
	snprintf(path, sizeof path, "%s/history", w->data);
	worker_history_open(&p->history, path);
	snprintf(path, sizeof path, "%s/series", w->data);
	if (series_open(&p->series, path, series_names, WORKER_SERIES, &err) != 0)
		log_warn("%s", err.text);
}

/* For whoever started us, and may read our data: DATA/page, with the address. */
static void write_address(const struct worker_page *p)
{
	char path[400];
	int fd;

	snprintf(path, sizeof path, "%s/page", p->worker->data);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || fchmod(fd, 0600) != 0 || dprintf(fd, "%s\n", p->address) < 0)
		log_warn("the address of the page is not in %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
}

void worker_page_say_address(struct worker_page *p, const char *words)
{
	char key[HTTP_KEY_SIZE];

	http_server_key(p->http, key);
	snprintf(p->address, sizeof p->address, "http://%s/#k=%s", p->at_text, key);
	wipe(key, sizeof key);
	write_address(p);
	if (!p->worker->globals.quiet)
		printf("%s%s\n", words, p->address);
	fflush(stdout);
}

/* For programs: DATA/page-key, made once. */
static void open_key(struct worker_page *p)
{
	struct buf text = {0};
	struct error err = {0};
	char path[400];

	snprintf(path, sizeof path, "%s/page-key", p->worker->data);
	if (secret_file_read(path, &text, &err) == 0) {
		text_copy(p->key, sizeof p->key, buf_text(&text));
		p->key[strcspn(p->key, "\r\n")] = '\0';
	}
	if (err.status == STATUS_NOT_FOUND || strlen(p->key) < 32) {
		char line[sizeof p->key + 1];

		memcpy(p->key, "hmk_", 4);
		random_id(p->key + 4);
		random_id(p->key + 4 + ID_LENGTH);
		snprintf(line, sizeof line, "%s\n", p->key);
		if (secret_file_write(path, 0600, line, strlen(line), &err) != 0)
			log_warn("programs have no key to the page text=\"%s\"", err.text);
		wipe(line, sizeof line);
	}
	secret_buf_release(&text);
}

static bool is_key(void *data, const char *token)
{
	const struct worker_page *p = data;

	return p->key[0] != '\0' && http_secret_equal(token, p->key);
}

static void on_http_closed(void *user);

static void open_http(struct worker_page *p, const char *where)
{
	struct http_options options = {.routes = worker_page_routes, .route_count = worker_page_route_count,
				       .files = worker_page_files, .file_count = worker_page_file_count,
				       .name = "hivemind_worker", .data = p, .bearer = is_key,
				       .on_answered = metrics_page_answered};
	struct endpoint at;
	struct error err = {0};

	if (endpoint_parse(&at, where, &err) == 0) {
		p->http = http_server_new(&p->worker->loop, &options);
		http_server_listen(p->http, &at, &err);
	}
	if (err.status == 0) {
		open_key(p);
		endpoint_text(&at, p->at_text, sizeof p->at_text);
		worker_page_say_address(p, "hivemind worker: its page is ");
		return;
	}
	fprintf(stderr,
		"hivemind worker: goes on without its page: %s\n  --page 127.0.0.1:0 takes any free port\n",
		err.text);
	if (p->http != NULL)
		http_server_close(p->http, on_http_closed, NULL);
	p->http = NULL;
}

void worker_page_open(struct worker_page *p)
{
	const char *where = p->worker->options.page != NULL ? p->worker->options.page : PAGE_DEFAULT;
	char path[400];

	metrics_page_open(METRICS_WORKER, worker_page_routes, worker_page_route_count);
	timer_init(&p->worker->loop, &p->tick, on_tick);
	timer_set(&p->tick, TICK_MS);
	p->tick_ms = clock_ms();
	snprintf(path, sizeof path, "%s/page", p->worker->data);
	unlink(path); /* of an earlier process */
	if (strcmp(where, "off") != 0)
		open_http(p, where);
}

/* --- down: http -> what runs beside -> the tick -------------------------------------------------- */

static void on_tick_closed(struct timer *t)
{
	struct worker_page *p = container_of(t, struct worker_page, tick);

	p->closed(p);
}

void worker_page_check(struct worker_page *p)
{
	if (p->closed != NULL && p->http == NULL && !p->is_saving && !p->doctor.running)
		timer_close(&p->tick, on_tick_closed);
}

static void on_http_closed(void *user)
{
	struct worker_page *p = user;

	if (p == NULL)
		return; /* one that could not listen */
	p->http = NULL;
	worker_page_check(p);
}

void worker_page_close(struct worker_page *p, void (*closed)(struct worker_page *p))
{
	p->closed = closed;
	timer_clear(&p->tick);
	worker_doctor_stop(&p->doctor);
	if (p->http != NULL)
		http_server_close(p->http, on_http_closed, p);
	else
		worker_page_check(p);
}

void worker_page_release(struct worker_page *p)
{
	char path[400];

	if (p->worker == NULL)
		return;
	snprintf(path, sizeof path, "%s/page", p->worker->data);
	unlink(path);
	wipe(p->key, sizeof p->key);
	wipe(p->address, sizeof p->address);
	buf_release(&p->said);
	worker_history_close(&p->history);
	series_close(&p->series);
}
