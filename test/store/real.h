/* test/store/real.h - what the tests of store/ share: a loop, a real Redis in a folder of its own, and
 * waiting. */
#ifndef TEST_STORE_REAL_H
#define TEST_STORE_REAL_H

#define _GNU_SOURCE /* nftw */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/clock.h"
#include "net/loop.h"
#include "net/memory.h"
#include "proto/status.h"
#include "store/redis_child.h"
#include "store/store.h"

#define DEADLINE_MS 20000

struct real {
	struct loop loop;
	char dir[64];
	struct redis_child *child;
	struct store *store;
	struct redis_address address;
	bool ready, up, child_closed, store_closed;
	int ups, downs;
	struct error child_error, down;
};

/* Run the loop until *flag is true; fail after DEADLINE_MS. */
static inline void run_until(struct loop *loop, const bool *flag)
{
	int64_t deadline = clock_ms() + DEADLINE_MS;

	while (!*flag) {
		assert_true(clock_ms() < deadline);
		if (uv_run(&loop->uv, UV_RUN_NOWAIT) >= 0 && !*flag)
			usleep(200);
	}
}

static inline void real_on_ready(void *user, const struct error *err)
{
	struct real *r = user;

	r->ready = true;
	r->child_error = *err;
}

static inline void real_on_up(struct store *s, void *user)
{
	struct real *r = user;

	(void)s;
	r->up = true;
	r->ups++;
}

static inline void real_on_down(struct store *s, const struct error *err, void *user)
{
	struct real *r = user;

	(void)s;
	r->up = false;
	r->downs++;
	r->down = *err;
}

static inline void real_set(void *flag)
{
	*(bool *)flag = true;
}

static inline int real_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static inline void real_open_store(struct real *r)
{
	const struct store_events events = {.on_up = real_on_up, .on_down = real_on_down, .user = r};

	r->up = r->store_closed = false;
	r->store = store_open(&r->loop, &r->address, &events);
}

static inline void real_close_store(struct real *r)
{
	store_close(r->store, real_set, &r->store_closed);
	run_until(&r->loop, &r->store_closed);
	r->store = NULL;
}

static inline void real_start_child(struct real *r)
{
	r->ready = r->child_closed = false;
	r->child = redis_child_start(&r->loop, r->dir, real_on_ready, r);
	run_until(&r->loop, &r->ready);
}

static inline void real_close_child(struct real *r)
{
	redis_child_close(r->child, real_set, &r->child_closed);
	run_until(&r->loop, &r->child_closed);
	r->child = NULL;
}

/* A loop, a temp folder, a Redis of our own, a store that is up. */
static inline void real_start(struct real *r)
{
	*r = (struct real){.dir = "/tmp/store-test-XXXXXX"};
	assert_non_null(mkdtemp(r->dir));
	loop_init(&r->loop);
	real_start_child(r);
	assert_string_equal(r->child_error.text, "");
	text_copy(r->address.path, sizeof(r->address.path), redis_child_socket(r->child));
	real_open_store(r);
	run_until(&r->loop, &r->up);
}

static inline void real_end(struct real *r)
{
	if (r->store != NULL)
		real_close_store(r);
	if (r->child != NULL)
		real_close_child(r);
	loop_close(&r->loop);
	nftw(r->dir, real_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* A store request that a test waits for. */
struct asked {
	struct store_req req;
	int answers;
	bool done;
};

static inline void on_asked(struct store_req *req)
{
	struct asked *a = container_of(req, struct asked, req);

	a->answers++;
	a->done = true;
}

static inline struct store_req *ask(struct asked *a)
{
	store_req_release(&a->req);
	*a = (struct asked){.req.on_done = on_asked};
	return &a->req;
}

/* Wait for the answer; it must be of this status. */
static inline void answered(struct real *r, struct asked *a, int status)
{
	assert_false(a->done); /* never from inside the call */
	run_until(&r->loop, &a->done);
	assert_int_equal(a->answers, 1);
	if (a->req.error.status != status)
		print_error("%s: %s\n", status_name(a->req.error.status), a->req.error.text);
	assert_int_equal(a->req.error.status, status);
}

#endif
