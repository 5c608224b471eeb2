/* roles/retry.h - when to ask again, when to give up: exponential back-off with jitter.
 *
 *     retry_start(&r, 0);
 *     ... an answer came, or bytes moved:   retry_moved(&r);
 *     ... the call failed:                  if (retry_again(&r, status, &ms)) timer_set(&t, ms); else give up
 *
 * Waits grow 0.1, 0.2, 0.4 ... 5 s, each shortened by up to half at random, so that a pool that comes back
 * does not meet all of its clients in one instant. Progress sets them back. */
#ifndef ROLES_RETRY_H
#define ROLES_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#define RETRY_PATIENCE_MS (60 * 1000) /* since the first failure, without any progress in between */
#define RETRY_FOR_EVER INT64_MAX      /* also when the pool has never answered */
#define RETRY_FIRST_MS 100
#define RETRY_LONGEST_MS 5000

struct retry {
	int64_t patience_ms;
	bool answered;      /* the pool has, once */
	int64_t failing_ms; /* clock_ms() of the first failure since the last progress; 0 = none */
	unsigned tries;     /* since then */
};

/* patience_ms: how long to go on failing without progress; 0 = RETRY_PATIENCE_MS. A pool that has never
 * answered is not tried again, unless RETRY_FOR_EVER: a person who typed a wrong
 * address wants to know now. */
void retry_start(struct retry *r, int64_t patience_ms);

void retry_moved(struct retry *r);

/* After a failure: true = wait *ms and ask again. Only UNAVAILABLE (and DEADLINE_EXCEEDED of one try,
 * OUT_OF_RANGE of an upload) heals by asking again. */
bool retry_again(struct retry *r, int status, uint64_t *ms);

#endif
