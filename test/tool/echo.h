/* test/tool/echo.h - a small gRPC service for tests: test.Echo, all messages of type Item.
 *
 *   Unary    echo; what `words` says: "fail" = status `number`, "never" = no answer, "later" = next turn
 *   Collect  (stream in)  answers number = bytes that came
 *   Repeat   (stream out) `number` messages that are copies of the request's data
 *   Chat     (both)       each message back; "fail" as above
 *
 * Item is hivemind.v1's DownloadChunk: bytes data = 1, uint64 size = 2, string sha256 = 3. */
#ifndef TEST_ECHO_H
#define TEST_ECHO_H

#include <stdlib.h>
#include <string.h>

#include "net/grpc_server.h"
#include "net/memory.h"
#include "proto/limits.h"
#include "proto/status.h"

typedef Pb__DownloadChunk Item;

#define ITEM_INIT PB__DOWNLOAD_CHUNK__INIT
#define ITEM (&pb__download_chunk__descriptor)

enum { ECHO_UNARY, ECHO_COLLECT, ECHO_REPEAT, ECHO_CHAT, ECHO_METHODS };

static const struct rpc_method echo_methods[ECHO_METHODS] = {
    [ECHO_UNARY] = {"/test.Echo/Unary", ITEM, ITEM, IN_ONE, OUT_ONE, 0},
    [ECHO_COLLECT] = {"/test.Echo/Collect", ITEM, ITEM, IN_MANY, OUT_ONE, 0},
    [ECHO_REPEAT] = {"/test.Echo/Repeat", ITEM, ITEM, IN_ONE, OUT_MANY, 0},
    [ECHO_CHAT] = {"/test.Echo/Chat", ITEM, ITEM, IN_MANY, OUT_MANY, 0},
};

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
static int echo_count(struct rpc *rpc)
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
