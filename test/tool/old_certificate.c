/* test/tool/old_certificate.c - a pool's authority and certificate of a while ago, so that a test need not
 * wait 60 days for a renewal: old_certificate DIR MS [NAME...] makes one in DIR that is due for renewal in
 * MS. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>

#include "net/certificate.h"
#include "net/clock.h"

static int made_at(int64_t wall_ms, const char *dir, const char *const *names, size_t count,
                   int64_t *renew_at)
{
	struct certificate *c = NULL;
	struct error e;

	clock_set_for_test(wall_ms * 1000);
	if (certificate_open(&c, dir, names, count, &e) != 0) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	*renew_at = certificate_renew_at(c);
	certificate_free(c);
	return 0;
}

int main(int argc, char **argv)
{
	const char *const *names = (const char *const *)argv + 3;
	int64_t now_ms = clock_wall_ms(), renew_at;
	char *leaf;

	if (argc < 3) {
		fputs("usage: old_certificate DIR MS [NAME...]\n", stderr);
		return 2;
	}
	/* The first shows how long a certificate lasts; the second is that much older. */
	if (made_at(now_ms, argv[1], names, (size_t)argc - 3, &renew_at) != 0 ||
	    asprintf(&leaf, "%s/pool.pem", argv[1]) < 0 || remove(leaf) != 0)
		return 1;
	free(leaf);
	return made_at(now_ms - (renew_at - now_ms) + atoll(argv[2]), argv[1], names, (size_t)argc - 3,
	               &renew_at);
}
