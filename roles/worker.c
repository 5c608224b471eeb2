/* roles/worker.c - hivemind worker: options, bring-up and down.
 *
 * Up: data directory -> what this machine is -> engine found and checked -> linked -> one line that says "ready".
 * Down (SIGTERM, Ctrl-C): not ready any more; running containers are ended and each task is given back when its container is
 * gone; what only has bytes to send may do so for a moment; then Leave, link, bulk channel, engine, supervisor, loop. */
#include "roles/worker.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <utlist.h>

#include "exec/manifest.h"
#include "exec/probe.h"
#include "net/crash.h"
#include "net/log.h"
#include "net/memory.h"
#include "net/tls.h"
#include "proto/limits.h"
#include "proto/status.h"
#include "roles/credentials.h"
#include "roles/doctor.h"
#include "roles/price.h"
#include "roles/roles.h"
#include "roles/worker_home.h"
#include "roles/worker_policy.h"
#include "roles/worker_restore.h"
#include "ui/term.h"

#define DISK_RESERVE (2 * GiB)
#define PATIENCE_MS 4000 /* at the end, for results on their way */

_Static_assert(sizeof((struct worker *)0)->token == TOKEN_SIZE, "a token fits");

static const struct verb_help help = {
	.usage = "hivemind worker --join HOST[:PORT][#sha256:...] [options]   |   hivemind worker doctor",
	.summary = "Lend this machine to a pool: run its tasks in containers, several at once, within what you offer. Stays in\n"
	"the foreground, finds a lost pool again, and gives its tasks back when it is stopped (Ctrl-C, SIGTERM).",
	.examples = "  hivemind login --pool pool.example        once: whose worker this is\n"
	"  hivemind worker --join pool.example\n"
	"  hivemind worker --join pool.example:50051#sha256:...   what the pool printed: no question\n"
	"  hivemind worker --join pool.example --cpus 75% --memory 8GiB\n"
	"  hivemind worker doctor                    what is missing on this machine?\n",
};

/* --- what runs here -------------------------------------------------------------------------- */

/* Little room, both in bytes and as a part of the disk? Then what runs needs it. */
static bool disk_is_short(const struct worker *w)
{
	struct statvfs fs;

	return statvfs(w->data, &fs) == 0 && fs.f_bavail < fs.f_blocks / 10 &&
	       (uint64_t)fs.f_bavail * fs.f_frsize < (uint64_t)DISK_RESERVE;
}

const char *worker_not_ready(struct worker *w)
{
	if (w->leaving)
		return "it is being stopped";
	if (w->page.reason[0] != '\0')
		return w->page.reason;
	if (w->engine.error.status != 0)
		return w->engine.error.text;
	if (!w->engine.known)
		return "its container engine is being looked at";
	if (disk_is_short(w))
		return "its disk is nearly full";
	if (worker_resources_full(&w->resources)) {
		snprintf(w->full, sizeof w->full, "it runs %u tasks, as many as its owner allows", w->resources.tasks);
		return w->full;
	}
	return "";
}

struct attempt *worker_attempt(struct worker *w, const char *task, uint32_t epoch)
{
	struct attempt *a;

	DL_FOREACH(w->attempts, a)
		if (a->epoch == epoch && strcmp(a->task, task) == 0)
			return a;
	return NULL;
}

bool worker_idle(const struct worker *w)
{
	const struct attempt *a;

	DL_FOREACH(w->attempts, a)
		if (a->job_begun && !a->job_gone)
			return false;
	return true;
}

static int check_lease(struct worker *w, const Pb__Lease *lease, struct reservation *reserved, struct error *err)
{
	const char *not_ready = worker_not_ready(w);
	int rc;

	if (!task_id_valid(lease->task) || lease->spec == NULL || lease->spec->resources == NULL ||
	    !sha256_hex_valid(lease->bundle_sha256))
		return error_set(err, STATUS_INVALID_ARGUMENT, "the lease is not one that this worker understands");
	rc = worker_policy_check(&w->resources, &w->options.images, lease->spec, err);
	if (rc == 0)
		rc = worker_policy_check_image(&w->page.policy, lease->spec->image, err);
	if (rc != 0)
		return rc;
	if (not_ready[0] != '\0')
		return error_set(err, STATUS_UNAVAILABLE, "%s", not_ready);
	return worker_resources_take(&w->resources, lease->spec->resources, reserved, err);
}

