/* pi.c - the first digits of pi, by the spigot of Rabinowitz and Wagon, to standard output and out/pi.
 *
 * Linked static, so that it needs nothing of the image that it runs in. */
#include <stdio.h>
#include <stdlib.h>

/* One digit goes out; nines wait, because a carry may still turn them into zeros. */
struct digits {
	FILE *to;
	int held, nines; /* held: -1 = none yet */
	long left;
};

static void put(struct digits *d, int digit)
{
	if (d->left <= 0)
		return;
	d->left--;
	fputc('0' + digit, d->to);
	fputc('0' + digit, stdout);
}

static void add(struct digits *d, int digit)
{
	if (digit == 9) {
		d->nines++;
		return;
	}
	if (d->held >= 0)
		put(d, d->held + (digit == 10));
	for (; d->nines > 0; d->nines--)
		put(d, digit == 10 ? 0 : 9);
	d->held = digit == 10 ? 0 : digit;
}

static void spigot(struct digits *d, long count)
{
	long n = (count + 10) * 10 / 3 + 2; /* ten more, should the last be nines that wait */
	long *a = malloc((size_t)n * sizeof *a);

	if (a == NULL)
		exit(1);
	for (long i = 0; i < n; i++)
		a[i] = 2;
	for (long i = 0; i < count + 10; i++) {
		long carry = 0;

		for (long j = n - 1; j > 0; j--) {
			long x = a[j] * 10 + carry * (j + 1);

			a[j] = x % (2 * j + 1);
			carry = x / (2 * j + 1);
		}
		carry += a[0] * 10;
		a[0] = carry % 10;
		add(d, (int)(carry / 10));
	}
	free(a);
}

int main(int argc, char **argv)
{
	long count = argc > 1 ? strtol(argv[1], NULL, 10) : 100;
	struct digits d = {.to = fopen("out/pi", "w"), .held = -1, .left = count + 1};

	if (d.to == NULL || count < 1 || count > 100000) {
		fprintf(stderr, "usage: pi DIGITS, in a directory with out/ in it\n");
		return 2;
	}
	spigot(&d, count);
	fputc('\n', d.to);
	puts("");
	return fclose(d.to) != 0;
}
