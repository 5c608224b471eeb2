#include "roles/money_view.h"

#include "proto/status.h"

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
