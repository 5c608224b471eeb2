/* net/certificate_make.c - the X.509 that a pool writes for itself.
 *
 * mbedTLS 2.28.3 has known faults where names and extensions from outside reach its writer: so subjects are
 * constants and random digits, and the two extensions that hold more than a flag (the names, the use of
 * the key) are put together here, from names that were checked first. P-256 and SHA-256 throughout. */
#include "net/certificate_make.h"

#include <arpa/inet.h>
#include <mbedtls/asn1.h>
#include <mbedtls/ecp.h>
#include <mbedtls/error.h>
#include <mbedtls/oid.h>
#include <mbedtls/pem.h>
#include <mbedtls/version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "net/certificate.h"
#include "net/clock.h"
#include "net/memory.h"
#include "proto/limits.h"
#include "proto/status.h"

#define DAY_MS (86400 * 1000ll)
#define CA_DAYS (20 * 365)
#define CLOCK_SKEW_MS DAY_MS /* a laptop's clock may be behind */
#define SERIAL_SIZE 16
#define DER_MAX (16 * KiB)
#define SAN_DNS (MBEDTLS_ASN1_CONTEXT_SPECIFIC | 2)
#define SAN_IP (MBEDTLS_ASN1_CONTEXT_SPECIFIC | 7)

static int failed(struct error *err, const char *what, int rc)
{
	char words[128];

	mbedtls_strerror(rc, words, sizeof words);
	return error_set(err, STATUS_INTERNAL, "cannot make %s: %s", what, words);
}

/* --- names ---------------------------------------------------------------------------------- */

static bool label_valid(const char *label, size_t n)
{
	if (n == 0 || n > 63 || label[0] == '-' || label[n - 1] == '-')
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = label[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'))
			return false;
	}
	return true;
}

/* The bytes of an address; 0 = it is none. */
static size_t address_bytes(const char *name, uint8_t bytes[16])
{
	if (inet_pton(AF_INET, name, bytes) == 1)
		return 4;
	return inet_pton(AF_INET6, name, bytes) == 1 ? 16 : 0;
}

bool certificate_name_valid(const char *name)
{
	uint8_t address[16];

	if (address_bytes(name, address) > 0)
		return true;
	if (strlen(name) > 253)
		return false;
	for (const char *label = name;; label++) {
		size_t n = strcspn(label, ".");

		if (!label_valid(label, n))
			return false;
		label += n;
		if (*label == '\0')
			return true;
	}
}

/* tag, length, value */
static void append_tlv(struct buf *der, uint8_t tag, const void *value, size_t n)
{
	uint8_t head[4] = {tag, (uint8_t)n};
	size_t size = 2;

	if (n >= 256) {
		head[1] = 0x82;
		head[2] = (uint8_t)(n >> 8);
		head[3] = (uint8_t)n;
		size = 4;
	} else if (n >= 128) {
		head[1] = 0x81;
		head[2] = (uint8_t)n;
		size = 3;
	}
	buf_append(der, head, size);
	buf_append(der, value, n);
}

static void append_name(struct buf *list, const char *name)
{
	uint8_t address[16];
	size_t n = address_bytes(name, address);

	if (n > 0)
		append_tlv(list, SAN_IP, address, n);
	else
		append_tlv(list, SAN_DNS, name, strlen(name));
}

int certificate_san(struct buf *der, const char *const *names, size_t count, struct error *err)
{
	static const char *const always[] = {CERTIFICATE_POOL_NAME, "localhost", "127.0.0.1", "::1"};
	struct buf list = {0};

	if (count > CERTIFICATE_NAMES_MAX)
		return error_set(err, STATUS_INVALID_ARGUMENT,
		                 "%zu names for one certificate, at most %d are allowed", count,
		                 CERTIFICATE_NAMES_MAX);
	for (size_t i = 0; i < count; i++)
		if (!certificate_name_valid(names[i]))
			return error_set(err, STATUS_INVALID_ARGUMENT,
			                 "\"%.80s\" is neither a host name nor an address", names[i]);
	for (size_t i = 0; i < sizeof always / sizeof *always; i++)
		append_name(&list, always[i]);
	for (size_t i = 0; i < count; i++)
		append_name(&list, names[i]);
	append_tlv(der, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE, list.data, list.n);
	buf_release(&list);
	return 0;
}

static bool next_tlv(const uint8_t **p, const uint8_t *end, int *tag, size_t *n)
{
	if (*p >= end)
		return false;
	*tag = **p;
	return mbedtls_asn1_get_tag((unsigned char **)p, end, n, *tag) == 0;
}

/* Extension ::= SEQUENCE { extnID OBJECT IDENTIFIER, critical BOOLEAN DEFAULT FALSE, extnValue OCTET STRING }
 */
