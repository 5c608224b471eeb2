/* roles/call_rate.h - how many calls one token makes: a bucket for each, that fills with
 * time. Pure: no I/O, no clock.
 *
 * CALL_RATE_BURST_S seconds' worth at once, then so many a second: what no person and no worker reaches, and
 * a program that calls in a circle does. This machine itself is not counted (roles/auth.c). In memory, for
 * CALL_RATE_TOKENS_MAX tokens: the one that was used longest ago makes room, and its bucket is full again. */
#ifndef ROLES_CALL_RATE_H
#define ROLES_CALL_RATE_H

#include <stdint.h>

#include "proto/error.h"

#define CALL_RATE_DEFAULT 500
#define CALL_RATE_BURST_S 10
#define CALL_RATE_TOKENS_MAX 20000

struct call_rate {
	struct call_rate_entry *by_token; /* the one used longest ago first */
};

/* One more call of this token. RESOURCE_EXHAUSTED: too many; says when to try again. */
int call_rate_take(struct call_rate *r, const char *token_sha256, int64_t per_s, int64_t now_ms,
		   struct error *err);
void call_rate_release(struct call_rate *r);

#endif
