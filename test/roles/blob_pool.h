/* test/roles/blob_pool.h - a pool of one blob on a unix socket, which breaks when told to: for the tests of
 * upload and download. */
#ifndef TEST_BLOB_POOL_H
#define TEST_BLOB_POOL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/grpc_client.h"
#include "net/grpc_server.h"
#include "net/sha256.h"
#include "proto/limits.h"
#include "proto/status.h"

struct blob_pool {
	struct loop loop;
	struct grpc_server *server;
	struct grpc_channel *channel;
	struct endpoint at;
	uint8_t *blob; /* what it has, or is to send */
	uint64_t have, size;
	char sha256[65];
	bool complete;
	/* what goes wrong */
	uint64_t break_at;  /* once so many bytes are through; 0 = never */
	int breaks;         /* so often */
	int refuse;         /* answer everything with this */
	/* what happened */
	int offsets, uploads, downloads;
	uint64_t received, first_offset;
};

static struct blob_pool pool;

static uint8_t *random_blob(size_t n, char sha256[65])
{
	uint8_t *data = malloc(n);

	for (size_t i = 0; i < n; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 13);
	sha256_hex_of(data, n, sha256);
	return data;
}

static bool breaks_now(uint64_t through)
{
	if (pool.breaks == 0 || through < pool.break_at)
		return false;
	pool.breaks--;
	return true;
}

static int on_offset(struct rpc *rpc, const ProtobufCMessage *in)
{
	Pb__UploadReply reply = PB__UPLOAD_REPLY__INIT;

	(void)in;
	pool.offsets++;
	if (pool.refuse != 0)
		return error_set(&rpc->error, pool.refuse, "refused");
	reply.offset = pool.have;
	reply.complete = pool.complete;
	rpc_reply(rpc, &reply.base);
	return 0;
}

static int on_upload(struct rpc *rpc, const ProtobufCMessage *in)
{
	const Pb__UploadChunk *chunk = (const void *)in;

	if (chunk->header != NULL) {
		pool.uploads++;
		if (chunk->header->offset != pool.have)
			return error_set(&rpc->error, STATUS_OUT_OF_RANGE, "not there");
	}
	assert_true(pool.have + chunk->data.len <= pool.size);
	if (chunk->data.len > 0)
		memcpy(pool.blob + pool.have, chunk->data.data, chunk->data.len);
	pool.have += chunk->data.len;
	pool.received += chunk->data.len;
	return breaks_now(pool.have) ? STATUS_UNAVAILABLE : 0;
}

static void on_upload_end(struct rpc *rpc)
{
	Pb__UploadReply reply = PB__UPLOAD_REPLY__INIT;
	char sum[65];

	sha256_hex_of(pool.blob, pool.have, sum);
	pool.complete = strcmp(sum, pool.sha256) == 0;
	reply.offset = pool.have;
	reply.complete = pool.complete;
	if (pool.complete)
		rpc_reply(rpc, &reply.base);
	else
		rpc_end(rpc, error_set(&rpc->error, STATUS_DATA_LOSS, "another hash"));
}

static void send_more(struct rpc *rpc)
{
	uint64_t *at = rpc->user;

	while (*at < pool.size && rpc_queued(rpc) < SEND_QUEUE_HIGH) {
		Pb__DownloadChunk chunk = PB__DOWNLOAD_CHUNK__INIT;
		uint64_t left = pool.size - *at;

		chunk.data.data = pool.blob + *at;
		chunk.data.len = left < CHUNK_SIZE ? left : CHUNK_SIZE;
		rpc_send(rpc, &chunk.base);
		*at += chunk.data.len;
		if (breaks_now(*at)) {
			rpc_end(rpc, error_set(&rpc->error, STATUS_UNAVAILABLE, "broken"));
			return;
		}
	}
	if (*at == pool.size)
		rpc_end(rpc, 0);
}

static int on_download(struct rpc *rpc, const ProtobufCMessage *in)
{
	const Pb__DownloadRequest *request = (const void *)in;
	Pb__DownloadChunk head = PB__DOWNLOAD_CHUNK__INIT;
	uint64_t *at = arena_alloc(&rpc->arena, sizeof *at);

	pool.downloads++;
	if (pool.downloads == 1)
		pool.first_offset = request->offset;
	if (pool.refuse != 0)
		return error_set(&rpc->error, pool.refuse, "refused");
	if (request->offset > pool.size)
		return error_set(&rpc->error, STATUS_OUT_OF_RANGE, "too far");
	*at = request->offset;
	rpc->user = at;
	head.size = pool.size;
	head.sha256 = pool.sha256;
	rpc_send(rpc, &head.base);
	send_more(rpc);
	return 0;
}

static const struct rpc_handler handlers[] = {
	{.method = &rpc_methods[RPC_BLOB_OFFSET], .on_message = on_offset},
	{.method = &rpc_methods[RPC_BLOB_UPLOAD], .on_message = on_upload, .on_half_close = on_upload_end},
	{.method = &rpc_methods[RPC_BLOB_DOWNLOAD], .on_message = on_download, .on_space = send_more},
};

static int pool_open(void **state)
{
	struct grpc_server_options options = {.handlers = handlers, .handler_count = 3};
	struct error err = {0};

	(void)state;
	pool = (struct blob_pool){0};
	loop_init(&pool.loop);
	snprintf(pool.at.path, sizeof pool.at.path, "/tmp/hm-blob-%d.sock", (int)getpid());
	unlink(pool.at.path);
	pool.server = grpc_server_new(&pool.loop, &options);
	assert_int_equal(grpc_server_listen(pool.server, &pool.at, &err), 0);
	pool.channel = grpc_channel_new(&pool.loop, &pool.at);
	return 0;
}

static int pool_close(void **state)
{
	(void)state;
	grpc_channel_close(pool.channel, NULL, NULL);
	if (pool.server != NULL)
		grpc_server_close(pool.server, 0, NULL, NULL);
	loop_run(&pool.loop);
	loop_close(&pool.loop);
	free(pool.blob);
	unlink(pool.at.path);
	return 0;
}

#endif
