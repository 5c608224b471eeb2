/* net/tls_config.c - the lock-down, and what the connections of a listener or to an endpoint share.
 *
 * The lists below are all that is ever offered or accepted; Debian's mbedTLS has TLS 1.0, CBC, RC4 and
 * renegotiation compiled in, so nothing is left to its defaults. Sessions resume by ticket: the server keeps
 * nothing per client and changes its ticket key every six hours (the key before it is still read, so none
 * lives longer than twelve); a client keeps the last session of its endpoint and checks the certificate
 * again after twelve hours. */
#include "net/tls_config.h"

#include <mbedtls/error.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/certificate.h"
#include "net/clock.h"
#include "net/memory.h"
#include "proto/id.h"
#include "proto/limits.h"
#include "proto/status.h"

#define TICKET_KEY_S (6 * 3600)

/* By preference; the server's counts. AES is fast and of constant time only where the CPU has it. */
static const int suites_aes[] = {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                                 MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                                 MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, 0};
static const int suites_chacha[] = {MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
                                    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                                    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, 0};

static const char *alpn[] = {"h2", NULL};

/* Where systems keep the authorities they trust: Debian, Fedora, Alpine. */
static const char *const system_roots[] = {"/etc/ssl/certs/ca-certificates.crt",
                                           "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"};

static const int *suites(void)
{
#if defined(__x86_64__) || defined(__i386__)
	if (__builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul"))
		return suites_aes;
#endif
	(void)suites_aes;
	return suites_chacha;
}

/* For calls that fail only without memory, while the process starts or dials. */
static void must(int rc)
{
	if (rc != 0) {
		fputs("hivemind: out of memory\n", stderr);
		abort();
	}
}

static void lock_curves_and_signatures(mbedtls_ssl_config *conf)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03020000
	static const uint16_t groups[] = {MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
	                                  MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1, 0};
	static const uint16_t signatures[] = {
	    MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256,
	    MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384,
	    MBEDTLS_TLS1_3_SIG_ECDSA_SECP521R1_SHA512,
	    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256, /* between authorities only */
	    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA384,
	    MBEDTLS_TLS1_3_SIG_NONE};

	mbedtls_ssl_conf_groups(conf, groups);
	mbedtls_ssl_conf_sig_algs(conf, signatures);
#else
	static const mbedtls_ecp_group_id curves[] = {MBEDTLS_ECP_DP_CURVE25519, MBEDTLS_ECP_DP_SECP256R1,
	                                              MBEDTLS_ECP_DP_NONE};
	static const int hashes[] = {MBEDTLS_MD_SHA256, MBEDTLS_MD_SHA384, MBEDTLS_MD_SHA512,
	                             MBEDTLS_MD_NONE};

	mbedtls_ssl_conf_curves(conf, curves);
	mbedtls_ssl_conf_sig_hashes(conf, hashes);
#endif
}