static void refuse(struct worker *w, const Pb__Lease *lease, const struct error *why)
{
	Pb__GiveBack give_back = PB__GIVE_BACK__INIT;
	Pb__WorkerMessage message = PB__WORKER_MESSAGE__INIT;

	log_warn("lease refused task=%s text=\"%s\"", lease->task, why->text);
	worker_page_refused(&w->page, lease->task, lease->epoch, why->text);
	give_back.task = lease->task;
	give_back.epoch = lease->epoch;
	give_back.reason = (char *)why->text;
	give_back.not_allowed = why->status == STATUS_PERMISSION_DENIED;
	message.kind_case = PB__WORKER_MESSAGE__KIND_GIVE_BACK;
	message.give_back = &give_back;
	worker_link_send(&w->link, &message);
}

void worker_lease(struct worker *w, const Pb__Lease *lease)
{
	struct reservation reserved;
	struct error err = {0};

	crash_point(WORKER_LEASE_HEARD);
	if (worker_attempt(w, lease->task, lease->epoch) != NULL)
		return; /* said twice */
	if (check_lease(w, lease, &reserved, &err) != 0) {
		refuse(w, lease, &err);
		return;
	}
	attempt_start(w, lease, &reserved);
	crash_point(WORKER_LEASE_BEGUN);
	if (worker_resources_full(&w->resources))
		worker_link_beat(&w->link);
}

/* --- down ------------------------------------------------------------------------------------ */

static void on_patience_closed(struct timer *timer)
{
	(void)timer; /* the last handle: the loop ends by itself */
}

static void on_lease_clock_closed(struct timer *timer)
{
	struct worker *w = container_of(timer, struct worker, lease_clock.timer);

	timer_close(&w->patience, on_patience_closed);
}

static void on_supervisor_closed(struct worker_supervisor *s)
{
	lease_clock_close(&s->worker->lease_clock, on_lease_clock_closed);
}

static void on_engine_closed(struct worker_engine *e)
{
	worker_supervisor_close(&e->worker->supervisor, on_supervisor_closed);
}

static void on_page_closed(struct worker_page *p)
{
	worker_engine_close(&p->worker->engine, on_engine_closed);
}

static void on_bulk_closed(void *user)
{
	struct worker *w = user;

	worker_page_close(&w->page, on_page_closed);
}

static void on_link_closed(struct worker_link *l)
{
	struct worker *w = container_of(l, struct worker, link);

	grpc_channel_close(w->bulk, on_bulk_closed, w);
}

static void close_when_idle(struct worker *w)
{
	if (!w->leaving || w->attempts != NULL || w->closing)
		return;
	w->closing = true;
	timer_clear(&w->patience);
	if (w->linking) {
		worker_link_leave(&w->link);
		worker_link_close(&w->link, on_link_closed);
	} else {
		on_link_closed(&w->link);
	}
}

/* Without a pool nobody takes a result now: the next process of this worker does what is left to do. */
static void lose_all(struct worker *w, bool also_exited)
{
	bool is_pool = w->linking && worker_link_up(&w->link);
	struct attempt *a;

	DL_FOREACH(w->attempts, a)
		if (also_exited && !is_pool && attempt_collected(a))
			attempt_keep(a);
		else if (also_exited || !attempt_exited(a))
			attempt_lose(a, "its worker is being stopped");
}

static void on_patience(struct timer *timer)
{
	lose_all(container_of(timer, struct worker, patience), true);
}

static void leave(struct worker *w)
{
	if (w->leaving)
		return;
	w->leaving = true;
	worker_link_beat(&w->link); /* no more leases */
	timer_set(&w->patience, PATIENCE_MS);
	lose_all(w, !w->linking || !worker_link_up(&w->link));
	close_when_idle(w);
}

static void on_stop(struct loop *loop, int signal)
{
	struct worker *w = container_of(loop, struct worker, loop);
	size_t count = 0;
	struct attempt *a;

	(void)signal;
	DL_COUNT(w->attempts, a, count);
	fprintf(stderr, "hivemind worker %s: stopping%s\n", w->name,
		count > 0 ? ", its tasks go back to the pool (again: stop at once)" : "");
	leave(w);
}

void worker_attempt_gone(struct worker *w)
{
	worker_link_beat(&w->link);
	close_when_idle(w);
}

void worker_fail(struct worker *w, const struct error *err)
{
	w->error = *err;
	leave(w);
}

