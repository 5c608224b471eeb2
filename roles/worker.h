/* roles/worker.h - a volunteer machine: it takes leases from a pool and runs them in containers.
 *
 *   worker.c          bring-up and down                 worker_main.c        options
 *   worker_join.h     which pool, whose worker          worker_offer.h       what this machine is and lends
 *   worker_link.h     the session with the pool         worker_lease.c       a lease: taken, or given back
 *   attempt.h         one try at one task               worker_engine.h      the container engine
 *   lease_clock.h     how long it may run what it has   worker_supervisor.h  who ends it when we cannot
 *   attempt_report.h  what the pool is told of it       worker_resources.h   what is lent, what is free
 *   worker_policy.h   what its owner allows             worker_page.h        the owner's page
 *   attempt_log.h     what a task prints                bundle_cache.h       bundles fetched before
 *   attempt_journal.h what is written down of it        worker_restore.h     what an earlier process left
 *
 * DATA/ (0700) holds worker-id, lock, leash, attempts/, bundles/, transit/, scratch/, policy.json,
 * history, series, page, page-key and, when it started one, engine/. */
#ifndef ROLES_WORKER_H
#define ROLES_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "exec/leash.h"
#include "net/arena.h"
#include "net/endpoint.h"
#include "net/grpc_client.h"
#include "net/loop.h"
#include "proto/error.h"
#include "proto/id.h"
#include "roles/attempt.h"
#include "roles/attempt_journal.h"
#include "roles/bundle_cache.h"
#include "roles/lease_clock.h"
#include "roles/pool_seen.h"
#include "roles/trust.h"
#include "roles/worker_engine.h"
#include "roles/worker_link.h"
#include "roles/worker_page.h"
#include "roles/worker_resources.h"
#include "roles/worker_supervisor.h"
#include "ui/options.h"

struct worker_options {
	const char *join, *data, *docker, *name;
	const char *cpus, *memory, *disk; /* shares (worker_resources.h); NULL = all of it */
	int64_t tasks_max, ready_fd;      /* ready_fd -1 = none */
	int64_t gpus;                     /* at most */
	struct texts images;              /* globs of those allowed; none = all */
	const char *page;                 /* where its page is, or "off"; NULL = 127.0.0.1:5000 */
	const char *min_price;            /* of a second of a core, CPT; NULL = anything */
	bool allow_unlimited, donate;
};

struct worker {
	struct loop loop;
	struct globals globals;
	struct worker_options options;
	struct endpoint pool;
	struct trust trust;        /* that it is the pool that is meant */
	char token[128];           /* as roles/credentials.h has it */
	char id[ID_SIZE];
	char name[65];
	char data[300];
	char scratch[400];           /* DATA/scratch */
	int lock;                    /* held while this process lives; -1 = none */
	struct arena arena;          /* of host */
	Pb__Host *host;
	struct worker_resources resources;
	struct bundle_cache bundles;
	struct journal journal;
	struct pool_seen pool_seen;
	struct arena left;           /* of journal_entries */
	struct journal_entry *journal_entries; /* what a process before this one left */
	size_t journal_count;
	struct worker_engine engine;
	struct worker_link link;
	struct lease_clock lease_clock;
	struct leash leash;          /* DATA/leash; its fd is -1 when there is none */
	struct worker_supervisor supervisor;
	struct worker_page page;     /* its owner's, and what that one wants */
	struct grpc_channel *bulk;   /* bundles and results: heartbeats never wait behind them */
	struct attempt *attempts;
	struct timer patience;       /* at the end: for attempts that only have bytes to send */
	char full[96];
	bool linking, leaving, closing, greeted;
	struct error error;          /* why it ends */
};

/* From the options to the end. Returns the exit code. */
int worker_run(struct worker *w);

/* --- what its parts tell it ------------------------------------------------------------------ */
void worker_engine_found(struct worker *w);   /* its containers can be spoken of; it is not yet checked */
void worker_engine_changed(struct worker *w);
void worker_engine_lost(struct worker *w);
void worker_linked(struct worker *w, bool first);
void worker_unlinked(struct worker *w);
void worker_lease(struct worker *w, const Pb__Lease *lease);
void worker_attempt_gone(struct worker *w);
void worker_fail(struct worker *w, const struct error *err); /* it cannot be of use: end, say why */

/* --- what they ask it ------------------------------------------------------------------------ */
const char *worker_not_ready(struct worker *w); /* why it takes no task now; "" = it does */
bool worker_idle(const struct worker *w);       /* is no container of an attempt left? */
struct attempt *worker_attempt(struct worker *w, const char *task, uint32_t epoch); /* NULL = no such */

#endif
