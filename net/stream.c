/* net/stream.c - see stream.h.
 *
 * Happy path: start, on_data..., write -> uv_try_write takes all. When it does not: the rest flies with
 * uv_write, what is written meanwhile waits, on_wrote sends it after, on_drained when both are empty.
 * A listener's stream first looks at what comes: first_bytes(). With TLS, bytes go through net/tls.h both
 * ways. Failures: whichever of reading and writing breaks first ends the stream; on_end comes once. */
#include "net/stream.h"

#include <assert.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "net/memory.h"
#include "net/metrics.h"
#include "net/tls.h"
#include "proto/limits.h"

#define READ_SIZE (128 * 1024)
#ifndef TCP_RTO_MAX_MS
#define TCP_RTO_MAX_MS 44 /* newer than the headers of Debian 12 */
#endif

/* Reading and using what was read is one callback, so one buffer serves every stream of a thread. */
static _Thread_local uint8_t read_buffer[READ_SIZE];
static _Thread_local uint8_t plain_buffer[16 * 1024]; /* one TLS record */

void stream_init(struct stream *s, struct loop *l, bool unix_socket, const struct stream_events *on)
{
	memset(s, 0, sizeof *s);
	s->loop = l;
	s->on = on;
	s->handles = 1;
	if (unix_socket)
		uv_pipe_init(&l->uv, &s->uv.pipe, 0);
	else
		uv_tcp_init(&l->uv, &s->uv.tcp);
}

static void end(struct stream *s, int reason)
{
	if (s->ended || s->closing)
		return;
	s->ended = true;
	uv_read_stop(&s->uv.io);
	s->on->on_end(s, reason);
}

static void on_fail(struct deferred *d)
{
	struct stream *s = (struct stream *)((char *)d - offsetof(struct stream, fail));

	end(s, s->reason);
}

/* A write broke: say so, but not from inside stream_write(). */
static void fail_later(struct stream *s, int reason)
{
	s->reason = reason;
	if (!s->ended && !s->closing)
		loop_defer(s->loop, &s->fail, on_fail);
}

/* --- bytes in -------------------------------------------------------------------------------- */

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	(void)handle;
	(void)size;
	*buf = uv_buf_init((char *)read_buffer, sizeof read_buffer);
}

static void send_out(struct stream *s, const uint8_t *data, size_t n);

/* What TLS has to say to the other end. */
static void send_tls(struct stream *s)
{
	size_t n;
	const uint8_t *data = tls_out(s->tls, &n);

	if (n > 0)
		send_out(s, data, n);
	tls_sent(s->tls, n);
}

/* Something moved: look in a while whether it has become quiet. */
static void rest_later(struct stream *s)
{
	if (!timer_armed(&s->patience) && !s->closing)
		timer_set(&s->patience, TLS_REST_MS);
}

static void tls_bytes_in(struct stream *s, const uint8_t *data, size_t n)
{
	bool waited = tls_state(s->tls) == TLS_HANDSHAKE;
	size_t got = 1;
	int rc = tls_in(s->tls, data, n, NULL);

	while (rc == 0 && got > 0 && !s->closing && !s->ended) {
		rc = tls_read(s->tls, plain_buffer, sizeof plain_buffer, &got, NULL);
		if (got > 0)
			s->on->on_data(s, plain_buffer, got);
	}
	if (s->closing || s->ended)
		return;
	send_tls(s);
	rest_later(s);
	if (waited && tls_state(s->tls) == TLS_OPEN) {
		timer_clear(&s->patience);
		tls_rest(s->tls);
		if (!s->write_open)
			s->on->on_drained(s); /* else it comes when the last of the handshake has gone */
	}
	if (tls_state(s->tls) == TLS_CLOSED)
		end(s, 0);
	else if (rc != 0)
		end(s, STREAM_TLS);
}

/* A client of HTTP/2 begins with "PRI * HTTP/2.0"; the engine checks the rest of it. */
static bool is_http2(const uint8_t *data, size_t n)
{
	return memcmp(data, "PRI ", n < 4 ? n : 4) == 0;
}

/* True: it has been decided how to go on. */
static bool first_bytes(struct stream *s, const uint8_t *data, size_t n)
{
	const struct stream_opening *o = s->opening;

	s->opening = NULL;
	if (o->tls != NULL && tls_is_hello(data, n)) {
		s->tls = tls_new(o->tls);
		return true;
	}
	if (is_http2(data, n) && (o->tls == NULL || stream_is_local(s)))
		return true;
	send_out(s, (const uint8_t *)o->otherwise, strlen(o->otherwise));
	fail_later(s, STREAM_STRANGER);
	return false;
}

