/* net/stream.c - see stream.h.
 *
 * Happy path: start, on_data..., write -> uv_try_write takes all. When it does not: the rest flies with
 * uv_write, what is written meanwhile waits, on_wrote sends it after, on_drained when both are empty.
 * Failures: whichever of reading and writing breaks first ends the stream; on_end comes once. */
#include "net/stream.h"

#include <assert.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "proto/limits.h"

#define READ_SIZE (128 * 1024)

/* Reading and using what was read is one callback, so one buffer serves every stream of a thread. */
static _Thread_local uint8_t read_buffer[READ_SIZE];

void stream_init(struct stream *s, struct loop *l, bool unix_socket, const struct stream_events *on)
{
	memset(s, 0, sizeof *s);
	s->loop = l;
	s->on = on;
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

static void bytes_in(struct stream *s, const uint8_t *data, size_t n)
{
	s->on->on_data(s, data, n);
}

static void on_read(uv_stream_t *io, ssize_t n, const uv_buf_t *buf)
{
	struct stream *s = (struct stream *)io; /* the handle is the first member */

	if (n > 0)
		bytes_in(s, (const uint8_t *)buf->base, (size_t)n);
	else if (n < 0)
		end(s, n == UV_EOF ? 0 : (int)n);
}

/* A peer that vanished without a word must not hold bytes, a call and a person for fifteen minutes, nor
 * an idle connection for ever. */
static void tune_tcp(struct stream *s)
{
	unsigned timeout_ms = PEER_TIMEOUT_MS;
	uv_os_fd_t fd;

	uv_tcp_nodelay(&s->uv.tcp, 1);
	uv_tcp_keepalive(&s->uv.tcp, 1, KEEPALIVE_S);
	if (uv_fileno(&s->uv.handle, &fd) == 0)
		setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof timeout_ms);
}

void stream_start(struct stream *s)
{
	if (s->uv.handle.type == UV_TCP)
		tune_tcp(s);
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

static void bytes_out(struct stream *s, const uint8_t *data, size_t n)
{
	uv_buf_t buf = uv_buf_init((char *)data, (unsigned)n);
	int sent = s->write_open ? UV_EAGAIN : uv_try_write(&s->uv.io, &buf, 1);

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

void stream_write(struct stream *s, const void *data, size_t n)
{
	if (n > 0 && !s->ended && !s->closing && !s->fail.waiting)
		bytes_out(s, data, n);
}

bool stream_pending(const struct stream *s)
{
	return s->write_open;
}

/* --- the end --------------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
	struct stream *s = (struct stream *)handle;

	assert(!s->write_open);
	buf_release(&s->waiting);
	s->closed(s);
}

void stream_close(struct stream *s, void (*closed)(struct stream *s))
{
	assert(!s->closing);
	s->closing = true;
	s->closed = closed;
	loop_undefer(s->loop, &s->fail);
	uv_close(&s->uv.handle, on_closed);
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
