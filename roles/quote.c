/* roles/quote.c - hivemind quote: what would this cost? Nothing is sent but what the manifest asks for. */
#include <stdio.h>
#include <string.h>

#include "proto/limits.h"
#include "proto/status.h"
#include "roles/money_view.h"
#include "roles/roles.h"
#include "roles/submission.h"
#include "ui/term.h"

static const struct verb_help help = {
    .usage = "hivemind quote [options] DIR | TASK.TAR | TASK.TAR.GZ | -",
    .summary =
    	"What a task would cost, by the function that submit reserves with and that charges it in the end. The\n"
	       "bundle stays here. Exits 5 when you have not enough.",
    .examples = "hivemind quote ./mytask\n"
		"hivemind quote ./mytask --cpus 4 --time-limit 2h\n"
		"hivemind quote task.tar --max-cpt 10 --json",
};

struct quote_verb {
	struct client client;
	struct submission change;
};

static void print_json(struct client *c, const struct bundle *b, const Pb__QuoteReply *q)
{
	struct buf out = {0};
	struct json j;

	json_document(&j, &out);
	quote_json(&j, b->spec.name, q);
	json_end(&j);
	client_print(c, &out);
	buf_release(&out);
}

static void print_words(const struct bundle *b, const Pb__QuoteReply *q)
{
	char most[CPT_TEXT_SIZE], start[CPT_TEXT_SIZE], rate[PRICE_TEXT_SIZE], balance[CPT_TEXT_SIZE], lasts[24];
	struct buf name = {0};

	term_safe(&name, b->spec.name, strlen(b->spec.name), false);
	printf("\"%s\" costs at most %s CPT of your %s.\n", buf_text(&name), cpt_grouped(most, q->most_mcpt),
	       cpt_grouped(balance, q->balance_mcpt));
	printf("  price     %s CPT to start and %s a second, for %s at most\n", cpt_grouped(start, q->start_mcpt),
	       price_text(rate, q->rate_ncpt), format_ms(q->lasts_ms, lasts));
	printf("  workers   %u could run it%s%s\n", q->workers, q->reason[0] != '\0' ? "; now it " : "", q->reason);
	buf_release(&name);
}

static void look_for_money(struct client *c, const Pb__QuoteReply *q)
{
	char missing[CPT_TEXT_SIZE];

	if (q->missing_mcpt > 0)
		error_set(&c->error, STATUS_RESOURCE_EXHAUSTED, "%s CPT are missing",
			  cpt_grouped(missing, q->missing_mcpt));
}

static int quote(struct quote_verb *v, const char *path)
{
	struct client *c = &v->client;
	struct bundle b = {.fd = -1};
	const Pb__QuoteReply *q = NULL;
	char text[CPT_TEXT_SIZE];

	if (bundle_open(&b, path, NULL, NULL, &c->error) == 0 && submission_change(&v->change, &b, &c->error) == 0)
		q = submission_quote(c, &b);
	if (q != NULL && c->globals.json)
		print_json(c, &b, q);
	else if (q != NULL && c->globals.quiet)
		printf("%s\n", cpt_text(text, q->most_mcpt));
	else if (q != NULL)
		print_words(&b, q);
	if (q != NULL)
		look_for_money(c, q);
	bundle_release(&b);
	return client_close(c, 0);
}

int quote_main(int argc, char **argv)
{
	struct quote_verb v = {0};
	const struct option options[] = {SUBMISSION_ROWS(v.change), {0}};
	const char *args[1];
	int count, code = client_open(&v.client, argc, argv, options, &help, args, 1, &count, true);

	return code >= 0 ? code : quote(&v, count > 0 ? args[0] : ".");
}
