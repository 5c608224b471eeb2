/* net/tls_peer.h - who a server is that we are shaking hands with: is it the one that is meant?
 * Inside of net/tls; only net/tls*.c include it.
 *
 * With a pin the key decides: a certificate of the chain bears it, and vouches for those below. Without one
 * the system's roots and the host's name do. */
#ifndef NET_TLS_PEER_H
#define NET_TLS_PEER_H

#include <mbedtls/x509_crt.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/error.h"

struct tls_peer {
	/* set before the handshake; borrowed */
	const char *host;
	const char *expected; /* pin; "" = whoever roots vouch for */

	bool seen;            /* it showed a certificate in this handshake */
	bool accepted;        /* and is who it must be */
	char pin[65];         /* tls_peer_pin() */
	/* private */
	bool pin_matched;
	uint32_t chain_flags; /* what mbedTLS holds against the certificates from the pinned one down */
};

/* The name to ask the server for; an address may not stand there (RFC
 * 6066), so a pool's name goes instead. */
const char *tls_peer_name(const char *host);

/* mbedTLS asks about each certificate of the chain it built, from the top down to the leaf (depth 0), with
 * what it holds against it in flags. NOT_TRUSTED means that no certificate above vouches for this one. */
int tls_peer_judge(void *peer, mbedtls_x509_crt *crt, int depth, uint32_t *flags);

/* It was not accepted: UNAUTHENTICATED, with what is wrong and what to do. Returns the status. */
int tls_peer_refuse(const struct tls_peer *peer, struct error *err);

#endif
