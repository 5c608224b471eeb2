#include "roles/retry.h"

#include "net/clock.h"
#include "proto/status.h"

void retry_start(struct retry *r, int64_t patience_ms)
{
	*r = (struct retry){.patience_ms = patience_ms > 0 ? patience_ms : RETRY_PATIENCE_MS};
}

void retry_moved(struct retry *r)
{
	r->answered = true;
	r->failing_ms = 0;
	r->tries = 0;
}

static bool heals(int status)
{
	return status == STATUS_UNAVAILABLE || status == STATUS_DEADLINE_EXCEEDED ||
	       status == STATUS_OUT_OF_RANGE;
}

static bool patient(const struct retry *r)
{
	if (r->patience_ms == RETRY_FOR_EVER)
		return true;
	return r->answered && clock_ms() - r->failing_ms < r->patience_ms;
}

bool retry_again(struct retry *r, int status, uint64_t *ms)
{
	uint64_t wait = RETRY_LONGEST_MS;

	if (r->failing_ms == 0)
		r->failing_ms = clock_ms();
	if (!heals(status) || !patient(r))
		return false;
	if (r->tries < 6)
		wait = (uint64_t)RETRY_FIRST_MS << r->tries;
	if (wait > RETRY_LONGEST_MS)
		wait = RETRY_LONGEST_MS;
	r->tries++;
	*ms = wait - random_below((uint32_t)(wait / 2));
	return true;
}
