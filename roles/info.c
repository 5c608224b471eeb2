/* roles/info.c - hivemind info: the pool in a few lines. Needs no login. */
#include <stdio.h>
#include <string.h>

#include "net/clock.h"
#include "roles/client.h"
#include "roles/roles.h"
#include "ui/json.h"
#include "ui/text.h"

static const struct verb_help help = {
	.usage = "hivemind info [options]",
	.summary = "The state of the pool: version, workers, tasks, storage. Needs no login.",
	.examples = "hivemind info\n"
		    "hivemind info --pool pool.example --json",
};

static void resources_json(struct json *j, const char *key, const Pb__Resources *r)
{
	if (r == NULL) {
		json_null(j, key);
		return;
	}
	json_object(j, key);
	/* Thousandths of a core are written like thousandths of a second. */
	json_seconds(j, "cpus", r->milli_cpus);
	json_uint(j, "memory", r->memory);
	json_uint(j, "disk", r->disk);
	json_uint(j, "gpus", r->gpus);
	json_end(j);
}

static void print_json(struct client *c, const Pb__InfoReply *r)
{
	struct buf out = {0};
	struct json j;
	char where[400];

	json_document(&j, &out);
	json_text(&j, "pool", endpoint_text(&c->pool, where, sizeof where));
	json_text(&j, "version", r->version);
	json_time(&j, "started", r->started_ms);
	json_uint(&j, "workers", r->workers);
	json_object(&j, "tasks");
	json_uint(&j, "pending", r->pending);
	json_uint(&j, "running", r->running);
	json_uint(&j, "finished", r->finished);
	json_end(&j);
	json_object(&j, "redis");
	json_bool(&j, "up", r->redis_up);
	json_text(&j, "version", r->redis_version[0] != '\0' ? r->redis_version : NULL);
	json_end(&j);
	json_uint(&j, "blob_bytes", r->blob_bytes);
	resources_json(&j, "offered", r->offered);
	resources_json(&j, "used", r->used);
	json_end(&j);
	client_print(c, &out);
	buf_release(&out);
}

static void print_words(struct client *c, const Pb__InfoReply *r)
{
	char where[400], up[24], a[24], b[24];
	const Pb__Resources none = PB__RESOURCES__INIT;
	const Pb__Resources *offered = r->offered != NULL ? r->offered : &none,
			    *used = r->used != NULL ? r->used : &none;

	printf("Pool at %s, hivemind %s, up %s\n", endpoint_text(&c->pool, where, sizeof where), r->version,
	       format_ms(clock_wall_ms() - r->started_ms, up));
	printf("  workers    %u connected: %g of %g cores and %s of %s memory in use, %u of %u GPUs\n",
	       r->workers, used->milli_cpus / 1000.0, offered->milli_cpus / 1000.0,
	       format_bytes(used->memory, a), format_bytes(offered->memory, b), used->gpus, offered->gpus);
	printf("  tasks      %u pending, %u running, %llu finished\n", r->pending, r->running,
	       (unsigned long long)r->finished);
	printf("  storage    %s of bundles and results\n", format_bytes(r->blob_bytes, a));
	printf("  redis      %s %s\n", r->redis_version,
	       r->redis_up ? "up" : "DOWN: nothing can be changed until it is back");
}

int info_main(int argc, char **argv)
{
	Pb__InfoRequest request = PB__INFO_REQUEST__INIT;
	struct client c;
	const Pb__InfoReply *reply;
	const char *args[1];
	int count, code = client_open(&c, argc, argv, NULL, &help, args, 0, &count, false);

	if (code >= 0)
		return code;
	reply = client_call_again(&c, RPC_INFO, &request);
	if (reply != NULL && c.globals.json)
		print_json(&c, reply);
	else if (reply != NULL)
		print_words(&c, reply);
	return client_close(&c, 0);
}
