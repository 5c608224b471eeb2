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

/* What a transfer, tip or withdrawal has done; roles/transfer_main.c. */
void transfer_print(struct client *c, const char *to, const Pb__TransferReply *r);

/* An amount that was typed, above 0. Returns 0 or c->error's status; what: "--max-cpt". */
int money_parse(struct client *c, const char *what, const char *text, int64_t *mcpt);

#endif
