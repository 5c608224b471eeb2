/* test/tool/world.h - a server of test.Echo and a channel to it, on one loop in one process. */
#ifndef TEST_WORLD_H
#define TEST_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "net/clock.h"
#include "net/grpc_client.h"
#include "net/grpc_server.h"
#include "test/tool/echo_service.h"

/* --- a world: one server, one channel ---------------------------------------------------------- */

static struct world {
	struct loop loop;
	struct grpc_server *server;
	struct grpc_channel *channel;
	struct endpoint at;
	struct timer limit;
	bool server_closed, channel_closed;
	int (*on_call)(struct rpc *rpc);
} w;

static inline void on_limit(struct timer *t)
{
	(void)t;
	fprintf(stderr, "a test waited too long\n");
	abort();
}

static inline int on_call(struct rpc *rpc)
{
	echo_count(rpc);
	rpc->caller = &w; /* nobody here is a stranger */
	return w.on_call != NULL ? w.on_call(rpc) : 0;
}

static inline void open_world(const char *listen)
{
	const struct grpc_server_options options = {
	    .handlers = echo_handlers, .handler_count = ECHO_METHODS, .on_call = on_call, .user = &w.loop};
	struct error e = {0};

	memset(&w, 0, sizeof w);
	memset(&echo, 0, sizeof echo);
	loop_init(&w.loop);
	timer_init(&w.loop, &w.limit, on_limit);
	timer_set(&w.limit, 60000);
	assert_int_equal(endpoint_parse(&w.at, listen, &e), 0);
	w.server = grpc_server_new(&w.loop, &options);
	assert_int_equal(grpc_server_listen(w.server, &w.at, &e), 0);
	w.channel = grpc_channel_new(&w.loop, &w.at);
}

static inline void on_flag(void *flag)
{
	*(bool *)flag = true;
}

/* Run the loop until the condition holds. */
#define run_until(condition)                                                                                 \
	do {                                                                                                 \
		while (!(condition))                                                                         \
			uv_run(&w.loop.uv, UV_RUN_ONCE);                                                     \
	} while (0)

static inline void close_world(void)
{
	if (w.channel != NULL)
		grpc_channel_close(w.channel, on_flag, &w.channel_closed);
	else
		w.channel_closed = true;
	if (w.server != NULL)
		grpc_server_close(w.server, 100, on_flag, &w.server_closed);
	else
		w.server_closed = true;
	run_until(w.channel_closed && w.server_closed);
	timer_close(&w.limit, NULL);
	loop_close(&w.loop);
	assert_int_equal(echo.begun, echo.gone);
}

/* --- a call that remembers ---------------------------------------------------------------------- */

struct ask {
	struct grpc_call call;
	int done, messages, spaces;
	uint64_t bytes, number, left;
	struct error error;
	size_t queued_most;
	int pause_every, cancel_after;
	struct timer resume;
	bool timed;
};

static inline void ask_resume(struct timer *t)
{
	grpc_call_resume(&container_of(t, struct ask, resume)->call);
}

static inline void ask_message(struct grpc_call *call, const ProtobufCMessage *m)
{
	struct ask *a = container_of(call, struct ask, call);

	a->messages++;
	a->bytes += ((const Item *)m)->data.len;
	a->number = ((const Item *)m)->size;
	if (a->cancel_after > 0 && a->messages == a->cancel_after)
		grpc_call_cancel(call);
	if (a->pause_every > 0 && a->messages % a->pause_every == 0) {
		grpc_call_pause(call);
		timer_set(&a->resume, 1);
	}
}

static inline void ask_done(struct grpc_call *call, const struct error *e)
{
	struct ask *a = container_of(call, struct ask, call);

	a->done++;
	a->error = *e;
	if (a->timed)
		timer_close(&a->resume, NULL);
}

static inline void ask_init(struct ask *a, int method)
{
	*a = (struct ask){
	    .call = {.method = &echo_methods[method], .on_message = ask_message, .on_done = ask_done}};
}

static inline void ask_pausing(struct ask *a, int every)
{
	a->pause_every = every;
	a->timed = true;
	timer_init(&w.loop, &a->resume, ask_resume);
}

static inline Item item(const char *data, uint64_t number, const char *words)
{
	Item i = ITEM_INIT;

	i.data.data = (uint8_t *)data;
	i.data.len = strlen(data);
	i.size = number;
	i.sha256 = (char *)words;
	return i;
}

static inline void ask_unary(struct ask *a, int method, const Item *in)
{
	ask_init(a, method);
	grpc_call_unary(w.channel, &a->call, &in->base);
}

#define assert_status(a, s)                                                                                  \
	do {                                                                                                 \
		if ((a)->error.status != (s))                                                                \
			fprintf(stderr, "status %d: %s\n", (a)->error.status, (a)->error.text);              \
		assert_int_equal((a)->error.status, s);                                                      \
		assert_int_equal((a)->done, 1);                                                              \
	} while (0)

#endif
