/* roles/money_view.h - amounts and rates as verbs show them: decimal texts in JSON, grouped for people. */
#ifndef ROLES_MONEY_VIEW_H
#define ROLES_MONEY_VIEW_H

#include "proto/cpt.h"
#include "roles/client.h"
#include "roles/price.h"
#include "ui/json.h"

/* "key": "12.5" */
void json_cpt(struct json *j, const char *key, int64_t mcpt);
void json_rate(struct json *j, const char *key, int64_t ncpt);

/* Replies as fields of the object that is open in j (the contract of --json, see hivemind.1). */
void balance_json(struct json *j, const Pb__BalanceReply *r);
void quote_json(struct json *j, const char *name, const Pb__QuoteReply *q);
void price_json(struct json *j, const Pb__PriceReply *r);
void project_json(struct json *j, const Pb__Project *p);
void transfer_json(struct json *j, const char *to, const Pb__TransferReply *r);
void statement_line_json(struct json *j, const Pb__StatementLine *l);
void statement_lines_json(struct json *j, const Pb__StatementReply *r); /* all of them, as the array "lines" */

/* The same line as comma-separated values, with its newline; and what the columns are. */
#define STATEMENT_CSV_HEAD \
	"time,kind,counterparty,name,task,attempt,seconds,start_cpt,rate_cpt,charge_cpt,amount_cpt,id\n"
void statement_line_csv(struct buf *out, const Pb__StatementLine *l);

/* Is it what an attempt cost in the end? Then seconds and price are in it. */
bool statement_line_charged(const Pb__StatementLine *l);

/* What a transfer, tip or withdrawal has done; roles/transfer_main.c. */
void transfer_print(struct client *c, const char *to, const Pb__TransferReply *r);

/* An amount that was typed, above 0. Returns 0 or c->error's status; what: "--max-cpt". */
int money_parse(struct client *c, const char *what, const char *text, int64_t *mcpt);

#endif
