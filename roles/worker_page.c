/* roles/worker_page.c - the page's bring-up and down, the policy, and what browsers know.
 *
 * Browsers are told the whole state, as one event, when it is another than what was said last; nothing
 * when nothing changes. */
#include "roles/worker_page.h"

#include <errno.h>
#include <fcntl.h>
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

#define PAGE_DEFAULT "127.0.0.1:5000"

static const struct series_value series[WORKER_SERIES] = {
	[WORKER_CPUS] = {"cpus", SERIES_MEAN}, [WORKER_MEMORY] = {"memory", SERIES_MEAN},
	[WORKER_TASKS] = {"tasks", SERIES_MEAN}, [WORKER_ON] = {"on", SERIES_MEAN},
	[WORKER_EARNED] = {"earned", SERIES_LAST}, [WORKER_COMPLETED] = {"completed", SERIES_SUM},
};

/* --- the policy takes effect --------------------------------------------------------------------- */

void worker_page_judge(struct worker_page *p)
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

void worker_page_changed(struct worker_page *p)
{
	struct worker *w = p->worker;
	bool news = lend(p);

	worker_page_judge(p);
	if (w->linking && news)
		worker_link_greet_again(&w->link);
	else if (w->linking)
		worker_link_beat(&w->link);
	save(p);
	worker_page_tell(p);
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

void worker_page_tell(struct worker_page *p)
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
	p->completed += strcmp(result, "completed") == 0;
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
	worker_page_judge(p);
	snprintf(path, sizeof path, "%s/history", w->data);
	worker_history_open(&p->history, path);
	snprintf(path, sizeof path, "%s/series", w->data);
	if (series_open(&p->series, path, series, WORKER_SERIES, &err) != 0)
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
	struct http_options options = {.routes = p->routes, .route_count = worker_page_table.count,
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

	p->routes = api_table_routes(&worker_page_table, NULL);
	metrics_page_open(METRICS_WORKER, p->routes, worker_page_table.count);
	timer_init(&p->worker->loop, &p->tick, worker_page_on_tick);
	timer_set(&p->tick, PAGE_TICK_MS);
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
	free(p->routes);
	worker_history_close(&p->history);
	series_close(&p->series);
}
