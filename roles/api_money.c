/* roles/api_money.c - balance, statement, earnings, price, transfers, tips, projects. */
#include "roles/api_handlers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/clock.h"
#include "proto/typed.h"
#include "roles/master.h"
#include "roles/money_view.h"

static void on_balance(struct api *a, const void *reply)
{
	balance_json(api_reply(a), reply);
	api_send(a);
}

void api_balance(struct api *a)
{
	Pb__BalanceRequest request = PB__BALANCE_REQUEST__INIT;

	api_ask(a, RPC_BALANCE, &request, on_balance);
}

static void on_price(struct api *a, const void *reply)
{
	price_json(api_reply(a), reply);
	api_send(a);
}

void api_price(struct api *a)
{
	Pb__PriceRequest request = PB__PRICE_REQUEST__INIT;

	api_ask(a, RPC_PRICE, &request, on_price);
}

/* --- the statement ---------------------------------------------------------------------------------- */

static void next_page(struct api *a, uint64_t next)
{
	char text[24];

	snprintf(text, sizeof text, "%llu", (unsigned long long)next);
	api_next(a, next != 0 ? text : NULL);
}

static void statement_csv(struct api *a, const Pb__StatementReply *s)
{
	buf_printf(&a->out, "%s", STATEMENT_CSV_HEAD);
	for (size_t i = 0; i < s->n_lines; i++)
		statement_line_csv(&a->out, s->lines[i]);
	http_header(a->r, "Content-Disposition", "attachment; filename=\"statement.csv\"");
	if (s->next != 0)
		http_header(a->r, "Hivemind-Next", "%llu", (unsigned long long)s->next);
	api_send_as(a, 200, "text/csv; charset=utf-8");
}

static void on_statement(struct api *a, const void *reply)
{
	const Pb__StatementReply *s = reply;
	const char *format = api_query(a, "format");
	struct json *j;

	if (format != NULL && strcmp(format, "csv") == 0) {
		statement_csv(a, s);
		return;
	}
	j = api_reply(a);
	statement_lines_json(j, s);
	next_page(a, s->next);
	api_send(a);
}

void api_statement(struct api *a)
{
	Pb__StatementRequest request = PB__STATEMENT_REQUEST__INIT;
	const char *since = api_query(a, "since"), *project = api_query(a, "project");
	int64_t ms = since != NULL ? parse_duration_ms(since) : 0;

	if (ms < 0) {
		api_refuse(a, STATUS_INVALID_ARGUMENT, "\"since\" must be a time back from now, as 12h or 30d");
		return;
	}
	request.limit = (uint32_t)api_query_count(a, "limit", 50);
	request.after = (uint64_t)api_query_count(a, "after", 0);
	request.since_ms = ms > 0 ? clock_wall_ms() - ms : 0;
	request.project = (char *)(project != NULL ? project : "");
	api_ask(a, RPC_STATEMENT, &request, on_statement);
}

static void on_earnings(struct api *a, const void *reply)
{
	const Pb__EarningsReply *e = reply;
	struct json *j = api_reply(a);

	json_cpt(j, "settled_cpt", e->earned_mcpt);
	json_cpt(j, "pending_cpt", e->pending_mcpt);
	json_array(j, "tasks");
	for (size_t i = 0; i < e->n_tasks; i++) {
		json_object(j, NULL);
		json_text(j, "task", e->tasks[i]->task);
		json_cpt(j, "pending_cpt", e->tasks[i]->pending_mcpt);
		json_end(j);
	}
	json_end(j);
	api_next(a, e->next[0] != '\0' ? e->next : NULL);
	api_send(a);
}

void api_earnings(struct api *a)
{
	Pb__EarningsRequest request = PB__EARNINGS_REQUEST__INIT;
	const char *after = api_query(a, "after");

	request.limit = (uint32_t)api_query_count(a, "limit", 50);
	request.after = (char *)(after != NULL ? after : "");
	api_ask(a, RPC_EARNINGS, &request, on_earnings);
}

