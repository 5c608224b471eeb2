#include "roles/account_view.h"

void account_json(struct json *j, const Pb__Account *account)
{
	json_text(j, "id", account->id);
	json_text(j, "name", account->name);
	json_time(j, "created", account->created_ms);
	json_text(j, "scopes", account->scopes);
}

void token_json(struct json *j, const Pb__Token *t)
{
	json_text(j, "id", t->id);
	json_text(j, "name", t->name);
	json_text(j, "scopes", t->scopes);
	json_time(j, "created", t->created_ms);
	json_time(j, "expires", t->expires_ms);
	json_time(j, "last_used", t->last_used_ms);
	json_text(j, "by", t->by[0] != '\0' ? t->by : NULL);
}
