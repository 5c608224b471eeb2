/* roles/dev_workers.c - the workers of dev: each offers an equal part of cores, memory
 * and disk of this machine. */
#include <stdio.h>
#include <string.h>

#include "exec/probe.h"
#include "net/arena.h"
#include "net/memory.h"
#include "proto/status.h"
#include "roles/dev_machine.h"
#include "roles/free_port.h"

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
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s: %s",
			 d->worker_count > 1 ? ", each" : "", what);
	dev_say(d, what != NULL, "Workers", what != NULL ? text : c->line);
}

static void on_worker_ready(struct child *child, const char *line)
{
	struct dev_child *c = container_of(child, struct dev_child, child);
	struct dev *d = c->dev;

	text_copy(c->line, sizeof c->line, line);
	if (d->step.at != WORKERS || ++d->workers_up < d->worker_count)
		return;
	say_workers(d);
	dev_check_up(d);
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

void dev_start_workers(struct dev *d)
{
	struct arena arena = {0};
	const Pb__Host *host = probe_host(&arena, d->data);
	int port = 5000;

	step_to(&d->step, WORKERS, "dev");
	for (int i = 0; i < (int)d->options.workers; i++) {
		struct dev_child *c = &d->workers[d->worker_count++];
		char name[24];

		snprintf(name, sizeof name, "worker-%d", i + 1);
		dev_child_init(d, c, name);
		share_machine(d, c, host->total);
		choose_page(d, c, &port);
		c->child.ready = on_worker_ready;
		c->child.env[0] = d->worker_token_env;
		ADD(c, "worker", "--join", d->pool_address, "--data", c->data, "--name", c->child.name,
		    "--cpus", c->share[0], "--memory", c->share[1], "--disk", c->share[2], "--page", c->page);
		if (d->docker[0] != '\0')
			ADD(c, "--docker", d->docker);
		if (d->options.allow_unlimited)
			ADD(c, "--allow-unlimited");
		dev_child_start(c);
	}
	arena_release(&arena);
}
