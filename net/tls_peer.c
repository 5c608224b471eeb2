/* net/tls_peer.c - what mbedTLS holds against a chain of certificates, and what of it counts. */
#include "net/tls_peer.h"

#include <arpa/inet.h>
#include <string.h>

#include "net/certificate.h"
#include "net/memory.h"
#include "proto/status.h"

static bool is_address(const char *host)
{
	uint8_t address[16];

	return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

const char *tls_peer_name(const char *host)
{
	return is_address(host) ? CERTIFICATE_POOL_NAME : host;
}

/* mbedTLS has compared tls_peer_name(), wildcards included. An address is ours to compare, and so is the name
 * that every pool bears, which counts where the pin vouches for it. */
static void judge_name(const struct tls_peer *p, const mbedtls_x509_crt *leaf, uint32_t *flags)
{
	bool address = is_address(p->host);

	if (address)
		*flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
	if ((address && certificate_bears(leaf, p->host)) ||
	    (p->pin_matched && certificate_bears(leaf, CERTIFICATE_POOL_NAME)))
		*flags &= ~(uint32_t)MBEDTLS_X509_BADCERT_CN_MISMATCH;
}

int tls_peer_judge(void *peer, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
	struct tls_peer *p = peer;
	bool pinned = p->expected[0] != '\0';
	char pin[65];

	p->seen = true;
	certificate_pin_of(crt, pin);
	if (*flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED)
		text_copy(p->pin, sizeof p->pin, pin);
	if (depth == 0)
		judge_name(p, crt, flags);
	if (pinned && strcmp(pin, p->expected) == 0) {
		p->pin_matched = true;
		p->chain_flags = 0; /* who vouches for the pinned key does not matter */
		*flags &= ~(uint32_t)MBEDTLS_X509_BADCERT_NOT_TRUSTED;
		if (depth == 0) /* the very key, whatever its name */
			*flags &= ~(uint32_t)MBEDTLS_X509_BADCERT_CN_MISMATCH;
	}
	p->chain_flags |= *flags;
	if (pinned && !p->pin_matched)
		p->chain_flags |= MBEDTLS_X509_BADCERT_NOT_TRUSTED;
	*flags = depth > 0 ? 0 : p->chain_flags; /* the leaf answers for all */
	if (depth == 0)
		p->accepted = p->chain_flags == 0;
	return 0;
}

int tls_peer_refuse(const struct tls_peer *p, struct error *err)
{
	const int status = STATUS_UNAUTHENTICATED;

	if (p->expected[0] != '\0' && !p->pin_matched) {
		error_set(err, status,
			  "%.100s is not the pool it was: its key is sha256:%s, expected was sha256:%s",
			  p->host, p->pin, p->expected);
		return error_hint(err, "somebody may be in between; if the pool was set up anew, use its new join string");
	}
	if (p->chain_flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED) {
		error_set(err, status, "nobody this machine trusts vouches for %.100s; its key is sha256:%s",
			  p->host, p->pin);
		return error_hint(
			err, "compare the key with what the pool printed, then add #sha256:%s to its address",
			p->pin);
	}
	if (p->chain_flags & MBEDTLS_X509_BADCERT_EXPIRED)
		error_set(err, status, "the certificate of %.100s has expired (or this machine's clock is ahead)", p->host);
	else if (p->chain_flags & MBEDTLS_X509_BADCERT_FUTURE)
		error_set(err, status,
			  "the certificate of %.100s is not good yet: is this machine's clock behind?",
			  p->host);
	else if (p->chain_flags & MBEDTLS_X509_BADCERT_CN_MISMATCH)
		error_set(err, status, "the certificate that answers at %.100s is for another name", p->host);
	else
		error_set(err, status, "the certificate of %.100s is not fit for a server", p->host);
	return error_hint(err, "ask whoever runs the pool; its join string, HOST:PORT#sha256:..., needs no "
			       "certificate for a name");
}
