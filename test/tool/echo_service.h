/* test/tool/echo_service.h - the server of test.Echo (echo.h says what it does). */
#ifndef TEST_ECHO_SERVICE_H
#define TEST_ECHO_SERVICE_H

#include <stdlib.h>
#include <string.h>

#include "net/grpc_server.h"
#include "net/memory.h"
#include "proto/limits.h"
#include "proto/status.h"
#include "test/tool/echo.h"

/* What tests look at. */
static struct {
	int begun, gone, half_closed;
	size_t queued_most;
	struct rpc *last;
} echo;

struct echo_call {
	struct rpc *rpc;
	uint64_t bytes, left;
	Item item;
	struct deferred later;
};

static struct echo_call *echo_state(struct rpc *rpc)
{
	if (rpc->user == NULL) {
		struct echo_call *c = arena_alloc(&rpc->arena, sizeof *c);

		c->rpc = rpc;
		c->item = (Item)ITEM_INIT;
		rpc->user = c;
	}
	return rpc->user;
}

/* For grpc_server_options.on_call: from here on echo_gone() is owed. */
static inline int echo_count(struct rpc *rpc)
{
	echo.begun++;
	echo.last = rpc;
	return 0;
}

static void echo_gone(struct rpc *rpc)
{
	echo.gone++;
	if (echo.last == rpc)
		echo.last = NULL;
}

static int echo_fail(struct rpc *rpc, const Item *in)
{
	error_set(&rpc->error, (int)in->size, "failed with 100%% of it: caf\xc3\xa9");
	error_hint(&rpc->error, "type something else");
	return (int)in->size;
}

static void echo_reply_later(struct deferred *d)
{
	struct echo_call *c = container_of(d, struct echo_call, later);

	rpc_reply(c->rpc, &c->item.base);
}

static int echo_unary(struct rpc *rpc, const ProtobufCMessage *m)
{
	const Item *in = (const Item *)m;
	struct echo_call *c = echo_state(rpc);

	if (strcmp(in->sha256, "fail") == 0)
		return echo_fail(rpc, in);
	if (strcmp(in->sha256, "never") == 0)
		return RPC_LATER;
	if (strcmp(in->sha256, "later") == 0) {
		c->item = *in;
		loop_defer(grpc_server_user(rpc->server), &c->later, echo_reply_later);
		return RPC_LATER;
	}
	rpc_reply(rpc, m);
	return 0;
}

static void echo_unary_gone(struct rpc *rpc)
{
	struct echo_call *c = rpc->user;

	if (c != NULL)
		loop_undefer(grpc_server_user(rpc->server), &c->later);
	echo_gone(rpc);
}

static int echo_collect(struct rpc *rpc, const ProtobufCMessage *m)
{
	echo_state(rpc)->bytes += ((const Item *)m)->data.len;
	return 0;
}

static void echo_collect_end(struct rpc *rpc)
{
	Item out = ITEM_INIT;

	echo.half_closed++;
	out.size = echo_state(rpc)->bytes;
	rpc_reply(rpc, &out.base);
}

static void echo_more(struct rpc *rpc)
{
	struct echo_call *c = echo_state(rpc);

	while (c->left > 0 && !rpc_over(rpc) && rpc_queued(rpc) <= (size_t)SEND_QUEUE_HIGH) {
		c->left--;
		rpc_send(rpc, &c->item.base);
		if (rpc_queued(rpc) > echo.queued_most)
			echo.queued_most = rpc_queued(rpc);
	}
	if (c->left == 0)
		rpc_end(rpc, 0);
}

static int echo_repeat(struct rpc *rpc, const ProtobufCMessage *m)
{
	struct echo_call *c = echo_state(rpc);

	c->item.data = ((const Item *)m)->data;
	c->left = ((const Item *)m)->size;
	echo_more(rpc);
	return 0;
}

static int echo_chat(struct rpc *rpc, const ProtobufCMessage *m)
{
	echo_state(rpc);
	if (strcmp(((const Item *)m)->sha256, "fail") == 0)
		return echo_fail(rpc, (const Item *)m);
	rpc_send(rpc, m);
	return 0;
}

static void echo_chat_end(struct rpc *rpc)
{
	rpc_end(rpc, 0);
}

static const struct rpc_handler echo_handlers[ECHO_METHODS] = {
    {&echo_methods[ECHO_UNARY], echo_unary, NULL, NULL, echo_unary_gone},
    {&echo_methods[ECHO_COLLECT], echo_collect, echo_collect_end, NULL, echo_gone},
    {&echo_methods[ECHO_REPEAT], echo_repeat, NULL, echo_more, echo_gone},
    {&echo_methods[ECHO_CHAT], echo_chat, echo_chat_end, NULL, echo_gone},
};

#endif
