/* net/tls.c - one TLS connection over memory, on mbedTLS.
 *
 * Happy path: tls_in() lends the bytes that came to on_recv(), the handshake takes them as far as they go
 * and leaves its answers in `out` through on_send(); once mbedTLS says it is over, finish_handshake() checks
 * what mbedTLS does not insist on (the certificate was seen and accepted, or a session of ours resumed;
 * "h2" was agreed) and only then is the state TLS_OPEN. From there tls_read() and tls_write() move records.
 *
 * It fails for good in fail(): the words are kept and given again at each later call; mbedTLS has queued its
 * alert by then. A failed allocation anywhere inside mbedTLS is a failure even where mbedTLS goes on
 * without it (2.28.3 does, while it computes Finished): errno tells. A request to renegotiate, which
 * mbedTLS would decline for ever, is a failure too. */
#define _GNU_SOURCE
#include "net/tls.h"

#include <errno.h>
#include <mbedtls/ecp.h>
#include <mbedtls/error.h>
#include <mbedtls/version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "net/buf.h"
#include "net/memory.h"
#include "net/tls_config.h"
#include "net/tls_peer.h"
#include "proto/limits.h"
#include "proto/status.h"

#define RECORD_HANDSHAKE 22
#define RECORD_ALERT 21
#define RECORD_PLAIN_MAX 16384
#define OUT_KEEP 1024 /* an empty queue this small stays allocated */
#define HEAD_SIZE 256 /* of a record buffer: counters, header and small records live here */

#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#define MBEDTLS_ERR_SSL_BAD_HS_PROTOCOL_VERSION MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION
#define MBEDTLS_ERR_SSL_NO_CIPHER_CHOSEN MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE
#else
#define MBEDTLS_PRIVATE(member) member
#endif

struct tls {
	struct tls_config *config;
	enum tls_state state;
	mbedtls_ssl_context ssl;

	const uint8_t *in; /* borrowed: came and not used yet */
	size_t in_n;
	struct buf out; /* encrypted, to be sent from out_at on */
	size_t out_at;

	bool began;        /* the first byte was looked at */
	bool said_goodbye; /* ours is queued */
	bool touched;      /* more than the heads of mbedTLS's record buffers since tls_rest() */
	bool offered;      /* a session of ours */
	bool resumed;
	struct tls_peer peer;
	struct error error; /* of TLS_FAILED */
};

static int fail(struct tls *t, int status, const char *text)
{
	t->state = TLS_FAILED;
	t->in_n = 0;
	t->config->counts.failed++;
	return error_set(&t->error, status, "%s", text);
}

static int answer(const struct tls *t, struct error *err)
{
	if (t->state != TLS_FAILED)
		return 0;
	if (err != NULL)
		*err = t->error;
	return t->error.status;
}

/* --- bytes to and from mbedTLS -------------------------------------------------------------- */

static int on_send(void *data, const unsigned char *p, size_t n)
{
	struct tls *t = data;

	if (t->out_at > 0) {
		buf_consume(&t->out, t->out_at);
		t->out_at = 0;
	}
	buf_append(&t->out, p, n); /* tls_write() minds the ceiling; the rest is a few small messages */
	return (int)n;
}

static int on_recv(void *data, unsigned char *p, size_t n)
{
	struct tls *t = data;

	if (t->in_n == 0)
		return MBEDTLS_ERR_SSL_WANT_READ;
	if (n > t->in_n)
		n = t->in_n;
	memcpy(p, t->in, n);
	t->in += n;
	t->in_n -= n;
	return (int)n;
}

const uint8_t *tls_out(const struct tls *t, size_t *n)
{
	*n = t->out.n - t->out_at;
	return t->out.data == NULL ? NULL : t->out.data + t->out_at;
}

size_t tls_pending_out(const struct tls *t)
{
	return t->out.n - t->out_at;
}

void tls_sent(struct tls *t, size_t n)
{
	t->out_at += n;
	if (t->out_at < t->out.n)
		return;
	t->out_at = t->out.n = 0;
	if (t->out.size > OUT_KEEP)
		buf_release(&t->out);
}

/* --- handshake ------------------------------------------------------------------------------ */

struct words {
	int rc, status;
	const char *text;
};

static const struct words words[] = {
    {MBEDTLS_ERR_SSL_BAD_HS_PROTOCOL_VERSION, STATUS_UNAVAILABLE, "the other end does not speak TLS 1.2"},
    {MBEDTLS_ERR_SSL_NO_CIPHER_CHOSEN, STATUS_UNAVAILABLE, "the other end offers no TLS cipher that is safe"},
    {MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE, STATUS_UNAVAILABLE, "the other end refused the TLS connection"},
    {MBEDTLS_ERR_SSL_INVALID_MAC, STATUS_UNAVAILABLE, "the TLS connection was tampered with or damaged"},
    {MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY, STATUS_UNAVAILABLE, "the other end ended the TLS connection"},
    {MBEDTLS_ERR_ECP_VERIFY_FAILED, STATUS_UNAUTHENTICATED, "the other end does not hold the key it shows"},
};

