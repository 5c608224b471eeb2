/* net/certificate.c - a pool's identity: opened, made where it is missing, renewed, or an operator's loaded.
 *
 * Happy path of certificate_open(): ca.pem is read, or made; ca.crt is written beside it; pool.pem is read
 * and still good, or made. Each file is replaced whole, so a crash between two of them costs nothing: what
 * is missing or does not fit is made at the next call. Only ca.pem cannot be made again without becoming
 * somebody else, so a damaged one is an error and never replaced. */
#define _GNU_SOURCE
#include "net/certificate.h"

#include <errno.h>
#include <mbedtls/ecp.h>
#include <mbedtls/error.h>
#include <mbedtls/pk.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "net/certificate_make.h"
#include "net/clock.h"
#include "net/endpoint.h"
#include "net/memory.h"
#include "net/secret_file.h"
#include "net/sha256.h"
#include "proto/limits.h"
#include "proto/status.h"

struct certificate {
	mbedtls_x509_crt chain; /* the leaf, then who signed it */
	mbedtls_pk_context key;
	char pin[65];
	int64_t from_ms, to_ms; /* wall time in which the leaf is good */
};

int certificate_random(void *unused, unsigned char *p, size_t n)
{
	(void)unused;
	random_bytes(p, n);
	return 0;
}

void certificate_pin_of(const mbedtls_x509_crt *crt, char pin[65])
{
	sha256_hex_of(crt->pk_raw.p, crt->pk_raw.len, pin);
}

static int64_t wall_ms(const mbedtls_x509_time *t)
{
	struct tm tm = {.tm_year = t->year - 1900,
	                .tm_mon = t->mon - 1,
	                .tm_mday = t->day,
	                .tm_hour = t->hour,
	                .tm_min = t->min,
	                .tm_sec = t->sec};

	return (int64_t)timegm(&tm) * 1000;
}

static struct certificate *certificate_new(void)
{
	struct certificate *c = xcalloc(1, sizeof *c);

	mbedtls_x509_crt_init(&c->chain);
	mbedtls_pk_init(&c->key);
	return c;
}

void certificate_free(struct certificate *c)
{
	if (c == NULL)
		return;
	mbedtls_x509_crt_free(&c->chain);
	mbedtls_pk_free(&c->key);
	free(c);
}

/* --- reading -------------------------------------------------------------------------------- */

static int parse_key(mbedtls_pk_context *key, const uint8_t *pem, size_t n)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	return mbedtls_pk_parse_key(key, pem, n, NULL, 0, certificate_random, NULL);
#else
	return mbedtls_pk_parse_key(key, pem, n, NULL, 0);
#endif
}

static int check_pair(mbedtls_x509_crt *crt, mbedtls_pk_context *key)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	return mbedtls_pk_check_pair(&crt->pk, key, certificate_random, NULL);
#else
	return mbedtls_pk_check_pair(&crt->pk, key);
#endif
}

static int parse_failed(struct error *err, const char *path, const char *what, int rc)
{
	char words[128];

	if (rc > 0)
		return error_set(err, STATUS_INVALID_ARGUMENT, "%s: %d of its certificates cannot be read",
		                 path, rc);
	mbedtls_strerror(rc, words, sizeof words);
	return error_set(err, STATUS_INVALID_ARGUMENT, "%s holds no %s that can be read: %s", path, what,
	                 words);
}

/* From PEM text (which may be one for both): chain, key, and what is derived of them. */
static int read_pair(struct certificate *c, struct buf *chain, const char *chain_file, struct buf *key,
                     const char *key_file, struct error *err)
{
	const mbedtls_x509_crt *last;
	int rc;

	buf_text(chain);
	buf_text(key);
	rc = mbedtls_x509_crt_parse(&c->chain, chain->data, chain->n + 1);
	if (rc != 0)
		return parse_failed(err, chain_file, "certificate", rc);
	rc = parse_key(&c->key, key->data, key->n + 1);
	if (rc != 0)
		return parse_failed(err, key_file, "key", rc);
	if (check_pair(&c->chain, &c->key) != 0)
		return error_set(err, STATUS_INVALID_ARGUMENT,
		                 "the key in %s is not the one of the certificate in %s", key_file,
		                 chain_file);
	for (last = &c->chain; last->next != NULL;)
		last = last->next;
	certificate_pin_of(last, c->pin);
	c->from_ms = wall_ms(&c->chain.valid_from);
	c->to_ms = wall_ms(&c->chain.valid_to);
	return 0;
}

