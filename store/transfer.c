/* store/transfer.c - word by word, each of bounded length; what is left over or missing makes it no
 * record. */
#include "store/transfer.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "proto/status.h"

static char *next_word(char **rest)
{
	char *word = *rest, *end;

	if (word == NULL || *word == '\0')
		return NULL;
	end = strchr(word, ' ');
	*rest = end != NULL ? end + 1 : NULL;
	if (end != NULL)
		*end = '\0';
	return *word != '\0' && strlen(word) < TRANSFER_WORD_MAX ? word : NULL;
}

static bool next_number(char **rest, int64_t *n)
{
	const char *word = next_word(rest);
	size_t digits = word != NULL ? strspn(word, "0123456789") : 0;

	if (digits == 0 || digits > 16 || word[digits] != '\0')
		return false;
	*n = strtoll(word, NULL, 10);
	return true;
}

static bool next_legs(char **rest, struct transfer *t, int64_t count)
{
	if (count < 1 || count > TRANSFER_LEGS_MAX)
		return false;
	for (t->leg_count = 0; t->leg_count < count; t->leg_count++) {
		struct transfer_leg *leg = &t->legs[t->leg_count];

		leg->debit = next_word(rest);
		leg->credit = next_word(rest);
		if (leg->debit == NULL || leg->credit == NULL || !next_number(rest, &leg->amount))
			return false;
	}
	return *rest == NULL;
}

int transfer_parse(struct transfer *t, char *text, struct error *err)
{
	int64_t seq = 0, epoch = 0, legs = 0;
	char *rest = text;
	bool good;

	*t = (struct transfer){0};
	good = next_number(&rest, &seq) && (t->id = next_word(&rest)) != NULL &&
	       (t->kind = next_word(&rest)) != NULL && next_number(&rest, &t->time_ms) &&
	       (t->task = next_word(&rest)) != NULL && next_number(&rest, &epoch) &&
	       epoch <= UINT32_MAX && next_number(&rest, &t->wall_ms) && next_number(&rest, &t->rate_ncpt) &&
	       next_number(&rest, &t->start_mcpt) && next_number(&rest, &t->charge) &&
	       next_number(&rest, &t->grant) && next_number(&rest, &legs) && next_legs(&rest, t, legs);
	t->seq = (uint64_t)seq;
	t->epoch = (uint32_t)epoch;
	if (good)
		return 0;
	return error_set(err, STATUS_DATA_LOSS, "record %lld of the ledger cannot be read", (long long)seq);
}