/* --- up -------------------------------------------------------------------------------------- */

/* One line for people, and for whoever started us with --ready-fd. */
static void greet(struct worker *w)
{
	const char *not_ready = worker_not_ready(w);
	char memory[24], line[400];

	if (!w->engine.known || (w->greeted && not_ready[0] != '\0'))
		return;
	format_bytes(w->host->offered->memory, memory);
	if (not_ready[0] == '\0')
		snprintf(line, sizeof line, "hivemind worker %s ready: %g core%s, %s, %s %s", w->name,
			 w->host->offered->milli_cpus / 1000.0, w->host->offered->milli_cpus == 1000 ? "" : "s", memory,
			 w->host->engine, w->host->engine_version);
	else
		snprintf(line, sizeof line, "hivemind worker %s is linked and takes no tasks: %.240s", w->name, not_ready);
	puts(line);
	if (not_ready[0] != '\0' && w->engine.error.hint[0] != '\0')
		printf("  %s\n", w->engine.error.hint);
	fflush(stdout);
	if (w->options.ready_fd >= 0) {
		dprintf((int)w->options.ready_fd, "%s\n", line);
		close((int)w->options.ready_fd);
	}
	w->options.ready_fd = -1;
	w->greeted = true;
}

void worker_linked(struct worker *w, bool first)
{
	if (first)
		greet(w);
	else
		log_info("linked to the pool again");
}

void worker_unlinked(struct worker *w)
{
	if (w->leaving) /* nobody is there to give anything back to */
		lose_all(w, true);
}

static void describe_engine(struct worker *w)
{
	const struct engine *e = &w->engine.engine;

	w->host->engine = arena_strdup(&w->arena, e->kind);
	w->host->engine_version = arena_strdup(&w->arena, e->version);
	w->host->limits_enforced = e->limits_enforced;
}

static void link_up(struct worker *w)
{
	w->linking = true;
	worker_link_open(&w->link, w, w->token);
}

/* The pool waits for news of what an earlier process had: it gets them before the engine is checked. */
void worker_engine_found(struct worker *w)
{
	worker_restore_found(w);
	if (w->attempts != NULL && !w->linking && !w->leaving)
		link_up(w);
}

void worker_engine_changed(struct worker *w)
{
	bool same = w->host->engine != NULL && strcmp(w->host->engine, w->engine.engine.kind) == 0 &&
		    strcmp(w->host->engine_version, w->engine.engine.version) == 0 &&
		    w->host->limits_enforced == w->engine.engine.limits_enforced;

	if (w->engine.error.status != 0)
		log_warn("no task can run now text=\"%s\"", w->engine.error.text);
	else
		log_info("tasks can run engine=%s version=%s", w->engine.engine.kind, w->engine.engine.version);
	if (!same)
		describe_engine(w);
	if (w->engine.error.status == 0)
		worker_restore_ready(w);
	if (!w->linking) {
		link_up(w);
	} else if (!same) {
		worker_link_greet_again(&w->link);
	} else {
		worker_link_beat(&w->link);
	}
	if (w->link.ever)
		greet(w);
}

/* What runs may be anything by now. Another machine tries it, and it costs nothing. */
void worker_engine_lost(struct worker *w)
{
	struct attempt *a;

	DL_FOREACH(w->attempts, a)
		if (a->step.at == JOB)
			job_stop(&a->job, JOB_STOP_ENGINE, "the container engine of its worker has not answered for 10 s");
}

static int share_option(const char *option, const char *text, uint64_t total, uint64_t scale, uint64_t *to,
			struct error *err)
{
	bool size = text != NULL && scale == 1 && strchr(text, '%') == NULL;
	int64_t bytes = size ? parse_size(text) : 0;

	if (text == NULL)
		return 0;
	if (size)
		*to = bytes > 0 && (uint64_t)bytes <= total ? (uint64_t)bytes : 0;
	else
		*to = share_of(text, total, scale);
	if (*to != 0)
		return 0;
	error_set(err, STATUS_INVALID_ARGUMENT, "%s %.32s is no part of what this machine has", option, text);
	return scale == 1 ? error_hint(err, "it has %" PRIu64 " MiB, for example %s 50%%", total >> 20, option)
			  : error_hint(err, "it has %g cores, for example %s 75%%", (double)total / 1000, option);
}