/* A file of ours: key and certificates in one. */
static int read_own(struct certificate **c, const char *path, struct error *err)
{
	struct buf pem = {0};
	int rc = secret_file_read(path, &pem, err);

	if (rc != 0)
		return rc;
	*c = certificate_new();
	rc = read_pair(*c, &pem, path, &pem, path, err);
	if (rc != 0) {
		certificate_free(*c);
		*c = NULL;
		rc = error_set(err, STATUS_DATA_LOSS, "%s is damaged", path);
		error_hint(err, "restore it from a backup; a new one would be a new identity");
	}
	secret_buf_release(&pem);
	return rc;
}

/* --- making --------------------------------------------------------------------------------- */

struct own { /* one certificate_open() */
	char *ca_file, *leaf_file, *public_file;
	struct certificate *ca, *leaf;
	struct buf san; /* what the leaf must name */
};

static int write_new_ca(struct own *o, struct error *err)
{
	struct buf pem = {0};
	int rc = certificate_make_ca(&pem, clock_wall_ms(), err);

	if (rc == 0)
		rc = secret_file_write(o->ca_file, 0600, pem.data, pem.n, err);
	secret_buf_release(&pem);
	return rc == 0 ? read_own(&o->ca, o->ca_file, err) : rc;
}

/* Beside the secret the part that anyone may have; written again where it is missing or another's. */
static int write_public(struct own *o, struct error *err)
{
	struct buf want = {0}, have = {0};
	int rc = certificate_append(&want, &o->ca->chain, err);

	if (rc == 0 && (public_file_read(o->public_file, &have, NULL) != 0 || have.n != want.n ||
	                memcmp(have.data, want.data, want.n) != 0))
		rc = secret_file_write(o->public_file, 0644, want.data, want.n, err);
	buf_release(&want);
	buf_release(&have);
	return rc;
}

static int write_new_leaf(struct own *o, struct error *err)
{
	struct buf pem = {0};
	int rc = certificate_make_leaf(&pem, &o->ca->chain, &o->ca->key, &o->san, clock_wall_ms(), err);

	if (rc == 0)
		rc = certificate_append(&pem, &o->ca->chain, err);
	if (rc == 0)
		rc = secret_file_write(o->leaf_file, 0600, pem.data, pem.n, err);
	secret_buf_release(&pem);
	return rc == 0 ? read_own(&o->leaf, o->leaf_file, err) : rc;
}

static bool signed_by(mbedtls_x509_crt *leaf, mbedtls_x509_crt *ca)
{
	uint32_t flags = 0;

	/* Dates are judged by clock_wall_ms(), not here. */
	mbedtls_x509_crt_verify(leaf, ca, NULL, NULL, &flags, NULL, NULL);
	return (flags & ~(uint32_t)(MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE)) == 0;
}

static bool leaf_is_good(struct own *o)
{
	const uint8_t *san;
	size_t n;

	return strcmp(o->leaf->pin, o->ca->pin) == 0 && signed_by(&o->leaf->chain, &o->ca->chain) &&
	       certificate_find_san(&o->leaf->chain, &san, &n) && n == o->san.n &&
	       memcmp(san, o->san.data, n) == 0 && clock_wall_ms() >= o->leaf->from_ms &&
	       clock_wall_ms() < certificate_renew_at(o->leaf);
}

static int open_leaf(struct own *o, struct error *err)
{
	int rc = read_own(&o->leaf, o->leaf_file, err);

	if (rc == 0 && leaf_is_good(o))
		return 0;
	if (rc != 0 && rc != STATUS_NOT_FOUND && rc != STATUS_DATA_LOSS) /* this one can be made again */
		return rc;
	certificate_free(o->leaf);
	o->leaf = NULL;
	return write_new_leaf(o, err);
}

static int open_all(struct own *o, const char *dir, struct error *err)
{
	int rc;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return error_set(err, status_from_errno(errno), "cannot make %s: %s", dir, strerror(errno));
	rc = read_own(&o->ca, o->ca_file, err);
	if (rc == STATUS_NOT_FOUND)
		rc = write_new_ca(o, err);
	if (rc == 0)
		rc = write_public(o, err);
	return rc == 0 ? open_leaf(o, err) : rc;
}

int certificate_open(struct certificate **c, const char *dir, const char *const *names, size_t count,
                     struct error *err)
{
	struct own o = {0};
	int rc = certificate_san(&o.san, names, count, err);

