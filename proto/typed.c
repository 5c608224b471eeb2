#include "proto/typed.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define NUMBER_MAX ((int64_t)1 << 50) /* of anything that a person types; sums of a few stay within int64_t */
#define WORD_MAX 40

/* Digits, with _ between them, and up to three decimals, as thousandths. NULL = none there or too large. */
static const char *read_thousandths(const char *p, int64_t *value)
{
	int64_t n = 0, unit = 1000;
	const char *start = p;

	for (; (*p >= '0' && *p <= '9') || (*p == '_' && p > start); p++) {
		if (*p == '_')
			continue;
		if (n > NUMBER_MAX)
			return NULL;
		n = n * 10 + (*p - '0');
	}
	if (p == start || n > NUMBER_MAX)
		return NULL;
	n *= 1000;
	if (*p == '.')
		for (p++; *p >= '0' && *p <= '9'; p++) {
			unit /= 10;
			n += (*p - '0') * unit;
		}
	*value = n;
	return p;
}

int64_t parse_size(const char *text)
{
	static const char letters[] = "KMGTP";
	int64_t value, factor = 1;
	const char *p = read_thousandths(text, &value), *letter;

	if (p == NULL)
		return -1;
	p += strspn(p, " ");
	letter = *p != '\0' ? strchr(letters, *p == 'k' ? 'K' : *p) : NULL;
	if (letter != NULL) {
		factor = (int64_t)1 << (10 * (letter - letters + 1));
		p++;
		p += strncmp(p, "iB", 2) == 0 ? 2 : *p == 'i' || *p == 'B';
	} else {
		p += *p == 'B';
	}
	if (*p != '\0' || value / 1000 > INT64_MAX / 2 / factor)
		return -1;
	return value / 1000 * factor + value % 1000 * factor / 1000;
}

static const struct {
	const char *name;
	int64_t ms;
} units[] = {{"ms", 1}, {"s", 1000}, {"min", 60000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};

/* The unit at *p, which moves past it; 0 = none. */
static int64_t read_unit(const char **p)
{
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		size_t n = strlen(units[i].name);

		if (strncmp(*p, units[i].name, n) == 0) {
			*p += n;
			return units[i].ms;
		}
	}
	return 0;
}

int64_t parse_duration_ms(const char *text)
{
	const char *p = text;
	int64_t sum = 0;

	do {
		int64_t value, unit;
		bool bare;

		p = read_thousandths(p, &value);
		if (p == NULL)
			return -1;
		bare = p != text && *p == '\0' && sum == 0;
		unit = bare ? 1000 : read_unit(&p);
		if (unit == 0 || value / 1000 > INT64_MAX / 1000 / unit)
			return -1;
		sum += value / 1000 * unit + value % 1000 * unit / 1000;
		if (sum > NUMBER_MAX)
			return -1;
	} while (*p != '\0');
	return sum;
}

int64_t parse_duration(const char *text)
{
	int64_t ms = parse_duration_ms(text);

	return ms < 0 || ms % 1000 != 0 ? -1 : ms / 1000;
}

static int least(int a, int b, int c)
{
	int m = a < b ? a : b;

	return m < c ? m : c;
}

/* How many letters were changed, added, left out or swapped with the next one. */
static int distance(const char *a, const char *b)
{
	int na = (int)strlen(a), nb = (int)strlen(b);
	int d[WORD_MAX + 1][WORD_MAX + 1];

	for (int i = 0; i <= na; i++)
		d[i][0] = i;
	for (int j = 0; j <= nb; j++)
		d[0][j] = j;
	for (int i = 1; i <= na; i++)
		for (int j = 1; j <= nb; j++) {
			d[i][j] =
			    least(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    d[i - 2][j - 2] + 1 < d[i][j])
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	return d[na][nb];
}

const char *nearest_word(const char *typed, const char *const *words)
{
	size_t n = strlen(typed);
	int best = n <= 3 ? 2 : n <= 6 ? 3 : 4; /* must be nearer than this */
	const char *near = NULL;

	if (n > WORD_MAX)
		return NULL;
	for (; *words != NULL; words++) {
		int d;

		if (strlen(*words) > WORD_MAX)
			continue;
		d = n >= 3 && strncmp(typed, *words, n) == 0 ? 1 : distance(typed, *words);
		if (d < best && d < (int)n) {
			best = d;
			near = *words;
		}
	}
	return near;
}