static int fail_peer(struct tls *t)
{
	struct error why;

	tls_peer_refuse(&t->peer, &why);
	fail(t, why.status, why.text);
	return error_hint(&t->error, "%s", why.hint);
}

static int fail_mbedtls(struct tls *t, int rc)
{
	char text[160], reason[128];

	if (errno == ENOMEM || rc == MBEDTLS_ERR_SSL_ALLOC_FAILED)
		return fail(t, STATUS_RESOURCE_EXHAUSTED, "no memory for a TLS connection");
	if (t->peer.seen && (!t->peer.accepted || mbedtls_ssl_get_verify_result(&t->ssl) != 0))
		return fail_peer(t);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (rc == words[i].rc)
			return fail(t, words[i].status, words[i].text);
	mbedtls_strerror(rc, reason, sizeof reason);
	snprintf(text, sizeof text, "TLS failed: %s", reason);
	return fail(t, STATUS_UNAVAILABLE, text);
}

static int fail_with_alert(struct tls *t, int alert, int status, const char *text)
{
	mbedtls_ssl_send_alert_message(&t->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL, (unsigned char)alert);
	return fail(t, status, text);
}

static int finish_handshake(struct tls *t)
{
	const char *protocol = mbedtls_ssl_get_alpn_protocol(&t->ssl);

	if (!t->config->server) {
		t->resumed = !t->peer.seen;
		if (t->resumed ? !t->offered : !t->peer.accepted)
			return fail_with_alert(t, MBEDTLS_SSL_ALERT_MSG_BAD_CERT, STATUS_UNAUTHENTICATED,
			                       "the other end did not show who it is");
	}
	if (protocol == NULL || strcmp(protocol, "h2") != 0)
		return fail_with_alert(t, MBEDTLS_SSL_ALERT_MSG_NO_APPLICATION_PROTOCOL, STATUS_UNAVAILABLE,
		                       "the other end did not agree to HTTP/2 (ALPN h2)");
	if (!t->config->server)
		tls_config_keep_session(t->config, &t->ssl, t->resumed);
	if (t->resumed)
		t->config->counts.resumed++;
	else
		t->config->counts.full++;
	t->state = TLS_OPEN;
	t->touched = true;
	return 0;
}

/* The whole pages of one record buffer, but for its head. */
static void give_back(unsigned char *buf, size_t n)
{
#if !defined(MBEDTLS_SSL_VARIABLE_BUFFER_LENGTH) /* there the buffers shrink by themselves */
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t from = ((uintptr_t)buf + HEAD_SIZE + page - 1) & ~(page - 1);
	uintptr_t to = ((uintptr_t)buf + n) & ~(page - 1);

	if (from < to)
		madvise((void *)from, to - from, MADV_DONTNEED);
#else
	(void)buf;
	(void)n;
#endif
}

void tls_rest(struct tls *t)
{
	mbedtls_ssl_context *ssl = &t->ssl;

	if (t->state != TLS_OPEN || !t->touched || t->in_n > 0 || ssl->MBEDTLS_PRIVATE(in_left) > 0 ||
	    ssl->MBEDTLS_PRIVATE(out_left) > 0 || mbedtls_ssl_get_bytes_avail(ssl) > 0 ||
	    mbedtls_ssl_check_pending(ssl))
		return;
	give_back(ssl->MBEDTLS_PRIVATE(in_buf), MBEDTLS_SSL_IN_CONTENT_LEN);
	give_back(ssl->MBEDTLS_PRIVATE(out_buf), MBEDTLS_SSL_OUT_CONTENT_LEN);
	t->touched = false;
}

static int step_handshake(struct tls *t)
{
	int rc;

	errno = 0;
	rc = mbedtls_ssl_handshake(&t->ssl);
	t->resumed |= t->config->ticket_taken;
	t->config->ticket_taken = false;
	if (errno == ENOMEM)
		rc = MBEDTLS_ERR_SSL_ALLOC_FAILED;
	if (rc == MBEDTLS_ERR_SSL_WANT_READ)
		return 0;
	if (rc == 0)
		rc = finish_handshake(t);
	else
		rc = fail_mbedtls(t, rc);
	if (rc != 0 && t->offered)
		tls_config_drop_session(t->config);
	return rc;
}

/* --- a connection --------------------------------------------------------------------------- */