static void bytes_in(struct stream *s, const uint8_t *data, size_t n)
{
	bool first = s->opening != NULL;

	if (s->fail.waiting || (first && !first_bytes(s, data, n)))
		return;
	if (s->tls != NULL)
		tls_bytes_in(s, data, n);
	else
		s->on->on_data(s, data, n);
	if (first && s->tls == NULL && !s->ended && !s->closing && !s->write_open)
		s->on->on_drained(s);
}

static void socket_ended(struct stream *s, int reason)
{
	if (s->tls != NULL)
		tls_end(s->tls, NULL); /* for stream_error() */
	end(s, reason);
}

static void on_read(uv_stream_t *io, ssize_t n, const uv_buf_t *buf)
{
	struct stream *s = (struct stream *)io; /* the handle is the first member */

	if (n > 0) {
		metrics_add(METRIC_BYTES, 0, 0, (double)n);
		bytes_in(s, (const uint8_t *)buf->base, (size_t)n);
	}
	else if (n < 0 && !s->fail.waiting)
		socket_ended(s, n == UV_EOF ? 0 : (int)n);
}

/* Where packets are lost, a heartbeat must not wait for TCP's back-off, which has doubled its patience to 6
 * s after five losses: a stream that says little (under four packets on their way) is sent again at an even
 * pace six times, which BBR prevents, and later every RETRANSMIT_MAX_MS, which Linux can since 6.15. What
 * the system does not know it refuses. */
static void be_persistent(int fd)
{
	int thin = 1, longest_ms = RETRANSMIT_MAX_MS;

	setsockopt(fd, IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, &thin, sizeof thin);
	setsockopt(fd, IPPROTO_TCP, TCP_RTO_MAX_MS, &longest_ms, sizeof longest_ms);
}

/* A peer that vanished without a word must not hold bytes, a call and a person for fifteen minutes, nor
 * an idle connection for ever. What the system takes and has not sent is bounded: a peer that does not
 * read fills that and shows at once, where the system's own buffers take 4 MiB in pieces over minutes. */
static void tune_tcp(struct stream *s)
{
	unsigned timeout_ms = PEER_TIMEOUT_MS;
	int unsent = UNSENT_BYTES;
	uv_os_fd_t fd;

	uv_tcp_nodelay(&s->uv.tcp, 1);
	uv_tcp_keepalive(&s->uv.tcp, 1, KEEPALIVE_S);
	if (uv_fileno(&s->uv.handle, &fd) != 0)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof timeout_ms);
	setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
	be_persistent(fd);
}

static void on_impatient(struct timer *t)
{
	struct stream *s = container_of(t, struct stream, patience);

	if (s->tls != NULL && tls_state(s->tls) != TLS_HANDSHAKE)
		tls_rest(s->tls);
	else
		end(s, UV_ETIMEDOUT);
}

void stream_secure(struct stream *s, struct tls_config *config)
{
	s->tls = tls_new(config);
	timer_init(s->loop, &s->patience, on_impatient);
	timer_set(&s->patience, CONNECT_TIMEOUT_MS);
	s->handles++;
}

void stream_expect(struct stream *s, const struct stream_opening *opening)
{
	s->opening = opening;
	timer_init(s->loop, &s->patience, on_impatient);
	s->handles++;
}

struct error stream_error(struct stream *s)
{
	struct error e = {0};

	if (s->tls != NULL)
		tls_error(s->tls, &e);
	return e;
}

const char *stream_why(int reason)
{
	if (reason == 0)
		return "the peer closed the connection";
	if (reason == STREAM_TLS)
		return "TLS failed";
	if (reason == STREAM_STRANGER)
		return "the peer speaks neither TLS nor, from this machine, HTTP/2";
	return uv_strerror(reason);
}

void stream_start(struct stream *s)
{
	if (s->uv.handle.type == UV_TCP)
		tune_tcp(s);
	if (s->tls != NULL)
		send_tls(s); /* a client's hello */
	stream_resume(s);
}

void stream_pause(struct stream *s)
{
	uv_read_stop(&s->uv.io);
}

void stream_resume(struct stream *s)
{
	int rc;

	if (s->ended || s->closing)
		return;
	rc = uv_read_start(&s->uv.io, on_alloc, on_read);
	if (rc != 0 && rc != UV_EALREADY)
		fail_later(s, rc);
}

/* --- bytes out ------------------------------------------------------------------------------- */

static void fly(struct stream *s);

static void on_wrote(uv_write_t *write, int status)
{
	struct stream *s = (struct stream *)((char *)write - offsetof(struct stream, write));

	s->write_open = false;
	buf_release(&s->flying);
	if (s->closing || s->ended)
		return;
	if (status != 0)
		fail_later(s, status);
	else if (s->waiting.n > 0)
		fly(s);
	else
		s->on->on_drained(s);
}

