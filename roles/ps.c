/* roles/ps.c - hivemind ps: the caller's tasks, newest first, page by page. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/clock.h"
#include "net/memory.h"
#include "proto/id.h"
#include "proto/status.h"
#include "proto/task.h"
#include "roles/money_view.h"
#include "roles/roles.h"
#include "roles/task_view.h"
#include "ui/term.h"

#define RECENT_MS (24 * 3600 * 1000ll)
#define PAGE 200

static const struct verb_help help = {
	.usage = "hivemind ps [options]",
	.summary = "List your tasks: those that live and those that ended within the last day; with -a all.",
	.examples = "hivemind ps\n"
		    "hivemind ps -a --json\n"
		    "hivemind stop $(hivemind ps --live -q)",
};

struct ps {
	struct client client;
	bool all, live;
	int64_t limit;
	const Pb__Task **tasks;
	size_t count, room;
};

static bool wanted(const struct ps *p, const Pb__Task *t)
{
	return p->all || p->live || t->ended_ms == 0 || clock_wall_ms() - t->ended_ms < RECENT_MS;
}

static void add(struct ps *p, const Pb__Task *t)
{
	if (p->count == p->room) {
		p->room = p->room > 0 ? p->room * 2 : 64;
		p->tasks = xrealloc(p->tasks, p->room * sizeof p->tasks[0]);
	}
	p->tasks[p->count++] = t;
}

/* Every page, or as many tasks as were asked for. Without -a it ends with the first page that holds nothing
 * recent. */
static int collect(struct ps *p)
{
	Pb__ListTasksRequest request = PB__LIST_TASKS_REQUEST__INIT;
	Pb__ListTasksReply *reply;
	size_t before;

	request.only_live = p->live;
	request.limit = PAGE;
	do {
		reply = client_call_again(&p->client, RPC_LIST_TASKS, &request);
		if (reply == NULL)
			return p->client.error.status;
		before = p->count;
		for (size_t i = 0; i < reply->n_tasks; i++)
			if (wanted(p, reply->tasks[i]) && (int64_t)p->count < p->limit)
				add(p, reply->tasks[i]);
		request.after = reply->next;
	} while (reply->next[0] != '\0' && (int64_t)p->count < p->limit &&
	         (p->all || p->live || p->count > before));
	return 0;
}

static void print_json(struct ps *p)
{
	struct buf out = {0};
	struct json j;

	json_document(&j, &out);
	json_array(&j, "tasks");
	for (size_t i = 0; i < p->count; i++) {
		json_object(&j, NULL);
		task_json(&j, p->tasks[i]);
		json_end(&j);
		if (out.n >= 64 * 1024) { /* memory does not grow with the list */
			fwrite(out.data, 1, out.n, stdout);
			out.n = 0;
		}
	}
	json_end(&j);
	json_end(&j);
	client_print(&p->client, &out);
	buf_release(&out);
}

static int by_id(const void *a, const void *b)
{
	return strcmp((*(const Pb__Task *const *)a)->id, (*(const Pb__Task *const *)b)->id);
}

static size_t common(const char *a, const char *b)
{
	size_t n = 0;

	while (a[n] != '\0' && a[n] == b[n] && a[n] != '.')
		n++;
	return n;
}

/* How many characters tell all of these submissions from one another: at least ID_PREFIX_MIN. */
static size_t prefix_length(const struct ps *p)
{
	const Pb__Task **sorted = xcalloc(p->count + 1, sizeof *sorted);
	size_t length = ID_PREFIX_MIN;

	if (p->count > 0)
		memcpy(sorted, p->tasks, p->count * sizeof *sorted);
	qsort(sorted, p->count, sizeof *sorted, by_id);
	for (size_t i = 1; i < p->count; i++) {
		size_t n = common(sorted[i - 1]->id, sorted[i]->id);

		if (n < ID_LENGTH && n >= length)
			length = n + 1;
	}
	free(sorted);
	return length;
}

static void print_row(struct table *table, const Pb__Task *t, size_t length)
{
	char id[TASK_ID_SIZE], detail[64], age[24], ran[24] = "-", spent[CPT_TEXT_SIZE];
	int64_t now = clock_wall_ms();
	int64_t ran_ms = task_part_ms(t, PART_RAN, now);

	format_age(now - t->created_ms, age);
	if (ran_ms >= 0)
		format_ms(ran_ms, ran);
	table_row(table, (const char *[]){task_short_id(t->id, length, id), t->name,
					  task_state_name((int)t->state), task_detail(t, detail),
					  t->worker_name, age, ran, cpt_grouped(spent, task_spent(t))});
	table_style(table, 2, task_style(t));
}

static void print_table(struct ps *p)
{
	static const char *const headers[] = {"ID", "NAME", "STATE", "PHASE", "WORKER", "AGE", "RUN", "SPENT"};
	struct table *table;
	size_t length = prefix_length(p);

	if (p->count == 0) {
		fprintf(stderr, p->all ? "No tasks yet.\n"
		                       : "No tasks of the last day; all of them: hivemind ps -a\n");
		return;
	}
	table = table_new(headers, 8);
	for (size_t i = 0; i < p->count; i++)
		print_row(table, p->tasks[i], length);
	table_print(table, stdout);
	table_free(table);
}

static void print(struct ps *p)
{
	if (p->client.globals.json) {
		print_json(p);
	} else if (p->client.globals.quiet) {
		for (size_t i = 0; i < p->count; i++)
			printf("%s\n", p->tasks[i]->id);
	} else {
		print_table(p);
	}
}

int ps_main(int argc, char **argv)
{
	struct ps p = {.limit = INT64_MAX};
	const struct option options[] = {
		{"all", 'a', OPTION_FLAG, &p.all, NULL,
		 "also those that ended more than a day ago", NULL, 0, 0},
		{"live", 'l', OPTION_FLAG, &p.live, NULL, "only those that have not ended", NULL, 0, 0},
		{"limit", 'n', OPTION_INT, &p.limit, "N", "at most this many", NULL, 1, 1000000},
		{0},
	};
	const char *args[1];
	int count, code = client_open(&p.client, argc, argv, options, &help, args, 0, &count, true);

	if (code >= 0)
		return code;
	if (collect(&p) == 0)
		print(&p);
	free(p.tasks);
	return client_close(&p.client, 0);
}