static bool is_san(const uint8_t *p, const uint8_t *end, const uint8_t **der, size_t *n)
{
	size_t oid = MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_ALT_NAME);
	int tag;

	if (!next_tlv(&p, end, &tag, n) || tag != MBEDTLS_ASN1_OID || *n != oid ||
	    memcmp(p, MBEDTLS_OID_SUBJECT_ALT_NAME, oid) != 0)
		return false;
	p += *n;
	while (next_tlv(&p, end, &tag, n) && tag != MBEDTLS_ASN1_OCTET_STRING)
		p += *n;
	*der = p;
	return p < end && tag == MBEDTLS_ASN1_OCTET_STRING;
}

bool certificate_find_san(const mbedtls_x509_crt *crt, const uint8_t **der, size_t *n)
{
	const uint8_t *p = crt->v3_ext.p;
	const uint8_t *end = p + crt->v3_ext.len;
	size_t size;
	int tag;

	if (p == NULL)
		return false;
	if (!next_tlv(&p, end, &tag, &size)) /* Extensions ::= SEQUENCE OF Extension */
		return false;
	while (next_tlv(&p, end, &tag, &size)) {
		if (is_san(p, p + size, der, n))
			return true;
		p += size;
	}
	return false;
}

bool certificate_bears(const mbedtls_x509_crt *crt, const char *name)
{
	const uint8_t *p, *end;
	uint8_t address[16];
	size_t address_n = address_bytes(name, address);
	size_t name_n = strlen(name);
	size_t n;
	int tag;

	if (!certificate_find_san(crt, &p, &n))
		return false;
	end = p + n;
	if (!next_tlv(&p, end, &tag, &n)) /* GeneralNames ::= SEQUENCE OF GeneralName */
		return false;
	for (; next_tlv(&p, end, &tag, &n); p += n) {
		if (address_n > 0 && tag == SAN_IP && n == address_n && memcmp(p, address, n) == 0)
			return true;
		if (address_n == 0 && tag == SAN_DNS && n == name_n &&
		    strncasecmp((const char *)p, name, n) == 0)
			return true;
	}
	return false;
}

/* --- certificates --------------------------------------------------------------------------- */

static int make_key(mbedtls_pk_context *key)
{
	int rc = mbedtls_pk_setup(key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));

	if (rc != 0)
		return rc;
	return mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(*key), certificate_random, NULL);
}

static int append_key(struct buf *pem, mbedtls_pk_context *key)
{
	unsigned char text[1024];
	int rc = mbedtls_pk_write_key_pem(key, text, sizeof text);

	if (rc == 0)
		buf_append(pem, text, strlen((char *)text));
	wipe(text, sizeof text);
	return rc;
}

static int append_pem(struct buf *pem, const uint8_t *der, size_t n)
{
	size_t room = 2 * n + 128, used;
	unsigned char *text = xmalloc(room);
	int rc = mbedtls_pem_write_buffer("-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n", der,
	                                  n, text, room, &used);

	if (rc == 0)
		buf_append(pem, text, strlen((char *)text));
	free(text);
	return rc;
}

int certificate_append(struct buf *pem, const mbedtls_x509_crt *crt, struct error *err)
{
	int rc = append_pem(pem, crt->raw.p, crt->raw.len);

	return rc == 0 ? 0 : failed(err, "a certificate", rc);
}

static int set_serial(mbedtls_x509write_cert *w)
{
	unsigned char serial[SERIAL_SIZE];
	int rc;

	random_bytes(serial, sizeof serial);
	serial[0] = (unsigned char)((serial[0] & 0x7f) | 0x40); /* positive, and never shorter */
#if MBEDTLS_VERSION_NUMBER >= 0x03040000
	rc = mbedtls_x509write_crt_set_serial_raw(w, serial, sizeof serial);
#else
	mbedtls_mpi number;

	mbedtls_mpi_init(&number);
	rc = mbedtls_mpi_read_binary(&number, serial, sizeof serial);
	if (rc == 0)
		rc = mbedtls_x509write_crt_set_serial(w, &number);
	mbedtls_mpi_free(&number);
#endif
	return rc;
}

static int set_dates(mbedtls_x509write_cert *w, int64_t now_ms, int days)
{
	time_t from = (time_t)((now_ms - CLOCK_SKEW_MS) / 1000);
	time_t to = (time_t)((now_ms + days * DAY_MS) / 1000);
	char from_text[16], to_text[16];
	struct tm t;

	strftime(from_text, sizeof from_text, "%Y%m%d%H%M%S", gmtime_r(&from, &t));
	strftime(to_text, sizeof to_text, "%Y%m%d%H%M%S", gmtime_r(&to, &t));
	return mbedtls_x509write_crt_set_validity(w, from_text, to_text);
}

