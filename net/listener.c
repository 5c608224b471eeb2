#include "net/listener.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "proto/status.h"

#define BACKLOG 4096 /* at most; the kernel knows a bound of its own */

static int words(const struct endpoint *at, int rc, struct error *err)
{
	char where[300];
	int status = status_from_errno(-rc);

	endpoint_text(at, where, sizeof where);
	if (rc == UV_EADDRINUSE) {
		error_set(err, STATUS_ALREADY_EXISTS, "cannot listen on %s: it is in use", where);
		error_hint(err, "end the program that uses it, or choose another with --listen");
		return STATUS_ALREADY_EXISTS;
	}
	if (status != STATUS_PERMISSION_DENIED)
		status = STATUS_INVALID_ARGUMENT;
	return error_set(err, status, "cannot listen on %s: %s", where, uv_strerror(rc));
}

/* --- unix sockets ---------------------------------------------------------------------------- */

/* Does nobody answer at this socket file? Connecting to a unix socket does not wait. */
static bool left_behind(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat st;
	int fd, rc;

	if (lstat(path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	memcpy(address.sun_path, path, strlen(path) + 1); /* endpoint.path is as long as sun_path */
	rc = connect(fd, (struct sockaddr *)&address, sizeof address);
	close(fd);
	return rc != 0 && errno == ECONNREFUSED;
}

/* libuv says "permission denied" for a directory that does not exist. */
static bool directory_missing(const char *path)
{
	const char *slash = strrchr(path, '/');
	char directory[108];

	if (slash == NULL || slash == path)
		return false;
	snprintf(directory, sizeof directory, "%.*s", (int)(slash - path), path);
	return access(directory, F_OK) != 0;
}

static int bind_unix(struct listener *ls, const struct endpoint *at)
{
	int rc;

	if (left_behind(at->path))
		unlink(at->path);
	rc = uv_pipe_bind(&ls->uv.pipe, at->path);
	if (rc == UV_EACCES && directory_missing(at->path))
		return UV_ENOENT;
	if (rc == 0 && chmod(at->path, 0600) != 0) /* nobody can connect before uv_listen() */
		rc = -errno;
	return rc;
}

/* --- TCP ------------------------------------------------------------------------------------- */

static int look_up(struct loop *l, const struct endpoint *at, struct sockaddr_storage *address)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	uv_getaddrinfo_t req;
	int rc = uv_ip4_addr(at->host, at->port, (struct sockaddr_in *)address);

	if (rc != 0)
		rc = uv_ip6_addr(at->host, at->port, (struct sockaddr_in6 *)address);
	if (rc == 0)
		return 0;
	/* A name: at start, before there is anything that could wait. */
	rc = uv_getaddrinfo(&l->uv, &req, NULL, at->host, NULL, &hints);
	if (rc != 0)
		return rc;
	memcpy(address, req.addrinfo->ai_addr, req.addrinfo->ai_addrlen);
	uv_freeaddrinfo(req.addrinfo);
	((struct sockaddr_in *)address)->sin_port = htons((uint16_t)at->port); /* same place in both */
	return 0;
}

static int bind_tcp(struct listener *ls, struct loop *l, const struct endpoint *at)
{
	struct sockaddr_storage address = {0};
	int rc = look_up(l, at, &address);

	if (rc == 0)
		rc = uv_tcp_bind(&ls->uv.tcp, (struct sockaddr *)&address, 0);
	if (rc == UV_EAFNOSUPPORT &&
	    strcmp(at->host, "::") == 0) { /* every address, on a machine without IPv6 */
		uv_ip4_addr("0.0.0.0", at->port, (struct sockaddr_in *)&address);
		rc = uv_tcp_bind(&ls->uv.tcp, (struct sockaddr *)&address, 0);
	}
	return rc;
}

static int read_port(const struct listener *ls, struct endpoint *at)
{
	struct sockaddr_storage address = {0};
	int length = sizeof address;
	int rc = uv_tcp_getsockname(&ls->uv.tcp, (struct sockaddr *)&address, &length);

	if (rc == 0)
		at->port = ntohs(((struct sockaddr_in *)&address)->sin_port);
	return rc;
}

/* --- both ------------------------------------------------------------------------------------ */

static void on_connection(uv_stream_t *io, int status)
{
	struct listener *ls = (struct listener *)io;

	if (status == 0)
		ls->on_connection(ls);
}

int listener_open(struct listener *ls, struct loop *l, struct endpoint *at,
                  void (*closed)(struct listener *ls), struct error *err)
{
	bool unix_socket = at->path[0] != '\0';
	int rc;

	ls->loop = l;
	ls->closed = closed;
	if (unix_socket)
		uv_pipe_init(&l->uv, &ls->uv.pipe, 0);
	else
		uv_tcp_init(&l->uv, &ls->uv.tcp);
	rc = unix_socket ? bind_unix(ls, at) : bind_tcp(ls, l, at);
	if (rc == 0)
		rc = uv_listen(&ls->uv.io, BACKLOG, on_connection);
	if (rc == 0 && !unix_socket)
		rc = read_port(ls, at);
	if (rc == 0)
		return 0;
	listener_close(ls);
	return words(at, rc, err);
}

int listener_accept(struct listener *ls, struct stream *s, const struct stream_events *on)
{
	int rc;

	stream_init(s, ls->loop, ls->uv.handle.type == UV_NAMED_PIPE, on);
	rc = uv_accept(&ls->uv.io, &s->uv.io);
	if (rc == 0)
		stream_start(s);
	return rc;
}

static void on_closed(uv_handle_t *handle)
{
	struct listener *ls = (struct listener *)handle;

	ls->closed(ls);
}

void listener_close(struct listener *ls)
{
	if (!uv_is_closing(&ls->uv.handle))
		uv_close(&ls->uv.handle, on_closed);
}
