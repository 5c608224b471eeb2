/* roles/earnings.c - hivemind earnings: what your workers have earned, and what runs on them now. */
#include <stdio.h>

#include "roles/money_view.h"
#include "roles/roles.h"
#include "ui/table.h"

static const struct verb_help help = {
    .usage = "hivemind earnings [options]",
    .summary =
    	"What your workers have earned: settled and yours to spend, and pending for each task that still runs.\n"
	       "What has been settled stands, task by task, in the statement.",
    .examples = "hivemind earnings\n"
		"hivemind earnings --json\n"
		"hivemind statement --since 1d",
};

struct earnings_verb {
	struct client client;
	struct buf out;
	struct json json;
	struct table *table;
	size_t tasks;
};

static void begin(struct earnings_verb *v, const Pb__EarningsReply *r)
{
	static const char *const headers[] = {"TASK", "PENDING"};
	char text[CPT_TEXT_SIZE];

	if (!v->client.globals.json) {
		printf("  settled   %s CPT\n", cpt_grouped(text, r->earned_mcpt));
		printf("  pending   %s CPT\n", cpt_grouped(text, r->pending_mcpt));
		v->table = table_new(headers, 2);
		return;
	}
	json_init(&v->json, &v->out);
	json_object(&v->json, NULL);
	json_int(&v->json, "v", 1);
	json_cpt(&v->json, "settled_cpt", r->earned_mcpt);
	json_cpt(&v->json, "pending_cpt", r->pending_mcpt);
	json_array(&v->json, "tasks");
}

static void add(struct earnings_verb *v, const Pb__Earning *e)
{
	char text[CPT_TEXT_SIZE];

	v->tasks++;
	if (!v->client.globals.json) {
		table_row(v->table, (const char *[]){e->task, cpt_grouped(text, e->pending_mcpt)});
		return;
	}
	json_object(&v->json, NULL);
	json_text(&v->json, "task", e->task);
	json_cpt(&v->json, "pending_cpt", e->pending_mcpt);
	json_end(&v->json);
}

static void end(struct earnings_verb *v)
{
	if (v->client.globals.json) {
		json_end(&v->json);
		json_end(&v->json);
		client_print(&v->client, &v->out);
	} else if (v->tasks > 0) {
		printf("\n");
		table_print(v->table, stdout);
	}
}

static void show(struct earnings_verb *v)
{
	Pb__EarningsRequest request = PB__EARNINGS_REQUEST__INIT;
	const Pb__EarningsReply *reply;
	bool begun = false;

	request.limit = 500;
	do {
		reply = client_call_again(&v->client, RPC_EARNINGS, &request);
		if (reply == NULL)
			return;
		if (!begun)
			begin(v, reply);
		begun = true;
		for (size_t i = 0; i < reply->n_tasks; i++)
			add(v, reply->tasks[i]);
		request.after = reply->next;
	} while (reply->next[0] != '\0');
	end(v);
}

int earnings_main(int argc, char **argv)
{
	struct earnings_verb v = {0};
	const char *args[1];
	int count, code = client_open(&v.client, argc, argv, NULL, &help, args, 0, &count, true);

	if (code >= 0)
		return code;
	show(&v);
	if (v.table != NULL)
		table_free(v.table);
	buf_release(&v.out);
	return client_close(&v.client, 0);
}
