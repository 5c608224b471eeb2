/* roles/dev.c - bring everything up in order, keep it up, take it down in reverse order.
 *
 * The pool is asked for a port that was free a moment ago: when 50051 is in use the next free one is taken, and the line says
 * so. The workers share the machine: each offers an equal part of cores, memory and disk. The engine is found once and
 * shared; when dev has to start one it is dev's own, so that the end of a worker does not end the others' containers. */
#include "roles/dev.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec/probe.h"
#include "net/clock.h"
#include "net/memory.h"
#include "proto/id.h"
#include "proto/limits.h"
#include "proto/status.h"
#include "roles/dev_home.h"
#include "roles/free_port.h"
#include "ui/term.h"

#define END_PATIENCE_MS 15000
#define AGAIN_FIRST_MS 200
#define AGAIN_LONGEST_MS 10000
#define STEADY_MS 30000 /* what lived that long has not died in a row */

enum { FINDING, STARTING, POOL, ACCOUNT, WORKERS, UP, ENDING, OVER };

static const struct state states[] = {
	[FINDING] = {"finding", TO(STARTING) | TO(POOL) | TO(ENDING)},
	[STARTING] = {"starting", TO(POOL) | TO(ENDING)},
	[POOL] = {"pool", TO(ACCOUNT) | TO(ENDING)},
	[ACCOUNT] = {"account", TO(WORKERS) | TO(ENDING)},
	[WORKERS] = {"workers", TO(UP) | TO(ENDING)},
	[UP] = {"up", TO(ENDING)},
	[ENDING] = {"ending", TO(OVER)},
	[OVER] = {"over", 0},
};

/* --- what people see ------------------------------------------------------------------------- */

static const char *mark(bool good)
{
	return term_is_utf8() ? (good ? "✓" : "!") : good ? "ok" : "!!";
}

/* "  ✓ Pool       127.0.0.1:50051 ...      0.2 s": one line for each thing that is up. */
static void say(struct dev *d, bool good, const char *what, const char *text)
{
	double seconds = (double)(clock_ms() - d->step_ms) / 1000;
	int pad = 58 - term_columns(text);

	d->step_ms = clock_ms();
	if (d->globals.quiet)
		return;
	fputs("  ", stdout);
	term_styled(stdout, good ? STYLE_GREEN : STYLE_YELLOW, mark(good));
	printf(" %-10s %s%*s%5.1f s\n", what, text, pad > 1 ? pad : 1, "", seconds);
	fflush(stdout);
}

/* --- down ------------------------------------------------------------------------------------ */

static void finish(struct dev *d)
{
	step_to(&d->step, OVER, "dev");
	dev_home_remove(d);
	d->over(d);
}

static void on_own_closed(void *user)
{
	finish(user);
}

static void on_channel_closed(void *user)
{
	struct dev *d = user;

	d->channel = NULL;
	if (d->own != NULL)
		private_engine_close(d->own, on_own_closed, d);
	else
		finish(d);
}

static void close_channel(struct dev *d)
{
	if (d->channel != NULL)
		grpc_channel_close(d->channel, on_channel_closed, d);
	else
		on_channel_closed(d);
}

static void on_again_closed(struct timer *again);

/* Ends it if it runs; either way on_again_closed() follows. */
static void end_child(struct dev_child *c)
{
	if (c->child.open > 0)
		child_end(&c->child, END_PATIENCE_MS);
	else
		timer_close(&c->again, on_again_closed);
}

/* Workers first: they give their tasks back to a pool that is still there. */
static void on_again_closed(struct timer *again)
{
	struct dev_child *c = container_of(again, struct dev_child, again);
	struct dev *d = c->dev;

	c->over = true;
	d->running--;
	if (d->running == 0)
		close_channel(d);
	else if (d->running == 1 && !d->pool.over)
		end_child(&d->pool);
}

void dev_end(struct dev *d)
{
	bool finding = d->step.at == FINDING || d->step.at == STARTING;

	if (d->ending)
		return;
	d->ending = true;
	step_to(&d->step, ENDING, "dev");
	if (finding)
		return; /* the engine's answer comes; it goes on there */
	for (int i = 0; i < d->worker_count; i++)
		end_child(&d->workers[i]);
	if (d->master.dev != NULL)
		end_child(&d->master);
	if (d->worker_count == 0 && d->master.dev == NULL)
		end_child(&d->pool);
}

