#include "roles/money_view.h"

#include <inttypes.h>
#include <string.h>

#include "proto/status.h"
#include "ui/text.h"

void json_cpt(struct json *j, const char *key, int64_t mcpt)
{
	char text[CPT_TEXT_SIZE];

	json_text(j, key, cpt_text(text, mcpt));
}

void json_rate(struct json *j, const char *key, int64_t ncpt)
{
	char text[PRICE_TEXT_SIZE];

	json_text(j, key, price_text(text, ncpt));
}

int money_parse(struct client *c, const char *what, const char *text, int64_t *mcpt)
{
	if (cpt_parse(text, mcpt, &c->error) != 0)
		return c->error.status;
	return *mcpt > 0 ? 0 : error_set(&c->error, STATUS_INVALID_ARGUMENT, "%s must be above 0", what);
}

void balance_json(struct json *j, const Pb__BalanceReply *r)
{
	json_cpt(j, "balance_cpt", r->balance_mcpt);
	json_cpt(j, "tasks_only_cpt", r->grant_mcpt);
	json_cpt(j, "reserved_cpt", r->held_mcpt);
	json_cpt(j, "pending_cpt", r->pending_mcpt);
	json_cpt(j, "earned_cpt", r->earned_mcpt);
	json_cpt(j, "spent_cpt", r->spent_mcpt);
}

void quote_json(struct json *j, const char *name, const Pb__QuoteReply *q)
{
	json_text(j, "name", name);
	json_cpt(j, "most_cpt", q->most_mcpt);
	json_cpt(j, "start_cpt", q->start_mcpt);
	json_rate(j, "rate_cpt", q->rate_ncpt);
	json_seconds(j, "lasts", q->lasts_ms);
	json_cpt(j, "balance_cpt", q->balance_mcpt);
	json_cpt(j, "missing_cpt", q->missing_mcpt);
	json_uint(j, "workers", q->workers);
	json_text(j, "reason", q->reason[0] != '\0' ? q->reason : NULL);
}

void price_json(struct json *j, const Pb__PriceReply *r)
{
	json_cpt(j, "start_cpt", r->start_mcpt);
	json_rate(j, "core_second_cpt", r->core_ncpt);
	json_rate(j, "gib_second_cpt", r->gib_ncpt);
	json_rate(j, "gpu_second_cpt", r->gpu_ncpt);
	json_array(j, "gpus");
	for (size_t i = 0; i < r->n_gpus; i++) {
		json_object(j, NULL);
		json_text(j, "model", r->gpus[i]->model);
		json_rate(j, "gpu_second_cpt", r->gpus[i]->gpu_ncpt);
		json_end(j);
	}
	json_end(j);
	json_cpt(j, "gift_cpt", r->gift_mcpt);
	json_bool(j, "gift_tasks_only", r->gift_tasks_only);
}

bool statement_line_charged(const Pb__StatementLine *l)
{
	return strcmp(l->kind, "settle") == 0;
}

void statement_line_json(struct json *j, const Pb__StatementLine *l)
{
	json_uint(j, "seq", l->seq);
	json_time(j, "time", l->time_ms);
	json_text(j, "id", l->id);
	json_text(j, "kind", l->kind);
	json_text(j, "counterparty", l->counterparty);
	json_text(j, "name", l->name[0] != '\0' ? l->name : NULL);
	json_text(j, "task", l->task[0] != '\0' ? l->task : NULL);
	if (statement_line_charged(l)) {
		json_uint(j, "attempt", l->epoch);
		json_seconds(j, "seconds", l->wall_ms);
		json_cpt(j, "start_cpt", l->start_mcpt);
		json_rate(j, "rate_cpt", l->rate_ncpt);
		json_cpt(j, "charge_cpt", l->charge_mcpt);
	} else {
		json_null(j, "attempt");
		json_null(j, "seconds");
		json_null(j, "start_cpt");
		json_null(j, "rate_cpt");
		json_null(j, "charge_cpt");
	}
	json_cpt(j, "amount_cpt", l->amount_mcpt);
}

void statement_lines_json(struct json *j, const Pb__StatementReply *r)
{
	json_array(j, "lines");
	for (size_t i = 0; i < r->n_lines; i++) {
		json_object(j, NULL);
		statement_line_json(j, r->lines[i]);
		json_end(j);
	}
	json_end(j);
}

/* No value has a comma or a quote in it: they are ids, names, numbers. */
void statement_line_csv(struct buf *out, const Pb__StatementLine *l)
{
	char time[32], start[CPT_TEXT_SIZE], rate[PRICE_TEXT_SIZE], charge[CPT_TEXT_SIZE], amount[CPT_TEXT_SIZE];

	buf_printf(out, "%s,%s,%s,%s,%s,", format_time(l->time_ms, time), l->kind, l->counterparty, l->name,
		   l->task);
	if (statement_line_charged(l))
		buf_printf(out, "%u,%" PRId64 ".%03d,%s,%s,%s,", l->epoch, l->wall_ms / 1000, (int)(l->wall_ms % 1000),
		       cpt_text(start, l->start_mcpt), price_text(rate, l->rate_ncpt), cpt_text(charge, l->charge_mcpt));
	else
		buf_printf(out, ",,,,,");
	buf_printf(out, "%s,%s\n", cpt_text(amount, l->amount_mcpt), l->id);
}

void project_json(struct json *j, const Pb__Project *p)
{
	json_text(j, "name", p->name);
	json_text(j, "url", p->url);
	json_text(j, "creator", p->creator);
	json_text(j, "owner", p->owner[0] != '\0' ? p->owner : NULL);
	json_cpt(j, "balance_cpt", p->balance_mcpt);
	json_time(j, "created", p->created_ms);
	json_time(j, "claimed", p->claimed_ms);
}

void transfer_json(struct json *j, const char *to, const Pb__TransferReply *r)
{
	json_uint(j, "seq", r->seq);
	json_text(j, "to", to);
	json_cpt(j, "amount_cpt", r->amount_mcpt);
	json_cpt(j, "balance_cpt", r->balance_mcpt);
	json_bool(j, "duplicate", r->duplicate);
}
