/* roles/info.c - hivemind info: the pool in a few lines. Needs no login. */
#include <stdio.h>
#include <string.h>

#include "net/clock.h"
#include "roles/client.h"
#include "roles/info_view.h"
#include "roles/roles.h"
#include "ui/json.h"
#include "ui/text.h"

static const struct verb_help help = {
	.usage = "hivemind info [options]",
	.summary = "The state of the pool: version, workers, tasks, storage. Needs no login.",
	.examples = "hivemind info\n"
		    "hivemind info --pool pool.example --json",
};

static void print_json(struct client *c, const Pb__InfoReply *r)
{
	struct buf out = {0};
	struct json j;
	char where[400];

	json_document(&j, &out);
	info_json(&j, endpoint_text(&c->pool, where, sizeof where), r);
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