/* What is the same for both, once subject, issuer and their keys are set. */
static int set_common(mbedtls_x509write_cert *w, int64_t now_ms, int days, int is_ca)
{
	int rc = set_serial(w);

	mbedtls_x509write_crt_set_version(w, MBEDTLS_X509_CRT_VERSION_3);
	mbedtls_x509write_crt_set_md_alg(w, MBEDTLS_MD_SHA256);
	if (rc == 0)
		rc = set_dates(w, now_ms, days);
	if (rc == 0)
		rc = mbedtls_x509write_crt_set_basic_constraints(w, is_ca, is_ca ? 0 : -1);
	if (rc == 0)
		rc = mbedtls_x509write_crt_set_subject_key_identifier(w);
	if (rc == 0)
		rc = mbedtls_x509write_crt_set_authority_key_identifier(w);
	if (rc == 0)
		rc = mbedtls_x509write_crt_set_key_usage(w, is_ca ? MBEDTLS_X509_KU_KEY_CERT_SIGN
		                                                  : MBEDTLS_X509_KU_DIGITAL_SIGNATURE);
	return rc;
}

static int append_signed(struct buf *pem, mbedtls_x509write_cert *w)
{
	unsigned char *der = xmalloc(DER_MAX);
	int n = mbedtls_x509write_crt_der(w, der, DER_MAX, certificate_random, NULL);
	int rc = n > 0 ? append_pem(pem, der + DER_MAX - n, (size_t)n) : n; /* it writes from the end */

	free(der);
	return rc;
}

static int write_ca(struct buf *pem, mbedtls_pk_context *key, mbedtls_x509write_cert *w, int64_t now_ms)
{
	char name[64], id[17];
	int rc = make_key(key);

	random_id(id);
	snprintf(name, sizeof name, "CN=HiveMind pool %s", id); /* no two alike in one list of roots */
	if (rc == 0)
		rc = mbedtls_x509write_crt_set_subject_name(w, name);
	if (rc == 0)
		rc = mbedtls_x509write_crt_set_issuer_name(w, name);
	mbedtls_x509write_crt_set_subject_key(w, key);
	mbedtls_x509write_crt_set_issuer_key(w, key);
	if (rc == 0)
		rc = set_common(w, now_ms, CA_DAYS, 1);
	if (rc == 0)
		rc = append_key(pem, key);
	return rc == 0 ? append_signed(pem, w) : rc;
}

int certificate_make_ca(struct buf *pem, int64_t now_ms, struct error *err)
{
	mbedtls_x509write_cert w;
	mbedtls_pk_context key;
	int rc;

	mbedtls_x509write_crt_init(&w);
	mbedtls_pk_init(&key);
	rc = write_ca(pem, &key, &w, now_ms);
	mbedtls_x509write_crt_free(&w);
	mbedtls_pk_free(&key);
	return rc == 0 ? 0 : failed(err, "the pool's authority", rc);
}

static int set_uses(mbedtls_x509write_cert *w, const struct buf *san)
{
	/* SEQUENCE { id-kp-serverAuth } */
	static const unsigned char server_auth[] = {0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06,
	                                            0x01, 0x05, 0x05, 0x07, 0x03, 0x01};
	int rc = mbedtls_x509write_crt_set_extension(w, MBEDTLS_OID_EXTENDED_KEY_USAGE,
	                                             MBEDTLS_OID_SIZE(MBEDTLS_OID_EXTENDED_KEY_USAGE), 0,
	                                             server_auth, sizeof server_auth);

	if (rc != 0)
		return rc;
	return mbedtls_x509write_crt_set_extension(w, MBEDTLS_OID_SUBJECT_ALT_NAME,
	                                           MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_ALT_NAME), 0,
	                                           san->data, san->n);
}

static int write_leaf(struct buf *pem, mbedtls_pk_context *key, mbedtls_x509write_cert *w,
                      mbedtls_x509_crt *ca, mbedtls_pk_context *ca_key, const struct buf *san)
{
	char issuer[128];
	int rc = make_key(key);

	if (rc == 0 && mbedtls_x509_dn_gets(issuer, sizeof issuer, &ca->subject) < 0)
		rc = MBEDTLS_ERR_X509_INVALID_NAME;
	if (rc == 0)
		rc = mbedtls_x509write_crt_set_issuer_name(w, issuer);
	if (rc == 0)
		rc = mbedtls_x509write_crt_set_subject_name(w, "CN=" CERTIFICATE_POOL_NAME);
	mbedtls_x509write_crt_set_subject_key(w, key);
	mbedtls_x509write_crt_set_issuer_key(w, ca_key);
	if (rc == 0)
		rc = set_uses(w, san);
	return rc == 0 ? append_key(pem, key) : rc;
}

int certificate_make_leaf(struct buf *pem, mbedtls_x509_crt *ca, mbedtls_pk_context *ca_key,
                          const struct buf *san, int64_t now_ms, struct error *err)
{
	mbedtls_x509write_cert w;
	mbedtls_pk_context key;
	int rc;

	mbedtls_x509write_crt_init(&w);
	mbedtls_pk_init(&key);
	rc = write_leaf(pem, &key, &w, ca, ca_key, san);
	if (rc == 0)
		rc = set_common(&w, now_ms, LEAF_DAYS, 0);
	if (rc == 0)
		rc = append_signed(pem, &w);
	mbedtls_x509write_crt_free(&w);
	mbedtls_pk_free(&key);
	return rc == 0 ? 0 : failed(err, "the pool's certificate", rc);
}
