/* roles/dev_master.c - the master of dev: page and API of the account "dev". */
#include <stdio.h>
#include <string.h>

#include "net/memory.h"
#include "roles/dev_machine.h"
#include "roles/free_port.h"

/* Its line ends with the address. One that was started again has another key. */
static void on_master_ready(struct child *child, const char *line)
{
	struct dev *d = container_of(child, struct dev_child, child)->dev;
	const char *address = strstr(line, "http://");

	text_copy(d->master_address, sizeof d->master_address, address != NULL ? address : line);
	if (address != NULL)
		snprintf(d->master_at, sizeof d->master_at, "%.*s", (int)strcspn(address + 7, "/"), address + 7);
	if (d->step.at == WORKERS) {
		dev_say(d, true, "Master", d->master_at);
		dev_check_up(d);
	} else if (d->step.at == UP && !d->globals.quiet) {
		printf("  %s\n", d->master_address);
		fflush(stdout);
	}
}

/* Its usual one, or the next that is free; any, when the pool may have any. Started
 * again it takes the same. */
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

void dev_start_master(struct dev *d)
{
	struct dev_child *c = &d->master;

	choose_master_port(d);
	dev_child_init(d, c, "master");
	snprintf(d->master_token_env, sizeof d->master_token_env, "HIVEMIND_TOKEN_FILE=%s", d->token_path);
	snprintf(d->api_key_path, sizeof d->api_key_path, "%s/api-key", d->data);
	c->child.ready = on_master_ready;
	c->child.env[0] = d->master_token_env;
	ADD(c, "master", "--pool", d->pool_address, "--listen", d->master_at, "--api-key", d->api_key_path,
	    "--quiet");
	dev_child_start(c);
}