/* What its owner lends of the machine: all of it, but for some memory and disk that the machine itself needs. */
static int offer(struct worker *w, struct error *err)
{
	const Pb__Resources *total = w->host->total;
	Pb__Resources *offered = arena_alloc(&w->arena, sizeof *offered);
	uint64_t cpus = total->milli_cpus;
	int rc;

	*offered = (Pb__Resources)PB__RESOURCES__INIT;
	offered->memory = total->memory - total->memory / 16;
	offered->disk = total->disk - total->disk / 16;
	offered->gpus = w->host->n_gpus < (size_t)w->options.gpus ? (uint32_t)w->host->n_gpus
								    : (uint32_t)w->options.gpus;
	rc = share_option("--cpus", w->options.cpus, total->milli_cpus, 1000, &cpus, err);
	if (rc == 0)
		rc = share_option("--memory", w->options.memory, total->memory, 1, &offered->memory, err);
	if (rc == 0)
		rc = share_option("--disk", w->options.disk, total->disk, 1, &offered->disk, err);
	offered->milli_cpus = (uint32_t)cpus;
	w->host->offered = offered;
	w->resources = (struct worker_resources){.milli_cpus = offered->milli_cpus, .memory = offered->memory,
						 .disk = offered->disk, .gpus = offered->gpus,
						 .tasks_max = (uint32_t)w->options.tasks_max};
	return rc;
}

static int describe(struct worker *w, struct error *err)
{
	w->host = probe_host(&w->arena, w->data);
	w->host->version = arena_strdup(&w->arena, HIVEMIND_VERSION);
	w->host->donor = w->options.donate;
	if (w->options.min_price != NULL && price_parse(w->options.min_price, &w->host->min_core_ncpt, err) != 0)
		return err->status;
	text_copy(w->name, sizeof w->name, w->options.name != NULL ? w->options.name : w->host->name);
	return offer(w, err);
}

/* The token of an earlier login, or of one made now when a person sits there. */
static int find_login(struct worker *w, char *pool, struct error *err)
{
	char join[400];
	char login[] = "login", option[] = "--pool";
	char *argv[] = {login, option, join, NULL};
	int rc = credentials_find(&w->pool, w->token, err);

	snprintf(join, sizeof join, w->pool.pin[0] != '\0' ? "%s#sha256:%s" : "%s", pool, w->pool.pin);
	if (rc == STATUS_NOT_FOUND && !w->globals.no_input && term_is_tty(stdin)) {
		fprintf(stderr, "Whose worker is this? Log in to %s.\n", pool);
		if (login_main(3, argv) == 0)
			rc = credentials_find(&w->pool, w->token, err);
	}
	if (rc == STATUS_NOT_FOUND)
		error_hint(err, "hivemind login --pool %s   then start the worker again", join);
	return rc;
}

static int find_pool(struct worker *w, struct error *err)
{
	const char *join = w->options.join != NULL ? w->options.join : w->globals.pool;
	char text[300];
	int rc;

	if (join == NULL) {
		error_set(err, STATUS_INVALID_ARGUMENT, "which pool?");
		return error_hint(err, "hivemind worker --join HOST[:PORT]");
	}
	rc = endpoint_parse(&w->pool, join, err);
	if (rc != 0)
		return rc;
	endpoint_text(&w->pool, text, sizeof text);
	rc = token_from_environment(w->token, err);
	return rc == STATUS_NOT_FOUND ? find_login(w, text, err) : rc;
}

/* A worker whose pool is not there yet waits for it; only a pool that is not the one meant is no pool. */
static int meet_pool(struct worker *w, struct error *err)
{
	int rc = trust_open(&w->trust, &w->pool, err);

	if (rc == 0)
		rc = trust_meet(&w->trust, &w->loop, !w->globals.no_input, err);
	if (rc != STATUS_UNAVAILABLE)
		return rc;
	error_clear(err);
	return 0;
}

static int prepare(struct worker *w, struct error *err)
{
	int rc = find_pool(w, err);

	if (rc == 0)
		rc = worker_home_open(w, err);
	if (rc == 0)
		rc = describe(w, err);
	if (rc == 0)
		worker_page_prepare(&w->page, w);
	return rc == 0 ? meet_pool(w, err) : rc;
}