static void fail(struct dev *d, const struct error *err)
{
	if (d->error.status == 0)
		d->error = *err;
	dev_end(d);
}

/* --- children -------------------------------------------------------------------------------- */

static void start_child(struct dev_child *c)
{
	struct error err;

	c->started_ms = clock_ms();
	child_start(&c->child, &err); /* if it cannot be, ended() says so */
}

static void on_again(struct timer *again)
{
	start_child(container_of(again, struct dev_child, again));
}

/* It never came up: its own last line says why. */
static void fail_of_child(struct dev *d, struct dev_child *c)
{
	char words[1200], *last;
	struct error err;

	child_last_words(&c->child, words, sizeof words);
	while ((last = strrchr(words, '\n')) != NULL && last[1] == '\0')
		*last = '\0';
	last = strstr(words, "hivemind: ");
	if (last == NULL)
		last = strrchr(words, '\n') != NULL ? strrchr(words, '\n') + 1 : words;
	last[strcspn(last, "\n")] = '\0';
	error_set(&err, STATUS_UNAVAILABLE, "%s did not start: %.300s", c->child.name,
		  strncmp(last, "hivemind: ", 10) == 0 ? last + 10 : last);
	fail(d, &err);
}

static void on_child_ended(struct child *child, int64_t status, int signal)
{
	struct dev_child *c = container_of(child, struct dev_child, child);
	struct dev *d = c->dev;
	uint64_t ms = AGAIN_FIRST_MS;

	if (d->ending) {
		timer_close(&c->again, on_again_closed);
		return;
	}
	if (d->step.at != UP) {
		fail_of_child(d, c);
		return;
	}
	c->deaths = clock_ms() - c->started_ms > STEADY_MS ? 0 : c->deaths + 1;
	for (unsigned i = 1; i < c->deaths && ms < AGAIN_LONGEST_MS; i++)
		ms *= 2;
	printf("  %s %s ended (%s %d), starting it again\n", mark(false), child->name, signal != 0 ? "signal" : "status",
	       signal != 0 ? signal : (int)status);
	fflush(stdout);
	timer_set(&c->again, ms);
}

static void add_child(struct dev *d, struct dev_child *c, const char *name)
{
	*c = (struct dev_child){.dev = d};
	c->child.loop = &d->loop;
	c->child.ended = on_child_ended;
	text_copy(c->child.name, sizeof c->child.name, name);
	snprintf(c->child.pid_path, sizeof c->child.pid_path, "%s/run/%s.pid", d->data, name);
	snprintf(c->child.log_path, sizeof c->child.log_path, "%s/log/%s.log", d->data, name);
	snprintf(c->data, sizeof c->data, "%s/%s", d->data, name);
	timer_init(&d->loop, &c->again, on_again);
	d->running++;
}

/* Put words, the last of them NULL, at the end of its command line. */
static void add_words(struct dev_child *c, const char *const *words)
{
	int n = 0;

	while (c->child.words[n] != NULL)
		n++;
	while (*words != NULL && n < CHILD_WORDS_MAX - 1)
		c->child.words[n++] = *words++;
}

#define ADD(c, ...) add_words(c, (const char *const[]){__VA_ARGS__, NULL})

/* --- WORKERS, UP ----------------------------------------------------------------------------- */

/* What it offers, from the line it said when it was linked; NULL = it takes no tasks. */
static const char *offer(const struct dev_child *c)
{
	const char *ready = strstr(c->line, " ready: ");

	return ready != NULL ? ready + strlen(" ready: ") : NULL;
}

int dev_takes_tasks(const struct dev *d, struct error *err)
{
	for (int i = 0; i < d->worker_count; i++)
		if (offer(&d->workers[i]) != NULL)
			return 0;
	error_set(err, STATUS_FAILED_PRECONDITION, "%s", d->workers[0].line);
	return error_hint(err, "hivemind doctor says what to fix on this machine");
}

static void say_workers(struct dev *d)
{
	const struct dev_child *c = &d->workers[0];
	const char *what = offer(c);
	char text[400];

	if (d->worker_count == 1)
		snprintf(text, sizeof text, "%s", c->child.name);
	else
		snprintf(text, sizeof text, "%s to %s", c->child.name, d->workers[d->worker_count - 1].child.name);
	if (what != NULL)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s: %s", d->worker_count > 1 ? ", each" : "", what);
	say(d, what != NULL, "Workers", what != NULL ? text : c->line);
}

