/* roles/pool.h - the server: accounts, queue, workers, results. One struct holds its parts.
 *
 *   pool.c, pool_down.c              bring-up; the way down
 *   pool_handlers.c                  who answers which RPC
 *   pool_call.h                      memory of one call
 *   auth.h                           tokens, who may call what
 *   revocation.h                     ended tokens end streams
 *   pool_accounts.c                  Register, Login, Logout, Whoami
 *   pool_tokens.c                    CreateToken, ListTokens, RevokeToken
 *   password.h                       hashes, off the loop
 *   throttle.h                       how often passwords may be tried
 *   admission.h                      who may register: challenges, invitations
 *   pool_tasks.c                     Submit, List, Get, Stop, Remove
 *   pool_watch.c                     Watch
 *   pool_logs.c                      Logs
 *   pool_events.h                    Events
 *   pool_upload.c, pool_download.c   Blobs
 *   pool_info.c                      Pool.Info, Workers.List
 *   pool_link.c                      a worker's stream
 *   pool_workers.h                   the workers there are
 *   pool_index.h, pool_explain.c     the tasks in memory; why they wait
 *   sched.h, lease.h                 who runs what
 *   leader.h                         which of several pools leads
 *   price.h, meter.h                 what a task costs
 *   pool_quote.c                     Quote, Price
 *   pool_ledger.c                    the rest of Ledger
 *   pool_project.c                   projects
 *   pool_sweep.c                     what is no longer wanted
 *   pool_identity.h                  certificate, join string
 *   pool_metrics.h                   /metrics, for Prometheus
 *   pool_history.h                   what it was like, for plots; Series
 *   pool_health.c, pool_reflection.c gRPC's standard services
 *
 * Redis is the only truth. What is in memory is an index that pool_index_load() makes from it. */
#ifndef ROLES_POOL_H
#define ROLES_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "net/grpc_server.h"
#include "net/loop.h"
#include "net/step.h"
#include "proto/status.h"
#include "roles/admission.h"
#include "roles/auth.h"
#include "roles/call_rate.h"
#include "roles/leader.h"
#include "roles/lease.h"
#include "roles/meter.h"
#include "roles/password.h"
#include "roles/pool_events.h"
#include "roles/pool_identity.h"
#include "roles/pool_health.h"
#include "roles/pool_history.h"
#include "roles/pool_index.h"
#include "roles/pool_reflection.h"
#include "roles/pool_sweep.h"
#include "roles/pool_workers.h"
#include "roles/revocation.h"
#include "roles/throttle.h"
#include "store/blob.h"
#include "store/ledger_guard.h"
#include "store/log.h"
#include "store/redis_child.h"
#include "store/store.h"
#include "ui/http.h"
#include "ui/options.h"

struct pool_options {
	struct texts admins; /* names of accounts with the scope admin */
	const char *listen, *redis, *data, *registration, *port_file, *prices, *gift, *invitation;
	int64_t work_bits;      /* of the proof of work, with open registration */
	const char *metrics;    /* where /metrics is; NULL = nowhere */
	const char *cert, *key; /* an operator's own; NULL = the pool makes them */
	struct texts names;     /* hosts that clients use */
	int64_t ready_fd;       /* -1 = none */
	int64_t register_per_day, calls_per_second, stalled_ms;
	bool json, print_join, local_projects, accept_rollback;
};

#define METRICS_NAMES_MAX 12

/* Its page for Prometheus: roles/pool_metrics.h. */
struct pool_metrics {
	struct http_server *http;               /* NULL = was not asked for */
	char names[METRICS_NAMES_MAX][300];
	const char *hosts[METRICS_NAMES_MAX + 1]; /* names that a Host field may have, NULL at the end */
};

struct pool {
	struct loop loop;
	struct pool_options options;
	char *data;                  /* the data directory */
	int lock;                    /* fd of its lock */
	bool locked;                 /* we hold it */
	char data_id[ID_SIZE];       /* which directory that is */
	struct redis_child *redis;   /* NULL = the operator's own */
	struct store *store;
	struct leader leader;
	struct blobs *blobs;         /* these two: from when we lead */
	struct logs *logs;
	struct grpc_server *server;
	struct endpoint at;
	struct pool_identity identity;
	struct admission admission;
	struct auth auth;
	struct call_rate call_rate;
	struct revocation revocation;
	struct passwords passwords;
	struct throttle throttle;
	struct pool_index index;
	struct pool_workers workers;
	struct pool_events events;
	struct lease lease;
	struct meter meter;
	struct pool_metrics metrics;
	struct pool_history history;
	struct ledger_guard *guard;  /* NULL before Redis was up for the first time */
	struct price_table prices;
	struct pool_sweep sweep;
	struct health_watch *health_watches;
	struct reflection reflection;
	struct receiving *uploads;   /* being written, by key (pool_upload.c) */
	int64_t started_ms;          /* wall clock */
	struct step step;            /* pool.c */
	struct timer patience;       /* for the port, and of the way down */
	int64_t patience_ms;
	bool stopping, told_waiting, told_port, listening;
	int exit_code;
};