/* Hand what waits to libuv. */
static void fly(struct stream *s)
{
	uv_buf_t buf;
	int rc;

	s->flying = s->waiting;
	s->waiting = (struct buf){0};
	buf = uv_buf_init((char *)s->flying.data, (unsigned)s->flying.n);
	s->write_open = true;
	rc = uv_write(&s->write, &s->uv.io, &buf, 1, on_wrote);
	if (rc != 0) {
		s->write_open = false;
		buf_release(&s->flying);
		fail_later(s, rc);
	}
}

static void send_out(struct stream *s, const uint8_t *data, size_t n)
{
	uv_buf_t buf = uv_buf_init((char *)data, (unsigned)n);
	int sent = s->write_open ? UV_EAGAIN : uv_try_write(&s->uv.io, &buf, 1);

	metrics_add(METRIC_BYTES, 1, 0, (double)n);
	if (sent == UV_EAGAIN)
		sent = 0;
	if (sent < 0) {
		fail_later(s, sent);
		return;
	}
	if ((size_t)sent == n)
		return;
	if (buf_append(&s->waiting, data + sent, n - (size_t)sent) != 0)
		fail_later(s, UV_ENOBUFS);
	else if (!s->write_open)
		fly(s);
}

static void bytes_out(struct stream *s, const uint8_t *data, size_t n)
{
	size_t taken = 1;

	if (s->tls == NULL) {
		send_out(s, data, n);
		return;
	}
	assert(tls_state(s->tls) != TLS_HANDSHAKE); /* stream_pending() said so */
	rest_later(s);
	for (; n > 0 && taken > 0; data += taken, n -= taken) {
		if (tls_write(s->tls, data, n, &taken, NULL) != 0)
			fail_later(s, STREAM_TLS);
		send_tls(s);
	}
}

void stream_write(struct stream *s, const void *data, size_t n)
{
	if (n > 0 && !s->ended && !s->closing && !s->fail.waiting)
		bytes_out(s, data, n);
}

bool stream_pending(const struct stream *s)
{
	return s->write_open || s->opening != NULL || (s->tls != NULL && tls_state(s->tls) == TLS_HANDSHAKE);
}

/* --- the end --------------------------------------------------------------------------------- */

void stream_give_up(struct stream *s)
{
	const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
	uv_os_fd_t fd;

	if (uv_fileno(&s->uv.handle, &fd) == 0)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

static void one_closed(struct stream *s)
{
	if (--s->handles > 0)
		return;
	assert(!s->write_open);
	buf_release(&s->waiting);
	tls_free(s->tls);
	s->closed(s);
}

static void on_closed(uv_handle_t *handle)
{
	one_closed((struct stream *)handle);
}

static void on_patience_closed(struct timer *t)
{
	one_closed(container_of(t, struct stream, patience));
}

void stream_close(struct stream *s, void (*closed)(struct stream *s))
{
	assert(!s->closing);
	if (s->tls != NULL && !s->ended && !s->fail.waiting) {
		tls_close(s->tls); /* the goodbye, as far as the kernel takes it */
		send_tls(s);
	}
	s->closing = true;
	s->closed = closed;
	loop_undefer(s->loop, &s->fail);
	uv_close(&s->uv.handle, on_closed);
	if (s->handles > 1)
		timer_close(&s->patience, on_patience_closed);
}

bool stream_is_local(const struct stream *s)
{
	struct sockaddr_storage address;
	const struct sockaddr_in *four = (const struct sockaddr_in *)&address;
	const struct in6_addr *six = &((const struct sockaddr_in6 *)&address)->sin6_addr;
	int length = sizeof address;

	if (s->uv.handle.type != UV_TCP)
		return true;
	if (uv_tcp_getpeername(&s->uv.tcp, (struct sockaddr *)&address, &length) != 0)
		return false;
	if (address.ss_family == AF_INET)
		return ntohl(four->sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(six) || (IN6_IS_ADDR_V4MAPPED(six) && six->s6_addr[12] == 127);
}

void stream_peer(const struct stream *s, char *text, size_t n)
{
	struct sockaddr_storage address;
	char host[48] = "";
	int length = sizeof address;

	if (s->uv.handle.type != UV_TCP ||
	    uv_tcp_getpeername(&s->uv.tcp, (struct sockaddr *)&address, &length) != 0) {
		snprintf(text, n, "unix");
		return;
	}
	if (address.ss_family == AF_INET6) {
		const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&address;

		uv_ip6_name(six, host, sizeof host);
		snprintf(text, n, "[%s]:%d", host, ntohs(six->sin6_port));
	} else {
		const struct sockaddr_in *four = (const struct sockaddr_in *)&address;

		uv_ip4_name(four, host, sizeof host);
		snprintf(text, n, "%s:%d", host, ntohs(four->sin_port));
	}
}