static void write_notes(struct dev *d)
{
	char text[900];
	struct error err = {0};

	snprintf(text, sizeof text, "export HIVEMIND_POOL='%s'\nexport HIVEMIND_TOKEN_FILE='%s'\n", d->pool_address, d->token_path);
	if (d->options.master)
		snprintf(text + strlen(text), sizeof text - strlen(text), "export HIVEMIND_MASTER='http://%s'\n", d->master_at);
	if (dev_home_write(d, "env", text, &err) != 0)
		fail(d, &err);
}

static void check_up(struct dev *d)
{
	if (d->workers_up < d->worker_count || (d->options.master && d->master_address[0] == '\0'))
		return;
	step_to(&d->step, UP, "dev");
	write_notes(d);
	if (!d->ending)
		d->up(d);
}

/* Its line ends with the address. One that was started again has another key. */
static void on_master_ready(struct child *child, const char *line)
{
	struct dev *d = container_of(child, struct dev_child, child)->dev;
	const char *address = strstr(line, "http://");

	text_copy(d->master_address, sizeof d->master_address, address != NULL ? address : line);
	if (address != NULL)
		snprintf(d->master_at, sizeof d->master_at, "%.*s", (int)strcspn(address + 7, "/"), address + 7);
	if (d->step.at == WORKERS) {
		say(d, true, "Master", d->master_at);
		check_up(d);
	} else if (d->step.at == UP && !d->globals.quiet) {
		printf("  %s\n", d->master_address);
		fflush(stdout);
	}
}

/* Its usual one, or the next that is free; any, when the pool may have any. Started again it takes the same. */
static void choose_master_port(struct dev *d)
{
	struct endpoint pool, at = {.host = "127.0.0.1", .port = 5001};
	struct error ignored;

	if (d->options.listen != NULL && endpoint_parse(&pool, d->options.listen, &ignored) == 0 && pool.port == 0)
		at.port = 0;
	else
		free_port_find(&at, &ignored); /* where none is free, the master says so itself */
	endpoint_text(&at, d->master_at, sizeof d->master_at);
}

static void start_master(struct dev *d)
{
	struct dev_child *c = &d->master;

	choose_master_port(d);
	add_child(d, c, "master");
	snprintf(d->master_token_env, sizeof d->master_token_env, "HIVEMIND_TOKEN_FILE=%s", d->token_path);
	snprintf(d->api_key_path, sizeof d->api_key_path, "%s/api-key", d->data);
	c->child.ready = on_master_ready;
	c->child.env[0] = d->master_token_env;
	ADD(c, "master", "--pool", d->pool_address, "--listen", d->master_at, "--api-key", d->api_key_path, "--quiet");
	start_child(c);
}

static void on_worker_ready(struct child *child, const char *line)
{
	struct dev_child *c = container_of(child, struct dev_child, child);
	struct dev *d = c->dev;

	text_copy(c->line, sizeof c->line, line);
	if (d->step.at != WORKERS || ++d->workers_up < d->worker_count)
		return;
	say_workers(d);
	check_up(d);
}

/* The pages of the workers stand side by side, from 5000 on. */
static void choose_page(struct dev *d, struct dev_child *c, int *port)
{
	struct endpoint at;
	struct error err = {0};
	char text[40];

	snprintf(text, sizeof text, "127.0.0.1:%d", *port);
	snprintf(c->page, sizeof c->page, "off");
	if (!d->options.master || endpoint_parse(&at, text, &err) != 0 || free_port_find(&at, &err) != 0)
		return;
	snprintf(c->page, sizeof c->page, "127.0.0.1:%d", at.port);
	*port = at.port + 1;
}

void dev_worker_page(const struct dev *d, int worker, char *address, size_t n)
{
	char path[340];
	FILE *file;

	snprintf(path, sizeof path, "%s/page", d->workers[worker].data);
	address[0] = '\0';
	file = fopen(path, "re");
	if (file != NULL && fgets(address, (int)n, file) == NULL)
		address[0] = '\0';
	if (file != NULL)
		fclose(file);
	address[strcspn(address, "\n")] = '\0';
}