/* From the options to the end. Returns the exit code. */
int pool_run(struct pool *pool);

/* From leader.c: this pool leads from now on; another one does, and we wait (leader_other()); another one
 * does, and we did: this process ends. */
void pool_leads(struct pool *pool);
void pool_stands_by(struct pool *pool);
void pool_replaced(struct pool *pool, const struct error *err);

/* Does it serve: is it up and the one that leads? If not, why. */
int pool_serves(const struct pool *pool, struct error *err);

/* Who may register, by the options; needs pool->data. admission_close() afterwards. */
int pool_open_admission(struct pool *pool, struct error *err);

/* Redis may know tasks that memory does not: read them, when that is so and possible. */
void pool_catch_up(struct pool *pool);

/* Every handler that the server has: RPCS(), then STANDARD_RPCS(). */
extern const struct rpc_handler pool_handlers[];

/* Every handler of RPCS(), by the name of its method. */
int pool_register(struct rpc *rpc, const ProtobufCMessage *in);
int pool_login(struct rpc *rpc, const ProtobufCMessage *in);
int pool_logout(struct rpc *rpc, const ProtobufCMessage *in);
int pool_whoami(struct rpc *rpc, const ProtobufCMessage *in);
int pool_create_token(struct rpc *rpc, const ProtobufCMessage *in);
int pool_list_tokens(struct rpc *rpc, const ProtobufCMessage *in);
int pool_revoke_token(struct rpc *rpc, const ProtobufCMessage *in);
int pool_submit(struct rpc *rpc, const ProtobufCMessage *in);
int pool_list_tasks(struct rpc *rpc, const ProtobufCMessage *in);
int pool_get_task(struct rpc *rpc, const ProtobufCMessage *in);
int pool_stop_task(struct rpc *rpc, const ProtobufCMessage *in);
int pool_remove_task(struct rpc *rpc, const ProtobufCMessage *in);
int pool_watch_task(struct rpc *rpc, const ProtobufCMessage *in);
void pool_watch_space(struct rpc *rpc);
int pool_logs(struct rpc *rpc, const ProtobufCMessage *in);
void pool_logs_space(struct rpc *rpc);
int pool_blob_offset(struct rpc *rpc, const ProtobufCMessage *in);
int pool_blob_upload(struct rpc *rpc, const ProtobufCMessage *in);
void pool_blob_upload_end(struct rpc *rpc);
int pool_blob_download(struct rpc *rpc, const ProtobufCMessage *in);
void pool_blob_download_space(struct rpc *rpc);
int pool_link(struct rpc *rpc, const ProtobufCMessage *in);
void pool_link_end(struct rpc *rpc);
int pool_list_workers(struct rpc *rpc, const ProtobufCMessage *in);
int pool_info(struct rpc *rpc, const ProtobufCMessage *in);
int pool_series(struct rpc *rpc, const ProtobufCMessage *in);
int pool_attempts(struct rpc *rpc, const ProtobufCMessage *in);
int pool_watch_events(struct rpc *rpc, const ProtobufCMessage *in);
void pool_events_space(struct rpc *rpc);
int pool_challenge(struct rpc *rpc, const ProtobufCMessage *in);
int pool_invite(struct rpc *rpc, const ProtobufCMessage *in);
int pool_quote(struct rpc *rpc, const ProtobufCMessage *in);
int pool_price(struct rpc *rpc, const ProtobufCMessage *in);
int pool_balance(struct rpc *rpc, const ProtobufCMessage *in);
int pool_statement(struct rpc *rpc, const ProtobufCMessage *in);
int pool_earnings(struct rpc *rpc, const ProtobufCMessage *in);
int pool_transfer(struct rpc *rpc, const ProtobufCMessage *in);
int pool_tip(struct rpc *rpc, const ProtobufCMessage *in);
int pool_withdraw(struct rpc *rpc, const ProtobufCMessage *in);
int pool_create_project(struct rpc *rpc, const ProtobufCMessage *in);
int pool_list_projects(struct rpc *rpc, const ProtobufCMessage *in);
int pool_get_project(struct rpc *rpc, const ProtobufCMessage *in);
int pool_claim_project(struct rpc *rpc, const ProtobufCMessage *in);
int pool_totals(struct rpc *rpc, const ProtobufCMessage *in);
int pool_freeze(struct rpc *rpc, const ProtobufCMessage *in);
int pool_unfreeze(struct rpc *rpc, const ProtobufCMessage *in);

#endif
