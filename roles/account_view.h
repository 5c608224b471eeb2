/* roles/account_view.h - an account and its tokens as programs see them: fields of the
 * object that is open in j. */
#ifndef ROLES_ACCOUNT_VIEW_H
#define ROLES_ACCOUNT_VIEW_H

#include "ui/json.h"

#include "hivemind.pb-c.h"

void account_json(struct json *j, const Pb__Account *account);
void token_json(struct json *j, const Pb__Token *t);

#endif
