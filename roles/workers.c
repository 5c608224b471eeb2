/* roles/workers.c - hivemind workers: the machines of the pool. */
#include <stdio.h>
#include <string.h>

#include "roles/client.h"
#include "roles/roles.h"
#include "roles/worker_view.h"
#include "ui/json.h"
#include "ui/table.h"
#include "ui/text.h"

static const struct verb_help help = {
    .usage = "hivemind workers [options]",
    .summary =
	"List the machines of the pool: what they lend, what of it is in use, when they were last heard.",
    .examples = "hivemind workers\n"
		"hivemind workers --json",
};

static void print_json(struct client *c, const Pb__ListWorkersReply *r)
{
	struct buf out = {0};
	struct json j;

	json_document(&j, &out);
	json_array(&j, "workers");
	for (size_t i = 0; i < r->n_workers; i++) {
		json_object(&j, NULL);
		worker_json(&j, r->workers[i]);
		json_end(&j);
	}
	json_end(&j);
	json_end(&j);
	client_print(c, &out);
	buf_release(&out);
}

/* --- a table ------------------------------------------------------------------------------------ */

static void print_row(struct table *table, const Pb__Worker *w)
{
	struct worker_share s = worker_share(w);
	char cpus[48], memory[80], tasks[16], age[24], used[24], offered[24], gpus[16], engine[80],
		rests[100] = "", rest[24];

	snprintf(cpus, sizeof cpus, "%g/%g", s.used->milli_cpus / 1000.0, s.offered->milli_cpus / 1000.0);
	snprintf(memory, sizeof memory, "%s/%s", format_bytes(s.used->memory, used),
	         format_bytes(s.offered->memory, offered));
	snprintf(tasks, sizeof tasks, "%u", w->tasks);
	snprintf(gpus, sizeof gpus, "%u", s.offered->gpus);
	snprintf(engine, sizeof engine, "%.40s %.30s", w->host != NULL ? w->host->engine : "",
		 w->host != NULL ? w->host->engine_version : "");
	if (w->rest_ms > 0 && w->not_ready[0] == '\0')
		snprintf(rests, sizeof rests, "rests for %s: %u attempts in a row came to nothing",
			 format_ms((int64_t)w->rest_ms, rest), w->faults);
	table_row(table, (const char *[]){w->name, w->state, tasks, cpus, memory, gpus, engine,
					  format_ms(w->heartbeat_age_ms, age), rests[0] != '\0' ? rests : w->not_ready});
	table_style(table, 1,
	            strcmp(w->state, "lost") == 0 ? STYLE_RED
	            : w->not_ready[0] != '\0' || w->rest_ms > 0 ? STYLE_YELLOW
	                                          : STYLE_GREEN);
}

static void print_table(const Pb__ListWorkersReply *r)
{
	static const char *const headers[] = {"NAME", "STATE",  "TASKS", "CPUS",   "MEMORY",
	                                      "GPUS", "ENGINE", "HEARD", "WHY NOT"};
	struct table *table;

	if (r->n_workers == 0) {
		fprintf(stderr, "No workers. Lend this machine   hivemind worker --join HOST\n");
		return;
	}
	table = table_new(headers, 9);
	for (size_t i = 0; i < r->n_workers; i++)
		print_row(table, r->workers[i]);
	table_print(table, stdout);
	table_free(table);
}

static void print_ids(const Pb__ListWorkersReply *r)
{
	for (size_t i = 0; i < r->n_workers; i++)
		printf("%s\n", r->workers[i]->id);
}

int workers_main(int argc, char **argv)
{
	Pb__ListWorkersRequest request = PB__LIST_WORKERS_REQUEST__INIT;
	struct client c;
	const Pb__ListWorkersReply *reply;
	const char *args[1];
	int count, code = client_open(&c, argc, argv, NULL, &help, args, 0, &count, true);

	if (code >= 0)
		return code;
	reply = client_call_again(&c, RPC_LIST_WORKERS, &request);
	if (reply != NULL && c.globals.json)
		print_json(&c, reply);
	else if (reply != NULL && c.globals.quiet)
		print_ids(reply);
	else if (reply != NULL)
		print_table(reply);
	return client_close(&c, 0);
}
