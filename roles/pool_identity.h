/* roles/pool_identity.h - who this pool is for others: its certificate, renewed in time, and its join string.
 *
 * Without --cert the pool makes its own authority and certificate in DATA/tls (net/certificate.h) and renews
 * the certificate at two thirds of its life. With --cert and --key it loads those, and looks every hour
 * whether they have been replaced. A renewal touches new connections only. */
#ifndef ROLES_POOL_IDENTITY_H
#define ROLES_POOL_IDENTITY_H

#include <stdint.h>

#include "net/certificate.h"
#include "net/loop.h"
#include "proto/error.h"

#define POOL_NAMES_MAX 16

struct pool;

struct pool_identity {
	struct pool *pool;
	char directory[400];               /* DATA/tls */
	const char *names[POOL_NAMES_MAX]; /* that clients use, the first in the join string */
	int name_count;
	char host[256]; /* of this machine */
	char pin[65];
	int64_t renew_at_ms, expires_at_ms; /* wall clock */
	struct timer timer;
	struct work work;          /* a renewal */
	struct certificate *fresh; /* its outcome: NULL = error says why */
	struct error error;
	bool working, closing;
};

/* Open or make the certificate. Blocks; before the loop runs. pool->at and pool->data must be known. */
int pool_identity_open(struct pool_identity *i, struct pool *pool, struct error *err);

/* The server is there: give it the certificate, and the next ones in time. */
void pool_identity_serve(struct pool_identity *i);

/* "HOST:PORT#sha256:HEX" */
const char *pool_identity_join(const struct pool_identity *i, char out[JOIN_STRING_SIZE]);

/* What it holds of the loop is closed as soon as nothing is under way. Also right for one that was never
 * opened. */
void pool_identity_close(struct pool_identity *i);

#endif