	if (rc != 0)
		return rc;
	o.ca_file = xasprintf("%s/ca.pem", dir);
	o.leaf_file = xasprintf("%s/pool.pem", dir);
	o.public_file = xasprintf("%s/ca.crt", dir);
	rc = open_all(&o, dir, err);
	if (rc == 0) {
		*c = o.leaf;
		if (err != NULL)
			error_clear(err); /* "no such file" was no error */
	}
	certificate_free(o.ca);
	free(o.ca_file);
	free(o.leaf_file);
	free(o.public_file);
	buf_release(&o.san);
	return rc;
}

/* --- an operator's -------------------------------------------------------------------------- */

/* Each certificate must be signed by the next; the last is where trust begins. */
static int check_chain(struct certificate *c, const char *path, struct error *err)
{
	mbedtls_x509_crt *last = &c->chain;
	int n = 1;

	for (; last->next != NULL; last = last->next)
		n++;
	if (n > CERTIFICATE_CHAIN_MAX)
		return error_set(err, STATUS_INVALID_ARGUMENT,
		                 "%s holds %d certificates, at most %d are sent", path, n,
		                 CERTIFICATE_CHAIN_MAX);
	if (n > 1 && !signed_by(&c->chain, last)) {
		error_set(err, STATUS_INVALID_ARGUMENT,
		          "the certificates in %s are no chain from the first to the last", path);
		error_hint(err, "the order is: the server's own, then who signed it, and so on");
		return STATUS_INVALID_ARGUMENT;
	}
	return 0;
}

static int check_leaf(struct certificate *c, const char *path, struct error *err)
{
	int64_t now = clock_wall_ms();
	char day[16];
	time_t end = (time_t)((now < c->from_ms ? c->from_ms : c->to_ms) / 1000);
	struct tm t;

	strftime(day, sizeof day, "%Y-%m-%d", gmtime_r(&end, &t));
	if (!mbedtls_pk_can_do(&c->key, MBEDTLS_PK_ECDSA) || mbedtls_pk_get_bitlen(&c->key) != 256) {
		error_set(err, STATUS_INVALID_ARGUMENT,
		          "the key of %s is not an ECDSA key on the curve P-256", path);
		error_hint(
		    err,
		    "ask for one: openssl ecparam -name prime256v1 -genkey -noout; certbot --key-type ecdsa");
		return STATUS_INVALID_ARGUMENT;
	}
	if (now < c->from_ms)
		return error_set(err, STATUS_FAILED_PRECONDITION,
		                 "the certificate in %s is good from %s only", path, day);
	if (now >= c->to_ms)
		return error_set(err, STATUS_FAILED_PRECONDITION, "the certificate in %s ended on %s", path,
		                 day);
	return 0;
}

int certificate_load(struct certificate **c, const char *chain_file, const char *key_file, struct error *err)
{
	struct certificate *own = certificate_new();
	struct buf chain = {0}, key = {0};
	int rc = public_file_read(chain_file, &chain, err);

	if (rc == 0)
		rc = secret_file_read(key_file, &key, err);
	if (rc == 0)
		rc = read_pair(own, &chain, chain_file, &key, key_file, err);
	if (rc == 0)
		rc = check_leaf(own, chain_file, err);
	if (rc == 0)
		rc = check_chain(own, chain_file, err);
	secret_buf_release(&chain);
	secret_buf_release(&key);
	if (rc != 0)
		certificate_free(own);
	else
		*c = own;
	return rc;
}

/* --- asking --------------------------------------------------------------------------------- */

const char *certificate_pin(const struct certificate *c)
{
	return c->pin;
}

int64_t certificate_expires_at(const struct certificate *c)
{
	return c->to_ms;
}

int64_t certificate_renew_at(const struct certificate *c)
{
	return c->from_ms + (c->to_ms - c->from_ms) / 3 * 2;
}

const char *join_string(char out[JOIN_STRING_SIZE], const char *host, int port, const char *pin)
{
	bool brackets = endpoint_host_in_brackets(host);
	const char *form = brackets ? "[%.255s]:%d#sha256:%.64s" : "%.255s:%d#sha256:%.64s";

	snprintf(out, JOIN_STRING_SIZE, form, host, port, pin);
	return out;
}

struct mbedtls_x509_crt *certificate_chain(struct certificate *c)
{
	return &c->chain;
}

struct mbedtls_pk_context *certificate_key(struct certificate *c)
{
	return &c->key;
}