/* An equal part of the machine for each, as the three options of `worker`. */
static void share_machine(struct dev *d, struct dev_child *c, const Pb__Resources *total)
{
	uint64_t n = (uint64_t)d->options.workers, cores = total->milli_cpus / n;

	cores = cores >= 1000 ? cores / 1000 * 1000 : total->milli_cpus < 1000 ? total->milli_cpus : 1000;
	snprintf(c->share[0], sizeof c->share[0], "%g", (double)cores / 1000);
	snprintf(c->share[1], sizeof c->share[1], "%llu", (unsigned long long)(total->memory / 10 * 9 / n));
	snprintf(c->share[2], sizeof c->share[2], "%llu", (unsigned long long)(total->disk / 10 * 9 / n));
}

static void start_workers(struct dev *d)
{
	struct arena arena = {0};
	const Pb__Host *host = probe_host(&arena, d->data);
	int port = 5000;

	step_to(&d->step, WORKERS, "dev");
	for (int i = 0; i < (int)d->options.workers; i++) {
		struct dev_child *c = &d->workers[d->worker_count++];
		char name[24];

		snprintf(name, sizeof name, "worker-%d", i + 1);
		add_child(d, c, name);
		share_machine(d, c, host->total);
		choose_page(d, c, &port);
		c->child.ready = on_worker_ready;
		c->child.env[0] = d->worker_token_env;
		ADD(c, "worker", "--join", d->pool_address, "--data", c->data, "--name", c->child.name, "--cpus", c->share[0],
		    "--memory", c->share[1], "--disk", c->share[2], "--page", c->page);
		if (d->docker[0] != '\0')
			ADD(c, "--docker", d->docker);
		if (d->options.allow_unlimited)
			ADD(c, "--allow-unlimited");
		start_child(c);
	}
	arena_release(&arena);
}

/* --- ACCOUNT --------------------------------------------------------------------------------- */

static void register_account(struct dev *d, const char *name);

/* "dev" first, then "lender". */
static char *token_of(struct dev *d)
{
	return d->has_dev ? d->lender_token : d->token;
}

static void on_registered(struct grpc_call *call, const ProtobufCMessage *out)
{
	struct dev *d = container_of(call, struct dev, call);
	const Pb__Session *session = (const Pb__Session *)out;

	text_copy(token_of(d), sizeof d->token, session->token);
}

static void on_register_done(struct grpc_call *call, const struct error *err)
{
	struct dev *d = container_of(call, struct dev, call);
	struct error mine = *err;
	char line[140];

	if (d->ending)
		return;
	snprintf(line, sizeof line, "%s\n", token_of(d));
	if (mine.status == 0)
		dev_home_write(d, d->has_dev ? "worker-token" : "token", line, &mine);
	wipe(line, sizeof line);
	if (mine.status != 0) {
		fail(d, &mine);
	} else if (!d->has_dev) {
		d->has_dev = true;
		register_account(d, "lender");
	} else {
		grpc_channel_set_token(d->channel, d->token);
		start_workers(d);
		if (d->options.master && !d->ending)
			start_master(d);
	}
}

/* Nobody needs its password: the token is in a file. */
static void register_account(struct dev *d, const char *name)
{
	Pb__RegisterRequest request = PB__REGISTER_REQUEST__INIT;
	char password[2 * ID_SIZE], id[ID_SIZE];

	d->call = (struct grpc_call){.method = &rpc_methods[RPC_REGISTER], .timeout_ms = CONNECT_TIMEOUT_MS,
				     .on_message = on_registered, .on_done = on_register_done};
	random_id(password);
	random_id(password + ID_LENGTH);
	random_id(id);
	request.name = (char *)name;
	request.password = password;
	request.call_id = id;
	grpc_call_unary(d->channel, &d->call, &request.base);
	wipe(password, sizeof password);
}

/* Two, because nobody pays oneself: the one has the tasks, the other the workers. */
static void register_accounts(struct dev *d)
{
	struct endpoint pool;
	struct error err;

	step_to(&d->step, ACCOUNT, "dev");
	if (endpoint_parse(&pool, d->pool_address, &err) != 0) {
		fail(d, &err);
		return;
	}
	d->channel = grpc_channel_new(&d->loop, &pool);
	register_account(d, "dev");
}

