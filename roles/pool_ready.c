#include "roles/pool_ready.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/log.h"
#include "net/memory.h"
#include "roles/pool.h"
#include "ui/json.h"

void pool_write_port(const struct pool *pool)
{
	char *fresh;
	FILE *f;

	if (pool->options.port_file == NULL)
		return;
	fresh = xasprintf("%s.new", pool->options.port_file);
	f = fopen(fresh, "w");
	if (f == NULL || fprintf(f, "%d\n", pool->at.port) < 0 || fclose(f) != 0 ||
	    rename(fresh, pool->options.port_file) != 0)
		log_warn("port file not written file=%s", pool->options.port_file);
	free(fresh);
}

void pool_say_ready(struct pool *pool)
{
	char address[300], line[400], join[JOIN_STRING_SIZE];
	bool local = endpoint_is_local(&pool->at);
	struct buf out = {0};
	struct json j;

	endpoint_text(&pool->at, address, sizeof address);
	pool_identity_join(&pool->identity, join);
	snprintf(line, sizeof line, "hivemind pool ready on %s", address);
	if (pool->options.json) {
		json_document(&j, &out);
		json_text(&j, "ready", address);
		json_int(&j, "port", pool->at.port);
		json_text(&j, "join", join);
		json_end(&j);
		puts(buf_text(&out));
		buf_release(&out);
	} else {
		puts(line);
		if (!local)
			printf("  join with   hivemind worker --join %s\n", join);
	}
	fflush(stdout);
	if (pool->options.ready_fd >= 0) {
		dprintf((int)pool->options.ready_fd, "%s\n", line);
		close((int)pool->options.ready_fd);
	}
	pool_write_port(pool);
}
