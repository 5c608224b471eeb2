/* roles/pool_link_say.c - what a worker is told: each message, made from what the pool knows. */
#include <stdio.h>

#include "roles/pool.h"
#include "roles/pool_link.h"

void link_send_welcome(struct pool_worker *w, const struct leader *leader)
{
	Pb__Welcome welcome = PB__WELCOME__INIT;
	Pb__PoolMessage m = PB__POOL_MESSAGE__INIT;

	welcome.heartbeat_ms = HEARTBEAT_MS;
	welcome.lost_after_ms = LOST_AFTER_MS;
	welcome.worker = w->id;
	welcome.pool = (char *)leader->id;
	welcome.epoch = leader->epoch;
	m.kind_case = PB__POOL_MESSAGE__KIND_WELCOME;
	m.welcome = &welcome;
	link_say(w, &m);
}

void link_send_verdict(struct pool_worker *w, const char *task, uint32_t epoch, int word)
{
	Pb__Verdict verdict = PB__VERDICT__INIT;
	Pb__PoolMessage m = PB__POOL_MESSAGE__INIT;

	verdict.task = (char *)task;
	verdict.epoch = epoch;
	verdict.word = (Pb__Verdict__Word)word;
	m.kind_case = PB__POOL_MESSAGE__KIND_VERDICT;
	m.verdict = &verdict;
	link_say(w, &m);
}

void link_send_stored(struct pool_worker *w, const char *task, uint32_t epoch)
{
	Pb__Stored stored = PB__STORED__INIT;
	Pb__PoolMessage m = PB__POOL_MESSAGE__INIT;

	stored.task = (char *)task;
	stored.epoch = epoch;
	m.kind_case = PB__POOL_MESSAGE__KIND_STORED;
	m.stored = &stored;
	link_say(w, &m);
}

void link_send_stop(struct pool_worker *w, const struct pool_task *t, int failure, const char *reason)
{
	Pb__StopAttempt stop = PB__STOP_ATTEMPT__INIT;
	Pb__PoolMessage m = PB__POOL_MESSAGE__INIT;

	stop.task = (char *)t->id;
	stop.epoch = t->epoch;
	stop.reason = (char *)reason;
	stop.failure = (Pb__TaskFailure)failure;
	m.kind_case = PB__POOL_MESSAGE__KIND_STOP;
	m.stop = &stop;
	link_say(w, &m);
}

void link_send_rest(struct pool_worker *w, int64_t rest_ms, unsigned faults, const char *reason)
{
	Pb__Rest rest = PB__REST__INIT;
	Pb__PoolMessage m = PB__POOL_MESSAGE__INIT;
	char words[REASON_MAX + 80];

	snprintf(words, sizeof words, "%u attempts in a row came to nothing here%s%s", faults,
	         reason[0] != '\0' ? ", the last: " : "", reason);
	rest.rest_ms = (uint32_t)rest_ms;
	rest.reason = words;
	m.kind_case = PB__POOL_MESSAGE__KIND_REST;
	m.rest = &rest;
	link_say(w, &m);
}

void link_send_lease(struct pool_worker *w, const struct pool_task *t)
{
	Pb__Lease lease = PB__LEASE__INIT;
	Pb__PoolMessage m = PB__POOL_MESSAGE__INIT;

	lease.task = (char *)t->id;
	lease.epoch = t->epoch;
	lease.spec = pb__task_spec__unpack(NULL, t->spec_size, t->spec);
	lease.bundle_sha256 = (char *)t->bundle_sha256;
	lease.bundle_size = t->bundle_size;
	m.kind_case = PB__POOL_MESSAGE__KIND_LEASE;
	m.lease = &lease;
	link_say(w, &m);
	pb__task_spec__free_unpacked(lease.spec, NULL);
}
