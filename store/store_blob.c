/* store/store_blob.c - which blobs are here and who may name them; and workers, which belong to an account
 * too. */
#include <assert.h>

#include "net/clock.h"
#include "store/call.h"

#define NAMING_MS (24ll * 3600 * 1000) /* how long an account may name what it has uploaded */

void store_blob_add(struct store *s, struct store_req *req, const char *account, const char *sha256,
		    uint64_t size, int64_t now_ms)
{
	call_begin(s, req, SCRIPT_BLOB_ADD);
	call_key(req, "blob:%s", sha256);
	call_key(req, "uploads:%s", account);
	call_key(req, "unused");
	call_text(req, sha256);
	call_unsigned(req, size);
	call_int(req, now_ms);
	call_int(req, now_ms + NAMING_MS);
	call_send(req, NULL);
}

void store_blob_find(struct store *s, struct store_req *req, const char *account, const char *sha256)
{
	call_begin(s, req, SCRIPT_BLOB_FIND);
	call_key(req, "blob:%s", sha256);
	call_key(req, "uploads:%s", account);
	call_key(req, "named:%s", account);
	call_text(req, sha256);
	call_int(req, clock_wall_ms());
	call_send(req, read_number);
}

void store_unused_blobs(struct store *s, struct store_req *req, int64_t before_ms, uint32_t limit)
{
	call_begin(s, req, SCRIPT_UNUSED);
	call_key(req, "unused");
	call_int(req, before_ms);
	call_unsigned(req, limit);
	call_send(req, read_ids);
}

const char *store_blob_id(const struct store_req *req, size_t i)
{
	assert(i < req->number);
	return req->ids[i];
}

void store_blobs_known(struct store *s, struct store_req *req, const char *const *sha256, size_t n)
{
	call_begin_batch(s, req, SCRIPT_BLOBS_KNOWN, n);
	for (size_t i = 0; i < n; i++)
		call_key(req, "blob:%s", sha256[i]);
	call_send(req, read_outcomes);
}

void store_worker_join(struct store *s, struct store_req *req, const char *worker, const char *account,
		       const char *name, const Pb__Host *host, int64_t now_ms)
{
	call_begin(s, req, SCRIPT_WORKER_JOIN);
	call_key(req, "worker:%s", worker);
	call_key(req, "workers");
	call_text(req, worker);
	call_text(req, account);
	call_text(req, name);
	call_message(req, host != NULL ? &host->base : NULL);
	call_int(req, now_ms);
	call_send(req, NULL);
}

void store_worker_leave(struct store *s, struct store_req *req, const char *worker, int64_t now_ms)
{
	call_begin(s, req, SCRIPT_WORKER_LEAVE);
	call_key(req, "worker:%s", worker);
	call_key(req, "workers");
	call_text(req, worker);
	call_int(req, now_ms);
	call_send(req, NULL);
}
