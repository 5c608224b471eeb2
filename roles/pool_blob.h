/* roles/pool_blob.h - what Upload and Offset share: may this caller bring this blob, and what is its upload
 * called? */
#ifndef ROLES_POOL_BLOB_H
#define ROLES_POOL_BLOB_H

#include "roles/auth.h"
#include "roles/pool_call.h"

/* One blob that a caller brings: begins Offset's and Upload's own structs.
 *
 *   header -> incoming_start -> (a result: whose attempt is it?) -> (is it here already?) -> on_ready */
struct incoming {
	struct call call;
	struct caller caller;
	char key[256];       /* of the upload: the account's own, a result's also the attempt's */
	char sha256[SHA256_HEX_SIZE], task[TASK_ID_SIZE];
	uint32_t epoch;
	uint64_t size;
	uint64_t content_max; /* of all files in the archive together */
	bool complete;        /* it is here and the account may name it: nothing to upload */
	void (*on_ready)(struct incoming *in);
};

/* Look at the header; then on_ready() comes, or the call is ended. */
int incoming_start(struct incoming *in, const Pb__UploadHeader *header, struct error *err);

/* Is this attempt, now, with a worker of this account? `task` as the store has it.
 *   PERMISSION_DENIED  it is not
 *   UNAVAILABLE        perhaps: the pool was restarted, and the worker's own stream has not come back yet */
int attempt_check(struct pool *pool, const Pb__Task *task, uint32_t epoch, const char *account,
                  struct error *err);

/* End the call with this error. A result is never RESOURCE_EXHAUSTED, but
 * UNAVAILABLE: its worker asks again. */
void incoming_refuse(struct incoming *in, const struct error *err);

/* Tell the store that the account may name the blob, and answer with the reply `complete`. */
void incoming_finish(struct incoming *in);

#endif
