/* roles/statement.c - hivemind statement: every change of what you can spend, and how
 * each charge came about. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "net/clock.h"
#include "proto/id.h"
#include "roles/money_view.h"
#include "roles/roles.h"
#include "ui/table.h"
#include "ui/term.h"

#define PAGE 500

static const struct verb_help help = {
    .usage = "hivemind statement [options]",
    .summary = "Every change of what you can spend, newest first: gifts, what is reserved for tasks, what comes back at\n"
	       "their end and what they cost (start + seconds x rate), what your workers earned, transfers and tips.\n"
	       "The amounts of all lines add up to your balance.",
    .examples = "hivemind statement\n"
		"hivemind statement --since 7d\n"
		"hivemind statement --all --csv > statement.csv\n"
		"hivemind statement --project numpy",
};

struct statement {
	struct client client;
	int64_t since_ms, limit;
	bool all, csv;
	const char *project;
	/* while it is written */
	struct buf out;
	struct json json;
	struct table *table;
	int64_t shown;
};

/* --- JSON --------------------------------------------------------------------------------------- */

static void begin_json(struct statement *s)
{
	json_init(&s->json, &s->out);
	json_object(&s->json, NULL);
	json_int(&s->json, "v", 1);
	json_array(&s->json, "lines");
}

static void line_json(struct statement *s, const Pb__StatementLine *l)
{
	json_object(&s->json, NULL);
	statement_line_json(&s->json, l);
	json_end(&s->json);
}

static void end_json(struct statement *s)
{
	json_end(&s->json);
	json_end(&s->json);
	client_print(&s->client, &s->out);
}

/* --- CSV ------------------------------------------------------------------------------------------ */

static void begin_csv(struct statement *s)
{
	(void)s;
	fputs(STATEMENT_CSV_HEAD, stdout);
}

static void line_csv(struct statement *s, const Pb__StatementLine *l)
{
	statement_line_csv(&s->out, l);
	fwrite(s->out.data, 1, s->out.n, stdout);
	s->out.n = 0;
}

static void end_csv(struct statement *s)
{
	(void)s;
}

/* --- a table ---------------------------------------------------------------------------------------- */

static void begin_table(struct statement *s)
{
	static const char *const headers[] = {"TIME",    "WHAT", "WITH", "TASK",  "ATTEMPT",
					      "SECONDS", "RATE", "COST", "AMOUNT"};

	s->table = table_new(headers, 9);
}

static void line_table(struct statement *s, const Pb__StatementLine *l)
{
	char time[32], task[TASK_ID_SIZE] = "", attempt[16] = "", seconds[32] = "", rate[PRICE_TEXT_SIZE] = "";
	char charge[CPT_TEXT_SIZE] = "", amount[CPT_TEXT_SIZE];

	format_time(l->time_ms, time);
	time[19] = '\0'; /* to the second, in UTC */
	text_copy(task, sizeof task, l->task);
	if (statement_line_charged(l)) {
		snprintf(attempt, sizeof attempt, "%u", l->epoch);
		snprintf(seconds, sizeof seconds, "%" PRId64 ".%03d", l->wall_ms / 1000, (int)(l->wall_ms % 1000));
		price_text(rate, l->rate_ncpt);
		cpt_grouped(charge, l->charge_mcpt);
	}
	table_row(s->table,
		  (const char *[]){time, l->kind, l->name[0] != '\0' ? l->name : l->counterparty, task,
				   attempt, seconds, rate, charge, cpt_grouped(amount, l->amount_mcpt)});
}

static void end_table(struct statement *s)
{
	if (s->shown == 0)
		fputs("No lines.\n", stderr);
	else
		table_print(s->table, stdout);
	table_free(s->table);
}

static const struct form {
	void (*begin)(struct statement *s);
	void (*line)(struct statement *s, const Pb__StatementLine *l);
	void (*end)(struct statement *s);
} json_form = {begin_json, line_json, end_json}, csv_form = {begin_csv, line_csv, end_csv},
  table_form = {begin_table, line_table, end_table};

/* --- pages ------------------------------------------------------------------------------------------- */

/* Page after page; false = it is not known whether there is more. */
static bool show(struct statement *s, const struct form *form)
{
	Pb__StatementRequest request = PB__STATEMENT_REQUEST__INIT;
	int64_t most = s->all || (s->since_ms > 0 && s->limit == 0) ? INT64_MAX : s->limit > 0 ? s->limit : 50;
	const Pb__StatementReply *reply;

	request.since_ms = s->since_ms > 0 ? clock_wall_ms() - s->since_ms : 0;
	request.project = (char *)s->project;
	do {
		request.limit = most - s->shown < PAGE ? (uint32_t)(most - s->shown) : PAGE;
		reply = client_call_again(&s->client, RPC_STATEMENT, &request);
		if (reply == NULL)
			return false;
		for (size_t i = 0; i < reply->n_lines; i++, s->shown++)
			form->line(s, reply->lines[i]);
		request.after = reply->next;
	} while (request.after != 0 && s->shown < most);
	return true;
}

int statement_main(int argc, char **argv)
{
	struct statement s = {.project = ""};
	const struct option options[] = {
		{"since", 0, OPTION_DURATION, &s.since_ms, "TIME", "nothing older than this: 12h, 30d", NULL, 0, 0},
		{"limit", 'n', OPTION_INT, &s.limit, "N", "at most this many (50; with --since all)", NULL, 1, 1000000},
		{"all", 'a', OPTION_FLAG, &s.all, NULL, "from the beginning", NULL, 0, 0},
		{"csv", 0, OPTION_FLAG, &s.csv, NULL, "as comma-separated values", NULL, 0, 0},
		{"project", 0, OPTION_TEXT, &s.project, "NAME", "that of a project", NULL, 0, 0},
		{0},
	};
	const struct form *form;
	const char *args[1];
	int count, code = client_open(&s.client, argc, argv, options, &help, args, 0, &count, true);

	if (code >= 0)
		return code;
	form = s.csv ? &csv_form : s.client.globals.json ? &json_form : &table_form;
	form->begin(&s);
	if (show(&s, form))
		form->end(&s);
	else if (s.table != NULL)
		table_free(s.table);
	buf_release(&s.out);
	return client_close(&s.client, 0);
}
