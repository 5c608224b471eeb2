/* net/certificate_make.h - writing X.509: the authority and the leaf of a pool as PEM text. */
#ifndef NET_CERTIFICATE_MAKE_H
#define NET_CERTIFICATE_MAKE_H

#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>
#include <stdbool.h>
#include <stdint.h>

#include "net/buf.h"
#include "proto/error.h"

#define LEAF_DAYS 90

/* Append a fresh key and the certificate of a new authority. */
int certificate_make_ca(struct buf *pem, int64_t now_ms, struct error *err);

/* Append a fresh key and its certificate for these names (san: as certificate_san() wrote it). */
int certificate_make_leaf(struct buf *pem, mbedtls_x509_crt *ca, mbedtls_pk_context *ca_key,
                          const struct buf *san, int64_t now_ms, struct error *err);

/* Append crt itself. */
int certificate_append(struct buf *pem, const mbedtls_x509_crt *crt, struct error *err);

/* Append the value of subjectAltName for the names every pool has and these; INVALID_ARGUMENT says which
 * is no name. */
int certificate_san(struct buf *der, const char *const *names, size_t count, struct error *err);

/* Find the value of subjectAltName in crt. False: it has none. */
bool certificate_find_san(const mbedtls_x509_crt *crt, const uint8_t **der, size_t *n);

#endif
