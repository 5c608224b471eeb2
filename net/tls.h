/* net/tls.h - TLS over memory: encrypted bytes go in and come out, and it does no I/O.
 *
 * Locked down: TLS 1.2, ECDHE-ECDSA with an AEAD cipher, X25519 or P-256, no renegotiation, ALPN "h2" or
 * nothing. No plain byte is taken or given before the other end is known to be who it must be: a client
 * checks the certificate during the handshake, against the pin of its endpoint or, where it has none,
 * against the system's roots and the host's name.
 *
 * A stream uses it so:
 *
 *     t = tls_new(config);                    a client's first bytes are in tls_out() already
 *     bytes from the socket:                  tls_in(t, data, n), then tls_read(t, ...) until got is 0
 *     plain bytes to send:                    tls_write(t, ...) takes some or all; what it did not take
 *                                             waits until tls_pending_out() has fallen
 *     after each of these:                    p = tls_out(t, &n); uv_try_write; tls_sent(t, written)
 *     the socket's end:                       tls_end(t)
 *     to end it: tls_close(t), send what is in tls_out(), close the socket, tls_free(t)
 *
 * One struct tls and its config belong to one thread at a time. A connection costs about 36 KiB of address
 * space (two record buffers of 16 KiB and a little) plus what is queued, at most 64 KiB; tls_rest() gives the
 * pages back that a quiet one does not need. */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"

struct certificate;
struct tls_config; /* what connections share: who we are, or whom we trust and the session to resume */
struct tls;        /* one connection */

enum tls_state {
	TLS_HANDSHAKE, /* nothing plain yet */
	TLS_OPEN,      /* the other end is who it must be and speaks h2 */
	TLS_CLOSED,    /* the other end said goodbye: no more comes; writing still works */
	TLS_FAILED,    /* send what is in tls_out() (the alert) and close the socket */
};

struct tls_counts {
	uint64_t full, resumed; /* handshakes that succeeded */
	uint64_t failed;
};

/* --- config --------------------------------------------------------------------------------- */

/* For a listener. Takes own. To renew: make another from the next certificate, use it for new connections
 * and release this one; those open keep it alive. */
struct tls_config *tls_config_server(struct certificate *own);

/* For connections to one endpoint. host: its name or address, never "". pin: 64 hexadecimal digits as
 * endpoint.pin has them; "" = trust the authorities in the file `roots` (NULL = the system's) and check
 * host. With a pin the key decides, and a certificate signed by it must bear CERTIFICATE_POOL_NAME or host.
 * Keep it while the endpoint may be dialled again: it holds the session that makes the next handshake a
 * hundredth as dear. FAILED_PRECONDITION: no roots were found. INVALID_ARGUMENT: no host, a bad pin. */
int tls_config_client(struct tls_config **config, const char *host, const char *pin, const char *roots,
                      struct error *err);

/* One holder more: to be released once more. NULL is fine. */
struct tls_config *tls_config_keep(struct tls_config *config);

/* Its last connection frees it. NULL is fine. */
void tls_config_release(struct tls_config *config);

struct tls_counts tls_config_counts(const struct tls_config *config);

/* --- connection ----------------------------------------------------------------------------- */

struct tls *tls_new(struct tls_config *config); /* never NULL; without memory it is TLS_FAILED */
void tls_free(struct tls *t);                   /* NULL is fine */

enum tls_state tls_state(const struct tls *t);

/* Bytes that came. They are borrowed until tls_read() has given 0 bytes; call it after each tls_in(), also
 * during the handshake. Returns 0, or what went wrong, once and for all:
 * UNAUTHENTICATED: not who it must be (tls_peer_pin() says who). UNAVAILABLE: it does not speak TLS, or
 * not ours, or ended it. RESOURCE_EXHAUSTED: no memory. */
int tls_in(struct tls *t, const void *data, size_t n, struct error *err);

/* Decrypt up to size bytes. got 0 = all that came in is used up. Errors as tls_in(). */
int tls_read(struct tls *t, void *buf, size_t size, size_t *got, struct error *err);

/* Encrypt. Takes all, or as much as the queue has room for; nothing before TLS_OPEN. */
int tls_write(struct tls *t, const void *data, size_t n, size_t *taken, struct error *err);

/* Encrypted bytes to send, all of them in one piece; valid until the next call with t. */
const uint8_t *tls_out(const struct tls *t, size_t *n);
void tls_sent(struct tls *t, size_t n);
size_t tls_pending_out(const struct tls *t);

/* Queue the goodbye. Call once, when no more will be written. */
void tls_close(struct tls *t);

/* The connection is quiet: give memory back, about 24 KiB, until it has much to say again. Costs nothing when
 * there is nothing to give; call it after the handshake and from a slow timer, such as the keepalive's. */
void tls_rest(struct tls *t);

/* The socket ended. 0 after a goodbye; otherwise UNAVAILABLE: cut off. */
int tls_end(struct tls *t, struct error *err);

/* Why it is TLS_FAILED. 0: it is not. Changes nothing, so it may be asked at any time. */
int tls_error(const struct tls *t, struct error *err);

/* The pin under which this other end could be trusted: the key highest in the chain it showed that vouches
 * for the rest. "" = it showed none, or an authority that is trusted anyway. For the question to a person at
 * first contact, and to name both keys when another was expected. Not proof of anything yet: dial again
 * with it as the pin. */
const char *tls_peer_pin(const struct tls *t);

/* Did the handshake continue an earlier session? */
bool tls_resumed(const struct tls *t);

/* Can these first bytes of a connection be TLS at all? A listener tells clear text by it. n > 0. */
bool tls_is_hello(const void *data, size_t n);

#endif
