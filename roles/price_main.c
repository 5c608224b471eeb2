/* roles/price_main.c - hivemind price: what this pool asks. */
#include <stdio.h>

#include "roles/money_view.h"
#include "roles/roles.h"

static const struct verb_help help = {
    .usage = "hivemind price [options]",
    .summary =
    	"What a task costs on this pool: to start, and for each second of what it reserves. Needs no login.",
    .examples = "hivemind price\n"
		"hivemind price --pool pool.example --json",
};

static void print_json(struct client *c, const Pb__PriceReply *r)
{
	struct buf out = {0};
	struct json j;

	json_document(&j, &out);
	price_json(&j, r);
	json_end(&j);
	client_print(c, &out);
	buf_release(&out);
}

/* "  core   0.0012 CPT a second, 4.32 an hour" */
static void print_rate(const char *what, int64_t ncpt)
{
	char second[PRICE_TEXT_SIZE], hour[PRICE_TEXT_SIZE];

	printf("  %-20.40s %s CPT a second, %s an hour\n", what, price_text(second, ncpt),
	       price_text(hour, 3600 * ncpt));
}

static void print_words(const Pb__PriceReply *r)
{
	char text[CPT_TEXT_SIZE];

	printf("  %-20s %s CPT, for each attempt that runs\n", "start", cpt_grouped(text, r->start_mcpt));
	print_rate("core", r->core_ncpt);
	print_rate("GiB of memory", r->gib_ncpt);
	print_rate("GPU", r->gpu_ncpt);
	for (size_t i = 0; i < r->n_gpus; i++)
		print_rate(r->gpus[i]->model, r->gpus[i]->gpu_ncpt);
	printf("  %-20s %s CPT%s\n", "a new account gets", cpt_grouped(text, r->gift_mcpt),
	       r->gift_tasks_only ? ", which pay for tasks only" : "");
}

int price_main(int argc, char **argv)
{
	Pb__PriceRequest request = PB__PRICE_REQUEST__INIT;
	const Pb__PriceReply *reply;
	struct client c;
	const char *args[1];
	int count, code = client_open(&c, argc, argv, NULL, &help, args, 0, &count, false);

	if (code >= 0)
		return code;
	reply = client_call_again(&c, RPC_PRICE, &request);
	if (reply != NULL && c.globals.json)
		print_json(&c, reply);
	else if (reply != NULL)
		print_words(reply);
	return client_close(&c, 0);
}
