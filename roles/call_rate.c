#include "roles/call_rate.h"

#include <stdlib.h>
#include <uthash.h>

#include "net/memory.h"
#include "proto/id.h"
#include "proto/status.h"

struct call_rate_entry {
	char token[SHA256_HEX_SIZE];
	int64_t milli, at_ms; /* thousandths of a call that are left */
	UT_hash_handle hh;
};

static struct call_rate_entry *entry(struct call_rate *r, const char *token, int64_t full, int64_t now_ms)
{
	struct call_rate_entry *e;

	HASH_FIND_STR(r->by_token, token, e);
	if (e != NULL) {
		HASH_DEL(r->by_token, e);
	} else {
		struct call_rate_entry *oldest = r->by_token;

		if (HASH_COUNT(r->by_token) >= CALL_RATE_TOKENS_MAX) {
			HASH_DEL(r->by_token, oldest);
			free(oldest);
		}
		e = xcalloc(1, sizeof *e);
		text_copy(e->token, sizeof e->token, token);
		e->milli = full;
		e->at_ms = now_ms;
	}
	HASH_ADD_STR(r->by_token, token, e);
	return e;
}

int call_rate_take(struct call_rate *r, const char *token_sha256, int64_t per_s, int64_t now_ms,
		   struct error *err)
{
	int64_t full = 1000 * per_s * CALL_RATE_BURST_S, idle_ms, wait_ms;
	struct call_rate_entry *e = entry(r, token_sha256, full, now_ms);

	idle_ms = now_ms - e->at_ms;
	if (idle_ms > 1000 * CALL_RATE_BURST_S)
		idle_ms = 1000 * CALL_RATE_BURST_S;
	e->milli += idle_ms * per_s;
	if (e->milli > full)
		e->milli = full;
	e->at_ms = now_ms;
	if (e->milli >= 1000) {
		e->milli -= 1000;
		return 0;
	}
	wait_ms = (1000 - e->milli + per_s - 1) / per_s;
	error_set(err, STATUS_RESOURCE_EXHAUSTED,
		  "this token makes more than %lld calls a second; the next is taken in %lld ms",
		  (long long)per_s, (long long)wait_ms);
	return error_hint(err, "call less often; Tasks.Watch and Logs with follow tell what changes without "
			       "being asked again");
}

void call_rate_release(struct call_rate *r)
{
	struct call_rate_entry *e, *next;

	HASH_ITER(hh, r->by_token, e, next) {
		HASH_DEL(r->by_token, e);
		free(e);
	}
}
