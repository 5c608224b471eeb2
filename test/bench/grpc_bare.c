/* test/bench/grpc_bare.c - the least that can answer unary gRPC calls with nghttp2 and libuv: no
 * descriptors, no checks, no limits, one message of at most 4 KiB a call. It is what our server is
 * compared with, no product.
 *
 * Prints its port, serves until it is killed. */
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define MESSAGE_SIZE 4096
#define OUT_SIZE (64 * 1024)

struct call {
	size_t n, at;
	unsigned char message[MESSAGE_SIZE];
};

struct peer {
	uv_tcp_t tcp;
	nghttp2_session *ng;
};

static uv_loop_t *loop;
static nghttp2_session_callbacks *callbacks;
static char in[64 * 1024];
static unsigned char out[OUT_SIZE];

/* --- out ------------------------------------------------------------------------------------------ */

static void write_all(struct peer *p, unsigned char *data, size_t n)
{
	while (n > 0) {
		uv_buf_t piece = uv_buf_init((char *)data, (unsigned)n);
		int rc = uv_try_write((uv_stream_t *)&p->tcp, &piece, 1);

		if (rc < 0 && rc != UV_EAGAIN)
			return;
		if (rc > 0) {
			data += rc;
			n -= (size_t)rc;
		}
	}
}

static void flush(struct peer *p)
{
	const uint8_t *data;
	size_t used = 0;
	ssize_t n;

	while ((n = nghttp2_session_mem_send(p->ng, &data)) > 0) {
		if (used + (size_t)n > OUT_SIZE) {
			write_all(p, out, used);
			used = 0;
		}
		memcpy(out + used, data, (size_t)n);
		used += (size_t)n;
	}
	write_all(p, out, used);
}

static ssize_t read_message(nghttp2_session *ng, int32_t id, uint8_t *buf, size_t length, uint32_t *flags,
                            nghttp2_data_source *source, void *user)
{
	static const nghttp2_nv status = {(uint8_t *)"grpc-status", (uint8_t *)"0", 11, 1, NGHTTP2_NV_FLAG_NONE};
	struct call *c = source->ptr;

	(void)user;
	if (length > c->n - c->at)
		length = c->n - c->at;
	memcpy(buf, c->message + c->at, length);
	c->at += length;
	if (c->at == c->n) {
		*flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
		nghttp2_submit_trailer(ng, id, &status, 1);
	}
	return (ssize_t)length;
}

/* --- in ------------------------------------------------------------------------------------------- */

static int on_begin(nghttp2_session *ng, const nghttp2_frame *frame, void *user)
{
	(void)user;
	nghttp2_session_set_stream_user_data(ng, frame->hd.stream_id, calloc(1, sizeof(struct call)));
	return 0;
}

static int on_data(nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *data, size_t n, void *user)
{
	struct call *c = nghttp2_session_get_stream_user_data(ng, id);

	(void)flags;
	(void)user;
	if (c->n + n <= MESSAGE_SIZE) {
		memcpy(c->message + c->n, data, n);
		c->n += n;
	}
	return 0;
}

static int on_frame(nghttp2_session *ng, const nghttp2_frame *frame, void *user)
{
	static const nghttp2_nv head[] = {
	    {(uint8_t *)":status", (uint8_t *)"200", 7, 3, NGHTTP2_NV_FLAG_NONE},
	    {(uint8_t *)"content-type", (uint8_t *)"application/grpc", 12, 16, NGHTTP2_NV_FLAG_NONE}};
	nghttp2_data_provider message = {.read_callback = read_message};

	(void)user;
	if (frame->hd.type != NGHTTP2_DATA || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		return 0;
	message.source.ptr = nghttp2_session_get_stream_user_data(ng, frame->hd.stream_id);
	nghttp2_submit_response(ng, frame->hd.stream_id, head, 2, &message);
	return 0;
}

static int on_close(nghttp2_session *ng, int32_t id, uint32_t code, void *user)
{
	(void)code;
	(void)user;
	free(nghttp2_session_get_stream_user_data(ng, id));
	return 0;
}

/* --- connections ---------------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
	struct peer *p = (struct peer *)handle;

	nghttp2_session_del(p->ng);
	free(p);
}

static void on_alloc(uv_handle_t *handle, size_t n, uv_buf_t *buf)
{
	(void)handle;
	(void)n;
	*buf = uv_buf_init(in, sizeof in);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct peer *p = (struct peer *)stream;

	if (n < 0 || nghttp2_session_mem_recv(p->ng, (uint8_t *)buf->base, (size_t)n) < 0)
		uv_close((uv_handle_t *)stream, on_closed);
	else
		flush(p);
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct peer *p = calloc(1, sizeof *p);

	(void)status;
	uv_tcp_init(loop, &p->tcp);
	nghttp2_session_server_new(&p->ng, callbacks, p);
	if (uv_accept(listener, (uv_stream_t *)&p->tcp) != 0) {
		uv_close((uv_handle_t *)&p->tcp, on_closed);
		return;
	}
	uv_tcp_nodelay(&p->tcp, 1);
	nghttp2_submit_settings(p->ng, NGHTTP2_FLAG_NONE, NULL, 0);
	flush(p);
	uv_read_start((uv_stream_t *)&p->tcp, on_alloc, on_read);
}

int main(void)
{
	struct sockaddr_in at;
	int length = sizeof at;
	uv_tcp_t listener;

	loop = uv_default_loop();
	nghttp2_session_callbacks_new(&callbacks);
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
	uv_tcp_init(loop, &listener);
	uv_ip4_addr("127.0.0.1", 0, &at);
	uv_tcp_bind(&listener, (struct sockaddr *)&at, 0);
	if (uv_listen((uv_stream_t *)&listener, 4096, on_connection) != 0)
		return 1;
	uv_tcp_getsockname(&listener, (struct sockaddr *)&at, &length);
	printf("%d\n", ntohs(at.sin_port));
	fflush(stdout);
	return uv_run(loop, UV_RUN_DEFAULT);
}