static int run(struct worker *w)
{
	struct error err = {0};

	if (w->options.ready_fd >= 0)
		fcntl((int)w->options.ready_fd, F_SETFD, FD_CLOEXEC); /* not for our children */
	loop_init(&w->loop);
	if (prepare(w, &err) == 0) {
		crash_point(WORKER_START_HOME);
		loop_catch_signals(&w->loop, on_stop);
		timer_init(&w->loop, &w->patience, on_patience);
		w->bulk = grpc_channel_new(&w->loop, &w->pool);
		grpc_channel_set_tls(w->bulk, tls_config_keep(w->trust.tls));
		grpc_channel_set_token(w->bulk, w->token);
		lease_clock_open(&w->lease_clock, w);
		worker_supervisor_open(&w->supervisor, w);
		worker_page_open(&w->page);
		worker_restore(w);
		worker_engine_open(&w->engine, w);
		loop_run(&w->loop);
		err = w->error;
	}
	loop_close(&w->loop);
	trust_release(&w->trust);
	wipe(w->token, sizeof w->token);
	worker_page_release(&w->page);
	worker_home_close(w);
	arena_release(&w->arena);
	arena_release(&w->left);
	return err.status != 0 ? term_error(&err, w->globals.json) : 0;
}

int worker_main(int argc, char **argv)
{
	struct worker *w = xcalloc(1, sizeof *w);
	struct worker_options *o = &w->options;
	const struct option options[] = {
		{"join", 0, OPTION_TEXT, &o->join, "HOST[:PORT]", "the pool", NULL, 0, 0},
		{"data", 0, OPTION_TEXT, &o->data, "DIR", "where its files lie", "HIVEMIND_WORKER_DATA", 0, 0},
		{"docker", 0, OPTION_TEXT, &o->docker, "unix:PATH", "the container engine's socket", NULL, 0, 0},
		{"name", 0, OPTION_TEXT, &o->name, "NAME", "what people see; else the machine's name", NULL, 0, 0},
		{"cpus", 0, OPTION_TEXT, &o->cpus, "N | P%", "cores to lend: 1.5 or 75%", NULL, 0, 0},
		{"memory", 0, OPTION_TEXT, &o->memory, "SIZE | P%", "memory to lend: 4GiB or 50%", NULL, 0, 0},
		{"disk", 0, OPTION_TEXT, &o->disk, "SIZE | P%", "disk to lend: 20GiB or 50%", NULL, 0, 0},
		{"gpus", 0, OPTION_INT, &o->gpus, "N", "GPUs to lend: 0 = none; else all", NULL, 0, GPUS_MAX},
		{"allow-image", 0, OPTION_TEXTS, &o->images, "GLOB", "an image tasks may use; may be repeated; else any", NULL, 0, 0},
		{"max-tasks", 0, OPTION_INT, &o->tasks_max, "N", "tasks at once at most", NULL, 1, ATTEMPTS_MAX},
		{"allow-unlimited", 0, OPTION_FLAG, &o->allow_unlimited, NULL,
		 "lend it although limits do not work here", NULL, 0, 0},
		{"page", 0, OPTION_TEXT, &o->page, "ADDR | off", "where its page is, on this machine (127.0.0.1:5000)", NULL, 0, 0},
		{"min-price", 0, OPTION_TEXT, &o->min_price, "CPT", "run nothing that pays less for a core-second", NULL, 0, 0},
		{"donate", 0, OPTION_FLAG, &o->donate, NULL, "take no money for it", NULL, 0, 0},
		{"ready-fd", 0, OPTION_INT, &o->ready_fd, "N", "write the ready line there, once", NULL, 0, 1 << 20},
		{0},
	};
	const char *args[1];
	struct error err = {0};
	int rc, count = 0;

	w->lock = w->leash.fd = -1;
	o->ready_fd = -1;
	o->tasks_max = ATTEMPTS_MAX;
	o->gpus = GPUS_MAX;
	rc = options_parse(argc, argv, options, &help, &w->globals, args, 1, &count, &err);
	if (rc == OPTIONS_HELPED)
		rc = 0;
	else if (rc == 0 && count == 1 && strcmp(args[0], "doctor") != 0)
		rc = error_set(&err, STATUS_INVALID_ARGUMENT, "what is \"%.64s\"? The pool is named with --join", args[0]);
	else if (rc == 0)
		rc = count == 1 ? doctor_run(o->docker, o->data, w->globals.pool, w->globals.json) : run(w);
	if (err.status != 0)
		rc = term_error(&err, w->globals.json);
	free(w);
	return rc;
}
