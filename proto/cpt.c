/* proto/cpt.c - see cpt.h. */
#include "proto/cpt.h"

#include <stdio.h>
#include <string.h>

#include "proto/status.h"

#define DECIMALS 3
#define WHOLE_DIGITS_MAX 12 /* of the supply in CPT, 10^12, less one: 13 digits is the supply itself */

static int refuse(struct error *err, const char *text)
{
	error_set(err, STATUS_INVALID_ARGUMENT, "\"%.40s\" is no amount of CPT", text);
	error_hint(err, "a number with at most three decimals, such as 5 or 12.25");
	return STATUS_INVALID_ARGUMENT;
}

int cpt_parse(const char *text, int64_t *mcpt, struct error *err)
{
	size_t whole = strspn(text, "0123456789");
	const char *rest = text + whole;
	size_t decimals = *rest == '.' ? strspn(rest + 1, "0123456789") : 0;
	int64_t n = 0;

	if (whole == 0 || whole > WHOLE_DIGITS_MAX + 1 || decimals > DECIMALS)
		return refuse(err, text);
	if ((*rest == '.' && decimals == 0) || rest[*rest == '.' ? decimals + 1 : 0] != '\0')
		return refuse(err, text);
	for (size_t i = 0; i < whole; i++)
		n = 10 * n + (text[i] - '0');
	for (size_t i = 1; i <= DECIMALS; i++)
		n = 10 * n + (i <= decimals ? rest[i] - '0' : 0);
	if (!cpt_valid(n))
		return refuse(err, text);
	*mcpt = n;
	return 0;
}

bool cpt_valid(int64_t mcpt)
{
	return mcpt >= 0 && mcpt <= CPT_SUPPLY;
}

/* ".5", "" when there is nothing behind the point. */
static void put_decimals(char *text, size_t size, unsigned thousandths)
{
	size_t n = (size_t)snprintf(text, size, ".%03u", thousandths);

	while (n > 0 && (text[n - 1] == '0' || text[n - 1] == '.')) {
		n--;
		if (text[n] == '.')
			break;
	}
	text[n] = '\0';
}

static const char *write_amount(char *text, int64_t mcpt, bool grouped)
{
	uint64_t n = mcpt < 0 ? 0 - (uint64_t)mcpt : (uint64_t)mcpt;
	char digits[24], decimals[8];
	size_t count = (size_t)snprintf(digits, sizeof(digits), "%llu", (unsigned long long)(n / 1000));
	char *at = text;

	put_decimals(decimals, sizeof(decimals), (unsigned)(n % 1000));
	if (mcpt < 0)
		*at++ = '-';
	for (size_t i = 0; i < count; i++) {
		*at++ = digits[i];
		if (grouped && i + 1 < count && (count - i - 1) % 3 == 0)
			*at++ = ',';
	}
	strcpy(at, decimals);
	return text;
}

const char *cpt_text(char text[CPT_TEXT_SIZE], int64_t mcpt)
{
	return write_amount(text, mcpt, false);
}

const char *cpt_grouped(char text[CPT_TEXT_SIZE], int64_t mcpt)
{
	return write_amount(text, mcpt, true);
}
