/* net/knock.h - ask who answers at an endpoint: a TLS handshake, and not a byte more.
 *
 * Embed it; on loan from knock_start() to done(), which comes once, also after knock_cancel(). */
#ifndef NET_KNOCK_H
#define NET_KNOCK_H

#include "net/dial.h"
#include "net/stream.h"
#include "proto/error.h"

struct tls_config;

struct knock {
	struct stream stream; /* first member */
	struct dial dial;
	struct loop *loop;
	struct tls_config *tls; /* borrowed */
	void (*done)(struct knock *k, const struct error *e);
	struct error error;
	char pin[65]; /* who answered, where that is not known to be right: to ask a person about; "" = nobody
	               */
	bool up, cancelled, closing; /* up: the stream is there */
};

/* done: e->status 0 = one that `config` trusts. UNAUTHENTICATED: it does not; see pin. UNAVAILABLE: nobody
 * there, or nobody who speaks TLS. CANCELLED. */
void knock_start(struct knock *k, struct loop *l, const struct endpoint *to, struct tls_config *config,
                 void (*done)(struct knock *k, const struct error *e));
void knock_cancel(struct knock *k);

#endif
