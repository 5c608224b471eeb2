/* store/redis_link.h - hiredis on our loop: one poll handle for one asynchronous context.
 *
 * hiredis frees its context by itself when anything goes wrong, and says so to nobody but its event library.
 * So gone() is how the end of a connection becomes known: once, from inside hiredis's teardown, with the
 * context for the last time. closed() follows when the handle is closed. */
#ifndef STORE_REDIS_LINK_H
#define STORE_REDIS_LINK_H

#include <hiredis/async.h>
#include <uv.h>

/* Returns 0, or libuv's error: the context is the caller's as before, and neither call comes. */
int redis_link(uv_loop_t *loop, redisAsyncContext *context,
	       void (*gone)(redisAsyncContext *context, void *user), void (*closed)(void *user), void *user);

#endif
