/* roles/project.c - hivemind project: open-source projects that can be tipped. */
#include <stdio.h>
#include <string.h>

#include "proto/status.h"
#include "roles/money_view.h"
#include "roles/roles.h"
#include "ui/table.h"
#include "ui/term.h"

static const struct verb_help help = {
    .usage = "hivemind project ls   |   project create NAME URL   |   project show NAME   |   project claim NAME   |\n"
	     "       project withdraw NAME CPT",
    .summary = "Projects that people can tip. Anyone can make one; what it gets belongs to whoever can publish a file below\n"
	       "its URL: claim says which, and, asked again when it is there, makes the project yours.",
    .examples = "hivemind project ls\n"
		"hivemind project create numpy https://numpy.org\n"
		"hivemind tip numpy 5\n"
		"hivemind project claim numpy\n"
		"hivemind project withdraw numpy 5",
};

struct project_verb {
	struct client client;
	const char *name, *word; /* what follows the name: a URL, an amount */
};

/* --- what is shown ------------------------------------------------------------------------------- */

static void print_project(struct client *c, const Pb__Project *p)
{
	char text[CPT_TEXT_SIZE];
	struct buf out = {0};
	struct json j;

	if (!c->globals.json) {
		printf("%s   %s\n  balance   %s CPT\n  owner     %s\n", p->name, p->url, cpt_grouped(text, p->balance_mcpt),
		       p->owner[0] != '\0' ? p->owner : "nobody has claimed it");
		return;
	}
	json_document(&j, &out);
	project_json(&j, p);
	json_end(&j);
	client_print(c, &out);
	buf_release(&out);
}

/* --- ls: page after page --------------------------------------------------------------------------- */

struct listing {
	struct buf out;
	struct json json;
	struct table *table;
};

static void add(struct project_verb *v, struct listing *l, const Pb__Project *p)
{
	char text[CPT_TEXT_SIZE];

	if (v->client.globals.quiet) {
		printf("%s\n", p->name);
	} else if (v->client.globals.json) {
		json_object(&l->json, NULL);
		project_json(&l->json, p);
		json_end(&l->json);
	} else {
		table_row(l->table, (const char *[]){p->name, cpt_grouped(text, p->balance_mcpt), p->owner, p->url});
	}
}

static bool add_all(struct project_verb *v, struct listing *l)
{
	Pb__ListProjectsRequest request = PB__LIST_PROJECTS_REQUEST__INIT;
	const Pb__ListProjectsReply *reply;

	request.limit = 500;
	do {
		reply = client_call_again(&v->client, RPC_LIST_PROJECTS, &request);
		if (reply == NULL)
			return false;
		for (size_t i = 0; i < reply->n_projects; i++)
			add(v, l, reply->projects[i]);
		request.after = reply->next;
	} while (reply->next[0] != '\0');
	return true;
}

static void list(struct project_verb *v)
{
	static const char *const headers[] = {"NAME", "BALANCE", "OWNER", "URL"};
	struct listing l = {.table = table_new(headers, 4)};

	json_init(&l.json, &l.out);
	json_object(&l.json, NULL);
	json_int(&l.json, "v", 1);
	json_array(&l.json, "projects");
	if (add_all(v, &l)) {
		json_end(&l.json);
		json_end(&l.json);
		if (v->client.globals.json)
			client_print(&v->client, &l.out);
		else if (!v->client.globals.quiet)
			table_print(l.table, stdout);
	}
	table_free(l.table);
	buf_release(&l.out);
}

/* --- the others --------------------------------------------------------------------------------------- */

static void create(struct project_verb *v)
{
	Pb__CreateProjectRequest request = PB__CREATE_PROJECT_REQUEST__INIT;
	const Pb__Project *p;

	request.name = (char *)v->name;
	request.url = (char *)v->word;
	p = client_call_again(&v->client, RPC_CREATE_PROJECT, &request);
	if (p != NULL)
		print_project(&v->client, p);
}

static void show(struct project_verb *v)
{
	Pb__GetProjectRequest request = PB__GET_PROJECT_REQUEST__INIT;
	const Pb__Project *p;

	request.name = (char *)v->name;
	p = client_call_again(&v->client, RPC_GET_PROJECT, &request);
	if (p != NULL)
		print_project(&v->client, p);
}

static void claim(struct project_verb *v)
{
	Pb__ClaimProjectRequest request = PB__CLAIM_PROJECT_REQUEST__INIT;
	struct client *c = &v->client;
	const Pb__ClaimProjectReply *reply;

	request.name = (char *)v->name;
	request.look = true;
	reply = client_call_again(c, RPC_CLAIM_PROJECT, &request);
	if (reply != NULL && reply->project != NULL)
		print_project(c, reply->project);
}

static void withdraw(struct project_verb *v)
{
	Pb__WithdrawRequest request = PB__WITHDRAW_REQUEST__INIT;
	struct client *c = &v->client;
	const Pb__TransferReply *reply;

	if (money_parse(c, "the amount", v->word, &request.amount_mcpt) != 0)
		return;
	request.project = (char *)v->name;
	request.call_id = (char *)client_call_id(c);
	reply = client_call_again(c, RPC_WITHDRAW, &request);
	if (reply != NULL)
		transfer_print(c, "you", reply);
}

int project_main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(struct project_verb *v);
		int words;
	} verbs[] = {{"ls", list, 1}, {"create", create, 3}, {"show", show, 2}, {"claim", claim, 2},
		     {"withdraw", withdraw, 3}};
	struct project_verb v = {0};
	const char *args[3] = {NULL};
	int count, code = client_open(&v.client, argc, argv, NULL, &help, args, 3, &count, true);

	if (code >= 0)
		return code;
	v.name = args[1];
	v.word = args[2];
	for (size_t i = 0; count > 0 && i < sizeof verbs / sizeof verbs[0]; i++) {
		if (strcmp(args[0], verbs[i].name) == 0 && count == verbs[i].words) {
			verbs[i].run(&v);
			return client_close(&v.client, 0);
		}
	}
	return client_usage(&v.client, argv[0],
			    "say ls, create NAME URL, show NAME, claim NAME or withdraw NAME CPT");
}
