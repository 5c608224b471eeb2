/* roles/dev.c - bring everything up in order, keep it up, take it down in reverse order.
 *
 * The pool is asked for a port that was free a moment ago: when 50051 is in use the next free one is taken,
 * and the line says so. The engine is found once and shared; when dev has to start one it is dev's own, so
 * that the end of a worker does not end the others' containers. */
#include "roles/dev.h"

#include <stdio.h>
#include <string.h>

#include "net/clock.h"
#include "net/memory.h"
#include "proto/status.h"
#include "roles/dev_home.h"
#include "roles/dev_machine.h"
#include "roles/free_port.h"
#include "ui/term.h"

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

const char *dev_mark(bool good)
{
	return term_is_utf8() ? (good ? "✓" : "!") : good ? "ok" : "!!";
}

void dev_say(struct dev *d, bool good, const char *what, const char *text)
{
	double seconds = (double)(clock_ms() - d->step_ms) / 1000;
	int pad = 58 - term_columns(text);

	d->step_ms = clock_ms();
	if (d->globals.quiet)
		return;
	fputs("  ", stdout);
	term_styled(stdout, good ? STYLE_GREEN : STYLE_YELLOW, dev_mark(good));
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

/* Workers first: they give their tasks back to a pool that is still there. */
void dev_child_over(struct dev *d)
{
	d->running--;
	if (d->running == 0)
		close_channel(d);
	else if (d->running == 1 && !d->pool.over)
		dev_child_end(&d->pool);
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
		dev_child_end(&d->workers[i]);
	if (d->master.dev != NULL)
		dev_child_end(&d->master);
	if (d->worker_count == 0 && d->master.dev == NULL)
		dev_child_end(&d->pool);
}

void dev_fail(struct dev *d, const struct error *err)
{
	if (d->error.status == 0)
		d->error = *err;
	dev_end(d);
}

/* --- UP -------------------------------------------------------------------------------------- */

static void write_notes(struct dev *d)
{
	char text[900];
	struct error err = {0};

	snprintf(text, sizeof text, "export HIVEMIND_POOL='%s'\nexport HIVEMIND_TOKEN_FILE='%s'\n",
		 d->pool_address, d->token_path);
	if (d->options.master)
		snprintf(text + strlen(text), sizeof text - strlen(text),
			 "export HIVEMIND_MASTER='http://%s'\n", d->master_at);
	if (dev_home_write(d, "env", text, &err) != 0)
		dev_fail(d, &err);
}

void dev_check_up(struct dev *d)
{
	if (d->workers_up < d->worker_count || (d->options.master && d->master_address[0] == '\0'))
		return;
	step_to(&d->step, UP, "dev");
	write_notes(d);
	if (!d->ending)
		d->up(d);
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
	snprintf(text, sizeof text, "%s, %s", d->pool_address,
		 d->options.redis != NULL ? "your Redis" : "private Redis");
	dev_say(d, true, "Pool", text);
	dev_register_accounts(d);
}

static int choose_port(struct dev *d, struct error *err)
{
	const char *listen = d->options.listen != NULL ? d->options.listen : "127.0.0.1";
	struct endpoint at;
	int wanted, rc = endpoint_parse(&at, listen, err);

	if (rc != 0)
		return rc;
	if (!endpoint_is_local(&at))
		return error_set(err, STATUS_FAILED_PRECONDITION,
				 "dev listens on this machine only, and %s is not", listen);
	wanted = at.port;
	if (free_port_find(&at, err) != 0)
		return err->status;
	endpoint_text(&at, d->pool_address, sizeof d->pool_address);
	if (wanted != 0 && wanted != at.port && !d->globals.quiet)
		printf("  %s port %d is in use, taking %d\n", dev_mark(false), wanted, at.port);
	return 0;
}

static void start_pool(struct dev *d)
{
	struct error err;

	step_to(&d->step, POOL, "dev");
	dev_child_init(d, &d->pool, "pool");
	if (choose_port(d, &err) != 0) {
		dev_fail(d, &err);
		return;
	}
	d->pool.child.ready = on_pool_ready;
	ADD(&d->pool, "pool", "--data", d->pool.data, "--listen", d->pool_address, "--work-bits", "0",
	    "--gift", DEV_GIFT);
	if (d->options.redis != NULL)
		ADD(&d->pool, "--redis", d->options.redis);
	dev_child_start(&d->pool);
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
		dev_say(d, true, "Engine", "started for you, in a directory of its own");
	} else {
		dev_say(d, false, "Engine", err->text);
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
		dev_say(d, true, "Engine", text);
	} else if (d->options.docker != NULL) {
		dev_say(d, false, "Engine", err->text);
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
