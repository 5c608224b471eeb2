/* test/net/tls_pair.h - for the tests of net/tls: a client and a server, and what is between them. */
#ifndef TEST_NET_TLS_PAIR_H
#define TEST_NET_TLS_PAIR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/buf.h"
#include "net/certificate.h"
#include "net/clock.h"
#include "net/tls.h"
#include "proto/status.h"

struct end {
	struct tls *tls;
	struct buf got; /* plain */
	int rc;         /* of the first call that failed */
	struct error error;
};

struct pair {
	struct end client, server;
	uint64_t on_wire; /* encrypted bytes, both ways */
};

/* A pool's certificate from a fresh folder, which is gone again afterwards; days_ago: when it was made. */
static inline struct certificate *a_pool(int days_ago, const char *name)
{
	char dir[] = "/tmp/hivemind-tls.XXXXXX", command[64];
	struct certificate *c = NULL;
	struct error err;

	assert_non_null(mkdtemp(dir));
	if (days_ago != 0)
		clock_set_for_test((clock_wall_ms() - days_ago * 86400000ll) * 1000);
	if (certificate_open(&c, dir, &name, name != NULL, &err) != 0)
		fail_msg("%s", err.text);
	clock_set_for_test(-1);
	snprintf(command, sizeof command, "rm -rf %s", dir);
	assert_int_equal(system(command), 0);
	return c;
}

static struct certificate *own; /* a pool's */
static struct tls_config *pool; /* its listener, which keeps own */
static char pin[65];            /* its */

static inline int a_pool_listens(void **state)
{
	(void)state;
	own = a_pool(0, "pool.example.org");
	strcpy(pin, certificate_pin(own));
	pool = tls_config_server(own);
	return 0;
}

static inline int the_pool_ends(void **state)
{
	(void)state;
	tls_config_release(pool);
	return 0;
}

static inline struct tls_config *client_of(const char *host, const char *expected, const char *roots)
{
	struct tls_config *config = NULL;
	struct error err;

	if (tls_config_client(&config, host, expected, roots, &err) != 0)
		fail_msg("%s", err.text);
	return config;
}

static inline void read_plain(struct end *e)
{
	char plain[5000]; /* smaller than a record, so that one takes several reads */
	size_t got = 1;

	while (e->rc == 0 && got > 0) {
		e->rc = tls_read(e->tls, plain, sizeof plain, &got, &e->error);
		buf_append(&e->got, plain, got);
	}
}

static inline void feed(struct end *e, const void *data, size_t n)
{
	uint8_t *copy = malloc(n); /* of its own size, so that a read beyond it is seen */

	memcpy(copy, data, n);
	if (e->rc == 0)
		e->rc = tls_in(e->tls, copy, n, &e->error);
	read_plain(e);
	free(copy);
}

/* Move at most piece bytes from one to the other. */
static inline size_t carry(struct pair *p, struct end *from, struct end *to, size_t piece)
{
	size_t n;
	const uint8_t *data = tls_out(from->tls, &n);

	if (n > piece)
		n = piece;
	if (n > 0)
		feed(to, data, n);
	tls_sent(from->tls, n);
	p->on_wire += n;
	return n;
}

/* Until nobody has anything to say. */
static inline void pump(struct pair *p, size_t piece)
{
	while (carry(p, &p->client, &p->server, piece) + carry(p, &p->server, &p->client, piece) > 0)
		;
}

static inline struct pair a_pair(struct tls_config *client, struct tls_config *server)
{
	struct pair p = {0};

	p.client.tls = tls_new(client);
	p.server.tls = tls_new(server);
	return p;
}

/* One connection with these configs, run until it is quiet. Releases client. */
static inline struct pair connected(struct tls_config *client, struct tls_config *server)
{
	struct pair p = a_pair(client, server);

	pump(&p, 100000);
	tls_config_release(client);
	return p;
}

static inline void say(struct end *e, const char *text)
{
	size_t taken;

	assert_int_equal(tls_write(e->tls, text, strlen(text), &taken, NULL), 0);
	assert_int_equal(taken, strlen(text));
}

static inline void pair_free(struct pair *p)
{
	tls_free(p->client.tls);
	tls_free(p->server.tls);
	buf_release(&p->client.got);
	buf_release(&p->server.got);
}

#endif