static void lock_down(mbedtls_ssl_config *conf, int side)
{
	must(mbedtls_ssl_config_defaults(conf, side, MBEDTLS_SSL_TRANSPORT_STREAM,
	                                 MBEDTLS_SSL_PRESET_DEFAULT));
	mbedtls_ssl_conf_min_version(conf, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
	mbedtls_ssl_conf_max_version(conf, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
	mbedtls_ssl_conf_ciphersuites(conf, suites());
	lock_curves_and_signatures(conf);
	mbedtls_ssl_conf_rng(conf, certificate_random, NULL);
	must(mbedtls_ssl_conf_alpn_protocols(conf, alpn));
#if defined(MBEDTLS_SSL_RENEGOTIATION)
	mbedtls_ssl_conf_renegotiation(conf, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
#endif
}

static struct tls_config *config_new(bool server)
{
	struct tls_config *config = xcalloc(1, sizeof *config);

	config->users = 1;
	config->server = server;
	mbedtls_ssl_config_init(&config->conf);
	mbedtls_ssl_ticket_init(&config->ticket);
	mbedtls_x509_crt_init(&config->roots);
	mbedtls_ssl_session_init(&config->session);
	lock_down(&config->conf, server ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT);
	return config;
}

struct tls_config *tls_config_keep(struct tls_config *config)
{
	if (config != NULL)
		config->users++;
	return config;
}

void tls_config_release(struct tls_config *config)
{
	if (config == NULL || --config->users > 0)
		return;
	mbedtls_ssl_config_free(&config->conf);
	mbedtls_ssl_ticket_free(&config->ticket);
	mbedtls_x509_crt_free(&config->roots);
	mbedtls_ssl_session_free(&config->session);
	certificate_free(config->own);
	free(config->host);
	free(config);
}

struct tls_counts tls_config_counts(const struct tls_config *config)
{
	struct tls_counts counts = config->counts;

	return counts;
}

/* --- server --------------------------------------------------------------------------------- */

static int write_ticket(void *config, const mbedtls_ssl_session *session, unsigned char *start,
                        const unsigned char *end, size_t *n, uint32_t *lifetime)
{
	return mbedtls_ssl_ticket_write(&((struct tls_config *)config)->ticket, session, start, end, n,
	                                lifetime);
}

static int parse_ticket(void *data, mbedtls_ssl_session *session, unsigned char *buf, size_t n)
{
	struct tls_config *config = data;
	int rc = mbedtls_ssl_ticket_parse(&config->ticket, session, buf, n);

	config->ticket_taken = rc == 0;
	return rc;
}

struct tls_config *tls_config_server(struct certificate *own)
{
	struct tls_config *config = config_new(true);

	config->own = own;
	must(mbedtls_ssl_conf_own_cert(&config->conf, certificate_chain(own), certificate_key(own)));
	must(mbedtls_ssl_ticket_setup(&config->ticket, certificate_random, NULL, MBEDTLS_CIPHER_AES_256_GCM,
	                              TICKET_KEY_S));
	mbedtls_ssl_conf_session_tickets_cb(&config->conf, write_ticket, parse_ticket, config);
	return config;
}

/* --- client --------------------------------------------------------------------------------- */

static int load_roots(struct tls_config *config, const char *file, struct error *err)
{
	size_t i = 0, count = sizeof system_roots / sizeof *system_roots;

	while (file == NULL && i < count) {
		if (access(system_roots[i], R_OK) == 0)
			file = system_roots[i];
		i++;
	}
	if (file == NULL) {
		error_set(err, STATUS_FAILED_PRECONDITION,
		          "this machine has no list of certificate authorities");
		error_hint(
		    err, "apt-get install ca-certificates, or give the pool's address with its #sha256:...");
		return STATUS_FAILED_PRECONDITION;
	}
	/* More than 0: that many could not be read, which happens to old ones in a system's list. */
	if (mbedtls_x509_crt_parse_file(&config->roots, file) < 0 || config->roots.raw.len == 0)
		return error_set(err, STATUS_FAILED_PRECONDITION,
		                 "%s holds no certificate authority that can be read", file);
	return 0;
}

int tls_config_client(struct tls_config **result, const char *host, const char *pin, const char *roots,
                      struct error *err)
{
	struct tls_config *config;
	int rc = 0;

	if (host[0] == '\0' || strlen(host) > MBEDTLS_SSL_MAX_HOST_NAME_LEN)
		return error_set(err, STATUS_INVALID_ARGUMENT, "a TLS connection needs the name of a host");
	if (pin[0] != '\0' && !sha256_hex_valid(pin))
		return error_set(err, STATUS_INVALID_ARGUMENT, "a pin is 64 lower-case hexadecimal digits");
	config = config_new(false);
	config->host = xstrdup(host);
	text_copy(config->pin, sizeof config->pin, pin);
	if (pin[0] == '\0')
		rc = load_roots(config, roots, err);
	mbedtls_ssl_conf_authmode(&config->conf, MBEDTLS_SSL_VERIFY_REQUIRED);
	mbedtls_ssl_conf_ca_chain(&config->conf, &config->roots, NULL);
	mbedtls_ssl_conf_session_tickets(&config->conf, MBEDTLS_SSL_SESSION_TICKETS_ENABLED);
	if (rc != 0)
		tls_config_release(config);
	else
		*result = config;
	return rc;
}

bool tls_config_offer_session(struct tls_config *config, mbedtls_ssl_context *ssl)
{
	if (config->has_session && clock_ms() - config->verified_ms >= TLS_SESSION_MS)
		tls_config_drop_session(config);
	return config->has_session && mbedtls_ssl_set_session(ssl, &config->session) == 0;
}

void tls_config_keep_session(struct tls_config *config, mbedtls_ssl_context *ssl, bool resumed)
{
	tls_config_drop_session(config);
	config->has_session = mbedtls_ssl_get_session(ssl, &config->session) == 0;
	if (!resumed)
		config->verified_ms = clock_ms();
}

void tls_config_drop_session(struct tls_config *config)
{
	mbedtls_ssl_session_free(&config->session);
	mbedtls_ssl_session_init(&config->session);
	config->has_session = false;
}