static int start(struct tls *t)
{
	int rc = mbedtls_ssl_setup(&t->ssl, &t->config->conf);

	if (rc != 0)
		return fail_mbedtls(t, rc);
	mbedtls_ssl_set_bio(&t->ssl, t, on_send, on_recv, NULL);
	if (t->config->server)
		return 0;
	t->peer = (struct tls_peer){.host = t->config->host, .expected = t->config->pin};
	mbedtls_ssl_set_verify(&t->ssl, tls_peer_judge, &t->peer);
	rc = mbedtls_ssl_set_hostname(&t->ssl, tls_peer_name(t->config->host));
	if (rc != 0)
		return fail_mbedtls(t, rc);
	t->offered = tls_config_offer_session(t->config, &t->ssl);
	return step_handshake(t);
}

struct tls *tls_new(struct tls_config *config)
{
	struct tls *t = xcalloc(1, sizeof *t);

	config->users++;
	t->config = config;
	errno = 0;
	mbedtls_ssl_init(&t->ssl);
	start(t); /* what goes wrong is said by the first tls_in() */
	return t;
}

void tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	mbedtls_ssl_free(&t->ssl);
	buf_release(&t->out);
	tls_config_release(t->config);
	free(t);
}

enum tls_state tls_state(const struct tls *t)
{
	return t->state;
}

bool tls_is_hello(const void *data, size_t n)
{
	const uint8_t *p = data;

	return p[0] == RECORD_HANDSHAKE && (n == 1 || p[1] == 3);
}

/* Clear text on a TLS port is common enough to be told so. */
static int check_first_bytes(struct tls *t)
{
	t->began = true;
	if (tls_is_hello(t->in, t->in_n) || (!t->config->server && t->in[0] == RECORD_ALERT))
		return 0;
	return fail(t, STATUS_UNAVAILABLE, "the other end does not speak TLS");
}

int tls_in(struct tls *t, const void *data, size_t n, struct error *err)
{
	if (t->state == TLS_HANDSHAKE && n > 0) {
		t->in = data;
		t->in_n = n;
		if (t->began || check_first_bytes(t) == 0)
			step_handshake(t);
	} else if (t->state == TLS_OPEN) {
		t->in = data;
		t->in_n = n;
		t->touched |= n > HEAD_SIZE;
	}
	return answer(t, err);
}

/* During a read mbedTLS sends only alerts: to end the connection, or to decline a renegotiation. */
static int check_quiet(struct tls *t, size_t before)
{
	if (tls_pending_out(t) <= before)
		return 0;
	return fail_with_alert(t, MBEDTLS_SSL_ALERT_MSG_NO_RENEGOTIATION, STATUS_UNAVAILABLE,
	                       "the other end asked to renegotiate");
}

int tls_read(struct tls *t, void *buf, size_t size, size_t *got, struct error *err)
{
	size_t before = tls_pending_out(t);
	int rc;

	*got = 0;
	if (t->state != TLS_OPEN)
		return answer(t, err);
	errno = 0;
	rc = mbedtls_ssl_read(&t->ssl, buf, size);
	if (errno == ENOMEM)
		fail_mbedtls(t, rc);
	else if (rc == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
		t->state = TLS_CLOSED;
	else if (rc <= 0 && rc != MBEDTLS_ERR_SSL_WANT_READ)
		fail_mbedtls(t, rc);
	else if (check_quiet(t, before) == 0 && rc > 0)
		*got = (size_t)rc;
	return answer(t, err);
}

int tls_write(struct tls *t, const void *data, size_t n, size_t *taken, struct error *err)
{
	const uint8_t *p = data;
	bool writable = (t->state == TLS_OPEN || t->state == TLS_CLOSED) && !t->said_goodbye;

	*taken = 0;
	t->touched |= n > HEAD_SIZE;
	errno = 0;
	while (writable && *taken < n && tls_pending_out(t) < TLS_QUEUE_HIGH) {
		size_t piece = n - *taken < RECORD_PLAIN_MAX ? n - *taken : RECORD_PLAIN_MAX;
		int rc = mbedtls_ssl_write(&t->ssl, p + *taken, piece);

		if (rc <= 0 || errno == ENOMEM) {
			fail_mbedtls(t, rc);
			break;
		}
		*taken += (size_t)rc;
	}
	return answer(t, err);
}

void tls_close(struct tls *t)
{
	if (t->said_goodbye || t->state == TLS_FAILED)
		return;
	t->said_goodbye = true;
	mbedtls_ssl_close_notify(&t->ssl);
}

int tls_end(struct tls *t, struct error *err)
{
	if (t->state != TLS_CLOSED && t->state != TLS_FAILED)
		fail(t, STATUS_UNAVAILABLE,
		     t->state == TLS_HANDSHAKE ? "the other end hung up during the TLS handshake"
		                               : "the connection was cut off");
	return answer(t, err);
}

int tls_error(const struct tls *t, struct error *err)
{
	return answer(t, err);
}

const char *tls_peer_pin(const struct tls *t)
{
	return t->peer.pin;
}

bool tls_resumed(const struct tls *t)
{
	return t->resumed;
}
