/* roles/info_view.h - the pool as programs see it. */
#ifndef ROLES_INFO_VIEW_H
#define ROLES_INFO_VIEW_H

#include "ui/json.h"

#include "hivemind.pb-c.h"

/* As fields of the object that is open in j (the contract of --json, see hivemind.1). pool: its address. */
void info_json(struct json *j, const char *pool, const Pb__InfoReply *r);

#endif
