/* roles/dev.h - everything on this machine: a pool with its own Redis, workers, an account, and
 * an engine if there is none.
 *
 *   FINDING (an engine) -> POOL -> ACCOUNT -> WORKERS (and the master) -> UP
 *                                          -> ENDING (workers, master, pool, engine, files) -> over()
 *      \-> STARTING (a private one) -/
 *
 * Used by `hivemind dev`, which leaves it running, and by `hivemind demo`, which runs a job on it.
 *
 *   DATA/env            to be sourced: HIVEMIND_POOL, HIVEMIND_TOKEN_FILE; written last, when all is up
 *   DATA/token          of the account "dev", whose tasks they are, 0600
 *   DATA/worker-token   of the account "lender", whose workers they are: so money moves
 *   DATA/api-key        for programs that ask the master
 *   DATA/run/NAME.pid   pool, master, worker-1, worker-2, ...        DATA/log/NAME.log
 *   DATA/pool, DATA/worker-N, DATA/engine                    theirs
 *
 * A child that dies is said and started again. At the end all of this is removed, and DATA if we made it. */
#ifndef ROLES_DEV_H
#define ROLES_DEV_H

#include <stdbool.h>
#include <stdint.h>

#include "exec/engine.h"
#include "exec/private_engine.h"
#include "net/endpoint.h"
#include "net/grpc_client.h"
#include "net/loop.h"
#include "net/step.h"
#include "proto/error.h"
#include "proto/id.h"
#include "roles/child.h"
#include "ui/options.h"

#define DEV_WORKERS_MAX 64
#define DEV_GIFT "1000000" /* CPT to each account: nobody runs out of play money */

struct dev_options {
	const char *data, *listen, *redis, *docker;
	int64_t workers;
	bool allow_unlimited;
	bool master;                 /* with the page and API of the account "dev" */
};

struct dev_child {
	struct dev *dev;
	struct child child;
	struct timer again;    /* until it is started again */
	unsigned deaths;       /* in a row */
	int64_t started_ms;
	bool over;             /* nothing of it is open any more */
	char data[320], share[3][32];
	char page[40];         /* of a worker: where its page is */
	char line[300];        /* what it said when it was ready */
};

struct dev {
	/* set by the owner */
	struct loop loop;
	struct dev_options options;
	struct globals globals;
	void (*up)(struct dev *d);   /* all of it runs */
	void (*over)(struct dev *d); /* nothing of it is left; close the rest and let the loop end */

	struct step step;
	struct error error;          /* why it ended; status 0 = it was asked to */
	char data[280];
	bool made_data;
	int lock;
	char pool_address[300];
	char token[128], lender_token[128];
	bool has_dev;                /* the first of the two accounts is there */
	char token_path[300], worker_token_env[340], docker[140];
	struct engine engine;        /* only to find one */
	struct private_engine *own;
	struct grpc_channel *channel;/* to register, then with the token for the owner's use */
	struct grpc_call call;
	struct dev_child pool, master, workers[DEV_WORKERS_MAX];
	char master_at[64], master_token_env[340], api_key_path[320];
	char master_address[400];    /* with the key that opens it; "" = there is none (yet) */
	int worker_count, workers_up, running; /* running: children and timers still open */
	int64_t step_ms, start_ms;   /* clock_ms() of the present line */
	bool ending;
};

/* Begin; up() or, after a failure, over() follows. Everything blocking was done when this returns. */
int dev_start(struct dev *d, struct error *err);

/* In up(): 0 when a worker takes tasks, else FAILED_PRECONDITION with what the first one says. */
int dev_takes_tasks(const struct dev *d, struct error *err);

/* The address of a worker's page, with the key that opens it once; "" = it has none. */
void dev_worker_page(const struct dev *d, int worker, char *address, size_t n);

/* End all of it; over() follows, once. */
void dev_end(struct dev *d);

#endif
