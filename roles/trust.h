/* roles/trust.h - is the pool that answers the one that is meant? Decided before any secret is sent, as ssh
 * does.
 *
 *   on this machine, without a pin         clear text
 *   a pin in its address (#sha256:...)     that key, and no question
 *   a line of the known pools file         that key
 *   a certificate the system trusts        no question either
 *   else                                   first contact: a person is shown the key and asked
 *
 * trust_open() reads files; where it leaves `unknown`, somebody must knock: trust_meet(), or knock_start()
 * with t->tls and then trust_judge(). After that t->tls is what a channel may use. */
#ifndef ROLES_TRUST_H
#define ROLES_TRUST_H

#include <stdbool.h>

#include "net/endpoint.h"
#include "net/knock.h"
#include "net/loop.h"
#include "proto/error.h"

struct trust {
	const struct endpoint *to; /* borrowed */
	char where[300];           /* of it, as people write it */
	char file[460];            /* known pools; "" = nobody knows where */
	char pin[65];              /* the key it must have; "" = the system's authorities decide */
	struct tls_config *tls;    /* NULL = clear text */
	struct knock knock;
	bool from_file; /* the pin */
	bool unknown;   /* somebody must knock */
	bool met;       /* trust_meet(): somebody has */
};

/* UNAUTHENTICATED: the address has another key than the file. Else as known_pools_find(). */
int trust_open(struct trust *t, const struct endpoint *to, struct error *err);

/* Knock, and judge who answers; runs the loop meanwhile. Nothing where nothing is unknown. */
int trust_meet(struct trust *t, struct loop *l, bool may_ask, struct error *err);

/* The knock ended with e: good, or a person says yes (and it is remembered), or err says why not. */
int trust_judge(struct trust *t, const struct error *e, bool may_ask, struct error *err);

/* A login succeeded there: remember the pin of the address, so that later the address alone is enough. */
int trust_remember(const struct trust *t, struct error *err);

/* Is this the error of a key that changed? Then say which line of the file it is about. */
void trust_explain(const struct trust *t, struct error *err);

void trust_release(struct trust *t);

#endif