/* --- POOL ------------------------------------------------------------------------------------ */

static void on_pool_ready(struct child *child, const char *line)
{
	struct dev_child *c = container_of(child, struct dev_child, child);
	struct dev *d = c->dev;
	char text[400];

	text_copy(c->line, sizeof c->line, line);
	if (d->step.at != POOL)
		return;
	snprintf(text, sizeof text, "%s, %s", d->pool_address, d->options.redis != NULL ? "your Redis" : "private Redis");
	say(d, true, "Pool", text);
	register_accounts(d);
}

static int choose_port(struct dev *d, struct error *err)
{
	const char *listen = d->options.listen != NULL ? d->options.listen : "127.0.0.1";
	struct endpoint at;
	int wanted, rc = endpoint_parse(&at, listen, err);

	if (rc != 0)
		return rc;
	if (!endpoint_is_local(&at))
		return error_set(err, STATUS_FAILED_PRECONDITION, "dev listens on this machine only, and %s is not", listen);
	wanted = at.port;
	if (free_port_find(&at, err) != 0)
		return err->status;
	endpoint_text(&at, d->pool_address, sizeof d->pool_address);
	if (wanted != 0 && wanted != at.port && !d->globals.quiet)
		printf("  %s port %d is in use, taking %d\n", mark(false), wanted, at.port);
	return 0;
}

static void start_pool(struct dev *d)
{
	struct error err;

	step_to(&d->step, POOL, "dev");
	add_child(d, &d->pool, "pool");
	if (choose_port(d, &err) != 0) {
		fail(d, &err);
		return;
	}
	d->pool.child.ready = on_pool_ready;
	ADD(&d->pool, "pool", "--data", d->pool.data, "--listen", d->pool_address, "--work-bits", "0", "--gift", DEV_GIFT);
	if (d->options.redis != NULL)
		ADD(&d->pool, "--redis", d->options.redis);
	start_child(&d->pool);
}

/* --- FINDING, STARTING: an engine ------------------------------------------------------------ */

/* The engine is known, or there is none: workers say what is missing. */
static void on_engine(struct dev *d)
{
	if (d->ending)
		close_channel(d);
	else
		start_pool(d);
}

static void on_own_started(void *user, const struct error *err)
{
	struct dev *d = user;

	if (err->status == 0) {
		text_copy(d->docker, sizeof d->docker, private_engine_socket(d->own));
		say(d, true, "Engine", "started for you, in a directory of its own");
	} else {
		say(d, false, "Engine", err->text);
		if (err->hint[0] != '\0' && !d->globals.quiet)
			printf("               %s\n", err->hint);
	}
	on_engine(d);
}

static void on_probe_closed(void *user)
{
	struct dev *d = user;
	char dir[320];

	if (d->docker[0] != '\0' || d->ending || d->options.docker != NULL) {
		on_engine(d);
		return;
	}
	step_to(&d->step, STARTING, "dev");
	snprintf(dir, sizeof dir, "%s/engine", d->data);
	d->own = private_engine_start(&d->loop, dir, on_own_started, d);
}

static void on_found(struct engine *engine, const struct error *err, void *user)
{
	struct dev *d = user;
	char text[300];

	if (err->status == 0) {
		snprintf(d->docker, sizeof d->docker, "unix:%s", engine->socket);
		snprintf(text, sizeof text, "%s %s, %s", engine->kind, engine->version, d->docker);
		say(d, true, "Engine", text);
	} else if (d->options.docker != NULL) {
		say(d, false, "Engine", err->text);
		text_copy(d->docker, sizeof d->docker, d->options.docker);
	}
	engine_close(engine, on_probe_closed, d);
}

int dev_start(struct dev *d, struct error *err)
{
	int rc = dev_home_open(d, err);

	if (rc != 0) {
		dev_home_remove(d);
		return rc;
	}
	d->step = (struct step){states, FINDING};
	d->start_ms = d->step_ms = clock_ms();
	snprintf(d->token_path, sizeof d->token_path, "%s/token", d->data);
	snprintf(d->worker_token_env, sizeof d->worker_token_env, "HIVEMIND_TOKEN_FILE=%s/worker-token", d->data);
	engine_open(&d->engine, &d->loop, d->options.docker, "dev", on_found, d);
	return 0;
}
