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

#include "proto/rpc.h"

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

#endif
