/* net/certificate.h - who a pool is: a chain of certificates and the key of the first.
 *
 * A pool's identity is its own authority (CA), made at first start and kept for ever; the certificate it
 * shows (the leaf) lives 90 days, has a fresh key each time and is signed by that authority. What people
 * compare and clients pin is the SHA-256 of the authority's public key (its SubjectPublicKeyInfo), so a
 * renewal changes nothing for anyone, and a leaf key that leaks is worthless after 90 days.
 *
 *     DIR/ca.pem    0600  the authority: key and certificate. Losing it means a new identity: back it up.
 *     DIR/pool.pem  0600  the leaf: key, certificate, the authority's certificate; made anew when due
 *     DIR/ca.crt    0644  the authority's certificate alone, for other gRPC clients and for curl --cacert
 *
 * An operator's own certificate (--cert, --key) is loaded instead; its pin is that of the last certificate
 * of its file, the authority nearest to the root, or of the only one.
 *
 * All of it blocks (files, fsync, a signature): at start, or on the thread pool. */
#ifndef NET_CERTIFICATE_H
#define NET_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"

/* A name that every leaf of a pool's own authority bears. A client that pinned the authority accepts it in
 * place of the host's: which address a pool is reached at is not part of who it is. */
#define CERTIFICATE_POOL_NAME "pool.hivemind.internal"

#define JOIN_STRING_SIZE 352 /* HOST:PORT#sha256:HEX with its end */

struct certificate;
struct mbedtls_x509_crt;
struct mbedtls_pk_context;

/* The pool's own from dir (made 0700 where missing); what is missing or due for renewal is made, also when
 * the names changed. names: the host names and addresses that clients use, besides "localhost", 127.0.0.1,
 * ::1 and CERTIFICATE_POOL_NAME. Called again at certificate_renew_at() it answers with the next leaf.
 * INVALID_ARGUMENT: a name is none. PERMISSION_DENIED: others can read a key. DATA_LOSS: ca.pem is damaged.
 */
int certificate_open(struct certificate **c, const char *dir, const char *const *names, size_t count,
                     struct error *err);

/* An operator's. The key must belong to the first certificate, the chain be in order and valid now, the key
 * file private. Refused with INVALID_ARGUMENT, FAILED_PRECONDITION (dates) or as secret_file_read() says. */
int certificate_load(struct certificate **c, const char *chain_file, const char *key_file, struct error *err);

void certificate_free(struct certificate *c); /* NULL is fine; the key is overwritten */

/* 64 hexadecimal digits: what a client pins. */
const char *certificate_pin(const struct certificate *c);

/* Wall time in ms: when the leaf ends, and two thirds of its way there. */
int64_t certificate_expires_at(const struct certificate *c);
int64_t certificate_renew_at(const struct certificate *c);

/* HOST:PORT#sha256:HEX, what endpoint_parse() reads; a v6 address gets its brackets. */
const char *join_string(char out[JOIN_STRING_SIZE], const char *host, int port, const char *pin);

/* Is this a host name or an address that may stand in a certificate? */
bool certificate_name_valid(const char *name);

/* --- for net/tls ---------------------------------------------------------------------------- */

struct mbedtls_x509_crt *certificate_chain(struct certificate *c);
struct mbedtls_pk_context *certificate_key(struct certificate *c);

/* SHA-256 of its SubjectPublicKeyInfo, as `openssl pkey -pubin -outform der | sha256sum` prints it. */
void certificate_pin_of(const struct mbedtls_x509_crt *crt, char pin[65]);

/* Does it bear this name or address (in subjectAltName; the exact name, no wildcards)? */
bool certificate_bears(const struct mbedtls_x509_crt *crt, const char *name);

/* Randomness as mbedTLS asks for it: from the kernel each time, so that there is no state to seed, to
 * share between threads, or to be the same after a fork. */
int certificate_random(void *unused, unsigned char *p, size_t n);

#endif