/* --- giving ------------------------------------------------------------------------------------------- */

static void on_moved(struct api *a, const void *reply)
{
	transfer_json(api_reply(a), a->user, reply);
	api_send(a);
}

void api_transfer(struct api *a)
{
	Pb__TransferRequest request = PB__TRANSFER_REQUEST__INIT;

	request.amount_mcpt = api_cpt(a, "amount_cpt");
	if (request.amount_mcpt == 0 || (request.call_id = (char *)api_call_id(a)) == NULL)
		return;
	a->user = request.to = (char *)api_text(a, "to");
	api_ask(a, RPC_TRANSFER, &request, on_moved);
}

void api_tip(struct api *a)
{
	Pb__TipRequest request = PB__TIP_REQUEST__INIT;

	request.amount_mcpt = api_cpt(a, "amount_cpt");
	if (request.amount_mcpt == 0 || (request.call_id = (char *)api_call_id(a)) == NULL)
		return;
	a->user = request.project = (char *)api_text(a, "project");
	api_ask(a, RPC_TIP, &request, on_moved);
}

void api_project_withdraw(struct api *a)
{
	Pb__WithdrawRequest request = PB__WITHDRAW_REQUEST__INIT;

	request.amount_mcpt = api_cpt(a, "amount_cpt");
	if (request.amount_mcpt == 0 || (request.call_id = (char *)api_call_id(a)) == NULL)
		return;
	request.project = (char *)api_param(a, "name");
	a->user = (char *)"you";
	api_ask(a, RPC_WITHDRAW, &request, on_moved);
}

/* --- projects --------------------------------------------------------------------------------- */

static void on_projects(struct api *a, const void *reply)
{
	const Pb__ListProjectsReply *projects = reply;
	struct json *j = api_reply(a);

	json_array(j, "projects");
	for (size_t i = 0; i < projects->n_projects; i++) {
		json_object(j, NULL);
		project_json(j, projects->projects[i]);
		json_end(j);
	}
	json_end(j);
	api_next(a, projects->next[0] != '\0' ? projects->next : NULL);
	api_send(a);
}

void api_projects(struct api *a)
{
	Pb__ListProjectsRequest request = PB__LIST_PROJECTS_REQUEST__INIT;
	const char *after = api_query(a, "after");

	request.limit = (uint32_t)api_query_count(a, "limit", 50);
	request.after = (char *)(after != NULL ? after : "");
	api_ask(a, RPC_LIST_PROJECTS, &request, on_projects);
}

static void on_project(struct api *a, const void *reply)
{
	project_json(api_reply(a), reply);
	api_send(a);
}

void api_project(struct api *a)
{
	Pb__GetProjectRequest request = PB__GET_PROJECT_REQUEST__INIT;

	request.name = (char *)api_param(a, "name");
	api_ask(a, RPC_GET_PROJECT, &request, on_project);
}

void api_project_create(struct api *a)
{
	Pb__CreateProjectRequest request = PB__CREATE_PROJECT_REQUEST__INIT;

	request.name = (char *)api_text(a, "name");
	request.url = (char *)api_text(a, "url");
	api_ask(a, RPC_CREATE_PROJECT, &request, on_project);
}

static void on_claimed(struct api *a, const void *reply)
{
	const Pb__ClaimProjectReply *claimed = reply;
	struct json *j = api_reply(a);

	json_text(j, "publish", claimed->token[0] != '\0' ? claimed->token : NULL);
	json_text(j, "at", claimed->file[0] != '\0' ? claimed->file : NULL);
	json_object(j, "project");
	if (claimed->project != NULL)
		project_json(j, claimed->project);
	json_end(j);
	api_send(a);
}

void api_project_claim(struct api *a)
{
	Pb__ClaimProjectRequest request = PB__CLAIM_PROJECT_REQUEST__INIT;

	request.name = (char *)api_param(a, "name");
	request.look = api_flag(a, "look");
	api_ask(a, RPC_CLAIM_PROJECT, &request, on_claimed);
}
