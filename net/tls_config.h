/* net/tls_config.h - inside of net/tls: what connections share. Only net/tls*.c include it. */
#ifndef NET_TLS_CONFIG_H
#define NET_TLS_CONFIG_H

#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>

#include "net/tls.h"

struct tls_config {
	int users; /* who made it, and each connection */
	bool server;
	mbedtls_ssl_config conf;
	struct tls_counts counts;

	/* server */
	struct certificate *own;
	mbedtls_ssl_ticket_context ticket;
	bool ticket_taken; /* by the handshake that is being stepped */

	/* client */
	char *host;
	char pin[65];           /* "" = roots decide */
	mbedtls_x509_crt roots; /* empty with a pin: then no root is trusted */
	bool has_session;
	mbedtls_ssl_session session;
	int64_t verified_ms; /* when the certificate behind the session was checked, clock_ms() */
};

/* Give t's fresh mbedTLS context the session to resume, if there is one. True: it did. */
bool tls_config_offer_session(struct tls_config *config, mbedtls_ssl_context *ssl);

/* After a handshake that succeeded: keep its session for the next. */
void tls_config_keep_session(struct tls_config *config, mbedtls_ssl_context *ssl, bool resumed);

/* After one that failed: the next starts afresh. */
void tls_config_drop_session(struct tls_config *config);

#endif
