/* store/redis_link.c - what hiredis asks of an event library, in terms of uv_poll_t. */
#include "store/redis_link.h"

#include <stdbool.h>
#include <stdlib.h>

#include "net/loop.h"
#include "net/memory.h"

struct link {
	uv_poll_t poll;
	redisAsyncContext *context;
	int events;
	bool is_gone; /* the context is freed or being freed */
	void (*gone)(redisAsyncContext *context, void *user);
	void (*closed)(void *user);
	void *user;
};

/* Linux reports a refused connection as POLLERR, which libuv gives as a negative status. hiredis
 * learns of it only by trying: the write side asks for the socket's error. */
static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct link *link = container_of(poll, struct link, poll);

	if (status < 0)
		events = UV_READABLE | UV_WRITABLE;
	if (events & UV_WRITABLE && !link->is_gone)
		redisAsyncHandleWrite(link->context);
	if (events & UV_READABLE && !link->is_gone)
		redisAsyncHandleRead(link->context);
	if (status < 0 && !link->is_gone)
		redisAsyncFree(link->context);
}

static void want(struct link *link, int events)
{
	if (link->is_gone || link->events == events)
		return;
	link->events = events;
	if (events == 0)
		uv_poll_stop(&link->poll);
	else
		uv_poll_start(&link->poll, events, on_ready);
}

static void add_read(void *p)
{
	want(p, ((struct link *)p)->events | UV_READABLE);
}

static void del_read(void *p)
{
	want(p, ((struct link *)p)->events & ~UV_READABLE);
}

static void add_write(void *p)
{
	want(p, ((struct link *)p)->events | UV_WRITABLE);
}

static void del_write(void *p)
{
	want(p, ((struct link *)p)->events & ~UV_WRITABLE);
}

static void on_closed(uv_handle_t *handle)
{
	struct link *link = container_of((uv_poll_t *)handle, struct link, poll);

	link->closed(link->user);
	free(link);
}

static void cleanup(void *p)
{
	struct link *link = p;

	link->is_gone = true;
	uv_close((uv_handle_t *)&link->poll, on_closed);
	link->gone(link->context, link->user);
}

int redis_link(uv_loop_t *loop, redisAsyncContext *context,
	       void (*gone)(redisAsyncContext *context, void *user), void (*closed)(void *user), void *user)
{
	struct link *link = xcalloc(1, sizeof(*link));
	int rc = uv_poll_init(loop, &link->poll, context->c.fd);

	if (rc != 0) {
		free(link);
		return rc;
	}
	link->context = context;
	link->gone = gone;
	link->closed = closed;
	link->user = user;
	context->ev.data = link;
	context->ev.addRead = add_read;
	context->ev.delRead = del_read;
	context->ev.addWrite = add_write;
	context->ev.delWrite = del_write;
	context->ev.cleanup = cleanup;
	return 0;
}
